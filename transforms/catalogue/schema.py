"""What a catalogue file may say. Nothing in it is ever run, and what reaches the user's code or screen is checked first.

Files come from repositories that nobody vouches for: names must be dotted identifiers, because a swap writes them into
source code, and sentences must be printable, because they are shown on a terminal.
"""

import difflib
import keyword
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

VERDICTS = ("wrap", "leave", "refuse")
KINDS = ("client", "orm", "file", "process", "clock", "cpu", "queue", "mail", "lock", "loop", "framework", "signal", "frames")
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)
_KEYWORDS = frozenset(keyword.kwlist)
_LONGEST = 600

# Key to what it holds: `names` and `name` are dotted, `members` are identifiers or "*", `pairs` maps one to a dotted name.
_LIBRARY = {"id": "text", "modules": "names", "distribution": "text", "tested": "text", "kind": "kind", "thread_bound": "bool", "note": "text"}
_ASYNC = {"floor": "version", "loop": "loop", "needs": "texts", "exceptions": "names", "unset": "names", "differs": "text", "proof": "text"}
_FUNCTION = {"names": "names", "verdict": "verdict", "reason": "text", "returns": "name", "lazy": "bool", "kind": "kind", "last_seen": "text"}
_TYPE = {
    "names": "names", "made_by": "names", "context": "name", "blocks": "members", "pure": "members", "returns": "pairs", "attributes": "pairs",
    "constructor_blocks": "bool", "verdict": "verdict", "reason": "text", "lazy": "members", "properties": "members", "thread_bound": "bool", "last_seen": "text",
    "at_once_after": "members", "queued_after": "members",
}  # fmt: skip
_DECORATOR = {"names": "names", "since": "text", "proof": "text", "also": "text"}
_SWAP = {
    "type": "name", "names": "names", "target": "name", "module": "name", "constructor": "members", "positional": "members", "by_name": "bool", "methods": "members", "plain": "members",
    "iterators": "members", "returns": "pairs", "attributes": "pairs", "properties": "members", "same": "uses", "settable": "members", "flags": "pairs", "without": "members", "rename": "renames", "suffix": "suffix",
    "refused": "reasons", "context": "name", "iterates": "bool", "closes": "members", "holds": "bool", "kept": "bool",
}  # fmt: skip
_CALL = {"names": "names", "target": "name", "module": "name", "arguments": "members", "positional": "members", "by_name": "bool", "awaited": "bool"}
TABLES: Mapping[str, Mapping[str, str]] = {"function": _FUNCTION, "type": _TYPE, "decorator": _DECORATOR, "swap": _SWAP, "call": _CALL}
_NEEDED = {
    "function": ("names",), "type": ("names",), "decorator": ("names",), "swap": ("type", "target", "module"), "call": ("names", "target", "module"),
}  # fmt: skip
LOOPS = ("any", "per-loop", "one-loop-for-ever")
OPERATIONS = ("[]", "[]=", "del []", "in", "for", "len", "bool", "==", "with")
_MAPPINGS = ("objects", "makers")


class CatalogueError(Exception):
    """A catalogue file is wrong; the message names the file, the key and what is expected."""


def validate(data: Mapping[str, Any], source: str) -> None:
    """Raise CatalogueError for the first thing that is wrong with the file."""
    _known(data, ["library", "async", *_MAPPINGS, *TABLES], source, "table")
    library = data.get("library")
    if not isinstance(library, dict) or not library.get("id"):
        raise CatalogueError(f'{source}: [library] needs an id, for example id = "redis"')
    if not library.get("modules"):
        raise CatalogueError(f'{source}: [library] needs the modules that it speaks of, for example modules = ["redis"]')
    _row(library, _LIBRARY, f"{source}: [library]")
    asynchronous = data.get("async", {})
    if not isinstance(asynchronous, dict):
        raise CatalogueError(f"{source}: write [async] with one bracket: there is only one")
    _row(asynchronous, _ASYNC, f"{source}: [async]")
    for name in _MAPPINGS:
        _value("pairs", data.get(name, {}), f"{source}: [{name}]", dotted_keys=True)
    for name, keys in TABLES.items():
        rows = data.get(name, [])
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise CatalogueError(f"{source}: write [[{name}]] with two brackets: there may be several")
        for number, row in enumerate(rows, 1):
            _table_row(name, row, keys, f"{source}: [[{name}]] {number}{_label(row)}")


def _label(row: Mapping[str, Any]) -> str:
    names = row.get("names")
    first = names[0] if isinstance(names, list) and names else row.get("type")
    return f" ({first})" if isinstance(first, str) and _DOTTED.fullmatch(first) else ""


def _table_row(table: str, row: Mapping[str, Any], keys: Mapping[str, str], where: str) -> None:
    _row(row, keys, where)
    for key in _NEEDED[table]:
        if not row.get(key):
            raise CatalogueError(f"{where}: {key} is missing")
    if row.get("verdict", "wrap") != "wrap" and not row.get("reason"):
        raise CatalogueError(f"{where}: verdict {row['verdict']!r} needs a reason")
    if table == "swap":
        _one_meaning(row, where)


def _one_meaning(row: Mapping[str, Any], where: str) -> None:
    """A method is awaited, called plainly, iterated or refused: one of them."""
    seen: dict[str, str] = {}
    for key in ("methods", "plain", "iterators", "refused"):
        for name in row.get(key, []):
            if name in seen:
                raise CatalogueError(f"{where}: {name} stands in {seen[name]} and in {key}; a method has one meaning")
            seen[name] = key


def _row(row: Mapping[str, Any], keys: Mapping[str, str], where: str) -> None:
    _known(row, keys, where, "key")
    for key, value in row.items():
        _value(keys[key], value, f"{where}: {key}")


def _known(row: Mapping[str, Any], keys: Iterable[str], where: str, what: str) -> None:
    for key in row:
        if key not in keys:
            raise CatalogueError(f"{where}: unknown {what} {key!r}{nearest(key, keys)}; known: {', '.join(keys)}")


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint for a misspelt name; empty when nothing is near."""
    found = difflib.get_close_matches(name, list(known), 1, 0.6)
    return f", did you mean {found[0]!r}?" if found else ""


def _value(kind: str, value: object, where: str, dotted_keys: bool = False) -> None:
    if kind in _SINGLE:
        fits, what = _SINGLE[kind]
        _must(fits(value), where, what, value)
    elif kind in _CHOICES:
        _choice(_CHOICES[kind], value, where)
    elif kind in _LISTS:
        _list(*_LISTS[kind], value, where)
    elif kind == "pairs":
        _pairs(value, where, dotted_keys)
    else:
        _methods(kind, value, where)


def _choice(allowed: tuple[str, ...], value: object, where: str) -> None:
    hint = nearest(value, allowed) if isinstance(value, str) and value not in allowed else ""
    _must(value in allowed, where, f"one of {', '.join(allowed)}", value, hint)


def _list(fits: Callable[[object], bool], what: str, whole: str, value: object, where: str) -> None:
    _must(isinstance(value, list), where, whole, value)
    for item in value if isinstance(value, list) else []:
        _must(fits(item), where, what, item)


def _methods(kind: str, value: object, where: str) -> None:
    """Methods with the name that each has in the asynchronous form (`renames`), or with a sentence (`reasons`), also of operators."""
    _must(isinstance(value, dict), where, "a table", value)
    for key, item in value.items() if isinstance(value, dict) else ():
        _must(_is_member(key) or kind == "reasons" and key in OPERATIONS, where, "a table of names of methods", key)
        _must(_is_member(item), where, "a table of names of methods", item) if kind == "renames" else _value("text", item, where)


def _pairs(value: object, where: str, dotted_keys: bool) -> None:
    what = "a table of names to dotted names"
    _must(isinstance(value, dict), where, what, value)
    for key, target in value.items() if isinstance(value, dict) else ():
        _must(_is_dotted(key) if dotted_keys else _is_member(key) or key == "[]", where, what, key)
        _must(_is_dotted(target), where, what, target)


def _must(holds: bool, where: str, what: str, value: object, hint: str = "") -> None:
    if not holds:
        raise CatalogueError(f"{where} must be {what}, not {repr(value)[:80]}{hint}")


def _is_dotted(value: object) -> bool:
    return isinstance(value, str) and bool(_DOTTED.fullmatch(value)) and _KEYWORDS.isdisjoint(value.split("."))


def _is_member(value: object) -> bool:
    return value == "*" or _is_dotted(value) and "." not in str(value)


def _is_use(value: object) -> bool:
    return value in OPERATIONS or _is_member(value)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value.isprintable() and len(value) <= _LONGEST


def _matches(pattern: str) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and bool(re.fullmatch(pattern, value, re.ASCII))


_LINE = f"one line of at most {_LONGEST} printable characters"
_SINGLE: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "bool": (lambda value: isinstance(value, bool), "true or false"),
    "text": (_is_text, _LINE),
    "version": (_matches(r"\d{1,9}(\.\d{1,9}){0,5}"), 'a version such as "4.2.0"'),
    "suffix": (_matches(r"_\w+"), 'the end of a name such as "_async"'),
    "name": (lambda value: value == "" or _is_dotted(value), "a dotted name"),
}
_CHOICES = {"verdict": VERDICTS, "kind": KINDS, "loop": LOOPS}
# What each item has to be, in words for an item and for the list.
_LISTS: Mapping[str, tuple[Callable[[object], bool], str, str]] = {
    "texts": (_is_text, _LINE, "a list of texts"),
    "names": (_is_dotted, "a list of dotted names", "a list of dotted names"),
    "members": (_is_member, "a list of names of methods", "a list of names of methods"),
    "uses": (_is_use, "a list of names of methods", "a list of names of methods"),
}
