"""Where a name occurs: one table a file, made once, and the project's tables read as one."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from transforms.facts import Binding, Call, Function, ModuleFacts, Reference, last_name
from transforms.layout import is_test

Use = tuple[Function, Call | Reference]


@dataclass(frozen=True)
class Mention:
    """A string that ends in a name: `head` is what stands before the last dot or colon. `loose`: a bare word in a test."""

    head: str
    path: str
    line: int
    loose: bool = False


@dataclass
class NameTable:
    """Uses, methods, aliases, stores and strings by last identifier."""

    uses: dict[str, list[Use]] = field(default_factory=dict)
    methods: dict[str, list[Function]] = field(default_factory=dict)
    aliases: dict[str, list[str]] = field(default_factory=dict)
    stores: dict[str, list[tuple[ast.Attribute, Binding]]] = field(default_factory=dict)
    items: dict[str, list[tuple[ast.Subscript, Binding]]] = field(default_factory=dict)
    mentions: dict[str, list[Mention]] = field(default_factory=dict)


def table_of(module: ModuleFacts) -> NameTable:
    """The table of one file."""
    table = NameTable()
    for function in module.functions:
        if function.cls:
            table.methods.setdefault(function.name, []).append(function)
    for owner in [module.body, *module.functions]:
        _note_uses(table, owner)
    for target, binding in module.stores:
        table.stores.setdefault(target.attr, []).append((target, binding))
    for item, binding in module.items:
        if isinstance(item.value, ast.Attribute) and isinstance(item.slice, ast.Constant):
            table.items.setdefault(str(item.slice.value), []).append((item, binding))
    _note_texts(table, module)
    return table


def _note_uses(table: NameTable, owner: Function) -> None:
    for use in owner.uses:
        table.uses.setdefault(last_name(use.named), []).append((owner, use))
    for name, bindings in owner.scope.bindings.items():
        for binding in bindings:
            if binding.kind == "from" and binding.text != name:
                table.aliases.setdefault(binding.text, []).append(name)


def _note_texts(table: NameTable, module: ModuleFacts) -> None:
    for text, line in module.strings:
        head, _, name = text.replace(":", ".").rpartition(".")
        if head or text.startswith("."):
            table.mentions.setdefault(name, []).append(Mention(head, module.path, line, loose=not head))
        elif is_test(module.path) and text.isidentifier():
            table.mentions.setdefault(text, []).append(Mention("", module.path, line, loose=True))
    for text, line in module.named:
        table.mentions.setdefault(text, []).append(Mention("", module.path, line))


_Item = TypeVar("_Item")


def _merged(tables: Iterable[Mapping[str, list[_Item]]]) -> dict[str, list[_Item]]:
    whole: dict[str, list[_Item]] = {}
    for table in tables:
        for name, items in table.items():
            whole.setdefault(name, []).extend(items)
    return whole


class Names:
    """The tables of a whole project, read as one."""

    def __init__(self, tables: Iterable[NameTable]) -> None:
        self.tables = list(tables)

    @cached_property
    def _uses(self) -> dict[str, list[Use]]:
        return _merged(table.uses for table in self.tables)

    @cached_property
    def _stores(self) -> dict[str, list[tuple[ast.Attribute, Binding]]]:
        return _merged(table.stores for table in self.tables)

    @cached_property
    def _items(self) -> dict[str, list[tuple[ast.Subscript, Binding]]]:
        return _merged(table.items for table in self.tables)

    @cached_property
    def _methods(self) -> dict[str, list[Function]]:
        return _merged(table.methods for table in self.tables)

    @cached_property
    def _aliases(self) -> dict[str, list[str]]:
        return _merged(table.aliases for table in self.tables)

    @cached_property
    def _mentions(self) -> dict[str, list[Mention]]:
        return _merged(table.mentions for table in self.tables)

    def uses(self, name: str) -> list[Use]:
        """Calls of something so named, and references to it."""
        return self._uses.get(name, [])

    def everywhere(self, name: str) -> Iterator[Use]:
        """The same, also under all names under which something so named is imported; in a fixed order."""
        for spelling in sorted(self._spellings(name)):
            yield from self.uses(spelling)

    def stores(self, name: str) -> list[tuple[ast.Attribute, Binding]]:
        """Assignments to an attribute so named, on anything but `self`; to `__class__` on that too."""
        return self._stores.get(name, [])

    def items(self, key: object) -> list[tuple[ast.Subscript, Binding]]:
        """Assignments to `x.y[key]`."""
        return self._items.get(str(key), [])

    def methods(self, name: str) -> list[Function]:
        """Methods so named."""
        return self._methods.get(name, [])

    def _spellings(self, name: str) -> set[str]:
        """The name, and all names under which something so named is imported, at any remove."""
        found: set[str] = set()
        waiting = {name}
        while waiting:
            found |= waiting
            waiting = {alias for each in waiting for alias in self._aliases.get(each, ())} - found
        return found

    def mentions(self, name: str) -> list[Mention]:
        """Strings that end in the name."""
        return self._mentions.get(name, [])
