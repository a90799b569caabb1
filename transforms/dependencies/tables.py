"""pyproject.toml (PEP 621, dependency groups, Poetry) and Pipfile, by tomlkit, which keeps every comment and space."""

from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from typing import Any

import tomlkit
from packaging.utils import canonicalize_name
from tomlkit.items import Array, InlineTable, String

from transforms.dependencies.spelling import Need, has_extra, name_of, place_for, with_extra


@dataclass
class Listed:
    """An array of requirement strings."""

    array: Array
    main: bool

    def names(self) -> list[str]:
        """The canonical names, in the order of the array."""
        return [name_of(item) if isinstance(item, str) else "" for item in self.array]

    def lacks(self, need: Need) -> bool:
        """Whether the need is not met by what stands there."""
        mine = [item for item in self.array if isinstance(item, str) and name_of(item) == need.name]
        return not mine or not all(has_extra(item, need.extra) for item in mine if need.extra)

    def declare(self, need: Need) -> None:
        """Add what is missing of the need."""
        rows = [number for number, name in enumerate(self.names()) if name == need.name]
        for number in rows:
            self.array[number] = _like(self.array[number], with_extra(self.array[number], need.extra))
        if not rows:
            names = self.names()
            new = _like(self.array[-1] if names else None, need.text)
            place = place_for(names, need.name)
            if place == len(names):
                self.array.append(new)
            else:
                self.array.insert(place, new)


@dataclass
class Named:
    """A table of names to versions, as Poetry and Pipenv write them."""

    table: MutableMapping[str, Any]
    main: bool

    def names(self) -> list[str]:
        """The canonical names."""
        return [canonicalize_name(name) for name in self.table]

    def lacks(self, need: Need) -> bool:
        """Whether the need is not met by what stands there."""
        mine = [item for name, spec in self.table.items() if canonicalize_name(name) == need.name for item in _each(spec)]
        return not mine or (bool(need.extra) and not all(isinstance(item, MutableMapping) and need.extra in item.get("extras", []) for item in mine))

    def declare(self, need: Need) -> None:
        """Add what is missing of the need."""
        known = [name for name in self.table if canonicalize_name(name) == need.name]
        for name in known:
            if need.extra:
                self._add_extra(name, need.extra)
        if not known:
            self.table[need.name] = _inline("*", need.extra) if need.extra else "*"

    def _add_extra(self, name: str, extra: str) -> None:
        spec = self.table[name]
        if isinstance(spec, String):
            new = _inline(str(spec), extra)  # a plain string: tomlkit would take the comment off this one
            new.trivia.comment_ws, new.trivia.comment = spec.trivia.comment_ws, spec.trivia.comment
            self.table[name] = new
            return
        for item in _each(spec):
            extras = item.get("extras")
            if extras is None:
                item["extras"] = _array(extra)
            elif extra not in extras:
                extras.append(extra)


def project_sections(document: tomlkit.TOMLDocument) -> Iterator[Listed | Named]:
    """Every list of dependencies in a pyproject.toml; those that are always installed are `main`."""
    project = document.get("project", {})
    if "dependencies" in project:
        yield Listed(project["dependencies"], True)
    for array in project.get("optional-dependencies", {}).values():
        yield Listed(array, False)
    for array in document.get("dependency-groups", {}).values():
        yield Listed(array, False)
    poetry = document.get("tool", {}).get("poetry", {})
    if "dependencies" in poetry:
        yield Named(poetry["dependencies"], not project.get("dependencies"))
    for group in poetry.get("group", {}).values():
        if "dependencies" in group:
            yield Named(group["dependencies"], False)


def pipfile_sections(document: tomlkit.TOMLDocument) -> Iterator[Named]:
    """The packages of a Pipfile."""
    for name in ("packages", "dev-packages"):
        if name in document:
            yield Named(document[name], name == "packages")


def _each(spec: Any) -> list[Any]:
    """Poetry allows several constraints for one name."""
    return list(spec) if isinstance(spec, list) else [spec]


def _like(other: object, text: str) -> String:
    """The text as a string in the other's quotes."""
    literal = isinstance(other, String) and other.as_string().startswith("'") and "'" not in text
    return tomlkit.string(text, literal=literal)


def _array(extra: str) -> Array:
    array = tomlkit.array()
    array.append(extra)
    return array


def _inline(version: str, extra: str) -> InlineTable:
    table = tomlkit.inline_table()
    table["version"] = version
    table["extras"] = _array(extra)
    return table
