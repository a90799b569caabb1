"""Swaps of typed clients, all of it from the catalogue: made and used in one function, or kept over requests on one loop.

Each client stands or falls with everything that is made from it in the function. What is left has its reason: C212 kept,
but each view has a loop of its own; C213 a use that differs; C214 it leaves the function; C215 its arguments; C216 the
version asked for; C217 the tests replace it; C218 it may change; C219 nothing closes it.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from transforms.catalogue.library import Swap as Row
from transforms.doubles import hidden_from
from transforms.edits import AwaitCall, Edit, Enclose, Import, NameArguments, Replace, place_of
from transforms.facts import Function, FunctionNode, Reference, last_name
from transforms.host.objects import host_module
from transforms.index import Index
from transforms.placement import is_awaited, stands_alone, why_not_here
from transforms.planning import shadowed
from transforms.reach import Reach
from transforms.regions import find_regions
from transforms.swaps.factories import Factory, as_factory, factory_called, second_function
from transforms.swaps.held import Held, held
from transforms.swaps.held_form import held_form
from transforms.swaps.http import catcher
from transforms.swaps.kept import Origin, Shared, origin, shared_form
from transforms.swaps.made import ARGUMENTS, FLOOR, argument_obstacle, floor_obstacle, made_here, maker_of
from transforms.swaps.model import Swap, Unproved
from transforms.swaps.uses import LEAVES, NOT_SAME, Stop, Uses
from transforms.values import ClassValue, External, FunctionValue, Instance

LOCAL, KEPT = "C210", "C211"
OWN_LOOPS, DOUBLED, UNCLOSED = "C212", "C217", "C219"
CODED = {"httpx", "httpx2"}  # their swaps need more than names: requests, bodies, TLS contexts
_APART = "it is kept from one request to the next, and each async view has an event loop of its own (stage server gives one)"


@dataclass(frozen=True)
class _Unit:
    """One client in one function, with all that becomes of it."""

    seed: ast.expr
    uses: Uses
    edits: tuple[Edit, ...]
    row: Row
    imports: tuple[Import, ...]
    shared: Shared | None = None
    elsewhere: tuple[tuple[str, Edit, tuple[Import, ...]], ...] = ()


def typed_swaps(index: Index, function: Function) -> list[Swap | Unproved]:
    """All clients of the function that the catalogue gives an asynchronous form, in source order."""
    if not isinstance(function.node, FunctionNode) or not index.catalogue.swaps:
        return []
    found: list[_Unit | Unproved] = [*_made_inside(index, function), *_kept_outside(index, function)]
    units, kept = _placed(index, function, [item for item in found if isinstance(item, _Unit)])
    left = [*(item for item in found if isinstance(item, Unproved)), *kept]
    units, whole = _beside_blocks(index, function, units) if units and left else (units, [])
    left += whole
    done: list[Swap | Unproved] = [_swap(index, function, unit) for unit in units]
    seen: set[ast.AST] = {node for unit in units for node in unit.uses.calls} | {item.node for item in left}
    left += _not_followed(index, function, seen, {inner for item in left for inner in ast.walk(item.node)})
    return sorted([*done, *left], key=lambda item: (_node(item).lineno, _node(item).col_offset))


def _node(item: Swap | Unproved) -> ast.expr:
    return item.node if isinstance(item, Unproved) else item.nodes[0]


# Made in the function


def _made_inside(index: Index, function: Function) -> Iterator[_Unit | Unproved]:
    own = as_factory(index, function)
    for call in function.calls:
        if call.scope is not function.scope or own is not None and call.node is own.made:
            continue  # what a factory gives is looked at where it is called
        row = made_here(index, call.node, call.scope)
        factory = factory_called(index, call.node, function) if row is None else None
        row = factory.row if factory else row
        if row is not None and row.of.library not in CODED and not is_awaited(function, call.node):
            try:
                yield _from_factory(index, function, call.node, factory) if factory else _local(index, function, call.node, row)
            except Stop as stop:
                yield Unproved(call.node, row.type, _with_line(stop, call.node), stop.code)


def _from_factory(index: Index, function: Function, call: ast.Call, factory: Factory) -> _Unit:
    row = factory.row
    _same_client(index, function, call, row)
    if obstacle := _late_obstacle(index, function, call, row, factory.maker.awaited):
        raise Stop(NOT_SAME, call, obstacle)
    second = second_function(index, function, call, factory)
    made: Edit = AwaitCall(place_of(call), second.callee) if second.awaited else Replace(place_of(call.func), second.callee)
    uses, edits = _followed(index, function, call, row)
    return _Unit(call, uses, (made, *edits), row, second.imports, elsewhere=second.elsewhere)


def _local(index: Index, function: Function, call: ast.Call, row: Row) -> _Unit:
    maker = maker_of(index, call, function.scope, row)
    _same_client(index, function, call, row)
    if maker is None:
        raise Stop(ARGUMENTS, call, "what makes it has no asynchronous form that is known")
    if obstacle := argument_obstacle(maker, call):
        raise Stop(ARGUMENTS, call, obstacle)
    if name := shadowed(index, function, maker.imports):
        raise Stop(ARGUMENTS, call, f"the name {name} means something else here")
    if obstacle := _late_obstacle(index, function, call, row, maker.awaited):
        raise Stop(NOT_SAME, call, obstacle)
    uses, edits = _followed(index, function, call, row)
    made: list[Edit] = [AwaitCall(place_of(call), maker.target) if maker.awaited else Replace(place_of(call.func), maker.target)]
    if maker.by_name and call.args:
        made.append(NameArguments(place_of(call), maker.positional[: len(call.args)]))
    return _Unit(call, uses, (*made, *edits), row, maker.imports)


def _followed(index: Index, function: Function, call: ast.Call, row: Row) -> tuple[Uses, tuple[Edit, ...]]:
    """All uses of what the call gives, and their edits, with the closing of it; raises Stop."""
    uses = Uses(index, function, row, seeds={call})
    uses.follow(call, row)
    uses.finish()
    edits = list(uses.edits)
    if not uses.closed and (row.closes or row.context):
        edits.insert(0, _enclosing(function, call, row, uses))
    uses.awaited.append(call)
    return uses, tuple(edits)


def _late_obstacle(index: Index, function: Function, call: ast.Call, row: Row, awaited: bool) -> str:
    """Why it would be seen that the asynchronous client connects when it is first used, and not when it is made; empty when nothing sees it."""
    known = index.catalogue.types.get(row.type)
    parents = function.module.parents
    if awaited or known is None or not known.constructor_blocks or isinstance(parents.get(call), ast.withitem):
        return ""
    inner: ast.AST = call
    for parent in function.module.ancestors(call):
        if isinstance(parent, ast.Try) and inner in parent.body and parent.handlers or isinstance(parent, ast.With):
            return f"the asynchronous client connects when it is first used, and line {parent.lineno} may catch what making this one raises"
        inner = parent
    return ""


def _same_client(index: Index, function: Function, node: ast.expr, row: Row) -> None:
    """What holds for every client of the type: the version, the tests, who catches its errors. Raises Stop."""
    if hidden := hidden_from(index, row.of.library, row.type):
        raise Stop(DOUBLED, node, hidden)
    if obstacle := floor_obstacle(index, row.of):
        raise Stop(FLOOR, node, obstacle)
    for error in row.of.exceptions:
        if place := catcher(index, function, error.partition(".")[0]):
            raise Stop(NOT_SAME, node, f"{place}, and the asynchronous client raises another error")


def _enclosing(function: Function, call: ast.Call, row: Row, uses: Uses) -> Enclose:
    """`async with` around the rest of its use, where nothing closes the client: raises Stop where that cannot be written."""
    parents = function.module.parents
    statement = parents.get(call)
    if row.holds:
        raise Stop(UNCLOSED, call, "nothing closes it, and leaving a `with` would do more than that: it commits")
    if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name) or len(statement.targets) > 1 or not row.context:
        raise Stop(UNCLOSED, call, "nothing closes it: write `with … as client:` around its use")
    around = parents.get(statement)
    block = next((rows for name in ("body", "orelse", "finalbody") if isinstance(rows := getattr(around, name, None), list) and statement in rows), None)
    name = statement.targets[0].id
    if block is None or len(function.scope.bindings[name]) > 1:
        raise Stop(UNCLOSED, call, "nothing closes it: write `with … as client:` around its use")
    first = block.index(statement)
    using = [number for number in range(first, len(block)) if _mentions(block[number], uses)]
    everywhere = sum(isinstance(item, ast.Name) and item.id in uses.names for item in ast.walk(function.node))
    inside = sum(isinstance(item, ast.Name) and item.id in uses.names for number in using for item in ast.walk(block[number]))
    last = block[using[-1]]
    if last is statement or inside != everywhere or not stands_alone(function, statement) or not stands_alone(function, last):
        raise Stop(UNCLOSED, call, "nothing closes it, and it is used in several blocks: write `with … as client:` around its use")
    return Enclose(place_of(statement), place_of(last), name)


def _mentions(statement: ast.stmt, uses: Uses) -> bool:
    return any(isinstance(item, ast.Name) and item.id in uses.names for item in ast.walk(statement))


# Kept over requests


def _kept_outside(index: Index, function: Function) -> Iterator[_Unit | Unproved]:
    support = host_module(index)
    for reference in function.references:
        row = _typed(index, reference)
        if row is None or row.of.library in CODED or _is_taken_from(index, reference):
            continue
        node = reference.node
        try:
            found = held(index, node, reference.scope) or origin(index, node, reference.scope)
            if found is None:
                continue
            if not support:
                raise Stop(OWN_LOOPS, node, _APART)
            yield _kept(index, function, node, row, found, support)
        except Stop as stop:
            call = _call_around(function, node)
            if call is None and stop.code == NOT_SAME and isinstance(stop.node, ast.expr):
                yield Unproved(stop.node, row.type, stop.reason, stop.code)
            elif call is None and isinstance(node, ast.Attribute) and isinstance(function.module.parents.get(node), ast.Assign):
                yield Unproved(node, row.type, _with_line(stop, node), stop.code)
            elif call is not None and not (stop.code == OWN_LOOPS and is_awaited(function, call)):
                yield Unproved(call, _subject(index, function, call, row), _with_line(stop, call), stop.code)


def _typed(index: Index, reference: Reference) -> Row | None:
    value = index.resolver.value(reference.node, reference.scope)
    return index.catalogue.swaps.get(value.name) if isinstance(value, External) and value.instance else None


def _is_taken_from(index: Index, reference: Reference) -> bool:
    """Whether the object is itself an attribute of such an object, which is looked at in its own place."""
    node = reference.node
    return isinstance(node, ast.Attribute) and _typed(index, Reference(node.value, reference.scope)) is not None


def _kept(index: Index, function: Function, node: ast.expr, row: Row, found: Origin | Held, support: str) -> _Unit:
    _same_client(index, function, node, row)
    if not row.kept:
        raise Stop(LEAVES, node, "one object of it for all requests would mix what they do")
    uses = Uses(index, function, row, seeds={node})
    uses.follow(node, row)
    uses.finish()
    if uses.closed:
        raise Stop(LEAVES, node, "it is closed here, and other requests go on using it")
    if not uses.awaited:
        raise Stop(NOT_SAME, node, "nothing of it would be awaited")
    shared = held_form(index, function, node, found, support) if isinstance(found, Held) else shared_form(index, function, node, found, support)
    return _Unit(node, uses, (Replace(place_of(node), shared.code), *uses.edits), row, shared.imports, shared)


def _call_around(function: Function, node: ast.expr) -> ast.Call | None:
    for parent in function.module.ancestors(node):
        if isinstance(parent, ast.Call):
            return parent
        if isinstance(parent, ast.stmt):
            return None
    return None


# Together


def _placed(index: Index, function: Function, units: list[_Unit]) -> tuple[list[_Unit], list[Unproved]]:
    """The units of which every part may be awaited where it stands, given the blocks that are entered asynchronously."""
    left: list[Unproved] = []
    while True:
        entered = {block for unit in units for block in unit.uses.blocks}
        stopped = [(unit, reason) for unit in units if (reason := _why_not_placed(index, function, unit, entered))]
        if not stopped:
            return units, left
        left += [Unproved(unit.seed, unit.row.type, reason) for unit, reason in stopped]
        units = [unit for unit in units if not any(unit is other for other, _ in stopped)]


def _why_not_placed(index: Index, function: Function, unit: _Unit, entered: set[ast.With]) -> str:
    for node in unit.uses.awaited:
        if reason := why_not_here(index, function, node, entered):
            return reason if node is unit.seed else f"line {node.lineno}: {reason}"
    return ""


def _beside_blocks(index: Index, function: Function, units: list[_Unit]) -> tuple[list[_Unit], list[Unproved]]:
    """Without the units of which a part stands in a block that moves to a thread as one: an `await` in it would keep it on the loop."""
    taken = {node for unit in units for node in [unit.seed, *unit.uses.calls]}
    blocks = [region for region in find_regions(index, Reach(index.graph), function) if not region.obstacle and region.seed not in taken]
    left: list[Unproved] = []
    for unit in list(units):
        block = next((region for region in blocks if not {unit.seed, *unit.uses.awaited}.isdisjoint(region.covers())), None)
        if block is not None:
            units = [other for other in units if other is not unit]
            reason = f"it stands in the block at line {block.body[0].lineno}, which moves to a thread as one for {block.entry.name}"
            left.append(Unproved(unit.seed, unit.row.type, reason))
    return units, left


def _swap(index: Index, function: Function, unit: _Unit) -> Swap:
    row, uses = unit.row, unit.uses
    nodes = tuple(dict.fromkeys([*([unit.seed] if isinstance(unit.seed, ast.Call) else []), *uses.calls]))
    if unit.shared:
        reason = f"one client for all requests, made as the one at {unit.shared.made_at} is, on the loop that all async views share"
    else:
        reason = f"{row.target} has the same methods"
        reason += "; it is closed where its use ends" if any(isinstance(edit, Enclose) for edit in unit.edits) else ""
    elsewhere = unit.shared.elsewhere if unit.shared else unit.elsewhere
    code = KEPT if unit.shared else LOCAL
    subject = _subject(index, function, nodes[0], row) if unit.shared else row.type
    return Swap(
        nodes, subject, unit.edits, reason, unit.imports, (), row.of.needs, code, blocks=tuple(uses.blocks), elsewhere=elsewhere, differs=row.of.differs
    )


def _with_line(stop: Stop, at: ast.expr) -> str:
    line = getattr(stop.node, "lineno", at.lineno)
    return stop.reason if line == at.lineno else f"line {line}: {stop.reason}"


def _subject(index: Index, function: Function, call: ast.Call, row: Row) -> str:
    """The method that is called, as people read it."""
    func = call.args[0] if call.args and last_name(call.func) == "to_thread" else call.func
    value = index.resolver.value(func, function.scope)
    return value.name if isinstance(value, External) and not value.instance else row.type


# The rest


def _not_followed(index: Index, function: Function, seen: set[ast.AST], said: set[ast.AST]) -> Iterator[Unproved]:
    """Calls of such clients that come from where they cannot be followed."""
    found: set[ast.expr] = set()
    for site in index.graph.sites(function):
        owner = site.entry.name.rpartition(".")[0]
        row = index.catalogue.swaps.get(owner)
        node = site.node
        if row is None or row.suffix or row.of.library in CODED or not isinstance(node, ast.Call) or node in seen or is_awaited(function, node):
            continue
        root = _root(function, node.func)
        named = isinstance(node.func, ast.Attribute) and "__" not in site.entry.name
        if named and root not in found and not _is_said(index, function, root, said):
            found.add(root)
            yield Unproved(node, site.entry.name, _whence(index, function, root), LEAVES)


def _root(function: Function, node: ast.expr) -> ast.expr:
    """What an object comes from in the function: `r` for `p` after `p = r.pipeline()`."""
    seen: set[str] = set()
    while True:
        while isinstance(node, ast.Call | ast.Attribute | ast.Subscript):
            node = node.func if isinstance(node, ast.Call) else node.value
        bindings = function.scope.bindings.get(node.id, []) if isinstance(node, ast.Name) and node.id not in seen else []
        if len(bindings) != 1 or bindings[0].kind not in ("assign", "with") or not isinstance(bindings[0].node, ast.expr):
            return node
        seen.add(node.id)  # type: ignore[attr-defined]
        node = bindings[0].node


def _is_said(index: Index, function: Function, root: ast.expr, said: set[ast.AST]) -> bool:
    """Whether the object has a decision of its own: it is made here, or kept at the top level of a module."""
    bindings = function.scope.bindings.get(root.id, []) if isinstance(root, ast.Name) else []
    if any(not said.isdisjoint(ast.walk(node)) for node in [root, *(item.node for item in bindings)]):
        return True
    try:
        return isinstance(root, ast.Name) and origin(index, root, function.scope) is not None
    except Stop:
        return True


def _whence(index: Index, function: Function, node: ast.expr) -> str:
    """Why the object that a method is called on is not followed."""
    value = index.resolver.value(node, function.scope)
    if isinstance(value, Instance | ClassValue):
        return "its class is derived from the client's in this project, and may have changed any of its methods"
    if value == External("flask.Flask", True):
        return "it is kept on the application, where it may be set anew at any time"
    if isinstance(value, FunctionValue):
        return f"{value.function.name}() gives it, and does more than make it anew: it may be the same one for all, or set up otherwise"
    bindings = index.resolver.bindings(node.id, function.scope) if isinstance(node, ast.Name) else []
    if any(item.kind == "param" and item.scope is function.scope for item in bindings):
        return "the client is handed in by the callers, who pass the synchronous one"
    if any(item.scope.kind == "function" and item.scope is not function.scope for item in bindings):
        return "the client is made in the function around this one, each time that is called"
    return "where the client is made is not followed"
