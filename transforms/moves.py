"""Which calls in the body of one function could be awaited or moved off the loop, and what stands in the way."""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from transforms.catalogue import Entry
from transforms.facts import Function, asks_for_stream
from transforms.index import Index
from transforms.memory_databases import memory_database
from transforms.model import Settings
from transforms.placement import in_handler, is_awaited, why_not_here
from transforms.reach import Reach, Reached, is_bound, is_movable, is_orm
from transforms.regions import Region, find_regions
from transforms.suppression import Left, left, left_lines
from transforms.swaps import Swap, find_swaps
from transforms.thread_sessions import kept_by_thread
from transforms.values import External

_PLAIN = {f"builtins.{name}" for name in ("str", "int", "float", "bool", "bytes", "NoneType")}


@dataclass(frozen=True)
class Move:
    """A call that is worth moving. `target` is the helper called, or None for a library's own call.

    `obstacle` is empty when the call can be moved where it stands; `thread` says that it must run on the
    request's own thread. `along` is the expression that moves whole and takes the call with it.
    """

    node: ast.Call
    target: Function | None
    entry: Entry | None
    obstacle: str
    code: str
    thread: bool = False
    reaches: Reached | None = None
    region: Region | None = None
    along: ast.Call | None = None

    @property
    def is_whole(self) -> bool:
        """Whether a lambda around the expression is what moves, and all that it evaluates with it. Looking up `db.session.commit` asks nothing, `Model.query` makes a session."""
        func = self.node.func
        of_session = self.entry is not None and self.entry.name.split(".")[-2:-1] in (["Session"], ["scoped_session"])
        looks_up = isinstance(func, ast.Attribute) and (isinstance(func.value, ast.Name) or of_session and isinstance(func.value, ast.Attribute))
        return self.thread and self.target is None and not (looks_up and not any(isinstance(item, ast.Call) for item in ast.walk(func)))

    @property
    def is_database(self) -> bool:
        """Whether it is work on a session."""
        entry = self.entry or (self.reaches.site.entry if self.reaches else None)
        return entry is not None and is_orm(entry)

    @property
    def subject(self) -> str:
        """What is called, as people read it."""
        return self.target.qualname if self.target else (self.entry.name if self.entry else "")

    @property
    def rule(self) -> str:
        """The rule of the change that moves it."""
        if self.region:
            return "E309"
        return "E302" if self.thread else ("E301" if self.target else "E300")


def moves(index: Index, reach: Reach, function: Function, settings: Settings) -> list[Move]:
    """In source order; calls that are awaited already are left out."""
    targets = {edge.node: edge.target for edge in index.graph.edges(function) if edge.how == "call" and edge.sure}
    entries = {site.node: site.entry for site in index.graph.sites(function)}
    regions = find_regions(index, reach, function)
    found = [Move(region.seed, None, region.entry, region.obstacle, "E304", region=region) for region in regions]
    together = {node for region in regions if not region.obstacle for node in region.covers()} | {region.seed for region in regions if _alone(region)}
    for call in function.calls:
        node = call.node
        if node in together or is_awaited(function, node):
            continue
        if node in targets:
            found += _helper(index, reach, function, node, targets[node])
        elif node in entries and entries[node].verdict == "wrap" and not is_bound(entries[node]) and not is_lazy(entries[node], node):
            found.append(Move(node, None, entries[node], why_not_here(index, function, node), "E305"))
    found = [_unless_left(index, function, move, settings) for move in found]
    return sorted(found, key=lambda move: (move.node.lineno, move.node.col_offset, -(move.node.end_lineno or 0), -(move.node.end_col_offset or 0)))


def _unless_left(index: Index, function: Function, move: Move, settings: Settings) -> Move:
    """The move, with an obstacle where the user wants it left and no swap of the call is wanted and proved either."""
    found = None if move.obstacle else _left(index, function, move, settings)
    if found is None or (move.target is None and _is_swapped(index, function, move.node, settings)):
        return move
    return replace(move, obstacle=found.reason, code=found.code)


def _left(index: Index, function: Function, move: Move, settings: Settings) -> Left | None:
    if move.region is None:
        return left(index, settings, function, move.node, move.rule)
    first, last = move.region.body[0], move.region.body[-1]
    return left_lines(index, settings, function.module.path, first.lineno, last.end_lineno or last.lineno, move.rule)


def _is_swapped(index: Index, function: Function, node: ast.Call, settings: Settings) -> bool:
    swaps = [item for item in find_swaps(index, function, settings) if isinstance(item, Swap) and node in item.nodes]
    return any(swap_left(index, function, item, settings) is None for item in swaps)


def swap_left(index: Index, function: Function, swap: Swap, settings: Settings) -> Left | None:
    """Why the user wants that swap left; None when it may be made."""
    lines = [(item.place[0], item.place[2]) for item in swap.edits] + [(node.lineno, node.end_lineno or node.lineno) for node in swap.nodes]
    rows = (left_lines(index, settings, function.module.path, first, last, swap.code) for first, last in lines)
    return next((item for item in rows if item is not None), None)


def _alone(region: Region) -> bool:
    """Whether the opening call could not be moved without its block either."""
    return not region.helper and (region.entry.verdict != "wrap" or is_lazy(region.entry, region.seed))


def is_lazy(entry: Entry, node: ast.AST) -> bool:
    """Whether the result blocks again when it is used: a stream, a cursor, an iterator over pages."""
    return entry.lazy or isinstance(node, ast.Call) and asks_for_stream(node)


def _helper(index: Index, reach: Reach, function: Function, node: ast.Call, target: Function) -> list[Move]:
    if target.is_async or target.is_generator or target.kind != "function" or target is function:
        return []
    movable = reach.movable(target)
    if not movable:
        return []
    everything = reach.everything(target)
    thread = in_handler(function, node) or any(is_bound(item.site.entry) for item in everything)
    obstacle = why_not_here(index, function, node)
    code = "E305"
    if not obstacle:
        code, obstacle = _callee(index, reach, function, node, target, everything)
    return [Move(node, target, None, obstacle, code, thread, movable[0])]


def _callee(index: Index, reach: Reach, function: Function, node: ast.Call, target: Function, everything: list[Reached]) -> tuple[str, str]:
    stop = reach.may_stop(target)
    if stop:
        return "E304", f"next() at {stop} may raise StopIteration, which never leaves a worker thread; give it a default"
    frames = next((item for item in everything if item.site.entry.kind == "frames"), None)
    if frames:
        return "E304", f"it reaches {frames.site.entry.name} at {frames.place}: {frames.site.entry.reason}"
    bound = next((item for item in everything if is_bound(item.site.entry)), None)
    if bound and not _plain_result(index, function, node, target):
        return "R106", f"it reaches {bound.site.entry.name} at {bound.place}, and what it returns may be tied to the request's thread"
    return "", ""


def _plain_result(index: Index, function: Function, node: ast.Call, target: Function) -> bool:
    if isinstance(function.module.parents.get(node), ast.Expr):
        return True
    value = index.resolver.returned(target)
    return isinstance(value, External) and value.instance and value.name in _PLAIN


def orm_moves(index: Index, reach: Reach, function: Function, settings: Settings) -> list[Move]:
    """With `--orm executor`: expressions that work on a session, and helpers that do, for the request's own thread."""
    if settings.orm != "executor":
        return []
    found: dict[ast.AST, Move] = {}
    for site in index.graph.sites(function):
        if is_orm(site.entry) and isinstance(site.node, ast.Call):
            top = _whole_chain(function, site.node)
            found.setdefault(top, Move(top, None, site.entry, _orm_obstacle(index, function, top), "E305", True))
    for edge in index.graph.edges(function):
        if edge.how == "call" and edge.sure and isinstance(edge.node, ast.Call) and _is_orm_helper(reach, edge.target):
            reached = next(item for item in reach.surely(edge.target) if is_orm(item.site.entry))
            obstacle = why_not_here(index, function, edge.node)
            found.setdefault(edge.node, Move(edge.node, edge.target, None, obstacle, "E305", True, reached))
    memory = memory_database(index) if found else ""
    moved = [replace(move, obstacle=memory, code="E304") if memory else move for move in found.values()]
    moved = [_unless_left(index, function, move, settings) for move in moved if not is_awaited(function, move.node)]
    inside = _taken_along(moved)
    return [_along(move, inside) for move in moved if move.target or move.node not in inside]


def with_database(index: Index, reach: Reach, function: Function, settings: Settings, others: Sequence[Move]) -> list[Move]:
    """With `--orm executor` the database work first, then the other moves: what stands in an expression that moves whole goes along with it."""
    database = orm_moves(index, reach, function, settings)
    inside, taken = _taken_along(database), {move.node for move in database}
    found = [*database, *(_along(move, inside) for move in others if move.node not in taken)]
    apart = _apart(index, reach, function, found) if database else ""
    return [replace(move, obstacle=apart, code="E304") if apart and not move.obstacle and _works(reach, move) else move for move in found]


def _apart(index: Index, reach: Reach, function: Function, found: Sequence[Move]) -> str:
    """What would be done in the session of another thread when these move; empty where that does not matter, or nothing would."""
    away = {node for move in found if not move.obstacle for node in (ast.walk(move.node) if move.is_whole else [move.node])}
    rest = reach.walk(function, lambda edge: edge.node not in away and not edge.elsewhere)
    staying = next((item for item in rest if item.site.node not in away and is_orm(item.site.entry)), None)
    kept = kept_by_thread(index, staying) if staying else ""
    return f"{kept}, and {staying.path} ({staying.place}) would stay on the event loop's" if staying and kept else ""


def _works(reach: Reach, move: Move) -> bool:
    """Whether what moves to the request's thread works on a session."""
    return move.is_database or move.thread and move.target is not None and any(is_orm(item.site.entry) for item in reach.everything(move.target))


def _taken_along(database: Sequence[Move]) -> dict[ast.AST, ast.Call]:
    """What stands in expressions that move whole, and these: one lambda takes all of it, and holds no `await`."""
    whole = [move for move in database if move.is_whole and not move.obstacle]
    return {inner: move.node for move in whole for inner in ast.walk(move.node) if inner is not move.node}


def _along(move: Move, inside: Mapping[ast.AST, ast.Call]) -> Move:
    return replace(move, obstacle="", thread=True, region=None, along=inside[move.node]) if move.node in inside else move


def _is_orm_helper(reach: Reach, target: Function) -> bool:
    if target.is_async or target.is_generator or target.kind != "function" or reach.may_stop(target):
        return False
    entries = [item.site.entry for item in reach.surely(target)]
    return any(is_orm(entry) for entry in entries) and not any(is_movable(entry) for entry in entries)


def _orm_obstacle(index: Index, function: Function, node: ast.Call) -> str:
    if any(isinstance(item, ast.Await | ast.Yield | ast.YieldFrom | ast.NamedExpr) for item in ast.walk(node)):
        return "the expression holds an await, a yield or an assignment"
    return why_not_here(index, function, node)


def _whole_chain(function: Function, node: ast.Call) -> ast.Call:
    """The longest call chain that begins with this call: `A.query.filter(x)` to `A.query.filter(x).first()`."""
    top, current = node, node
    parent = function.module.parents.get(node)
    while isinstance(parent, ast.Attribute | ast.Call) and (not isinstance(parent, ast.Call) or parent.func is current):
        current = parent  # type: ignore[assignment]
        if isinstance(parent, ast.Call):
            top = parent
        parent = function.module.parents.get(parent)
    return top
