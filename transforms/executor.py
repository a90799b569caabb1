"""Stage executor: what still blocks in async code moves to a worker thread, whole calls only.

A helper moves as one, so that `with open(…)` blocks and units of work are never split. Work tied to the request's
thread goes through `sync_to_async`, which runs it on that thread. It does not move generators, calls under a lock, calls
in lambdas, nor objects that are used again afterwards.
"""

import ast
from collections.abc import Callable

from transforms.edits import SPELLINGS, Outline, WrapCall, WrapExpression, place_of
from transforms.facts import Function, by_place
from transforms.index import Index
from transforms.judge import LATE, Judgement, is_own, judge, own_handlers, selected, stopped
from transforms.model import Safety, Settings, Verdict
from transforms.moves import Move, moves, swap_left, with_database
from transforms.naming import block_name
from transforms.planning import Change, Plan, shadowed
from transforms.reach import Reach, is_orm
from transforms.regions import Region
from transforms.routes import make_async
from transforms.staying import explain_staying
from transforms.suppression import left
from transforms.swaps import Swap, find_swaps
from transforms.swaps.bridged import BRIDGED
from transforms.swaps.planned import plan_swap
from transforms.witnessed import explain_seen

NAME = "executor"


def plan(index: Index, settings: Settings) -> Plan:
    """Moves in async functions that a handler reaches, and handlers that become async together with their moves."""
    result = Plan(NAME)
    if stopped(index):
        return result
    reach = Reach(index.graph)
    late = [
        judgement
        for handler in own_handlers(index)
        if selected(index, handler, settings) and not handler.function.is_async
        if (judgement := judge(index, reach, handler, settings)).stage == LATE
    ]
    for judgement in late:
        _convert(index, reach, judgement, settings, result)
    already = async_functions(index, reach, settings)
    for function in already:
        _move_all(index, reach, function, settings, result, "")
    explain_staying(index, reach, [*already, *(judgement.handler.function for judgement in late)], settings, result)
    explain_seen(index, reach, _moved_from(index, reach, settings), result)
    return result


def _moved_from(index: Index, reach: Reach, settings: Settings) -> Callable[[Function], set[ast.AST]]:
    """The calls in a function that leave the loop."""

    def moved(function: Function) -> set[ast.AST]:
        found = with_database(index, reach, function, settings, moves(index, reach, function, settings))
        free = [move for move in found if not move.obstacle]
        return {move.node for move in free} | {node for move in free if move.region for node in move.region.covers()}

    return moved


def async_functions(index: Index, reach: Reach, settings: Settings) -> list[Function]:
    """The async functions that may be edited and that a selected handler runs."""
    found: set[Function] = set()
    for handler in own_handlers(index):
        if handler.awaited and handler.function.is_async and selected(index, handler, settings):
            found |= {function for function in reach.functions(handler.function) if function.is_async and is_own(index, function)}
    return sorted(found, key=by_place)


def _convert(index: Index, reach: Reach, judgement: Judgement, settings: Settings, result: Plan) -> None:
    function = judgement.handler.function
    group = f"{NAME}:{function.module.path}:{function.qualname}"
    make_async(index, judgement, group, result)
    result.decide(function, function.line, judgement.code, Verdict.CHANGE, judgement.reason, group)
    _move_all(index, reach, function, settings, result, group)


def _move_all(index: Index, reach: Reach, function: Function, settings: Settings, result: Plan, group: str) -> None:
    seen: dict[str, int] = {}
    groups: dict[ast.AST, str] = {}
    for move in with_database(index, reach, function, settings, moves(index, reach, function, settings)):
        if move.along:
            reason = f"it moves along with the expression at line {move.along.lineno}"
            result.decide(function, move.node.lineno, move.rule, Verdict.CHANGE, reason, groups[move.along], move.subject)
            continue
        number = seen[move.subject] = seen.get(move.subject, 0) + 1
        own = group or f"{NAME}:{function.module.path}:{function.qualname}:{move.subject}#{number}"
        groups[move.node] = own
        swap = _bridged(index, function, move, settings) if group else None
        if swap:
            plan_swap(function, swap, own, result)
        else:
            _move(index, function, move, settings, result, own)


def _bridged(index: Index, function: Function, move: Move, settings: Settings) -> Swap | None:
    """The call over the requests bridge, in a handler that the stage clients left because only this stage makes it async."""
    if settings.http != "bridge" or move.obstacle or move.thread or move.target or move.region:
        return None
    found = [item for item in find_swaps(index, function, settings) if isinstance(item, Swap) and item.code == BRIDGED and item.nodes == (move.node,)]
    return next((item for item in found if swap_left(index, function, item, settings) is None), None)


def _move(index: Index, function: Function, move: Move, settings: Settings, result: Plan, group: str) -> None:
    spelling = "sync_to_async" if move.thread else _spelling(index, settings)
    imports = SPELLINGS[spelling]
    if move.region and not move.obstacle:
        _outline(index, function, move.region, spelling, result, group)
        return
    name = shadowed(index, function, imports)
    obstacle = move.obstacle or (f"the name {name} means something else here" if name else "")
    line = move.node.lineno
    unwanted = left(index, settings, function, move.node, move.rule)
    if unwanted and (not obstacle or move.code == unwanted.code):
        result.decide(function, line, unwanted.code, Verdict.LEAVE, unwanted.reason, subject=move.subject)
        return
    if obstacle:
        result.decide(function, line, move.code if move.obstacle else "E305", Verdict.REFUSE, obstacle, subject=move.subject)
        return
    edit = WrapExpression(place_of(move.node)) if move.is_whole else WrapCall(place_of(move.node), spelling)
    result.changes.append(Change(function.module.path, edit, group, imports))
    result.need("flask[async]", group)
    entry = move.entry or (move.reaches.site.entry if move.reaches else None)
    safety = Safety.UNSAFE if entry and is_orm(entry) else Safety.SAFE
    result.decide(function, line, move.rule, Verdict.CHANGE, _why(move, spelling), group, move.subject, safety)


def _outline(index: Index, function: Function, region: Region, spelling: str, result: Plan, group: str) -> None:
    """The whole block becomes a function inside the function."""
    imports, line = SPELLINGS[spelling], region.body[0].lineno
    if name := shadowed(index, function, imports):
        result.decide(function, line, "E305", Verdict.REFUSE, f"the name {name} means something else here", subject=region.entry.name)
        return
    path = function.module.path
    inside = range(function.line, getattr(function.node, "end_lineno", function.line) + 1)
    edits = [change.edit for change in result.changes if change.path == path and change.edit.place[0] in inside]
    taken = {edit.name for edit in edits if isinstance(edit, Outline)}
    first, last = place_of(region.body[0]), place_of(region.body[-1])
    values = region.values
    called = block_name(function, region.seed, region.entry, values, taken)
    edit = Outline((*first[:2], *last[2:]), last, called, spelling, values.takes, values.gives, values.returns, values.tail)
    result.changes.append(Change(path, edit, group, imports))
    result.need("flask[async]", group)
    reason = f"{region.entry.name} and what is done with it blocks; all of it moves as {called}()"
    result.decide(function, line, "E309", Verdict.CHANGE, reason, group, region.entry.name)
    covered = set(region.covers())
    for site in index.graph.sites(function):
        known = site.entry.name in index.catalogue.functions or site.entry.name in index.catalogue.made
        at = getattr(site.node, "lineno", line)
        if known and site.node in covered and at != line and not (site.entry.kind == "cpu" and site.entry.verdict == "leave"):
            result.decide(function, at, "E309", Verdict.CHANGE, f"it moves along with the block at line {line}", group, site.entry.name)


def _spelling(index: Index, settings: Settings) -> str:
    oldest = settings.python or index.requirements.python or (3, 11)
    return "sync_to_async" if settings.executor == "to_thread" and oldest < (3, 9) else settings.executor


def _why(move: Move, spelling: str) -> str:
    what = f"{move.subject} {'prepares work on the database session' if move.entry and move.entry.verdict == 'leave' else 'blocks'}"
    if move.reaches:
        names = " → ".join([*(item.name for item in move.reaches.chain), move.reaches.site.entry.name])
        what = f"{names} ({move.reaches.place}) blocks"
    if move.thread:
        what = f"{what}; it stays on the request's own thread, to which its other work is tied"
    if move.entry and is_orm(move.entry):
        what = f"{what}; objects that it returns, or that a commit expires, ask the database again on the loop when their attributes are read"
    return what
