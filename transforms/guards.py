"""Checks of our own output, before anybody sees it."""

import ast
from collections.abc import Collection, Iterator, Mapping

from pyflakes.checker import Checker
from pyflakes.messages import UndefinedName, UnusedImport

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


def new_names(before: str, after: str, kept: Collection[str]) -> str:
    """A name that is undefined, or an import that is unused, only after the change; empty when there is none.

    `kept`: names that other files or mock targets take from this one, which may stay imported without use.
    """
    complaints = list(_complaints(after, kept))
    old = set(_complaints(before, kept)) if complaints else set()
    return next((complaint for complaint in complaints if complaint not in old), "")


def _complaints(body: str, kept: Collection[str]) -> Iterator[str]:
    checker = Checker(ast.parse(body))
    for message in checker.messages:
        if isinstance(message, UndefinedName):
            yield f"undefined name {message.message_args[0]!r}"
        elif isinstance(message, UnusedImport) and str(message.message_args[0]).rpartition(".")[2] not in kept:
            yield f"unused import {message.message_args[0]!r}"


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
