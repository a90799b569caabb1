"""Whether the swaps of a catalogue file agree with the installed library: each name, what is awaited, what is iterated."""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from codemods.introspect import is_async_iterator, is_async_only, is_awaited, parameters, returned

Row = Mapping[str, Any]
Look = Callable[[str], object | None]


def swap_drift(row: Row, look: Look) -> Iterator[str]:
    """What differs for one `[[swap]]`; `look` finds an object by its dotted name and records that it was asked for."""
    old, new, module = look(row["type"]), look(row["target"]), look(row["module"])
    if module is not None and not row["target"].startswith(f"{row['module']}."):
        yield f"{row['target']} does not lie in module {row['module']}"
    if old is None or new is None:
        return
    if row.get("context", "self") and not (hasattr(old, "__enter__") and is_awaited(getattr(new, "__aenter__", None))):
        yield f"`with {row['type']}` does not become `async with {row['target']}`"
    if row.get("iterates") and not (hasattr(old, "__iter__") and hasattr(new, "__aiter__")):
        yield f"`for x in {row['type']}` does not become `async for`"
    if row.get("suffix"):
        yield from _second_names(row, look)
        return
    yield from (f"{name} is another class than {row['type']}" for name in row.get("names", []) if look(name) not in (None, old))
    yield from _arguments(row["type"], old, row["target"], new, row.get("constructor", []), row)
    yield from _methods(row, old, new, look)


def call_drift(row: Row, look: Look) -> Iterator[str]:
    """What differs for one `[[call]]`."""
    new, module = look(row["target"]), look(row["module"])
    if module is not None and not row["target"].startswith(f"{row['module']}."):
        yield f"{row['target']} does not lie in module {row['module']}"
    for name in row["names"]:
        old = look(name)
        if old is None or new is None:
            continue
        if is_awaited(new) != row.get("awaited", False) and not inspect.isclass(new):
            yield f"{row['target']} is {'awaited' if is_awaited(new) else 'not awaited'}"
        if is_async_only(old):
            yield f"{name} is a coroutine function already"
        yield from _arguments(name, old, row["target"], new, row.get("arguments", []), row)


def _arguments(name: str, old: object, target: str, new: object, named: list[str], row: Row) -> Iterator[str]:
    positional = row.get("positional", [])
    for side, holder in ((name, old), (target, new)):
        known = parameters(holder)
        yield from (f"{side} has no argument {item}" for item in named if known is not None and item not in known)
        leading = _leading(holder)
        if positional and not (holder is new and row.get("by_name")) and leading[: len(positional)] != list(positional):
            yield f"{side} takes its arguments in another order: {', '.join(leading[: len(positional)])}"


def _leading(holder: object) -> list[str]:
    """The names of the parameters that may be given by their place, in order."""
    try:
        known = inspect.signature(holder).parameters.values()  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return []
    return [item.name for item in known if item.kind in (item.POSITIONAL_ONLY, item.POSITIONAL_OR_KEYWORD)]


# Methods


def _second_names(row: Row, look: Look) -> Iterator[str]:
    """Each method that a class of the type has must have its second name there too, as a coroutine function."""
    holders = [found for name in [row["type"], *row.get("names", [])] if (found := look(name)) is not None]
    for name in row.get("methods", []):
        having = [holder for holder in holders if hasattr(holder, name)]
        if not having:
            yield f"no class of {row['type']} has {name}"
        for holder in having:
            then = getattr(holder, f"{name}{row['suffix']}", None)
            if then is None or not is_awaited(then):
                yield f"{getattr(holder, '__name__', holder)}.{name}{row['suffix']} is {'not awaited' if then else 'missing'}"


def _methods(row: Row, old: object, new: object, look: Look) -> Iterator[str]:
    listed = {key: [name for name in row.get(key, []) if name != "*"] for key in ("methods", "plain", "iterators", "properties")}
    for key, names in listed.items():
        for name in names:
            yield from _member(row, key, name, old, new, look, is_listed=True)
    known = {name for names in listed.values() for name in names} | {*row.get("refused", ()), *row.get("same", ()), *row.get("attributes", ())}
    for key in ("methods", "plain"):
        if "*" in row.get(key, []):
            for name in _others(old, known):
                yield from _member(row, key, name, old, new, look, is_listed=False)
            break


def _others(old: object, known: set[str]) -> list[str]:
    """The public methods of the synchronous type that the file does not name."""
    return [name for name in dir(old) if not name.startswith("_") and name not in known and inspect.isroutine(getattr(old, name, None))]


def _member(row: Row, key: str, name: str, old: object, new: object, look: Look, is_listed: bool) -> Iterator[str]:
    after = row.get("rename", {}).get(name, f"{name}{row.get('suffix', '')}" if key == "methods" else name)
    look(f"{row['type']}.{name}")
    for side, holder, wanted in ((row["type"], old, name), (row["target"], new, after)):
        if not hasattr(holder, wanted):
            yield f"{side}.{wanted} does not exist"
            return
    before, then = getattr(old, name), getattr(new, after)
    if is_async_only(before):
        yield f"{row['type']}.{name} is a coroutine function already"
    yield from (f"{row['target']}.{after} {wrong}" for wrong in _wrong(key, then, is_listed))
    if key in ("methods", "plain") and (given := _unsaid(row, name, then)):
        yield f"{row['target']}.{after} gives {given}, and the file does not say so"
    if key != "properties":
        yield from (f"{row['target']}.{after} has no argument {item}" for item in _lost(before, then))


def _wrong(key: str, then: object, is_listed: bool) -> Iterator[str]:
    """How the asynchronous side is not what the file says."""
    match key:
        case "methods":
            if is_async_iterator(then) or not is_awaited(then):
                yield "is not awaited, it is an asynchronous iterator" if is_async_iterator(then) else "is not awaited"
        case "plain":
            if is_async_only(then) or is_listed and is_awaited(then):
                yield "is awaited"
        case "iterators":
            if not is_async_iterator(then):
                yield "is no asynchronous iterator"
        case "properties":
            if not isinstance(then, property) or not is_awaited(then.fget):
                yield "is not awaited when it is read"


def _unsaid(row: Row, name: str, then: object) -> str:
    """An asynchronous object of the library that a method is annotated to give, and that `returns` says nothing of."""
    said = row.get("returns", {})
    if name in said or "*" in said or name in row.get("known", ()):
        return ""
    flagged = {f"Async{kind.rpartition('.')[2]}" for kind in row.get("flags", {}).values()}
    words = re.findall(r"\bAsync\w+", returned(then)) + [word for word in ("Self",) if re.search(r"\bSelf\b", returned(then))]
    words = [word for word in words if word not in flagged]
    return words[0] if words and not words[0].startswith(("AsyncIterator", "AsyncGenerator")) else ""


def _lost(before: object, then: object) -> list[str]:
    known = parameters(then)
    return [] if known is None else sorted((parameters(before) or set()) - known)
