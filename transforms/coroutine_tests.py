"""Coroutines that call the application's test client: Flask's async views fail there, inside a running event loop."""

import ast

from transforms.facts import Call, Function, last_name
from transforms.index import Index
from transforms.layout import is_test
from transforms.placement import is_awaited
from transforms.values import External

_VERBS = {"open", "get", "post", "put", "patch", "delete", "head", "options", "trace"}


def client_in_coroutine(index: Index) -> str:
    """Where a coroutine of the project or its tests sends a request through the test client; empty when none does.

    asgiref's `async_to_sync`, with which Flask runs an async view, raises RuntimeError there: "You cannot use
    AsyncToSync in the same thread as an async event loop".
    """
    for path in sorted(index.modules):
        for function in index.modules[path].functions:
            if _runs_in_loop(function):
                for call in function.calls:
                    if _sends(index, function, call):
                        return f"{path}:{call.node.lineno}"
    return ""


def _runs_in_loop(function: Function) -> bool:
    around: Function | None = function
    while around is not None and not around.is_async:
        around = around.outer if around.kind == "lambda" else None
    return around is not None


def _sends(index: Index, function: Function, call: Call) -> bool:
    node = call.node
    if last_name(node.func) not in _VERBS or not isinstance(node.func, ast.Attribute) or is_awaited(function, node):
        return False
    receiver = index.resolver.value(node.func.value, call.scope)
    if isinstance(receiver, External):
        return receiver.name.startswith("flask.testing.") or receiver.name.endswith(".test_client()")
    return receiver is None and is_test(function.module.path) and _is_path(node)


def _is_path(node: ast.Call) -> bool:
    """`client.get("/users")` on an unknown object of a test: a request to the application, not to a server elsewhere."""
    first = node.args[0] if node.args else None
    if isinstance(first, ast.JoinedStr) and first.values:
        first = first.values[0]
    return isinstance(first, ast.Constant) and isinstance(first.value, str) and first.value.startswith("/")
