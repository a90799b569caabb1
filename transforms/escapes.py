"""Objects and modules that leave the code that is read, so that anything may be called on them."""

import ast
from collections.abc import Iterator

from transforms.facts import Binding, Class, ModuleFacts, Scope, last_name
from transforms.holding import held
from transforms.resolve import Resolver
from transforms.values import External, ModuleValue

_LOOKING = {"isinstance", "issubclass", "type", "id", "repr", "str", "len", "bool", "hash", "print", "super", "cast", "field", "TypeVar"}


_KEEPING = {"property", "cached_property", "staticmethod", "classmethod", "lru_cache", "cache", "setter", "wraps", "contextmanager", "overload"}
_OWN = ("builtins.", "flask.g")  # containers that only code of the project looks into


class Escapes:
    """Found once, when first asked for."""

    def __init__(self, resolver: Resolver) -> None:
        self.resolver = resolver
        self._handed: dict[Class, str] | None = None
        self._loose: frozenset[str] | None = None

    def handed_out(self, cls: Class) -> str:
        """Where an object of the class, or the class, is an argument of a call that leaves the project; empty when nowhere."""
        if self._handed is None:
            self._handed = dict(self._find_handed())
        family = [cls, *self.resolver.classes.lineage(cls), *self.resolver.classes.descendants(cls)]
        return next((self._handed[item] for item in family if item in self._handed), "")

    def _find_handed(self) -> Iterator[tuple[Class, str]]:
        for path in sorted(self.resolver.modules):
            module = self.resolver.modules[path]
            for given in (self._arguments(module), self._stored(module), self._callbacks(module), self._declared(module)):
                for node, scope in given:
                    for cls in held(self.resolver, node, scope):
                        yield cls, f"{path}:{node.lineno}"

    def _arguments(self, module: ModuleFacts) -> Iterator[tuple[ast.expr, Scope]]:
        """What calls that leave the project are given."""
        for owner in [module.body, *module.functions]:
            for call in owner.calls:
                if self._leaves(call.node.func, call.scope) and last_name(call.node.func) not in _LOOKING:
                    for argument in [*call.node.args, *(item.value for item in call.node.keywords)]:
                        yield argument, call.scope

    def _stored(self, module: ModuleFacts) -> Iterator[tuple[ast.expr, Scope]]:
        """What is put on an object of a library: `app.extensions["auth"] = Auth()`, `sys.stdout = Tee()`."""
        stores: list[tuple[ast.Attribute | ast.Subscript, Binding]] = [*module.stores, *module.items]
        for target, binding in stores:
            base = self.resolver.value(target.value, binding.scope)
            if isinstance(binding.node, ast.expr) and isinstance(base, External) and not base.name.startswith(_OWN):
                yield binding.node, binding.scope

    def _callbacks(self, module: ModuleFacts) -> Iterator[tuple[ast.expr, Scope]]:
        """What a function gives that a decorator of a library takes: `@login_manager.user_loader`."""
        for function in module.functions:
            outer = function.scope.parent
            if outer and any(last_name(item) not in _KEEPING and self._leaves(item, outer) for item in function.decorators):
                for node in [*function.returns, *function.yields]:
                    if node is not None:
                        yield node, function.scope

    def _declared(self, module: ModuleFacts) -> Iterator[tuple[ast.expr, Scope]]:
        """What stands in the body of a class that a library knows by its base."""
        for cls in module.classes:
            if any(base is None or base.name != "builtins.object" for base in self.resolver.classes.external_bases(cls)):
                for bindings in cls.scope.bindings.values():
                    for binding in bindings:
                        if binding.kind == "assign" and isinstance(binding.node, ast.expr):
                            yield binding.node, cls.scope

    def _leaves(self, called: ast.expr, scope: Scope) -> bool:
        return isinstance(self.resolver.value(called.func if isinstance(called, ast.Call) else called, scope), External | None)

    def loose_modules(self) -> frozenset[str]:
        """Modules of the project that are used as values, so that any of their functions may be taken from them."""
        if self._loose is None:
            self._loose = frozenset(self._find_loose())
        return self._loose

    def _find_loose(self) -> Iterator[str]:
        for module in self.resolver.modules.values():
            imported = {name for name, bindings in module.scope.bindings.items() if any(item.kind in ("import", "from") for item in bindings)}
            for owner in [module.body, *module.functions]:
                for reference in owner.references:
                    if not reference.base and isinstance(reference.node, ast.Name) and reference.node.id in imported:
                        value = self.resolver.value(reference.node, reference.scope)
                        if isinstance(value, ModuleValue):
                            yield value.path
