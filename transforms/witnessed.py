"""What a trace saw block a loop and no other decision names: nothing that was seen stays without an answer."""

import ast
from collections.abc import Callable, Iterator

from transforms.facts import Function
from transforms.graph import Edge
from transforms.index import Index
from transforms.judge import is_own
from transforms.model import Seen, Verdict
from transforms.planning import Plan
from transforms.reach import Reach, runs_elsewhere
from transforms.runtime import blocked, places

Moved = Callable[[Function], set[ast.AST]]


def explain_seen(index: Index, reach: Reach, moved: Moved, result: Plan) -> None:
    """A row (V401) at each place that was seen to block, unless a decision stands there or the place is moved off the loop.

    `moved` gives the nodes of a function that leave the loop.
    """
    waiting = list(_unnamed(index, result))
    gone = _left_the_loop(index, reach, moved) if waiting else set()
    for function, node, seen in waiting:
        if function not in gone and not _inside(function, node, moved(function)):
            reason = f"it {blocked([seen])}, in {seen.name}; {_unclear(index, function, node)}: look at it yourself"
            result.decide(function, getattr(node, "lineno", function.line), "V401", Verdict.REFUSE, reason, subject=seen.name)


def _unclear(index: Index, function: Function, node: ast.AST) -> str:
    known = next((site.entry for site in index.graph.sites(function) if site.node is node and site.entry.library != "trace"), None)
    return "static analysis does not see how async code gets there" if known else "static analysis does not see what blocks there"


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
        reached |= reach.functions(function)
        away = moved(function)
        on_loop |= reach.functions(function, lambda edge, away=away: _stays(edge, away))  # type: ignore[misc]
    return reached - on_loop


def _stays(edge: Edge, away: set[ast.AST]) -> bool:
    return edge.node not in away and edge.how != "reference" and not (edge.how == "nested" and runs_elsewhere(edge.target))


def _inside(function: Function, node: ast.AST, moved: set[ast.AST]) -> bool:
    return node in moved or any(parent in moved for parent in function.module.ancestors(node))
