"""Reading the catalogue's TOML files. Data only: loading one never imports or runs anything it names."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from transforms.catalogue.schema import TABLES, CatalogueError, validate


@dataclass(frozen=True)
class Entry:
    """One blocking callable. `verdict` is wrap, leave or refuse; `lazy`: its result blocks again when used.

    `read`: it is no call but a property or an operator, and evaluating it blocks.
    """

    name: str
    library: str
    kind: str
    verdict: str
    reason: str = ""
    lazy: bool = False
    thread_bound: bool = False
    read: bool = False


@dataclass(frozen=True)
class LibraryType:
    """A class whose instances' methods are known.

    Its methods are queued: after one of `at_once_after` they are sent at once, until one of `queued_after` is called.
    """

    name: str
    library: str
    kind: str
    context: str
    blocks: frozenset[str]
    pure: frozenset[str]
    returns: Mapping[str, str]
    attributes: Mapping[str, str]
    constructor_blocks: bool
    verdict: str
    reason: str
    lazy: frozenset[str]
    thread_bound: bool
    properties: frozenset[str] = frozenset()
    at_once_after: frozenset[str] = frozenset()
    queued_after: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Asynchronous:
    """What holds for all swaps of one library.

    `floor`: the first version that has all that the swaps name. `loop`: which event loops an object may be used on.
    `needs`: distributions that the asynchronous side needs beside. `exceptions`: dotted names of errors that it does not
    raise as the synchronous one does. `unset`: names of the library that the project must not set. `proof`: how equality was tested.
    `differs`: what becomes different where no source shows it, as a sentence; such a swap has to be opted in.
    """

    library: str = ""
    distribution: str = ""
    floor: tuple[int, ...] = ()
    loop: str = "per-loop"
    needs: tuple[str, ...] = ()
    exceptions: tuple[str, ...] = ()
    unset: tuple[str, ...] = ()
    proof: str = ""
    differs: str = ""


@dataclass(frozen=True)
class Swap:
    """A type, its asynchronous form, and what becomes of each use of an object of it. See docs/how-to/catalogue.md."""

    type: str
    target: str
    module: str
    names: frozenset[str] = frozenset()
    constructor: frozenset[str] = frozenset()
    positional: tuple[str, ...] = ()
    by_name: bool = False
    methods: frozenset[str] = frozenset()
    plain: frozenset[str] = frozenset()
    iterators: frozenset[str] = frozenset()
    returns: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    properties: frozenset[str] = frozenset()
    same: frozenset[str] = frozenset()
    settable: frozenset[str] = frozenset()
    flags: Mapping[str, str] = field(default_factory=dict)
    without: frozenset[str] = frozenset()
    rename: Mapping[str, str] = field(default_factory=dict)
    suffix: str = ""
    refused: Mapping[str, str] = field(default_factory=dict)
    context: str = "self"
    iterates: bool = False
    closes: frozenset[str] = frozenset({"close"})
    holds: bool = False
    kept: bool = True
    of: Asynchronous = Asynchronous()

    def has_method(self, name: str) -> bool:
        """Whether something is said of a method of that name itself."""
        return name in self.methods | self.plain | self.iterators or name in self.rename or name in self.refused


@dataclass(frozen=True)
class CallSwap:
    """A function or factory and its asynchronous form; `awaited`: the result is there after an `await` only.

    `positional` are the names of the leading arguments; `by_name`: the asynchronous form takes them by name only.
    """

    name: str
    target: str
    module: str
    arguments: frozenset[str]
    positional: tuple[str, ...]
    by_name: bool
    awaited: bool
    of: Asynchronous


@dataclass
class Catalogue:
    """All libraries together, looked up by dotted name."""

    functions: dict[str, Entry] = field(default_factory=dict)
    returned: dict[str, str] = field(default_factory=dict)
    types: dict[str, LibraryType] = field(default_factory=dict)
    made: dict[str, str] = field(default_factory=dict)
    decorators: dict[str, str] = field(default_factory=dict)
    objects: dict[str, str] = field(default_factory=dict)
    swaps: dict[str, Swap] = field(default_factory=dict)
    calls: dict[str, CallSwap] = field(default_factory=dict)
    distributions: dict[str, tuple[str, ...]] = field(default_factory=dict)
    modules: dict[str, str] = field(default_factory=dict)

    def library_of(self, name: str) -> str:
        """The library that speaks of a dotted name: all that blocks in its modules is listed. Empty when there is none."""
        parts = name.split(".")
        heads = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
        return next((self.modules[head] for head in heads if head in self.modules), "")

    def method(self, type_name: str, method: str) -> Entry | None:
        """The entry of a blocking method; None when it is not known to block."""
        known = self.types.get(type_name)
        if known is None or method in known.pure or (method.startswith("__") and method not in known.blocks):
            return None
        if method not in known.blocks and ("*" not in known.blocks or method.startswith("_") or method in known.attributes):
            return None
        lazy = method in known.lazy
        return Entry(f"{type_name}.{method}", known.library, known.kind, known.verdict, known.reason, lazy, known.thread_bound)

    def reading(self, type_name: str, name: str) -> Entry | None:
        """The entry of a property whose reading blocks; None for any other attribute."""
        known = self.types.get(type_name)
        if known is None or name not in known.properties:
            return None
        reason = (
            known.reason if known.verdict != "wrap" else f"reading {name} waits for {known.library}: in a function of its own, the call of that function moves"
        )
        return Entry(f"{type_name}.{name}", known.library, known.kind, known.verdict, reason, False, known.thread_bound, True)

    def operating(self, type_name: str, method: str) -> Entry | None:
        """The entry of an operator on such an object, by its method's name (`__getitem__` …); None when it does not block."""
        known = self.types.get(type_name)
        if known is None or method not in known.blocks:
            return None
        shown = {"__getitem__": "x[key]", "__setitem__": "x[key] = value", "__delitem__": "del x[key]", "__contains__": "key in x"}.get(method, method)
        reason = (
            known.reason if known.verdict != "wrap" else f"`{shown}` waits for {known.library}: use the client's method, or a function of its own, which moves"
        )
        return Entry(f"{type_name}.{method}", known.library, known.kind, known.verdict, reason, False, known.thread_bound, True)

    def constructor(self, name: str) -> Entry | None:
        """The entry of a constructor or factory that already does I/O."""
        known = self.types.get(self.made.get(name, ""))
        if known is None or not known.constructor_blocks:
            return None
        return Entry(
            name, known.library, known.kind, "refuse" if known.lazy or known.verdict == "wrap" else known.verdict, known.reason, True, known.thread_bound
        )

    def merge(self, other: "Catalogue") -> "Catalogue":
        """Both together; `other` wins, so that a user's own file can correct ours."""
        merged = Catalogue()
        for name in vars(merged):
            setattr(merged, name, {**getattr(self, name), **getattr(other, name)})
        return merged


def parse_library(text: str, source: str) -> Catalogue:
    """Read one TOML file; raises CatalogueError with the file, the key and the remedy."""
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise CatalogueError(f"{source}: not valid TOML: {error}") from None
    validate(data, source)
    catalogue = Catalogue(objects=dict(data.get("objects", {})), made=dict(data.get("makers", {})))
    catalogue.modules = dict.fromkeys(data["library"].get("modules", []), data["library"]["id"])
    library = {**data["library"], "async": data.get("async", {})}
    for table in TABLES:
        for row in data.get(table, []):
            _ADD[table](catalogue, row, library)
    return catalogue


def _add_function(catalogue: Catalogue, row: Mapping[str, Any], library: Mapping[str, Any]) -> None:
    for name in row["names"]:
        bound = bool(library.get("thread_bound"))
        catalogue.functions[name] = Entry(
            name,
            library["id"],
            row.get("kind", library.get("kind", "client")),
            row.get("verdict", "wrap"),
            row.get("reason", ""),
            row.get("lazy", False),
            bound,
        )
        if row.get("returns"):
            catalogue.returned[name] = row["returns"]


def _add_type(catalogue: Catalogue, row: Mapping[str, Any], library: Mapping[str, Any]) -> None:
    names = row["names"]
    known = LibraryType(
        names[0], library["id"], library.get("kind", "client"), row.get("context", ""), frozenset(row.get("blocks", [])), frozenset(row.get("pure", [])),
        row.get("returns", {}), row.get("attributes", {}), row.get("constructor_blocks", False), row.get("verdict", "wrap"), row.get("reason", ""),
        frozenset(row.get("lazy", [])), row.get("thread_bound", library.get("thread_bound", False)), frozenset(row.get("properties", [])),
        frozenset(row.get("at_once_after", [])), frozenset(row.get("queued_after", [])),
    )  # fmt: skip
    for name in [*names, *row.get("made_by", [])]:
        catalogue.made[name] = names[0]
    for name in names:
        catalogue.types[name] = known


def _add_decorator(catalogue: Catalogue, row: Mapping[str, Any], library: Mapping[str, Any]) -> None:
    for name in row["names"]:
        catalogue.decorators[name] = row.get("since", "")
        catalogue.distributions[name] = tuple(item for item in (library.get("distribution"), row.get("also")) if item)


def _add_swap(catalogue: Catalogue, row: Mapping[str, Any], library: Mapping[str, Any]) -> None:
    sets: dict[str, Any] = {
        key: frozenset(row[key])
        for key in ("names", "constructor", "methods", "plain", "iterators", "properties", "same", "settable", "without", "closes")
        if key in row
    }
    others: dict[str, Any] = {
        key: row[key]
        for key in ("returns", "attributes", "rename", "suffix", "refused", "context", "iterates", "holds", "kept", "by_name", "flags")
        if key in row
    }
    catalogue.swaps[row["type"]] = Swap(
        row["type"], row["target"], row["module"], positional=tuple(row.get("positional", ())), of=_asynchronous(library), **sets, **others
    )


def _add_call(catalogue: Catalogue, row: Mapping[str, Any], library: Mapping[str, Any]) -> None:
    arguments, positional = frozenset(row.get("arguments", ())), tuple(row.get("positional", ()))
    for name in row["names"]:
        catalogue.calls[name] = CallSwap(
            name, row["target"], row["module"], arguments, positional, row.get("by_name", False), row.get("awaited", False), _asynchronous(library)
        )


def _asynchronous(library: Mapping[str, Any]) -> Asynchronous:
    row = library["async"]
    floor = tuple(int(part) for part in row.get("floor", "").split(".") if part)
    lists = (tuple(row.get("needs", ())), tuple(row.get("exceptions", ())), tuple(row.get("unset", ())))
    return Asynchronous(
        library["id"], library.get("distribution", ""), floor, row.get("loop", "per-loop"), *lists, row.get("proof", ""), row.get("differs", "")
    )


_ADD = {"function": _add_function, "type": _add_type, "decorator": _add_decorator, "swap": _add_swap, "call": _add_call}


def combine(parts: Iterable[Catalogue]) -> Catalogue:
    """One catalogue out of many; later ones win."""
    whole = Catalogue()
    for part in parts:
        whole = whole.merge(part)
    return whole
