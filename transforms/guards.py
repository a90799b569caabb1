"""Checks of our own output, before anybody sees it."""

import ast
from collections.abc import Iterator, Mapping

from pyflakes.checker import Checker
from pyflakes.messages import UndefinedName

from transforms.facts import Function
from transforms.index import Index
from transforms.placement import is_awaited


def compiles(path: str, body: str) -> str:
    """Why the text does not compile; empty when it does."""
    try:
        compile(body, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        return f"the result would not compile: {error}"
    return ""


def new_names(before: str, after: str) -> str:
    """A name that is undefined only after the change; empty when there is none."""
    names = list(_undefined(after))
    old = set(_undefined(before)) if names else set()
    return next((f"undefined name {name!r}" for name in names if name not in old), "")


def _undefined(body: str) -> Iterator[str]:
    for message in Checker(ast.parse(body)).messages:
        if isinstance(message, UndefinedName):
            yield str(message.message_args[0])


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
