"""What would hold up every request if all async views shared one event loop.

Not only what is known to block: a call that cannot be followed, or of a library that the catalogue does not know, may
block too. On the loops that Flask makes for each view such a call only holds up its own request.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from transforms import executor
from transforms.facts import Function, last_name
from transforms.graph import Edge
from transforms.host.source import holds_host
from transforms.index import Index
from transforms.judge import is_own
from transforms.layout import is_test
from transforms.model import Settings
from transforms.placement import held_over_await, is_awaited
from transforms.reach import Reach
from transforms.server.flask_names import is_put_there
from transforms.support import MODULE
from transforms.values import External

_BLOCKING = {"E300", "E301", "E302", "E309", "E304", "E305", "E306", "E307", "V401"}
# Methods of strings, bytes, numbers, dates and lists that no client or connection has.
_PLAIN = {
    "strip", "lstrip", "rstrip", "split", "rsplit", "splitlines", "lower", "upper", "title", "casefold", "capitalize", "startswith", "endswith", "encode", "decode",
    "isdigit", "isalpha", "isalnum", "isspace", "zfill", "partition", "rpartition", "removeprefix", "removesuffix", "isoformat", "strftime", "timestamp", "total_seconds",
    "append", "is_integer", "hex", "fromhex", "to_bytes", "bit_length",
}  # fmt: skip


@dataclass(frozen=True)
class Left:
    """One site on the loop, in the function that holds it."""

    function: Function
    line: int
    reason: str


def async_handlers(index: Index) -> list[Function]:
    """Everything written `async def` that Flask runs, or may run."""
    found = {function for function, handler in index.registry.handlers.items() if function.is_async and handler.awaited}
    found |= {function for function, _ in index.registry.unknown if function.is_async}
    return sorted((function for function in found if not is_test(function.module.path)), key=lambda item: (item.module.path, item.line))


def left_on_the_loop(index: Index) -> list[Left]:
    """Every site that blocks or may block in code that async views run on the loop."""
    reach = Reach(index.graph)
    handlers = async_handlers(index)
    found = [
        Left(function, function.line, "it lies outside the folder that was named, so it was not looked at")
        for function in handlers
        if not is_own(index, function)
    ]
    places = {(function.module.path, function.qualname): function for module in index.modules.values() for function in module.functions}
    for decision in executor.plan(index, Settings()).decisions:
        function = places.get((decision.path, decision.symbol))
        if decision.code in _BLOCKING and function:
            todo = "; the stage executor moves it" if decision.code in ("E300", "E301", "E302", "E309") else ""
            found.append(Left(function, decision.line, f"{decision.subject or 'it'}: {decision.reason}{todo}"))
    for function in on_the_loop(reach, handlers):
        if not (function.module.path.endswith(f"{MODULE}.py") and holds_host(index.project.python[function.module.path])):
            found += doubts(index, function)
    return sorted(found, key=lambda item: (item.function.module.path, item.line, item.reason))


def on_the_loop(reach: Reach, handlers: list[Function]) -> list[Function]:
    """The handlers and all functions that they call without moving them to a thread."""
    found = list(handlers)
    waiting = list(handlers)
    while waiting:
        for edge in reach.graph.edges(waiting.pop()):
            if edge.target not in found and _runs_there(edge):
                found.append(edge.target)
                waiting.append(edge.target)
    return found


def _runs_there(edge: Edge) -> bool:
    return edge.sure or edge.how in ("call", "property", "implicit", "nested")


def doubts(index: Index, function: Function) -> Iterator[Left]:
    """Calls in the function's own body that may block the loop, though nothing is known to."""
    for node in index.graph.unknown(function):
        if not is_awaited(function, node) and last_name(node.func) not in _PLAIN and not _is_of_attributes(node.func):
            yield Left(function, node.lineno, f"{ast.unparse(node.func)[:60]}() cannot be followed, and may block")
    for call in function.calls:
        value = index.resolver.value(call.node.func, call.scope)
        if isinstance(value, External) and is_put_there(value.name) and not is_awaited(function, call.node) and last_name(call.node.func) not in _PLAIN:
            yield Left(function, call.node.lineno, f"{ast.unparse(call.node.func)[:60]}() belongs to something that Flask's object was given, and may block")
        elif isinstance(value, External) and not _is_known(index, value.name) and not is_awaited(function, call.node):
            yield Left(function, call.node.lineno, f"{value.name}() belongs to a library that the catalogue does not know, and may block")
    if function.is_async:
        for block, reason in _locks_over_await(index, function):
            yield Left(function, block.lineno, f"an `await` stands {reason}: on one loop that may stop everything for ever")


def _is_of_attributes(target: ast.expr) -> bool:
    """Whether it is a method of the dict in which an object keeps its attributes."""
    return isinstance(target, ast.Attribute) and isinstance(target.value, ast.Attribute) and target.value.attr == "__dict__"


def _is_known(index: Index, name: str) -> bool:
    return name.partition(".")[0] in sys.stdlib_module_names or bool(index.catalogue.library_of(name))


def _locks_over_await(index: Index, function: Function) -> Iterator[tuple[ast.With, str]]:
    """`with …:` around an `await`, where what is held may be a lock."""
    for node in ast.walk(function.node):
        if isinstance(node, ast.With) and any(isinstance(inner, ast.Await) for inner in ast.walk(node)):
            yield from ((node, reason) for reason in held_over_await(index, function, node))
