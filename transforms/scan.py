"""The facts of one file, collected in one pass over its syntax tree (standard library `ast`)."""

import ast
import re
from collections.abc import Callable, Iterator

from transforms.facts import Binding, Call, Class, Function, FunctionNode, ModuleFacts, Reference, Scope, arguments_of, first_parameter, last_name

_SKIPPED = {"ctx", "op", "ops", "type_comment", "kind", "type_ignores", "level", "is_async"}
_DOCTEST = re.compile(r"^\s*(?:>>>|\.\.\.) (.*)$", re.MULTILINE)
_CALLED = re.compile(r"([A-Za-z_]\w*)\s*\(")
_WORD = re.compile(r"[A-Za-z_]\w*")
_BY_NAME = {"getattr", "setattr", "delattr", "object", "attrgetter", "methodcaller", "import_string", "send_task", "getattr_static", "__getattribute__"}
_BY_CODE = {"eval", "exec", "timeit"}
_FIELDS: dict[type, tuple[str, ...]] = {
    cls: tuple(name for name in cls._fields if name not in _SKIPPED) for cls in vars(ast).values() if isinstance(cls, type) and issubclass(cls, ast.AST)
}


def scan(path: str, tree: ast.Module) -> ModuleFacts:
    """Collect the facts of one parsed file."""
    module = ModuleFacts(path, tree)
    module.body = Function("module", "<module>", "<module>", tree, module)
    module.body.scope = Scope("module", tree, None, module.body)
    scanner = _Scanner(module)
    for statement in tree.body:
        scanner.visit(statement, tree, module.body.scope)
    return module


class _Scanner:
    def __init__(self, module: ModuleFacts) -> None:
        self.module = module
        self.parents = module.parents
        self.imported_as: dict[str, str] = {}  # `from operator import methodcaller as call`
        self.dispatch: dict[type, Callable[..., None]] = {
            getattr(ast, name.removeprefix("on_")): getattr(self, name) for name in dir(self) if name.startswith("on_")
        }

    def visit(self, node: ast.AST, parent: ast.AST, scope: Scope) -> None:
        self.parents[node] = parent
        special = self.dispatch.get(type(node))
        if special is not None:
            special(node, scope)
        else:
            self.children(node, scope)

    def children(self, node: ast.AST, scope: Scope) -> None:
        for name in _FIELDS[type(node)]:
            child = getattr(node, name, None)
            if isinstance(child, list):
                for item in child:
                    if isinstance(item, ast.AST):
                        self.visit(item, node, scope)
            elif isinstance(child, ast.AST):
                self.visit(child, node, scope)

    def each(self, nodes: list[ast.expr] | list[ast.stmt], parent: ast.AST, scope: Scope) -> None:
        for node in nodes:
            self.visit(node, parent, scope)

    # Names

    def bind(self, scope: Scope, name: str, kind: str, node: ast.AST, text: str = "") -> None:
        while scope.kind == "comprehension" and kind == "assign" and scope.parent:
            scope = scope.parent
        home = self.home(scope, name)
        home.bindings.setdefault(name, []).append(Binding(kind, node, scope, text))

    def home(self, scope: Scope, name: str) -> Scope:
        declared = scope.outer_names.get(name)
        if declared == "global":
            return self.module.scope
        if declared == "nonlocal":
            outer = scope.parent
            while outer and (outer.kind == "class" or name not in outer.bindings):
                outer = outer.parent
            return outer or scope
        return scope

    def bind_target(self, target: ast.expr, scope: Scope, kind: str, value: ast.AST) -> None:
        if isinstance(target, ast.Name):
            self.bind(scope, target.id, kind, value)
        elif isinstance(target, ast.Attribute):
            self.store(target, scope, kind, value)
        elif isinstance(target, ast.Subscript):
            self.module.items.append((target, Binding(kind, value, scope)))
        elif isinstance(target, ast.Starred):
            self.bind_target(target.value, scope, "unknown", target)
        elif isinstance(target, ast.Tuple | ast.List):
            self.unpack(target, scope, kind, value)

    def unpack(self, target: ast.Tuple | ast.List, scope: Scope, kind: str, value: ast.AST) -> None:
        paired = kind == "assign" and isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts)
        plain = paired and not any(isinstance(item, ast.Starred) for item in [*target.elts, *value.elts])  # type: ignore[attr-defined]
        for position, item in enumerate(target.elts):
            if plain:
                self.bind_target(item, scope, "assign", value.elts[position])  # type: ignore[attr-defined]
            else:
                self.bind_target(item, scope, "unknown", value)

    def store(self, target: ast.Attribute, scope: Scope, kind: str, value: ast.AST) -> None:
        binding = Binding(kind, value, scope)
        owner = scope.owner
        first = first_parameter(owner)
        if owner.cls and first and isinstance(target.value, ast.Name) and target.value.id == first and target.attr != "__class__":
            owner.cls.stored.setdefault(target.attr, []).append(binding)
        else:
            self.module.stores.append((target, binding))

    # Expressions

    def on_Name(self, node: ast.Name, scope: Scope) -> None:
        if isinstance(node.ctx, ast.Load):
            scope.owner.references.append(Reference(node, scope))

    def on_Attribute(self, node: ast.Attribute, scope: Scope) -> None:
        if isinstance(node.ctx, ast.Load):
            scope.owner.references.append(Reference(node, scope))
        self.base(node, scope)

    def base(self, node: ast.Attribute, scope: Scope) -> None:
        """Visit what an attribute is taken from; the chain below it is not a reference of its own."""
        value = node.value
        self.parents[value] = node
        if isinstance(value, ast.Attribute | ast.Name):
            scope.owner.references.append(Reference(value, scope, base=True))
        if isinstance(value, ast.Attribute):
            self.base(value, scope)
        elif not isinstance(value, ast.Name):
            self.visit(value, node, scope)

    def on_Call(self, node: ast.Call, scope: Scope) -> None:
        scope.owner.calls.append(Call(node, scope))
        self.parents[node.func] = node
        if isinstance(node.func, ast.Attribute):
            self.base(node.func, scope)
        elif not isinstance(node.func, ast.Name):
            self.visit(node.func, node, scope)
        self.each(node.args, node, scope)
        for keyword in node.keywords:
            self.visit(keyword, node, scope)
        called = self.imported_as.get(last_name(node.func), last_name(node.func))
        if called in _BY_NAME:
            self.module.named += [(text, node.lineno) for text in _texts(node)]
        if called in _BY_CODE:
            self.module.named += [(name, node.lineno) for text in _texts(node) for name in _WORD.findall(text)]
        if last_name(node.func) in ("multiple", "dict", "object"):
            self.module.named += [(item.arg, node.lineno) for item in node.keywords if item.arg]

    def on_Subscript(self, node: ast.Subscript, scope: Scope) -> None:
        scope.owner.operated.append(Reference(node, scope))
        self.children(node, scope)

    def on_Compare(self, node: ast.Compare, scope: Scope) -> None:
        if any(isinstance(item, ast.In | ast.NotIn) for item in node.ops):
            scope.owner.operated.append(Reference(node, scope))
        self.children(node, scope)

    def on_Constant(self, node: ast.Constant, scope: Scope) -> None:
        value = node.value
        if isinstance(value, str) and ("{{" in value or "{%" in value):
            self.module.templates.append((value, node.lineno))
        if isinstance(value, str) and "import " in value and "(" in value and ">>> " not in value:
            self.module.named += [(name, node.lineno) for name in _CALLED.findall(value)]  # a program for another interpreter
        if isinstance(value, str) and ">>> " in value:
            self.module.named += [(name, node.lineno) for name in _CALLED.findall("\n".join(_DOCTEST.findall(value)))]
        if isinstance(value, str) and " = " in value and ":" in value and len(value) < 200:
            self.module.strings.append((value.rpartition("=")[2].strip(), node.lineno))  # an entry point of setup()
        if isinstance(value, str) and 0 < len(value) < 200 and not any(mark in value for mark in " \n/<"):
            self.module.strings.append((value, node.lineno))

    def on_NamedExpr(self, node: ast.NamedExpr, scope: Scope) -> None:
        self.visit(node.value, node, scope)
        self.parents[node.target] = node
        self.bind_target(node.target, scope, "assign", node.value)

    def on_Lambda(self, node: ast.Lambda, scope: Scope) -> None:
        function = self.new_function("lambda", "<lambda>", node, scope)
        self.arguments(node.args, node, scope, function)
        self.visit(node.body, node, function.scope)
        function.returns.append(node.body)

    def comprehension(self, node: ast.AST, scope: Scope) -> None:
        inner = Scope("comprehension", node, scope, scope.owner, scope.cls)
        for position, part in enumerate(node.generators):  # type: ignore[attr-defined]
            self.parents[part] = node
            self.visit(part.iter, part, scope if position == 0 else inner)
            self.bind_target(part.target, inner, "for", part.iter)
            self.visit(part.target, part, inner)
            self.each(part.ifs, part, inner)
        for name in ("elt", "key", "value"):
            if child := getattr(node, name, None):
                self.visit(child, node, inner)

    def on_ListComp(self, node: ast.ListComp, scope: Scope) -> None:
        self.comprehension(node, scope)

    def on_SetComp(self, node: ast.SetComp, scope: Scope) -> None:
        self.comprehension(node, scope)

    def on_DictComp(self, node: ast.DictComp, scope: Scope) -> None:
        self.comprehension(node, scope)

    def on_GeneratorExp(self, node: ast.GeneratorExp, scope: Scope) -> None:
        self.comprehension(node, scope)

    def on_Yield(self, node: ast.Yield, scope: Scope) -> None:
        scope.owner.yields.append(node.value)
        self.children(node, scope)

    def on_YieldFrom(self, node: ast.YieldFrom, scope: Scope) -> None:
        scope.owner.yields.append(None)
        self.children(node, scope)

    # Statements

    def on_Return(self, node: ast.Return, scope: Scope) -> None:
        if node.value is not None:
            scope.owner.returns.append(node.value)
            self.visit(node.value, node, scope)

    def on_Assign(self, node: ast.Assign, scope: Scope) -> None:
        self.visit(node.value, node, scope)
        for target in node.targets:
            self.bind_target(target, scope, "assign", node.value)
            self.visit(target, node, scope)

    def on_AnnAssign(self, node: ast.AnnAssign, scope: Scope) -> None:
        self.bind_target(node.target, scope, "annotation", node)
        self.children(node, scope)

    def on_AugAssign(self, node: ast.AugAssign, scope: Scope) -> None:
        self.bind_target(node.target, scope, "unknown", node)
        self.children(node, scope)

    def on_For(self, node: ast.For, scope: Scope) -> None:
        self.bind_target(node.target, scope, "for", node.iter)
        scope.owner.iterated.append(Reference(node.iter, scope))
        self.children(node, scope)

    def on_AsyncFor(self, node: ast.AsyncFor, scope: Scope) -> None:
        self.on_For(node, scope)  # type: ignore[arg-type]

    def on_withitem(self, node: ast.withitem, scope: Scope) -> None:
        scope.owner.managers.append(Reference(node.context_expr, scope))
        if node.optional_vars is not None:
            self.bind_target(node.optional_vars, scope, "with", node.context_expr)
        self.children(node, scope)

    def on_ExceptHandler(self, node: ast.ExceptHandler, scope: Scope) -> None:
        scope.owner.handlers.append(node)
        if node.name:
            self.bind(scope, node.name, "unknown", node)
        self.children(node, scope)

    def on_MatchAs(self, node: ast.MatchAs, scope: Scope) -> None:
        if node.name:
            self.bind(scope, node.name, "unknown", node)
        self.children(node, scope)

    def on_MatchStar(self, node: ast.MatchStar, scope: Scope) -> None:
        if node.name:
            self.bind(scope, node.name, "unknown", node)

    def on_MatchMapping(self, node: ast.MatchMapping, scope: Scope) -> None:
        if node.rest:
            self.bind(scope, node.rest, "unknown", node)
        self.children(node, scope)

    def on_Global(self, node: ast.Global, scope: Scope) -> None:
        scope.outer_names.update(dict.fromkeys(node.names, "global"))

    def on_Nonlocal(self, node: ast.Nonlocal, scope: Scope) -> None:
        scope.outer_names.update(dict.fromkeys(node.names, "nonlocal"))

    def on_Import(self, node: ast.Import, scope: Scope) -> None:
        for alias in node.names:
            bound = alias.asname or alias.name.partition(".")[0]
            self.bind(scope, bound, "import", node, alias.name if alias.asname else bound)

    def on_ImportFrom(self, node: ast.ImportFrom, scope: Scope) -> None:
        for alias in node.names:
            if alias.name == "*":
                self.module.star_imports.append(Binding("from", node, scope, "*"))
            else:
                self.bind(scope, alias.asname or alias.name, "from", node, alias.name)
                if alias.asname:
                    self.imported_as[alias.asname] = alias.name

    # Definitions

    def on_FunctionDef(self, node: FunctionNode, scope: Scope) -> None:
        function = self.new_function("function", node.name, node, scope)
        self.bind(scope, node.name, "def", node, function.qualname)
        if scope.kind == "class" and scope.cls:
            scope.cls.methods[node.name] = function
            function.cls = scope.cls
        self.each(node.decorator_list, node, scope)
        self.arguments(node.args, node, scope, function)
        if node.returns:
            self.visit(node.returns, node, scope)
        self.each(node.body, node, function.scope)

    def on_AsyncFunctionDef(self, node: ast.AsyncFunctionDef, scope: Scope) -> None:
        self.on_FunctionDef(node, scope)

    def on_ClassDef(self, node: ast.ClassDef, scope: Scope) -> None:
        cls = Class(node.name, _qualname(scope, node.name), node, self.module, outer=scope)
        cls.scope = Scope("class", node, scope, scope.owner, cls)
        self.module.classes.append(cls)
        self.bind(scope, node.name, "class", node, cls.qualname)
        self.each(node.decorator_list, node, scope)
        self.each(node.bases, node, scope)
        for keyword in node.keywords:
            self.visit(keyword, node, scope)
        self.each(node.body, node, cls.scope)

    def new_function(self, kind: str, name: str, node: ast.AST, scope: Scope) -> Function:
        function = Function(kind, name, _qualname(scope, name), node, self.module, scope.owner)
        function.scope = Scope("function" if kind == "function" else "lambda", node, scope, function)
        scope.owner.nested.append(function)
        self.module.functions.append(function)
        return function

    def arguments(self, arguments: ast.arguments, parent: ast.AST, scope: Scope, function: Function) -> None:
        self.parents[arguments] = parent
        positional = [*arguments.posonlyargs, *arguments.args]
        for argument in [*positional, *arguments.kwonlyargs]:
            self.bind(function.scope, argument.arg, "param", argument)
        for rest, kind in ((arguments.vararg, "tuple"), (arguments.kwarg, "dict")):
            if rest:
                self.bind(function.scope, rest.arg, "rest", rest, kind)
        for each in [*positional, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]:
            if each is not None:
                self.parents[each] = arguments
                if each.annotation:
                    self.visit(each.annotation, each, scope)
        for default in [*arguments.defaults, *arguments.kw_defaults]:
            if default is not None:
                self.visit(default, arguments, scope)


def _texts(call: ast.Call) -> Iterator[str]:
    """The strings among the arguments of a call."""
    for item in arguments_of(call):
        if isinstance(item, ast.Constant) and isinstance(item.value, str):
            yield item.value


def _qualname(scope: Scope, name: str) -> str:
    if scope.kind == "class" and scope.cls:
        return f"{scope.cls.qualname}.{name}"
    if scope.owner.kind == "module":
        return name
    return f"{scope.owner.qualname}.<locals>.{name}"
