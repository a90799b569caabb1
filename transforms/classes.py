"""The classes of the project: what each derives from, and what derives from it."""

import ast
from collections.abc import Callable, Mapping

from transforms.facts import Class, Function, ModuleFacts, Scope
from transforms.values import ClassValue, External, Value


class Classes:
    """`value` says what an expression is in a scope; `cuts` counts what it could not say because of a circle."""

    def __init__(self, modules: Mapping[str, ModuleFacts], value: Callable[[ast.AST | None, Scope], Value], cuts: Callable[[], int]) -> None:
        self.by_node: dict[ast.AST, Class] = {cls.node: cls for module in modules.values() for cls in module.classes}
        self.subclasses: dict[Class, list[Class]] = {}
        self._value, self._cuts = value, cuts
        self._lineages: dict[Class, list[Class]] = {}

    def prepare(self) -> None:
        """Find the subclasses; the values of expressions must be to be had by then."""
        for cls in self.by_node.values():
            for base in self.bases(cls):
                if isinstance(base, ClassValue):
                    self.subclasses.setdefault(base.cls, []).append(cls)

    def bases(self, cls: Class) -> list[Value]:
        """The classes named in the class statement."""
        return [self._value(base, cls.outer) for base in cls.node.bases]

    def lineage(self, cls: Class) -> list[Class]:
        """The class and its bases in this project, in the order in which Python looks for a member."""
        if cls in self._lineages:
            return self._lineages[cls]
        cuts = self._cuts()
        found = self._order(cls, ())
        if cuts == self._cuts():
            self._lineages[cls] = found
        return found

    def _order(self, cls: Class, below: tuple[Class, ...]) -> list[Class]:
        """The class before its bases, and each base before the one that stands to its right."""
        if cls in self._lineages:
            return self._lineages[cls]
        bases = [base.cls for base in self.bases(cls) if isinstance(base, ClassValue) and base.cls not in (*below, cls)]
        return [cls, *merged([*(self._order(base, (*below, cls)) for base in bases), bases])]

    def external_bases(self, cls: Class) -> list[External | None]:
        """Bases from outside the project, of the class and of its bases; None for one that is unknown."""
        found: list[External | None] = []
        for current in self.lineage(cls):
            found += [base if isinstance(base, External) else None for base in self.bases(current) if not isinstance(base, ClassValue)]
        return found

    @staticmethod
    def has_member(cls: Class, name: str) -> bool:
        """Whether the class itself defines the name: a method, an attribute, or something stored on `self`."""
        return name in cls.methods or name in cls.scope.bindings or name in cls.stored

    def owner(self, cls: Class, name: str) -> Class | None:
        """The class of the project in which an object of that class finds the name."""
        return next((current for current in self.lineage(cls) if self.has_member(current, name)), None)

    def overriding(self, cls: Class, name: str) -> list[Class]:
        """The other classes in which an object of a subclass finds the name: that class itself, or another base of it."""
        own = self.owner(cls, name)
        owners = [self.owner(current, name) for current in self.descendants(cls)]
        return list(dict.fromkeys(owner for owner in owners if owner is not None and owner is not own))

    def descendants(self, cls: Class) -> list[Class]:
        """All subclasses in the project, at any depth."""
        found: list[Class] = []
        waiting = list(self.subclasses.get(cls, []))
        while waiting:
            current = waiting.pop()
            if current not in found:
                found.append(current)
                waiting += self.subclasses.get(current, [])
        return found

    def family(self, cls: Class) -> list[Class]:
        """The class, its bases in this project, and all that derive from it."""
        return [*self.lineage(cls), *self.descendants(cls)]

    def related(self, one: Class, other: Class) -> bool:
        """Whether one class is the other, or derives from it."""
        return one in self.lineage(other) or other in self.lineage(one)

    def behind_super(self, node: ast.expr, scope: Scope) -> list[Class] | None:
        """The classes whose methods `super()` may find; None when the expression is something else, or a base is not known."""
        if not isinstance(node, ast.Call) or node.args or self._value(node.func, scope) not in (External("builtins.super"), External("builtins.super()")):
            return None
        owner: Function | None = scope.owner
        while owner is not None and owner.cls is None:
            owner = owner.outer
        if owner is None or owner.cls is None:
            return None
        whole = [owner.cls, *self.descendants(owner.cls)]
        if any(base is None for cls in whole for base in self.external_bases(cls)):
            return None
        return [item for cls in whole for item in self.lineage(cls) if item is not owner.cls]


def merged(orders: list[list[Class]]) -> list[Class]:
    """One order that keeps all of the given ones: Python's method resolution order (C3). Where there is none, what comes first stays first."""
    found: list[Class] = []
    left = [list(order) for order in orders if order]
    while left:
        heads = [order[0] for order in left]
        chosen = next((head for head in heads if not any(head in order[1:] for order in left)), heads[0])
        found.append(chosen)
        left = [rest for order in left if (rest := [item for item in order if item is not chosen])]
    return found
