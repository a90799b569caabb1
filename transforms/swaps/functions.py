"""Swaps of single calls: a function with an asynchronous form, and clients whose methods have a second name (`create_async`)."""

import ast
from collections.abc import Iterator

from transforms.catalogue.library import CallSwap
from transforms.catalogue.library import Swap as Row
from transforms.doubles import hidden_from
from transforms.edits import AwaitCall, AwaitTwin, Import, place_of
from transforms.facts import Function
from transforms.host.objects import host_module
from transforms.index import Index
from transforms.placement import is_awaited, why_not_here
from transforms.planning import shadowed
from transforms.swaps.made import ARGUMENTS, FLOOR, floor_obstacle, given_obstacle, set_anew
from transforms.swaps.model import Swap, Unproved
from transforms.values import External

CODE, OWN_LOOPS, NOT_SAME, DOUBLED = "C210", "C212", "C213", "C217"


def swap_functions(index: Index, function: Function) -> Iterator[Swap | Unproved]:
    """All calls in the function that have an asynchronous form of their own."""
    for call in function.calls:
        target = index.resolver.value(call.node.func, call.scope)
        if isinstance(target, External) and not target.instance and not is_awaited(function, call.node):
            row = index.catalogue.calls.get(target.name)
            if row is not None and target.name not in index.catalogue.made and target.name not in index.catalogue.returned:
                yield _function(index, function, call.node, row)
            elif row is None and (known := _suffixed(index, target.name)):
                yield _second_name(index, function, call.node, known, target.name)


def _function(index: Index, function: Function, node: ast.Call, row: CallSwap) -> Swap | Unproved:
    if hidden := hidden_from(index, row.of.library, row.name):
        return Unproved(node, row.name, hidden, DOUBLED)
    if obstacle := floor_obstacle(index, row.of):
        return Unproved(node, row.name, obstacle, FLOOR)
    if obstacle := given_obstacle(node, row.arguments, row.positional):
        return Unproved(node, row.name, obstacle, ARGUMENTS)
    imports = (Import(row.module),)
    if name := shadowed(index, function, imports):
        return Unproved(node, row.name, f"the name {name} means something else here", ARGUMENTS)
    if reason := why_not_here(index, function, node):
        return Unproved(node, row.name, reason)
    return Swap(
        (node,), row.name, (AwaitCall(place_of(node), row.target),), f"{row.target} gives the same", imports, (), row.of.needs, CODE, differs=row.of.differs
    )


def _suffixed(index: Index, name: str) -> Row | None:
    """The row of the type whose method is called, when its methods have second names."""
    owner, _, method = name.rpartition(".")
    known = index.catalogue.types.get(owner)
    row = index.catalogue.swaps.get(known.name) if known else None
    if row is None or not row.suffix or owner not in {row.type, *row.names} or method.startswith("_") or method.endswith(row.suffix) or method in row.plain:
        return None
    return row if method in row.methods | row.iterators or method in row.refused or "*" in row.methods else None


def _second_name(index: Index, function: Function, node: ast.Call, row: Row, name: str) -> Swap | Unproved:
    method = name.rpartition(".")[2]
    if method in row.refused:
        return Unproved(node, name, f".{method}(): {row.refused[method]}", NOT_SAME)
    if hidden := hidden_from(index, row.of.library, name):
        return Unproved(node, name, hidden, DOUBLED)
    if obstacle := floor_obstacle(index, row.of):
        return Unproved(node, name, obstacle, FLOOR)
    if row.of.loop != "any" and not host_module(index):
        reason = "the library keeps its connection from one request to the next, and each async view has an event loop of its own (stage server gives one)"
        return Unproved(node, name, reason, OWN_LOOPS)
    if place := set_anew(index, row.of):
        return Unproved(node, name, f"{place}, which has no asynchronous form that is known", NOT_SAME)
    if reason := why_not_here(index, function, node):
        return Unproved(node, name, reason)
    new = f"{method}{row.suffix}"
    return Swap(
        (node,), name, (AwaitTwin(place_of(node), new),), f".{new}() sends the same without blocking", (), (), row.of.needs, CODE, differs=row.of.differs
    )
