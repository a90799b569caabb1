"""Blocks that move to a worker thread as one: from where something is opened to where it is used for the last time.

`with open(…)`, a connection from connect to close, a mail session, an archive, a download that is read piece by piece.
What is opened in such a block is used in it only, so that all of it runs on one thread. A block that cannot be moved
whole stays, with the reason.
"""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from transforms.catalogue import Entry
from transforms.doubles import double_of
from transforms.facts import Function, FunctionNode, asks_for_stream, last_name
from transforms.flow import falls_through, own_nodes, watch
from transforms.graph import Site
from transforms.index import Index
from transforms.layout import is_test
from transforms.moving import Values, suppressing, values_of, why_not_moved
from transforms.placement import is_awaited, own_statement
from transforms.reach import Reach
from transforms.tied import Tied
from transforms.values import External

_KINDS = {"client", "file", "mail"}
_ONE_THREAD = {"sqlite3"}  # libraries whose objects may be used by the thread that made them, and are made in the block
_TAIL = 6


@dataclass(frozen=True)
class Region:
    """Consecutive statements that move together. `obstacle` is empty when they can; `line` is where the reason stands."""

    seed: ast.Call
    entry: Entry
    body: tuple[ast.stmt, ...]
    values: Values
    obstacle: str = ""
    helper: bool = False

    def covers(self) -> Iterator[ast.AST]:
        """Every node of the block."""
        for statement in self.body:
            yield from ast.walk(statement)


def find_regions(index: Index, reach: Reach, function: Function) -> list[Region]:
    """The blocks of one function, in source order; none of them overlap."""
    found: list[Region] = []
    if not isinstance(function.node, FunctionNode):
        return found
    for node, entry, helper in _openings(index, function):
        if not any(not region.obstacle and node in region.covers() for region in found):
            region = _region(index, reach, function, node, entry, helper)
            found = [other for other in found if not _inside(other, region)]
            found.append(region)
    return found


def _openings(index: Index, function: Function) -> list[tuple[ast.Call, Entry, bool]]:
    """The calls that open something, in source order; True for a helper of the project that only opens it."""
    found = [(site.node, site.entry, False) for site in index.graph.sites(function) if isinstance(site.node, ast.Call) and _opens(index, function, site)]
    for edge in index.graph.edges(function):
        if edge.how == "call" and edge.sure and isinstance(edge.node, ast.Call) and not is_awaited(function, edge.node):
            entry = _made_by(index, edge.target)
            found += [(edge.node, entry, True)] if entry else []
    return sorted(found, key=lambda item: (item[0].lineno, item[0].col_offset))


def _made_by(index: Index, helper: Function) -> Entry | None:
    """What a helper opens anew with each call and returns, when it does nothing else with it that could keep it."""
    if helper.kind != "function" or helper.is_async or helper.is_generator or helper.decorators or helper.scope.outer_names or len(helper.returns) != 1:
        return None
    made: ast.AST = helper.returns[0]
    if isinstance(made, ast.Name):
        bindings = helper.scope.bindings.get(made.id, [])
        parents = helper.module.parents
        uses = [
            node for node in ast.walk(helper.node) if isinstance(node, ast.Name) and node.id == made.id and isinstance(node.ctx, ast.Load) and node is not made
        ]
        if len(bindings) != 1 or bindings[0].kind != "assign" or not all(isinstance(parents.get(use), ast.Attribute) for use in uses):
            return None
        made = bindings[0].node
    return next((site.entry for site in index.graph.sites(helper) if site.node is made and _opens(index, helper, site)), None)


def _inside(inner: Region, outer: Region) -> bool:
    """Whether the outer block can be moved and takes the inner one, or a part of it, along."""
    return not outer.obstacle and not set(inner.body).isdisjoint(outer.covers())


def _opens(index: Index, function: Function, site: Site) -> bool:
    """Whether the call opens something that is used again afterwards."""
    entry, node = site.entry, site.node
    if not isinstance(node, ast.Call) or is_awaited(function, node) or entry.kind not in _KINDS or (entry.thread_bound and entry.library not in _ONE_THREAD):
        return False
    made = index.resolver.value(node, site.scope)
    known = index.catalogue.types.get(made.name) if isinstance(made, External) and made.instance else None
    factory = entry.name in index.catalogue.made or entry.name in index.catalogue.functions
    if known is not None and factory and known.constructor_blocks:
        return True
    return (entry.lazy or asks_for_stream(node)) and (factory or not entry.thread_bound)


def _region(index: Index, reach: Reach, function: Function, node: ast.Call, entry: Entry, helper: bool) -> Region:
    statement = own_statement(function, node)
    if statement is None:
        return Region(node, entry, (), Values(), "it stands outside a statement of the function", helper)
    tied = Tied(index, function, {node})
    obstacle = _begin(function, entry, node, statement, tied)
    body = [statement]
    if not obstacle:
        body, obstacle = _extent(function, statement, tied)
    body = _to_the_end(index, function, body)
    values = values_of(index, function, body)
    obstacle = obstacle or _replaced(index, function, node, entry) or why_not_moved(index, reach, function, body, values, tied)
    return Region(node, entry, tuple(body), values, obstacle, helper)


def _replaced(index: Index, function: Function, node: ast.Call, entry: Entry) -> str:
    """Why a connection that belongs to a thread may be another one under test: one that the tests made in theirs."""
    if not entry.thread_bound:
        return ""
    doubled = double_of(index, entry.library, entry.name)
    if doubled:
        return f"{doubled}, which may give a connection of their own thread"
    name = last_name(node.func)
    for path in sorted(index.modules):
        module = index.modules[path]
        if is_test(path) and (
            any(text.rpartition(".")[2] == name for text, _ in [*module.strings, *module.named]) or any(target.attr == name for target, _ in module.stores)
        ):
            return f"{path} replaces {name}, which may give a connection of the tests' own thread"
    return ""


# Where a block begins


def _begin(function: Function, entry: Entry, node: ast.Call, statement: ast.stmt, tied: Tied) -> str:
    """Set what is tied at the beginning; the reason when the place is none where a block can begin."""
    match statement:
        case ast.With(items=items) if item := _managing(function, items, node):
            kept = entry.kind == "client" and not _is_closed(item.context_expr, node, entry)
            if kept and isinstance(item.optional_vars, ast.Name):
                tied.names.add(item.optional_vars.id)
                tied.readers.add(item.optional_vars.id)
            if not kept:
                tied.sources.clear()  # the block closes it: what is left of it afterwards is dead in any thread
            return ""
        case ast.For(iter=loop) if any(item is node for item in ast.walk(loop)):
            return "" if not tied.items_hold(loop) else "what it loops over may hold more than plain items"
        case ast.Assign() | ast.AnnAssign() | ast.AugAssign() | ast.Expr() | ast.Return():
            return ""
        case ast.With():
            return "it stands in the head of a `with` over something else"
    return f"it stands in {_PLACES.get(type(statement), 'a statement that cannot be moved')}"


_PLACES: dict[type, str] = {ast.If: "the head of an `if`", ast.While: "the head of a `while`", ast.Match: "the head of a `match`", ast.Raise: "a `raise`"}


def _managing(function: Function, items: Sequence[ast.withitem], node: ast.Call) -> ast.withitem | None:
    """The item whose manager is the call, or a wrapper around it such as `closing(…)`."""
    for item in items:
        manager = item.context_expr
        if manager is node or isinstance(manager, ast.Call) and len(manager.args) == 1 and manager.args[0] is node:
            return item
    return None


def _is_closed(manager: ast.expr, node: ast.Call, entry: Entry) -> bool:
    """Whether leaving the block closes it for certain: `closing(…)`."""
    return manager is not node and isinstance(manager, ast.Call) and last_name(manager.func) == "closing" and not entry.thread_bound


# Where it ends


def _extent(function: Function, statement: ast.stmt, tied: Tied) -> tuple[list[ast.stmt], str]:
    """From the statement to where nothing tied is read any more, in its list of statements or in one around it."""
    whole: list[ast.stmt] = function.node.body  # type: ignore[attr-defined]
    for block, place in _path(function, statement):
        for end in range(place, len(block)):
            tied.spread(block[place : end + 1])
            live = watch(whole, block[end])
            if tied.names.isdisjoint(live.after | live.raised):
                return block[_first(block, place, tied) : end + 1], ""
    return [statement], "what it opens is used in too many places"


def _first(block: Sequence[ast.stmt], place: int, tied: Tied) -> int:
    """`db = None` just before the block belongs to it."""
    while place and _clears(block[place - 1], tied):
        place -= 1
    return place


def _clears(node: ast.stmt, tied: Tied) -> bool:
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=None)):
            return name in tied.names
    return False


def _path(function: Function, node: ast.AST) -> list[tuple[list[ast.stmt], int]]:
    """The lists of statements around the node, innermost first, and its place in each. An `elif` is no list."""
    found: list[tuple[list[ast.stmt], int]] = []
    current = node
    while current is not function.node:
        parent = function.module.parents.get(current)
        if parent is None:
            break
        for name in ("body", "orelse", "finalbody"):
            block = getattr(parent, name, None)
            if isinstance(block, list) and current in block and not _is_elif(parent, current, name):
                found.append((block, block.index(current)))
        current = parent
    return found


def _is_elif(parent: ast.AST, node: ast.AST, name: str) -> bool:
    return isinstance(parent, ast.If) and isinstance(node, ast.If) and name == "orelse" and node.col_offset == parent.col_offset


def _to_the_end(index: Index, function: Function, body: list[ast.stmt]) -> list[ast.stmt]:
    """A block that returns on some paths only takes the few statements to the end of its list along, when they return."""
    if not any(isinstance(node, ast.Return) for node in own_nodes(body)):
        return body
    block, place = _path(function, body[0])[0]
    longer = block[place : place + len(body) + _TAIL]
    ends = longer[-1] is block[-1] and (block is function.node.body or not falls_through(longer, lambda node: suppressing(index, function, node)))  # type: ignore[attr-defined]
    return longer if ends and falls_through(body, lambda node: suppressing(index, function, node)) else body
