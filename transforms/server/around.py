"""What may run on the event loop of an ASGI server, Flask included: async views, and the functions around them.

On the loop Flask runs hooks and error handlers there too. They are proved one by one: nothing that they may reach blocks,
belongs to a thread, starts a loop, or cannot be followed. What an extension adds is seen by the emitted module at run time.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from transforms.facts import Call, Function, last_name
from transforms.host.names import CLASS
from transforms.host.source import HOOK
from transforms.index import Index
from transforms.judge import is_own
from transforms.layout import is_test
from transforms.reach import Reach, is_bound, starts_loop
from transforms.registry import Handler
from transforms.server.blocking import Left, async_handlers, doubts, left_on_the_loop, on_the_loop
from transforms.support import ADAPTER
from transforms.values import External, FunctionValue, Instance

_AROUND = {"hook", "error handler", "teardown hook", "context processor", "URL processor"}


@dataclass(frozen=True)
class Doubt:
    """A function for which a request needs a thread, the line, and the reason."""

    function: Function
    line: int
    reason: str


@dataclass(frozen=True)
class Around:
    """Functions that may run on the loop, as the emitted module names them, and what speaks against others."""

    names: tuple[str, ...]
    everywhere: tuple[Doubt, ...]
    views: tuple[Doubt, ...]


def around(index: Index) -> Around:
    """The views that may run on the loop with all that is around them; none where something around them may not."""
    reach = Reach(index.graph)
    handlers = [item for function, item in index.registry.handlers.items() if not is_test(function.module.path)]
    hooks = [item.function for item in handlers if item.slot in _AROUND]
    left = {item.function: item for item in left_on_the_loop(index)}
    blocked = [Doubt(function, function.line, reason) for function in hooks if function.is_async and (reason := _blocked(reach, left, function))]
    everywhere = [*blocked, *(item for function in hooks if (item := _doubt(index, reach, function))), *_extensions(index)]
    views: list[Function] = []
    refused: list[Doubt] = []
    for function in async_handlers(index):
        handler = index.registry.handlers.get(function)
        if handler and handler.slot == "view":
            reason = _why_not(index, reach, handler, left)
            views += [] if reason else [function]
            refused += [Doubt(function, function.line, reason)] if reason else []
    names = _names(index, [*views, *hooks]) if views and not everywhere else ()
    return Around(names, tuple(everywhere), tuple(refused))


def _names(index: Index, functions: list[Function]) -> tuple[str, ...]:
    """`module.function` for each; not where a function that is not among them has the same module and name."""
    others = {_name(index, item) for path, module in index.modules.items() if not is_test(path) for item in module.functions if item not in functions}
    return tuple(sorted({_name(index, item) for item in functions} - others))


def _name(index: Index, function: Function) -> str:
    return f"{index.layout.module_name(function.module.path)}.{function.name}"


def _why_not(index: Index, reach: Reach, handler: Handler, left: Mapping[Function, Left]) -> str:
    """Why that async view needs a thread for its request; empty when it does not."""
    function = handler.function
    if not is_own(index, function):
        return "it lies outside the folder that was named"
    for decorator in function.decorators:
        value = index.resolver.value(decorator, function.scope.parent) if function.scope.parent else None
        if decorator not in handler.registrations and not (isinstance(value, FunctionValue) and value.function.name == ADAPTER):
            return f"the decorator @{ast.unparse(decorator)[:40]} runs around it"
    if reason := _blocked(reach, left, function):
        return reason
    for item in on_the_loop(reach, [function]):
        for edge in reach.graph.edges(item):
            handed = edge.how in ("reference", "nested") and not edge.target.is_async and not edge.elsewhere
            if handed and (found := _doubt(index, reach, edge.target)):
                return f"{edge.target.name}() may run on the loop when the view has ended: {found.reason}"
    return ""


def _blocked(reach: Reach, left: Mapping[Function, Left], function: Function) -> str:
    """What may block in the async function, or in what it calls on the loop; empty when nothing does."""
    return next((f"{left[item].reason} ({item.module.path}:{left[item].line})" for item in on_the_loop(reach, [function]) if item in left), "")


def _doubt(index: Index, reach: Reach, function: Function) -> Doubt | None:
    """The first thing that a function may reach and for which a thread is needed."""
    if function.is_async:
        return None if is_own(index, function) else Doubt(function, function.line, "it lies outside the folder that was named")
    for item in reach.everything(function):
        entry = item.site.entry
        if is_bound(entry) or starts_loop(entry) or entry.lazy or entry.verdict != "leave":
            return Doubt(function, function.line, f"it reaches {item.path} ({item.place})")
    for part in sorted(reach.functions(function), key=lambda item: (item.module.path, item.line)):
        for left in doubts(index, part):
            return Doubt(function, function.line, f"{left.reason} ({part.module.path}:{left.line})")
    return None


def _extensions(index: Index) -> Iterator[Doubt]:
    """Libraries that are handed the Flask object: they may put anything around each view."""
    for path, module in sorted(index.modules.items()):
        for owner in [module.body, *module.functions] if not is_test(path) else []:
            for call in owner.calls:
                value = index.resolver.value(call.node.func, call.scope)
                foreign = isinstance(value, External) and not value.name.startswith("flask.") and last_name(call.node.func) not in (HOOK, CLASS)
                if isinstance(value, External) and foreign and _takes_app(index, call):
                    yield Doubt(owner, call.node.lineno, f"{value.name}() is handed the Flask object, and may run something around each request")


def _takes_app(index: Index, call: Call) -> bool:
    return any(_is_app(index.resolver.value(item, call.scope), index) for item in [*call.node.args, *(keyword.value for keyword in call.node.keywords)])


def _is_app(value: object, index: Index) -> bool:
    if isinstance(value, Instance):
        return any(base is not None and base.name in ("flask.Flask", "flask.app.Flask") for base in index.resolver.classes.external_bases(value.cls))
    return isinstance(value, External) and value.instance and value.name in ("flask.Flask", "flask.app.Flask")
