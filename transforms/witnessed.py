"""Why a call stays on the loop; and what a trace saw there: nothing that was seen is left without an answer."""

import ast
from collections.abc import Callable, Iterator

from transforms.facts import Function
from transforms.graph import Edge, Site
from transforms.index import Index
from transforms.judge import is_own
from transforms.model import Seen, Verdict
from transforms.moves import is_lazy
from transforms.planning import Plan
from transforms.reach import Reach, is_bound, is_orm
from transforms.runtime import blocked, places, waits

Moved = Callable[[Function], set[ast.AST]]


def explain(index: Index, function: Function, site: Site, result: Plan, through: str = "") -> None:
    """A decision for a known call that stays on the loop."""
    entry, seen = site.entry, index.graph.seen(site.scope.owner, site.node)
    if entry.kind == "cpu" and entry.verdict == "leave" and not seen:
        return  # it computes, and no thread would make that any better
    line = getattr(site.node, "lineno", function.line)
    if is_orm(entry):
        code, verdict, reason = "E306", Verdict.LEAVE, "work on a database session stays where it is"
    elif is_bound(entry):
        code, verdict, reason = "E304", Verdict.REFUSE, entry.reason or "it belongs to the thread that made it"
    elif entry.verdict == "leave" and waits(seen):
        code, verdict, reason = "E304", Verdict.REFUSE, f"it {blocked(seen)}, which its arguments or what it calls back ask for: get those values before"
    elif entry.verdict == "leave":
        code, verdict, reason = "E303", Verdict.LEAVE, entry.reason + (f"; it {blocked(seen)}" if seen else "")
    elif is_lazy(entry, site.node):
        code, verdict = "E304", Verdict.REFUSE
        reason = entry.reason or "its result blocks again when it is used: the whole block has to move together"
    elif entry.verdict == "refuse" or entry.read:
        code, verdict, reason = "E304", Verdict.REFUSE, entry.reason
    else:
        code, verdict, reason = "E307", Verdict.REFUSE, "it blocks, and no call on the way to it can be moved"
    result.decide(function, line, code, verdict, f"{reason}{through}", subject=entry.name)


def explain_seen(index: Index, reach: Reach, moved: Moved, result: Plan) -> None:
    """A row (V401) at each place that was seen to block, unless a decision stands there or the place is moved off the loop.

    `moved` gives the nodes of a function that leave the loop.
    """
    waiting = list(_unnamed(index, result))
    gone = _left_the_loop(index, reach, moved) if waiting else set()
    for function, node, seen in waiting:
        if function not in gone and not (function.is_async and _inside(function, node, moved(function))):
            _answer(index, function, node, seen, result)


def _answer(index: Index, function: Function, node: ast.AST, seen: Seen, result: Plan) -> None:
    site = next((site for site in index.graph.sites(function) if site.node is node), None)
    if site:
        explain(index, function, site, result)
    else:
        top = seen.name.partition(".")[0]
        mapped = any(known.kind == "orm" and name.partition(".")[0] == top for name, known in index.catalogue.types.items())
        why = "reading a database object asks the database" if mapped else "static analysis does not see what blocks there: look at it yourself"
        result.decide(
            function, getattr(node, "lineno", function.line), "V401", Verdict.REFUSE, f"it {blocked([seen])}, in {seen.name}; {why}", subject=seen.name
        )


def _unnamed(index: Index, result: Plan) -> Iterator[tuple[Function, ast.AST, Seen]]:
    if not index.project.seen:
        return
    named = {(item.path, item.symbol, item.line) for item in result.decisions}
    for seen in sorted(index.project.seen):
        for function in _holders(index, seen):
            for node in places(function, seen):
                line = getattr(node, "lineno", function.line)
                if is_own(index, function) and (seen.path, seen.function, line) not in named:
                    named.add((seen.path, seen.function, line))
                    yield function, node, seen


def _holders(index: Index, seen: Seen) -> list[Function]:
    module = index.modules.get(seen.path)
    return [item for item in [module.body, *module.functions] if item.qualname == seen.function] if module else []


def _left_the_loop(index: Index, reach: Reach, moved: Moved) -> set[Function]:
    """Functions that async code runs in another thread only."""
    starts = [function for module in index.modules.values() for function in module.functions if function.is_async]
    reached, on_loop = set[Function](), set[Function]()
    for function in starts:
        reached |= reach.functions(function, lambda edge: edge.sure or edge.how in ("reference", "nested", "property", "implicit"))
        away = moved(function)
        on_loop |= reach.functions(function, lambda edge, away=away: _stays(edge, away))  # type: ignore[misc]
    return reached - on_loop


def _stays(edge: Edge, away: set[ast.AST]) -> bool:
    return edge.node not in away and edge.how != "reference" and not edge.elsewhere


def _inside(function: Function, node: ast.AST, moved: set[ast.AST]) -> bool:
    return node in moved or any(parent in moved for parent in function.module.ancestors(node))
