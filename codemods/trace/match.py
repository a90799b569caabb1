"""From what was seen at run time to what the index says about the same place."""

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from codemods.trace.events import BLOCKED, ENTERED, Event
from transforms.facts import Function
from transforms.index import Index
from transforms.judge import own_handlers
from transforms.layout import is_test
from transforms.model import Decision, Seen, Verdict
from transforms.registry import Handler
from transforms.runtime import CALL, READ, STATEMENT, reads_at, statement_at, text_of

_ADVICE = "trace --save FILE, then --trace FILE of audit and migrate, decides it"
_OPEN = ("E304", "E305", "E306", "E307", "V401")


@dataclass(frozen=True)
class Matched:
    """An event, the function that holds its line, and what the tool has to say about it."""

    event: Event
    function: str
    verdict: str
    seen: Seen | None = None


def holder(index: Index, path: str, line: int) -> Function | None:
    """The innermost function around that line."""
    module = index.modules.get(path)
    around = [item for item in module.functions if _span(item)[0] <= line <= _span(item)[1]] if module else []
    return max(around, key=lambda item: item.line, default=None)


def _span(function: Function) -> tuple[int, int]:
    decorators = [item.lineno for item in function.decorators]
    return min([function.line, *decorators]), getattr(function.node, "end_lineno", None) or function.line


def match(index: Index, decisions: Sequence[Decision], events: Iterable[Event]) -> list[Matched]:
    """Every blocking call that was seen, with its verdict."""
    return [_matched(index, decisions, event) for event in events if event.kind == BLOCKED]


def _matched(index: Index, decisions: Sequence[Decision], event: Event) -> Matched:
    module = index.modules.get(event.path)
    if module is None:
        return Matched(event, "", "the file was not read by the tool")
    function = holder(index, event.path, event.line) or module.body
    if is_test(event.path):
        return Matched(event, function.qualname, "code of the tests")
    for answer in (_decision, _unknown_call, _known_site, _read, _named_call, _statement):
        found = answer(index, decisions, event)
        if found:
            return Matched(event, function.qualname, *found)
    return Matched(event, function.qualname, "no call on this line is known to block; look at it yourself")


_Answer = tuple[str, Seen | None] | None


def _frames(index: Index, event: Event) -> Iterator[tuple[Function, int, str]]:
    """The application's functions from the innermost on, the line in each, and what it called there."""
    via = event.via
    for path, line, _ in event.chain:
        function = holder(index, path, line)
        function = function or (index.modules[path].body if path in index.modules and not is_test(path) else None)
        if function is None or is_test(path):
            return
        yield function, line, via
        via = f"{index.layout.module_name(path)}.{function.qualname}"


def _decision(index: Index, decisions: Sequence[Decision], event: Event) -> _Answer:
    for function, line, _ in _frames(index, event):
        statement = statement_at(function, line)
        lines = {line, *(node.lineno for node in _calls(function, line)), *([statement.lineno] if statement else [])}
        for item in decisions:
            if item.path == function.module.path and item.line in lines and item.symbol == function.qualname and _names_a_call(item, function):
                return f"{_word(item.verdict)} {item.code}{_where(item, event)}: {item.reason}", None
    return None


def _names_a_call(item: Decision, function: Function) -> bool:
    """Decisions of the other codes are about the function itself, or about a call in it that cannot move (R106)."""
    return item.code[0] in "EC" or item.code == "V401" or item.line != function.line


def _unknown_call(index: Index, decisions: Sequence[Decision], event: Event) -> _Answer:
    """A call whose target static analysis could not find."""
    for function, line, via in _frames(index, event):
        unknown = [node for node in index.graph.unknown(function) if node in _calls(function, line)]
        found = _only(unknown, via)
        if found:
            return f"{function.module.path}:{line} calls it and static analysis cannot follow: {_ADVICE}", _seen(function, found, via, event, CALL)
    return None


def _known_site(index: Index, decisions: Sequence[Decision], event: Event) -> _Answer:
    for function, line, via in _frames(index, event):
        for site in index.graph.sites(function):
            if site.node in _calls(function, line):
                known = f"{site.entry.name} is known{': ' if site.entry.reason else ''}{site.entry.reason}; {_ADVICE}"
                return known, _seen(function, site.node, via, event, CALL)
    return None


def _read(index: Index, decisions: Sequence[Decision], event: Event) -> _Answer:
    """A property: no call is written there."""
    for function, line, via in _frames(index, event):
        named = [node for node in reads_at(function, line) if node.attr == via.rpartition(".")[2]]
        if len(named) == 1:
            return f"reading the attribute runs it: {_ADVICE}", _seen(function, named[0], via, event, READ)
    return None


def _named_call(index: Index, decisions: Sequence[Decision], event: Event) -> _Answer:
    """A call that is followed, into code of which the catalogue knows nothing."""
    for function, line, via in _frames(index, event):
        named = [node for node in _calls(function, line) if _last(node.func) == via.rpartition(".")[2]]
        if len(named) == 1:
            return f"the catalogue does not know it: {_ADVICE}", _seen(function, named[0], via, event, CALL)
    return None


def _statement(index: Index, decisions: Sequence[Decision], event: Event) -> _Answer:
    """Whatever it is, it happens in this statement."""
    for function, line, via in _frames(index, event):
        node = statement_at(function, line)
        if node is not None:
            return f"no call that is written there is known to block: {_ADVICE}", _seen(function, node, via, event, STATEMENT)
    return None


def _only(nodes: Sequence[ast.Call], via: str) -> ast.Call | None:
    named = [node for node in nodes if _last(node.func) == via.rpartition(".")[2]]
    found = named if len(named) == 1 else nodes
    return found[0] if len(found) == 1 else None


def _seen(function: Function, node: ast.AST, via: str, event: Event, what: str) -> Seen:
    return Seen(function.module.path, function.qualname, text_of(node), via, ", ".join(event.calls), what)


def _where(item: Decision, event: Event) -> str:
    return "" if (item.path, item.line) == (event.path, event.line) else f" at {item.path}:{item.line}"


def _calls(function: Function, line: int) -> list[ast.Call]:
    return [call.node for call in function.calls if call.node.lineno <= line <= (call.node.end_lineno or call.node.lineno)]


def _word(verdict: Verdict) -> str:
    return {Verdict.CHANGE: "would change", Verdict.LEAVE: "left", Verdict.REFUSE: "refused"}[verdict]


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


@dataclass(frozen=True)
class Balance:
    """How the handlers stand: static evidence, run-time evidence, and what was not executed."""

    handlers: int
    asynchronous: int
    static_free: int
    seen_free: int
    not_entered: tuple[str, ...]


def balance(index: Index, decisions: Sequence[Decision], events: Sequence[Event]) -> Balance:
    """Count the handlers that Flask may run on a loop, and those of which neither side knows a blocking call."""
    handlers = own_handlers(index)
    entered = {(event.path, event.line) for event in events if event.kind == ENTERED}
    blocked = {place for event in events if event.kind == BLOCKED for path, line, _ in event.chain if (place := _key(index, path, line))}
    quiet = [item for item in handlers if item.function.is_async]
    static = [item for item in quiet if not _open(item, decisions)]
    run = [item for item in quiet if _ran(item, entered) and (item.function.module.path, item.function.qualname) not in blocked]
    missed = tuple(f"{item.endpoint} ({item.function.place})" for item in handlers if not _ran(item, entered))
    return Balance(len(handlers), len(quiet), len(static), len(run), missed)


def _key(index: Index, path: str, line: int) -> tuple[str, str] | None:
    function = holder(index, path, line)
    return (path, function.qualname) if function else None


def _ran(handler: Handler, entered: set[tuple[str, int]]) -> bool:
    first, _ = _span(handler.function)
    return any((handler.function.module.path, line) in entered for line in range(first, handler.function.line + 1))


def _open(handler: Handler, decisions: Sequence[Decision]) -> bool:
    """Whether a decision says that something still blocks on its loop."""
    function = handler.function
    for item in decisions:
        own = item.path == function.module.path and (item.symbol == function.qualname or item.symbol.startswith(f"{function.qualname}.<locals>"))
        through = f"reached on the loop from {function.qualname} ({function.place})" in item.reason
        if (own or through) and (item.code in _OPEN or item.code[0] in "EC" and item.verdict == Verdict.CHANGE):
            return True
    return False
