"""Functions that are handed to a call which runs them on another thread, and so off the event loop."""

import ast
from collections.abc import Mapping

from transforms.facts import Function, last_name

_MOVING = {"to_thread", "run_in_executor", "sync_to_async"}


def is_handed(node: ast.AST, parents: Mapping[ast.AST, ast.AST]) -> bool:
    """Whether this expression, bare or in a `partial(…)`, is an argument of a call that runs it on another thread."""
    taker = taker_of(node, parents)
    if isinstance(taker, ast.Call) and last_name(taker.func) == "partial":
        taker = taker_of(taker, parents)
    return isinstance(taker, ast.Call) and node is not taker.func and last_name(taker.func) in _MOVING


def taker_of(node: ast.AST, parents: Mapping[ast.AST, ast.AST]) -> ast.AST | None:
    """What stands around the expression: for an argument the call, also when it is given by name."""
    parent = parents.get(node)
    return parents.get(parent) if isinstance(parent, ast.keyword) else parent


def runs_elsewhere(nested: Function) -> bool:
    """Whether every use of the function or lambda hands it to a call that runs it on another thread."""
    parents = nested.module.parents
    if nested.kind == "lambda":
        return is_handed(nested.node, parents)
    if nested.outer is None or nested.kind != "function":
        return False
    uses = [item.node for item in nested.outer.references if isinstance(item.node, ast.Name) and item.node.id == nested.name]
    called = any(isinstance(call.node.func, ast.Name) and call.node.func.id == nested.name for call in nested.outer.calls)
    return bool(uses) and not called and all(is_handed(use, parents) for use in uses)
