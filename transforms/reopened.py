"""Helpers that a run before moved to a thread, and whose clients one lasting loop makes asynchronous.

`await asyncio.to_thread(noted, number)` may become `await noted(number)` once `noted` waits for nothing but clients that have
an asynchronous form, and only then: whatever else it does was off the loop until now. On Flask's own loops such a client
cannot be kept, so that is only asked where all Flask objects of the project run on one.
"""

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from transforms.facts import Function
from transforms.host.objects import host_module
from transforms.index import Index
from transforms.judge import is_own
from transforms.model import Settings
from transforms.placement import is_awaited
from transforms.reach import Reach
from transforms.server.blocking import doubts
from transforms.swaps import Swap, find_swaps
from transforms.values import External, FunctionValue


@dataclass(frozen=True)
class Threaded:
    """`await asyncio.to_thread(target, …)` in an async function."""

    function: Function
    call: ast.Call
    target: Function


def threaded_helpers(index: Index, reach: Reach, functions: Collection[Function], settings: Settings) -> list[Threaded]:
    """The calls of helpers in threads that may be awaited on the loop instead, once the helpers are async."""
    if not host_module(index):
        return []
    found = [item for function in functions for item in _threaded(index, function)]
    fit = {target for target in {item.target for item in found} if _is_all_swapped(index, reach, target, settings)}
    return [item for item in found if item.target in fit]


def _threaded(index: Index, function: Function) -> Iterator[Threaded]:
    for call in function.calls:
        node = call.node
        if node.args and is_awaited(function, node) and index.resolver.value(node.func, call.scope) == External("asyncio.to_thread"):
            value = index.resolver.value(node.args[0], call.scope)
            if isinstance(value, FunctionValue) and not value.function.is_async and is_own(index, value.function):
                yield Threaded(function, node, value.function)


def _is_all_swapped(index: Index, reach: Reach, target: Function, settings: Settings) -> bool:
    """Whether nothing that blocks, or may block, is left in the helper once its clients are asynchronous."""
    swapped = {node for item in find_swaps(index, target, settings) if isinstance(item, Swap) for node in item.nodes}
    blocking = reach.everything(target)
    return (
        bool(swapped) and all(item.site.node in swapped for item in blocking) and not any(True for item in reach.functions(target) for _ in doubts(index, item))
    )
