"""What still runs on the event loop after the stage executor: a row for each place, with the way to it.

Nothing that `audit` shows may be silent here. What is reached over proved calls has a row for each call; what is only
possibly reached (a method of that name on an object that is not known, a function that is handed on) one row for each
line, because a name that many classes use would otherwise bury the rest. What computes or is better left where it is
has no row when it is only possible.
"""

import ast
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from transforms.facts import Function
from transforms.graph import Edge
from transforms.index import Index
from transforms.model import Settings
from transforms.moves import Move, moves, with_database
from transforms.placement import is_awaited
from transforms.planning import Plan
from transforms.reach import Reach, Reached, is_movable, is_orm
from transforms.suppression import BY_COMMENT, BY_SETTINGS
from transforms.witnessed import explain


@dataclass(frozen=True)
class _Body:
    """An async function; the nodes of it that have a decision of their own, and those of which nothing runs on the loop or is to be told."""

    function: Function
    decided: Collection[ast.AST]
    away: Collection[ast.AST]


def explain_staying(index: Index, reach: Reach, functions: Sequence[Function], settings: Settings, result: Plan) -> None:
    """A decision for each known call that these functions, async now or after this stage, run on the loop."""
    bodies = [_body(index, reach, function, settings) for function in functions]
    for body in bodies:
        for site in index.graph.sites(body.function):
            if site.node not in body.decided and not (isinstance(site.node, ast.Call) and is_awaited(body.function, site.node)):
                explain(index, body.function, site, result)
        _explain_below(index, _walk(reach, body, _is_proved), result)
    for body in bodies:
        _explain_possible(index, _walk(reach, body), result)


def _body(index: Index, reach: Reach, function: Function, settings: Settings) -> _Body:
    found = with_database(index, reach, function, settings, moves(index, reach, function, settings))
    decided: set[ast.AST] = {move.node for move in found}
    decided |= {inner for move in found if move.thread and move.target is None for inner in ast.walk(move.node) if isinstance(inner, ast.Call)}
    away = {node for move in found if not move.obstacle or move.code in (BY_COMMENT, BY_SETTINGS) for node in _taken(move)}
    return _Body(function, decided | away, away)


def _taken(move: Move) -> Iterator[ast.AST]:
    """What goes with the move: the block, all of an expression on the request's own thread, or the call alone."""
    if move.region:
        return move.region.covers()
    return ast.walk(move.node) if move.is_whole else iter((move.node,))


def _walk(reach: Reach, body: _Body, follow: Callable[[Edge], bool] = lambda edge: True) -> Iterator[Reached]:
    found = reach.walk(body.function, lambda edge: edge.node not in body.away and not edge.elsewhere and not edge.target.is_async and follow(edge))
    return (item for item in found if len(item.chain) > 1)


def _is_proved(edge: Edge) -> bool:
    return edge.sure or edge.how in ("property", "implicit", "nested")


def _explain_below(index: Index, found: Iterator[Reached], result: Plan) -> None:
    known = {(item.path, item.line, item.subject) for item in result.decisions}
    for item in found:
        place = (item.function.module.path, _line(item), item.site.entry.name)
        if place not in known:
            known.add(place)
            explain(index, item.function, item.site, result, _way(item, "reached"))


def _explain_possible(index: Index, found: Iterator[Reached], result: Plan) -> None:
    known = {(item.path, item.line) for item in result.decisions}
    for item in found:
        place = (item.function.module.path, _line(item))
        if place not in known and _waits(item):
            known.add(place)
            explain(index, item.function, item.site, result, _way(item, "possibly reached"))


def _waits(item: Reached) -> bool:
    entry = item.site.entry
    return is_movable(entry) or is_orm(entry) or entry.verdict == "refuse"


def _line(item: Reached) -> int:
    return getattr(item.site.node, "lineno", item.function.line)


def _way(item: Reached, how: str) -> str:
    """The functions between the coroutine and the one that holds the call, which the row names itself."""
    start, *between = item.chain[:-1]
    through = f" through {' → '.join(function.name for function in between)}" if between else ""
    return f"; {how} on the loop from {start.qualname} ({start.place}){through}"
