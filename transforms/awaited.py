"""Whether every function that we made async is awaited wherever it is called, on an index of the new source."""

import ast
from collections.abc import Mapping

from transforms.facts import Function
from transforms.index import Index
from transforms.placement import is_awaited


def never_awaited(before: Index, after: Index) -> Mapping[str, str]:
    """By path: a function that we made async and that some code still calls like a plain one."""
    found: dict[str, str] = {}
    was = {(path, function.qualname, function.is_async) for path, module in before.modules.items() for function in module.functions}
    for path, module in sorted(after.modules.items()):
        for function in module.functions:
            if function.is_async and (path, function.qualname, False) in was and (path, function.qualname, True) not in was:
                _check(after, function, found)
    return found


def _check(after: Index, function: Function, found: dict[str, str]) -> None:
    handler = function in after.registry.handlers
    for caller in after.graph.callers(function):
        if caller.sure and caller.function and isinstance(caller.node, ast.Call) and is_awaited(caller.function, caller.node):
            continue
        if caller.sure or not handler:
            found[function.module.path] = f"{caller.place} would use {function.qualname} without await"
