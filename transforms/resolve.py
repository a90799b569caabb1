"""From an expression to what it is: imports, shadowing, classes, receivers, factories, `g.x`, extension objects."""

import ast
import builtins
from collections.abc import Iterable, Iterator, Mapping

from transforms.bridge import names as bridge
from transforms.catalogue import Catalogue
from transforms.classes import Classes
from transforms.facts import Binding, Class, Function, FunctionNode, ModuleFacts, Scope, last_name
from transforms.layout import Layout
from transforms.names import Names
from transforms.outcomes import STANDING_FOR_OURS, outcome
from transforms.parameters import has_rivals, parameter_value
from transforms.parsing import parse_expression
from transforms.values import NOTHING, ClassValue, External, FunctionValue, Instance, ModuleValue, Value, may_be_ours

_DISPLAYS: dict[type, str] = {
    ast.Dict: "dict", ast.DictComp: "dict", ast.List: "list", ast.ListComp: "list", ast.Set: "set", ast.SetComp: "set",
    ast.Tuple: "tuple", ast.JoinedStr: "str", ast.Compare: "bool", ast.GeneratorExp: "generator",
}  # fmt: skip
_PASSING = {"staticmethod", "classmethod", "property", "lru_cache", "cache", "cached_property"}
_MAPPINGS = ("extensions", "config")  # of a Flask object: what the application keeps there under a name is its own
_CONTEXT_MANAGERS = {"contextlib.contextmanager", "contextlib.asynccontextmanager"}
_KEEPING_CLASS = {"dataclass", "total_ordering", "final", "define", "attrs", "s", "frozen", "runtime_checkable", "unique"}
_VAGUE = ("typing.", "typing_extensions.", "collections.abc.", "zope.interface.")
_DEPTH = 40


class Resolver:
    """Evaluates expressions over the whole project. Pure: it reads facts, never code objects."""

    def __init__(self, modules: Mapping[str, ModuleFacts], layout: Layout, catalogue: Catalogue, names: Names) -> None:
        self.modules = modules
        self.names = names
        self.layout = layout
        self.catalogue = catalogue
        self.by_node: dict[ast.AST, Function] = {function.node: function for module in modules.values() for function in module.functions}
        self._memo: dict[tuple[int, int], Value] = {}
        self._provisional: dict[tuple[int, int], Value] = {}  # of an evaluation that met a circle; dropped when it ends
        self._assumed: dict[tuple[str, int], Value] = {}  # of a name that is made of itself
        self._busy: set[tuple[int, int]] = set()
        self._importing: set[tuple[str, str]] = set()
        self._cuts = 0
        self.classes = Classes(modules, self.value, lambda: self._cuts)
        self.classes.prepare()

    # Expressions

    def value(self, node: ast.AST | None, scope: Scope) -> Value:
        """What the expression is in that scope."""
        key = (id(node), id(scope))
        for memo in (self._memo, self._provisional):
            if key in memo:
                return memo[key]
        if node is None or key in self._busy or len(self._busy) > _DEPTH:
            self._cuts += node is not None
            return None
        cuts = self._cuts
        self._busy.add(key)
        try:
            found = self._evaluate(node, scope)
        finally:
            self._busy.discard(key)
        (self._memo if cuts == self._cuts or not self._busy else self._provisional)[key] = found
        if not self._busy:
            self._provisional.clear()
        return found

    def _evaluate(self, node: ast.AST, scope: Scope) -> Value:
        match node:
            case ast.Name():
                return self.name(node.id, scope)
            case ast.Attribute():
                return self.attribute(self.value(node.value, scope), node.attr)
            case ast.Call(func=ast.Attribute(value=owner)) if self.is_bridge(self.value(owner, scope)):
                return External("requests.Response", True)
            case ast.Call(func=ast.Attribute(value=owner, attr="get"), args=[ast.Constant(value=key)], keywords=[]) if self._is_mapping(owner, scope):
                return self._kept(owner, key)
            case ast.Call():
                return self.result(self.value(node.func, scope), node, scope)
            case ast.Await() | ast.NamedExpr() | ast.Starred():
                return self.value(node.value, scope)
            case ast.IfExp():
                return self.join([self.value(node.body, scope), self.value(node.orelse, scope)])
            case ast.BoolOp():
                return self.join([self.value(item, scope) for item in node.values])
            case ast.Constant():
                return NOTHING if node.value is None else External(f"builtins.{type(node.value).__name__}", True)
            case ast.BinOp():
                return self._operation(node, scope)
            case ast.Subscript():
                return self._item(node, scope)
            case ast.Lambda():
                return FunctionValue(self.by_node[node]) if node in self.by_node else None
        display = _DISPLAYS.get(type(node))
        return External(f"builtins.{display}", True) if display else None

    def _operation(self, node: ast.BinOp, scope: Scope) -> Value:
        left = self.value(node.left, scope)
        return left if left in (External("builtins.str", True), External("builtins.bytes", True)) else None

    def _item(self, node: ast.Subscript, scope: Scope) -> Value:
        if isinstance(node.slice, ast.Constant) and self._is_mapping(node.value, scope):
            return self._kept(node.value, node.slice.value)
        base = self.value(node.value, scope)
        if isinstance(base, External) and base.instance:
            known = self.catalogue.types.get(base.name)
            if known and "[]" in known.attributes:
                return External(known.attributes["[]"], True)
            return None if base.name.startswith("builtins.") else External(f"{base.name}[]", True, True)
        return None

    def _is_mapping(self, node: ast.expr, scope: Scope) -> bool:
        """Whether it is `extensions` or `config` of a Flask object."""
        return isinstance(node, ast.Attribute) and node.attr in _MAPPINGS and self.value(node.value, scope) == External("flask.Flask", True)

    def _kept(self, mapping: ast.expr, key: object) -> Value:
        """What the project puts under that key: `app.extensions["store"] = …`. Unknown where one of them may be that of another object."""
        assert isinstance(mapping, ast.Attribute)
        found = [
            (target.value.value, binding)
            for target, binding in self.names.items(key)
            if isinstance(target.value, ast.Attribute) and target.value.attr == mapping.attr
        ]
        if any(self.value(owner, binding.scope) != External("flask.Flask", True) for owner, binding in found):
            return None
        return self.join([self.bound(binding) for _, binding in found])

    @staticmethod
    def join(values: Iterable[Value]) -> Value:
        """The one value that all branches agree on; None constants beside a real value do not count."""
        distinct = set(values)
        if len(distinct) > 1:
            distinct.discard(NOTHING)
        return distinct.pop() if len(distinct) == 1 else None

    # Names

    def name(self, name: str, scope: Scope) -> Value:
        """What the bare name means in that scope, by Python's rules."""
        found = self.bindings(name, scope)
        if found:
            return self._joined(name, found)
        starred = self._starred(name, scope.owner.module)
        if starred is not None:
            return starred
        return External(f"builtins.{name}") if hasattr(builtins, name) else None

    def _joined(self, name: str, found: list[Binding]) -> Value:
        """What all bindings of a name agree on. `query = query.filter(x)` agrees with the others if it gives what they give."""
        key = (name, id(found))
        if key in self._assumed:
            self._cuts += 1
            return self._assumed[key]
        again = [binding for binding in found if len(found) > 1 and _is_made_of(binding, name)]
        first = self.join([self.bound(binding) for binding in found if binding not in again])
        if not again or first in (None, NOTHING):
            return first if not again else None
        return first if self._holds(key, first, again) else None

    def _holds(self, key: tuple[str, int], assumed: Value, bindings: list[Binding]) -> bool:
        """Whether the bindings give that value if the name has it. What is found meanwhile rests on the assumption, and is dropped."""
        busy, provisional = self._busy, self._provisional
        self._busy, self._provisional = {(0, 0)}, {}
        self._assumed[key] = assumed
        try:
            return all(self.bound(binding) == assumed for binding in bindings)
        finally:
            del self._assumed[key]
            self._busy, self._provisional = busy, provisional

    def bindings(self, name: str, scope: Scope) -> list[Binding]:
        """The bindings that the name can refer to: those of the innermost scope that has any."""
        current: Scope | None = scope
        while current is not None:
            visible = current.kind != "class" or current is scope
            if visible and name in current.bindings and current.outer_names.get(name) is None:
                return current.bindings[name]
            current = current.parent
        return []

    def _starred(self, name: str, module: ModuleFacts) -> Value:
        values = [self._import_from(star, name) for star in module.star_imports]
        return self.join([value for value in values if value is not None])

    def bound(self, binding: Binding) -> Value:
        """The value that one binding gives."""
        match binding.kind:
            case "import":
                return self.module(binding.text, binding.scope)
            case "from":
                return self._import_from(binding, binding.text)
            case "def":
                return FunctionValue(self.by_node[binding.node])
            case "class":
                return ClassValue(self.classes.by_node[binding.node])
            case "assign":
                return self.value(binding.node, binding.scope)
            case "annotation":
                return self._annotated(binding)
            case "param":
                return parameter_value(self, binding)
            case "rest":
                return External(f"builtins.{binding.text}", True)
            case "with":
                return self._entered(binding)
        return None

    def module(self, dotted: str, scope: Scope) -> Value:
        """A module by its dotted name, imported from that scope."""
        found = self.layout.find(dotted, scope.owner.module.path)
        return ModuleValue(found) if found else External(dotted)

    def _import_from(self, binding: Binding, name: str) -> Value:
        node, importer = binding.node, binding.scope.owner.module.path
        assert isinstance(node, ast.ImportFrom)
        found = self.layout.imported(node, importer)
        if found is None:
            return None if node.level or name == "*" else self._external(f"{node.module}.{name}")
        if name == "*":
            return None
        return self.attribute(ModuleValue(found), name)

    def home(self, binding: Binding) -> ModuleFacts | None:
        """The module of the project from which a `from … import` takes the name; None for any other binding."""
        node = binding.node
        path = self.layout.imported(node, binding.scope.owner.module.path) if binding.kind == "from" and isinstance(node, ast.ImportFrom) else None
        return self.modules.get(path or "")

    def _external(self, name: str) -> External:
        kind = self.catalogue.objects.get(name)
        return External(kind, True) if kind else External(name)

    def _annotated(self, binding: Binding) -> Value:
        node = binding.node
        assert isinstance(node, ast.AnnAssign)
        given = self.value(node.value, binding.scope) if node.value else None
        if given not in (None, NOTHING):
            return given
        return self._trusted(node.annotation, binding.scope) or given

    def _trusted(self, node: ast.expr, scope: Scope) -> Value:
        """What an annotation says of a thing that is not seen, unless much would hang on its being true."""
        said = self.annotation(node, scope)
        return None if isinstance(said, Instance) and has_rivals(self, said.cls) else said

    def annotation(self, node: ast.expr | None, scope: Scope) -> Value:
        """An object of the annotated type (`X`, `"X"`, `Optional[X]`, `X | None`)."""
        match node:
            case ast.Constant(value=str() as text):
                try:
                    return self.annotation(parse_expression(text), scope)
                except SyntaxError:
                    return None
            case ast.BinOp(op=ast.BitOr()):
                parts = [part for part in (node.left, node.right) if not (isinstance(part, ast.Constant) and part.value is None)]
                return self.annotation(parts[0], scope) if len(parts) == 1 else None
            case ast.Subscript() if last_name(node.value) in ("Optional", "Annotated", "Final"):
                inner = node.slice.elts[0] if isinstance(node.slice, ast.Tuple) else node.slice
                return self.annotation(inner, scope)
            case ast.Name() | ast.Attribute():
                said = self.value(node, scope)
                return None if self._is_vague(said) else self.made(said)
        return None

    def _is_vague(self, said: Value) -> bool:
        """Whether an annotation says only what an object can do, or nothing: any class may stand behind it."""
        bases = self.classes.external_bases(said.cls) if isinstance(said, ClassValue) else [said]
        names = [base.name for base in bases if isinstance(base, External)]
        return any(name == "builtins.object" and said in bases or name.startswith(_VAGUE) for name in names)

    def made(self, value: Value) -> Value:
        """What calling this class gives."""
        if isinstance(value, ClassValue):
            return None if self._makes_others(value.cls) else Instance(value.cls)
        if isinstance(value, External) and not value.instance:
            kind = self.catalogue.made.get(value.name)
            return External(kind, True) if kind else outcome(value.name, value.loose)
        return None

    def _makes_others(self, cls: Class) -> bool:
        """Whether calling the class may give something else: `__new__`, a metaclass, a class decorator."""
        for current in self.classes.lineage(cls):
            decorated = any(last_name(item) not in _KEEPING_CLASS for item in current.node.decorator_list)
            if "__new__" in current.methods or any(item.arg == "metaclass" for item in current.node.keywords) or decorated:
                return True
        return False

    def _entered(self, binding: Binding) -> Value:
        manager = self.value(binding.node, binding.scope)
        if manager == External("builtins.generator", True):
            return self._yielded(binding)
        if isinstance(manager, External) and manager.instance:
            known = self.catalogue.types.get(manager.name)
            if known and known.context:
                return manager if known.context == "self" else External(known.context, True)
            return External(f"{manager.name}.__enter__()", True, True)
        if isinstance(manager, Instance):
            entered = self.attribute(manager, "__enter__")
            return self.returned(entered.function) if isinstance(entered, FunctionValue) else None
        return self._yielded(binding)

    def _yielded(self, binding: Binding) -> Value:
        if not isinstance(binding.node, ast.Call):
            return None
        target = self.value(binding.node.func, binding.scope)
        if isinstance(target, FunctionValue) and len(target.function.yields) == 1:
            names = {getattr(self.value(item, target.function.scope.parent or binding.scope), "name", "") for item in target.function.decorators}
            if names & _CONTEXT_MANAGERS:
                return self.value(target.function.yields[0], target.function.scope)
        return None

    # Attributes

    def attribute(self, base: Value, name: str) -> Value:
        """`base.name`."""
        match base:
            case ModuleValue():
                return self._module_member(base.path, name)
            case External():
                return self._external_member(base, name)
            case ClassValue():
                return self._class_member(base.cls, name, bound=None)
            case Instance():
                return self._instance_member(base.cls, name)
        return None

    def _module_member(self, path: str, name: str) -> Value:
        """`module.name`; unknown where modules import the name from each other in a circle."""
        key = (path, name)
        if key in self._importing:
            self._cuts += 1
            inner = self.layout.submodule(path, name)
            return ModuleValue(inner) if inner else None
        self._importing.add(key)
        try:
            return self._find_member(path, name)
        finally:
            self._importing.discard(key)

    def _find_member(self, path: str, name: str) -> Value:
        facts = self.modules.get(path)
        if facts is None and path.rpartition("/")[2] == f"{bridge.MODULE}.py" and name in (*bridge.VERBS, bridge.CALL):
            return External(f"{bridge.MODULE}.{name}")  # ours, and not read as code of the project
        replaced = [binding for target, binding in self.names.stores(name) if self.value(target.value, binding.scope) == ModuleValue(path)]
        if facts is not None:
            if name in facts.scope.bindings:
                own = self.name(name, facts.scope)
                return self.join([own, *(self.bound(binding) for binding in replaced)]) if replaced else own
            starred = self._starred(name, facts)
            if starred is not None:
                return starred
        found = self.layout.submodule(path, name)
        return ModuleValue(found) if found else None

    def _external_member(self, base: External, name: str) -> Value:
        if base.name in STANDING_FOR_OURS:
            return None
        if not base.instance:
            return External(f"{base.name}.{name}", loose=True) if base.loose else self._external(f"{base.name}.{name}")
        known = self.catalogue.types.get(base.name)
        if known and name in known.attributes:
            return External(known.attributes[name], True)
        if known and name in known.blocks | known.pure:
            return External(f"{base.name}.{name}")
        if known and "*" in known.attributes and not name.startswith("__"):
            return External(known.attributes["*"], True)
        stored = [binding for target, binding in self.names.stores(name) if self.value(target.value, binding.scope) == base]
        if stored:
            return self.join([self.bound(binding) for binding in stored])
        return External(f"{base.name}.{name}", loose=base.loose or _builtin_lacks(base.name, name))

    def _class_member(self, cls: Class, name: str, bound: Class | None) -> Value:
        for current in self.classes.lineage(cls):
            if name in current.methods:
                return FunctionValue(current.methods[name], bound or cls) if _is_one(current, name) else None
            if name in current.scope.bindings:
                later = [*current.stored.get(name, []), *self._set_on_class(cls, name)]
                found = self.join([self.bound(binding) for binding in [*current.scope.bindings[name], *later]])
                return None if isinstance(found, Instance) and self._is_descriptor(found.cls) else found
        return self._inherited(cls, name)

    def _is_descriptor(self, cls: Class) -> bool:
        """Whether reading an attribute that holds such an object gives another one."""
        return any("__get__" in current.methods for current in self.classes.lineage(cls))

    def _set_on_class(self, cls: Class, name: str) -> Iterator[Binding]:
        """`Holder.item = other`, on the class or one of its family."""
        for target, binding in self.names.stores(name):
            base = self.value(target.value, binding.scope)
            if isinstance(base, ClassValue) and self.classes.related(cls, base.cls):
                yield binding

    def _inherited(self, cls: Class, name: str) -> Value:
        """A member of a base from outside the project: of one that is known to have it, or of the only one."""
        externals = [base for base in self.classes.external_bases(cls) if base is not None and base.name != "builtins.object"]
        for base in externals:
            known = self.catalogue.types.get(base.name)
            if known and (name in known.attributes or name in known.blocks | known.pure or "*" in known.blocks):
                return self._external_member(External(known.name, True), name)
        giving = [base for base in self.classes.external_bases(cls) if base is None or not _builtin_lacks(base.name, name)]
        if len(giving) == 1 and giving[0] is not None:
            base = giving[0]
            if base.name in self.catalogue.made:
                return self._external_member(External(self.catalogue.made[base.name], True), name)
            return self._external_member(External(base.name if base.instance else f"{base.name}()", True), name)
        return None

    def _instance_member(self, cls: Class, name: str) -> Value:
        below = self.classes.descendants(cls)
        if self._is_set_from_outside(cls, name):
            return None
        stored = [binding for current in [*self.classes.lineage(cls), *below] for binding in current.stored.get(name, [])]
        overriding = self.classes.overriding(cls, name)
        if stored:
            return self.join([self.bound(binding) for binding in stored]) if all(name in item.stored and item in below for item in overriding) else None
        found = self._class_member(cls, name, cls)
        if isinstance(found, FunctionValue) and is_property(found.function):
            return self.returned(found.function) if not overriding else None
        if overriding:
            values = [self._class_member(current, name, current) for current in [cls, *overriding]]
            return self.join(values) if not any(isinstance(value, FunctionValue) for value in values) else None
        return found if found is not None or name.startswith("__") else self._handed_on(cls, name)

    def _handed_on(self, cls: Class, name: str) -> Value:
        """A member that the class lacks and `__getattr__` takes from another object: `return getattr(self.client, name)`."""
        method = next((current.methods["__getattr__"] for current in self.classes.lineage(cls) if "__getattr__" in current.methods), None)
        arguments = method.node.args.args if method and isinstance(method.node, FunctionNode) else []
        given = method.returns[0] if method and len(method.returns) == 1 and len(arguments) == 2 else None
        match given:
            case ast.Call(func=ast.Name(id="getattr"), args=[owner, ast.Name(id=wanted)]) if method and wanted == arguments[1].arg:
                return self.attribute(self.value(owner, method.scope), name)
        return None

    def _is_set_from_outside(self, cls: Class, name: str) -> bool:
        """`box.item = other`, on an object that is of the class or may be."""
        for target, binding in [*self.names.stores(name), *self.names.stores("__class__")]:
            base = self.value(target.value, binding.scope)
            if may_be_ours(base) or (isinstance(base, Instance | ClassValue) and self.classes.related(cls, base.cls)):
                return True
        return any(not mention.head and not mention.loose for mention in self.names.mentions(name))

    # Calls

    def is_bridge(self, value: Value) -> bool:
        """Whether it is our module that carries requests on the loop, which is not read as code of the application is."""
        return isinstance(value, ModuleValue) and value.path not in self.modules and value.path.rpartition("/")[2] == "async_requests.py"

    def result(self, target: Value, call: ast.Call, scope: Scope) -> Value:
        """What the call gives."""
        match target:
            case ClassValue():
                return self.made(target)
            case FunctionValue():
                return self._shared(call, scope) if target.function.name == "shared" and _is_support(target.function) else self.returned(target.function)
            case Instance():
                called = self.attribute(target, "__call__")
                return self.returned(called.function) if isinstance(called, FunctionValue) else None
            case External():
                return self._external_result(target, call, scope)
        return None

    def _shared(self, call: ast.Call, scope: Scope) -> Value:
        """`shared(make)` of the support module gives what `make()` gives; so does `shared(self.make)`, where that is a `partial`."""
        given = call.args[0] if len(call.args) == 1 else None
        made = self.value(given, scope)
        if isinstance(made, FunctionValue):
            return self.returned(made.function)
        owner = self.value(given.value, scope) if isinstance(given, ast.Attribute) else None
        stored = owner.cls.stored.get(given.attr, []) if isinstance(owner, Instance) and isinstance(given, ast.Attribute) else []
        match [binding.node for binding in stored]:
            case [ast.Call(func=func, args=[maker, *_]) as partial] if self.value(func, stored[0].scope) == External("functools.partial"):
                return self.result(self.value(maker, stored[0].scope), partial, stored[0].scope)
        return None

    def _external_result(self, target: External, call: ast.Call, scope: Scope) -> Value:
        if target.name == "werkzeug.local.LocalProxy" and call.args:
            return self.result(self.value(call.args[0], scope), call, scope)
        if target.name == "builtins.super" and scope.owner.cls:
            bases = self.classes.bases(scope.owner.cls)
            return self.made(bases[0]) if len(bases) == 1 else None
        if target.name == "builtins.getattr" and len(call.args) >= 2 and isinstance(call.args[1], ast.Constant):
            return self.attribute(self.value(call.args[0], scope), str(call.args[1].value))
        if target.name in ("flask.g.get", "flask.g.pop", "flask.g.setdefault") and call.args and isinstance(call.args[0], ast.Constant):
            return self._of_g(target.name, call, scope)
        if target.name in ("functools.partial", "functools.partialmethod"):
            return None  # what it calls gets arguments that do not stand at the call
        if target.name in ("importlib.import_module", "builtins.__import__"):
            return self._imported(target.name, call, scope)
        owner, _, method = target.name.rpartition(".")
        if owner == bridge.MODULE:
            return External("requests.Response", True)
        known = self.catalogue.types.get(owner)
        returned = known.returns.get(method) if known else None
        returned = returned or self.catalogue.returned.get(target.name)
        return External(returned, True) if returned else self.made(target)

    def _imported(self, name: str, call: ast.Call, scope: Scope) -> Value:
        """The module that `import_module("a.b")`, `import_module(".b", __name__)` or `__import__("a.b")` gives; unknown where its name is computed."""
        if not call.args or not isinstance(call.args[0], ast.Constant):
            return None
        dotted = str(call.args[0].value)
        if name == "builtins.__import__":
            from_list = any(item.arg == "fromlist" for item in call.keywords) or len(call.args) > 3
            return self.module(dotted, scope) if from_list or "." not in dotted else None
        if not dotted.startswith("."):
            return self.module(dotted, scope)
        rest = dotted.lstrip(".")
        package = call.args[1] if len(call.args) == 2 else next((item.value for item in call.keywords if item.arg == "package"), None)
        if not isinstance(package, ast.Name) or package.id not in ("__name__", "__package__"):
            return None
        found = self.layout.relative(scope.owner.module.path, len(dotted) - len(rest), rest)
        return ModuleValue(found) if found else None

    def _of_g(self, name: str, call: ast.Call, scope: Scope) -> Value:
        """`g.get(key)` and the like: what is kept there, or what `setdefault` puts there."""
        key = str(call.args[0].value)  # type: ignore[attr-defined]
        kept = self.attribute(External("flask.g", True), key)
        if name != "flask.g.setdefault" or len(call.args) < 2:
            return kept
        default = self.value(call.args[1], scope)
        return default if kept == External(f"flask.g.{key}") else self.join([kept, default])

    def returned(self, function: Function) -> Value:
        """What a function of the project returns, when all its `return` statements agree."""
        if function.is_generator:
            return External("builtins.generator", True)
        if function.decorators and not all(last_name(item) in _PASSING for item in function.decorators):
            return self._decorated(function)
        if not function.returns:
            return NOTHING if function.kind == "function" else None
        found = self.join([self.value(item, function.scope) for item in function.returns])
        return found if found is not None else self._said(function)

    def _said(self, function: Function) -> Value:
        """The type of a library that the function is annotated to return, where its body does not show what it is."""
        said = self._decorated(function)
        return said if isinstance(said, External) and said.name in self.catalogue.types else None

    def _decorated(self, function: Function) -> Value:
        annotated = getattr(function.node, "returns", None)
        return self._trusted(annotated, function.scope.parent or function.scope) if annotated else None


def _is_one(cls: Class, name: str) -> bool:
    """Whether the class body gives the name one meaning: one method, or a property with its setters."""
    bindings = cls.scope.bindings.get(name, [])
    return len(bindings) < 2 or all(isinstance(item.node, FunctionNode) and item.node.decorator_list for item in bindings)


def _is_made_of(binding: Binding, name: str) -> bool:
    """Whether an assignment gives the name something made of what it was."""
    return binding.kind == "assign" and any(isinstance(item, ast.Name) and item.id == name for item in ast.walk(binding.node))


def _is_support(function: Function) -> bool:
    """Whether the function stands in the support module that stage server writes."""
    return function.module.path.rpartition("/")[2] == "async_support.py" and function.outer is function.module.body


def _builtin_lacks(cls: str, name: str) -> bool:
    """Whether that class is a builtin one without such a member."""
    known = getattr(builtins, cls.removeprefix("builtins.").removesuffix("()"), None) if cls.startswith("builtins.") else None
    return known is not None and not hasattr(known, name)


def is_property(function: Function) -> bool:
    """Whether the method is read like an attribute."""
    return any(last_name(item) in ("property", "cached_property") for item in function.decorators)
