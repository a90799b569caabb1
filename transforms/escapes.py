"""Objects and modules that leave the code that is read, so that anything may be called on them."""

import ast
from collections.abc import Iterator

from transforms.facts import Class, last_name
from transforms.resolve import Resolver
from transforms.values import ClassValue, External, Instance, ModuleValue

_LOOKING = {"isinstance", "issubclass", "type", "id", "repr", "str", "len", "bool", "hash", "print", "super", "cast", "field", "TypeVar"}


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
            for owner in [module.body, *module.functions]:
                for call in owner.calls:
                    target = self.resolver.value(call.node.func, call.scope)
                    if isinstance(target, External | None) and last_name(call.node.func) not in _LOOKING:
                        for argument in [*call.node.args, *(item.value for item in call.node.keywords)]:
                            value = self.resolver.value(argument, call.scope)
                            if isinstance(value, Instance | ClassValue):
                                yield value.cls, f"{path}:{call.node.lineno}"

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
