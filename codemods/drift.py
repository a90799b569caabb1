"""Whether a catalogue file agrees with the installed library: names exist, and what is awaited there is what we await."""

import importlib.metadata
import inspect
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from codemods.drift_swaps import call_drift, swap_drift
from codemods.introspect import MISSING, Absent, find, is_async_only
from codemods.samples import samples

Row = Mapping[str, Any]


@dataclass
class Drift:
    """One file compared. `wrong` are disagreements; `unchecked` are names that could not be looked up, with the reason."""

    library: str
    tested: str
    installed: str = ""
    asked: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)
    unchecked: dict[str, str] = field(default_factory=dict)

    @property
    def absent(self) -> bool:
        """Whether nothing of the library could be looked up."""
        return bool(self.unchecked) and len(self.unchecked) == len(self.asked)

    @property
    def agreeing(self) -> int:
        """How many names were looked up and found."""
        return len(self.asked) - len(self.unchecked)


def compare(data: Row, types: Collection[str]) -> Drift:
    """Compare one validated file; `types` are the types that the whole catalogue knows."""
    library = data["library"]
    drift = Drift(library["id"], library.get("tested", ""), _version(library.get("distribution", "")))
    for row in data.get("function", []):
        _function(drift, row, library, types)
    for row in data.get("type", []):
        _type(drift, row, types, {*data.get("objects", {}).values()})
    for row in data.get("decorator", []):
        for name in row["names"]:
            _callable(drift, name)
    known = {row["names"][0]: row for row in data.get("type", [])}
    for row in data.get("swap", []):
        of = known.get(row["type"], {})
        drift.wrong += swap_drift({**row, "known": tuple(of.get("returns", {}))}, lambda name: _look(drift, name))
    for row in data.get("call", []):
        drift.wrong += call_drift(row, lambda name: _look(drift, name))
    for name, target in {**data.get("objects", {}), **data.get("makers", {})}.items():
        _look(drift, name)
        _known(drift, name, target, types)
    drift.wrong += [f"{name} lies outside modules = {library['modules']}" for name in _outside(data)]
    drift.wrong = list(dict.fromkeys(drift.wrong))
    return drift


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution) if distribution else ""
    except importlib.metadata.PackageNotFoundError:
        return ""


def _outside(data: Row) -> Iterator[str]:
    """Names of other libraries: a file speaks of its own modules only, so that no other module is imported for it."""
    for name in [name for table in ("function", "type", "decorator") for row in data.get(table, []) for name in row["names"]]:
        if name.partition(".")[0] not in roots(data):
            yield name


def roots(data: Row) -> set[str]:
    """The top-level modules that the file speaks of."""
    return {module.partition(".")[0] for module in data["library"].get("modules", [])}


def _look(drift: Drift, name: str, last_seen: str = "") -> object | None:
    """The object; None, with a row for it, when there is none. `last_seen`: newer versions need not have it."""
    drift.asked.add(name)
    found = find(name)
    if isinstance(found, Absent):
        drift.unchecked[name] = found.reason
    elif found is MISSING and last_seen:
        drift.unchecked[name] = f"last seen in {last_seen}"
    elif found is MISSING:
        drift.wrong.append(f"{name} does not exist")
    else:
        return found
    return None


def _callable(drift: Drift, name: str, last_seen: str = "") -> object | None:
    found = _look(drift, name, last_seen)
    if found is not None and not callable(found):
        drift.wrong.append(f"{name} cannot be called")
    return found


def _known(drift: Drift, name: str, target: str, types: Collection[str]) -> None:
    """What a call gives must be a type of the catalogue, or at least exist."""
    if target and target != "self" and target not in types and find(target) is MISSING:
        drift.wrong.append(f"{name}: {target} is no type of the catalogue and does not exist")


def _function(drift: Drift, row: Row, library: Row, types: Collection[str]) -> None:
    for name in row["names"]:
        found = _callable(drift, name, row.get("last_seen", ""))
        if found is not None and is_async_only(found):
            drift.wrong.append(f"{name} is a coroutine function, it does not block")
    _known(drift, row["names"][0], row.get("returns", ""), types)


def _type(drift: Drift, row: Row, types: Collection[str], virtual: Collection[str]) -> None:
    first = row["names"][0]
    if first in virtual and not inspect.isclass(find(first)):
        return  # `flask.g`: an object that stands for its own kind
    holders: list[object] = []
    for name in row["names"]:
        found = _callable(drift, name, row.get("last_seen", ""))
        holders += [] if found is None else [found, *samples(name)]
    for name in row.get("made_by", []):
        _callable(drift, name)
    targets = {**row.get("returns", {}), **row.get("attributes", {}), "context": row.get("context", "")}
    for key, target in targets.items():
        _known(drift, f"{first}.{key}", target, types)
    if holders:
        _members(drift, row, first, holders)


def _members(drift: Drift, row: Row, first: str, holders: Collection[object]) -> None:
    blocks = [name for name in row.get("blocks", []) if name != "*"]
    further = [name for key in ("pure", "returns", "lazy", "properties", "at_once_after", "queued_after") for name in row.get(key, [])]
    named = dict.fromkeys([*blocks, *further])
    for name in named:
        drift.asked.add(f"{first}.{name}")
        if name != "*" and not any(hasattr(holder, name) for holder in holders):
            drift.wrong.append(f"{first}.{name} does not exist")
    if row.get("context") and not any(hasattr(holder, "__enter__") for holder in holders):
        drift.wrong.append(f"{first} is no context manager")
    for name in sorted({*blocks} & {*row.get("pure", [])}):
        drift.wrong.append(f"{first}.{name} is said to block and not to block")
    for holder in holders:
        for name in _blocking(row, blocks, holder):
            found = inspect.getattr_static(holder, name, None)
            if is_async_only(found):
                drift.wrong.append(f"{first}.{name} is a coroutine function, it does not block")
            elif isinstance(found, property) and "*" not in row.get("blocks", []):
                drift.wrong.append(f"{first}.{name} is a property")
        for name in row.get("properties", []):
            if inspect.isclass(holder) and callable(inspect.getattr_static(holder, name, None)):
                drift.wrong.append(f"{first}.{name} is no property")


def _blocking(row: Row, blocks: Collection[str], holder: object) -> list[str]:
    if "*" not in row.get("blocks", []) or not inspect.isclass(holder):
        return list(blocks) if inspect.isclass(holder) else []
    return [name for name in dir(holder) if not name.startswith("_") and name not in row.get("pure", [])]
