"""Stage routes: a handler becomes `async def` when something in it will then be awaited and nothing else changes.

It does not convert handlers whose work is tied to the request's thread (the executor stage moves that work first), nor
anything that Flask does not await, nor a handler that other code calls.
"""

from transforms.adapter import adapter_for
from transforms.edits import MakeAsync, place_of
from transforms.index import Index
from transforms.judge import EARLY, Judgement, judge, own_handlers, selected, stopped
from transforms.model import Settings, Verdict
from transforms.planning import Change, Plan
from transforms.reach import Reach
from transforms.support import SOURCE

NAME = "routes"


def plan(index: Index, settings: Settings) -> Plan:
    """One decision for every handler."""
    result = Plan(NAME)
    reason = stopped(index)
    reach = Reach(index.graph)
    for handler in own_handlers(index):
        if not selected(index, handler, settings):
            continue
        if reason:
            result.decide(handler.function, handler.function.line, "P001", Verdict.REFUSE, reason)
            continue
        _decide(index, judge(index, reach, handler, settings), result)
    for function, node in index.registry.unknown:
        if function not in index.registry.handlers and function.module.path in index.project.editable:
            result.decide(function, node.lineno, "R112", Verdict.REFUSE, "it is registered by an object whose type is not known")  # type: ignore[attr-defined]
    return result


def _decide(index: Index, judgement: Judgement, result: Plan) -> None:
    function = judgement.handler.function
    verdict, code, reason, group = judgement.verdict, judgement.code, judgement.reason, ""
    if judgement.stage and judgement.stage != EARLY:
        verdict = Verdict.LEAVE
    elif judgement.stage:
        group = f"{NAME}:{function.module.path}:{function.qualname}"
        make_async(index, judgement, group, result)
    result.decide(function, function.line, code, verdict, reason, group)


def make_async(index: Index, judgement: Judgement, group: str, result: Plan) -> None:
    """Plan `async def`, with the adapter where a decorator needs it."""
    function = judgement.handler.function
    path = function.module.path
    result.need("flask[async]", group)
    if not judgement.adapter:
        result.changes.append(Change(path, MakeAsync(place_of(function.node)), group))
        return
    adapter = adapter_for(index, function, judgement.adapter)
    assert adapter.item is not None
    if adapter.created:
        result.created.setdefault(adapter.where, (SOURCE, set()))[1].add(group)
    result.changes.append(Change(path, MakeAsync(place_of(function.node), adapter.item.name), group, (adapter.item,)))
