"""Objects and modules that leave the code that is read, so that anything may be called on them."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

from transforms.facts import Binding, Class, ModuleFacts, Scope, arguments_of, last_name
from transforms.following import is_followed, only_looks
from transforms.holding import held
from transforms.resolve import Resolver
from transforms.values import ClassValue, External, FunctionValue, Instance, ModuleValue, Value

_KEEPING = {"property", "cached_property", "staticmethod", "classmethod", "lru_cache", "cache", "setter", "wraps", "contextmanager", "overload"}
_OWN = ("builtins.", "flask.g")  # containers that only code of the project looks into
_CONTAINERS = {f"builtins.{name}" for name in ("dict", "list", "set", "tuple", "generator", "frozenset")}
_BLIND = ("builtins.", "typing.", "abc.", "enum.", "flask.views.", "unittest.", "threading.")  # bases that look at no attribute but their own
_IMPORTING = ("import_module", "__import__")
_NAMESPACES = {"globals", "locals", "vars"}


@dataclass
class Found:
    """`handed`: classes of which code outside the project gets an object; `loose`: those of which one goes where it is not followed.

    Each with the `path:line` where. `unknown`: where something that may be any loose object is handed out.
    """

    handed: dict[Class, str] = field(default_factory=dict)
    loose: dict[Class, str] = field(default_factory=dict)
    unknown: str = ""


class Escapes:
    """Both parts are found once, when first asked for."""

    def __init__(self, resolver: Resolver) -> None:
        self.resolver = resolver
        self._found: Found | None = None
        self._loose: frozenset[str] | None = None

    def handed_out(self, cls: Class, name: str) -> str:
        """Where an object of the class, or the class, gets to code outside the project, as a clause that calls it `name`; empty when nowhere."""
        if self._found is None:
            self._found = self._find()
        found = self._found
        family = self.resolver.classes.family(cls)
        if place := next((found.handed[item] for item in family if item in found.handed), ""):
            return f"{place}: an object of {name} is handed to code outside the project"
        if found.unknown and (lost := next((found.loose[item] for item in family if item in found.loose), "")):
            return f"{lost}: {name} or an object of it goes where it is not followed, and may be what code outside the project is handed at {found.unknown}"
        return ""

    def loose_modules(self) -> frozenset[str]:
        """Modules of the project that are used as values, so that any of their functions may be taken from them."""
        if self._loose is None:
            loose = set(loose_modules(self.resolver))
            folders = tuple(path.removesuffix("__init__.py") for path in loose if path.endswith(("/", "/__init__.py")))
            self._loose = frozenset({*loose, *(path for path in self.resolver.modules if folders and path.startswith(folders))})
        return self._loose

    def _find(self) -> Found:
        found = Found()
        for path in sorted(self.resolver.modules):
            self._look(path, self.resolver.modules[path], found)
        for path in sorted(self.loose_modules() & set(self.resolver.modules)):
            self._lose_all(self.resolver.modules[path].scope.bindings.values(), path, found)
        return found

    def _look(self, path: str, module: ModuleFacts, found: Found) -> None:
        for node, scope in _uses(module):
            value = self.resolver.value(node, scope)
            if not is_followed(self.resolver, node, value, scope):
                self._lose(value, f"{path}:{node.lineno}", found)
        for scope in self._listed(module):
            self._lose_all(scope.bindings.values(), path, found)
        for given in (self._arguments(module), self._stored(module), self._callbacks(module), self._declared(module)):
            for node, scope in given:
                self._hand(node, scope, f"{path}:{node.lineno}", found)

    def _listed(self, module: ModuleFacts) -> Iterator[Scope]:
        """The scopes of which `globals()`, `locals()` or `vars()` gives all names."""
        for owner in [module.body, *module.functions]:
            for call in owner.calls:
                if last_name(call.node.func) in _NAMESPACES and not call.node.args:
                    yield module.scope if last_name(call.node.func) == "globals" else owner.scope

    def _lose(self, value: Value, place: str, found: Found) -> None:
        """The value goes where it is not followed, and with it what it holds."""
        if isinstance(value, Instance | ClassValue) and value.cls not in found.loose:
            found.loose[value.cls] = place
            self._lose_all(self._kept_by(value.cls), place, found)

    def _lose_all(self, names: Iterable[list[Binding]], place: str, found: Found) -> None:
        for binding in chain.from_iterable(names):
            value = self.resolver.bound(binding)
            if isinstance(value, Instance):
                self._lose(value, place, found)

    def _kept_by(self, cls: Class) -> Iterator[list[Binding]]:
        """What the class, an object of it, or its family keeps: the bindings of each name."""
        for current in self.resolver.classes.family(cls):
            yield from [*current.scope.bindings.values(), *current.stored.values()]

    def _hand(self, node: ast.expr, scope: Scope, place: str, found: Found) -> None:
        value = self.resolver.value(node, scope)
        given = [(node, scope)]
        if isinstance(value, FunctionValue):
            given += [(item, value.function.scope) for item in (*value.function.returns, *value.function.yields) if item is not None]
        for item, home in given:
            for cls in held(self.resolver, item, home):
                self._give(cls, place, found)
        if not found.unknown and any(self._may_hold(item, home) for item, home in given):
            found.unknown = place

    def _give(self, cls: Class, place: str, found: Found) -> None:
        """An object of the class gets to code outside the project, and with it what it holds."""
        if cls in found.handed:
            return
        found.handed[cls] = place
        for binding in chain.from_iterable(self._kept_by(cls)):
            value = self.resolver.bound(binding)
            if isinstance(value, Instance):
                self._give(value.cls, place, found)
            elif binding.kind not in ("def", "class", "import", "from") and self._is_vague(value):
                found.unknown = found.unknown or place

    def _may_hold(self, node: ast.expr, scope: Scope) -> bool:
        """Whether something may be in the value that is not seen."""
        if isinstance(node, ast.Dict | ast.List | ast.Tuple | ast.Set | ast.Starred):
            return any(self._may_hold(item, scope) for item in ast.iter_child_nodes(node) if isinstance(item, ast.expr))
        return self._is_vague(self.resolver.value(node, scope))

    @staticmethod
    def _is_vague(value: Value) -> bool:
        """Whether any object of the project may be it, or in it. What a library gives is nothing but what it was given."""
        if isinstance(value, External):
            return value.instance and value.name in _CONTAINERS or value.loose and value.name.startswith("builtins.")
        return value is None

    def _arguments(self, module: ModuleFacts) -> Iterator[tuple[ast.expr, Scope]]:
        """What calls that leave the project are given."""
        for owner in [module.body, *module.functions]:
            for call in owner.calls:
                target = self.resolver.value(call.node.func, call.scope)
                if self._leaves(target):
                    yield from ((argument, call.scope) for argument in arguments_of(call.node) if not only_looks(target, call.node, argument))

    def _stored(self, module: ModuleFacts) -> Iterator[tuple[ast.expr, Scope]]:
        """What is put on an object of a library: `app.extensions["auth"] = Auth()`, `sys.stdout = Tee()`."""
        stores: list[tuple[ast.Attribute | ast.Subscript, Binding]] = [*module.stores, *module.items]
        for target, binding in stores:
            base = self.resolver.value(target.value, binding.scope)
            if isinstance(base, External | None) and not (isinstance(base, External) and base.name.startswith(_OWN)):
                node = binding.node.value if isinstance(binding.node, ast.AugAssign) else binding.node
                if isinstance(node, ast.expr):
                    yield node, binding.scope

    def _callbacks(self, module: ModuleFacts) -> Iterator[tuple[ast.expr, Scope]]:
        """What a function gives that a decorator of a library takes: `@login_manager.user_loader`."""
        for function in module.functions:
            outer = function.scope.parent
            if outer and any(last_name(item) not in _KEEPING and self._takes(item, outer) for item in function.decorators):
                for node in [*function.returns, *function.yields]:
                    if node is not None:
                        yield node, function.scope

    def _declared(self, module: ModuleFacts) -> Iterator[tuple[ast.expr, Scope]]:
        """What an object of a class keeps that a library knows by its base."""
        for cls in module.classes:
            if self._is_known_outside(cls):
                for bindings in [*cls.scope.bindings.values(), *cls.stored.values()]:
                    for binding in bindings:
                        if binding.kind == "assign" and isinstance(binding.node, ast.expr):
                            yield binding.node, binding.scope

    def _takes(self, decorator: ast.expr, scope: Scope) -> bool:
        return self._leaves(self.resolver.value(decorator.func if isinstance(decorator, ast.Call) else decorator, scope))

    def _leaves(self, target: Value) -> bool:
        """Whether calling it is calling code outside the project: also a class whose objects a base from there makes."""
        if isinstance(target, ClassValue):
            return self._is_known_outside(target.cls) and not isinstance(self.resolver.attribute(target, "__init__"), FunctionValue)
        return isinstance(target, External | None)

    def _is_known_outside(self, cls: Class) -> bool:
        """Whether the class has a base outside the project that may look at what an object keeps."""
        return any(base is None or not base.name.startswith(_BLIND) for base in self.resolver.classes.external_bases(cls))


def loose_modules(resolver: Resolver) -> Iterator[str]:
    """Modules of the project that go where they are not followed: `[services][0]`, `run(package.services)`."""
    stems = {path.removesuffix("/__init__.py").removesuffix(".py").rpartition("/")[2] for path in resolver.modules}
    for module in resolver.modules.values():
        scopes = [owner.scope for owner in [module.body, *module.functions]]
        names = stems | {name for scope in scopes for name, bindings in scope.bindings.items() if any(_imports(item) for item in bindings)}
        for node, scope in _uses(module):
            if last_name(node) in (names if not isinstance(node, ast.Call) else _IMPORTING):
                value = resolver.value(node, scope)
                if isinstance(value, ModuleValue) and not is_followed(resolver, node, value, scope):
                    yield value.path


def _imports(binding: Binding) -> bool:
    return binding.kind in ("import", "from") or isinstance(binding.node, ast.Call) and last_name(binding.node) in _IMPORTING


def _uses(module: ModuleFacts) -> Iterator[tuple[ast.expr, Scope]]:
    """Every call, and every name and attribute that is read for itself."""
    for owner in [module.body, *module.functions]:
        for call in owner.calls:
            yield call.node, call.scope
        for reference in owner.references:
            if not reference.base:
                yield reference.node, reference.scope
