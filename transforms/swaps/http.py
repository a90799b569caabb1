"""What is shared by the swaps of HTTP clients: the target library, the TLS context, who catches what."""

import ast
from collections.abc import Iterator

from transforms.edits import Import
from transforms.facts import Function, last_name
from transforms.index import Index
from transforms.model import Settings
from transforms.values import ClassValue, External

CONTEXT = "SSL_CONTEXT"
CONTEXT_CODE = "SSL_CONTEXT = ssl.create_default_context(cafile=certifi.where())"
CONTEXT_IMPORTS = (Import("certifi"), Import("ssl"))
_SYSTEM = {
    "builtins.OSError",
    "builtins.IOError",
    "builtins.EnvironmentError",
    "builtins.ConnectionError",
    "builtins.TimeoutError",
    "socket.timeout",
    "socket.error",
}


def target(index: Index, settings: Settings) -> str:
    """The asynchronous HTTP library to use; empty when none fits the project's Python."""
    if settings.http != "auto":
        return settings.http
    if index.requirements.has("httpx") and not index.requirements.has("httpx2"):
        return "httpx"
    oldest = settings.python or index.requirements.python or (3, 11)
    return "httpx2" if oldest >= (3, 11) else "httpx"


def context_obstacle(index: Index, function: Function) -> str:
    """Why the shared TLS context cannot be named in that module; empty when it can."""
    bindings = function.module.scope.bindings.get(CONTEXT, [])
    local = index.resolver.bindings(CONTEXT, function.scope)
    if all(ast.unparse(item.node) == CONTEXT_CODE.partition(" = ")[2] for item in [*bindings, *local]):
        return ""
    return f"the name {CONTEXT} means something else here"


def catcher(index: Index, function: Function, library: str) -> str:
    """Who catches an exception of the library, or may: its class would be another one. Empty when nobody does."""
    for item in sorted(_on_stack(index, function), key=lambda one: (one.module.path, one.line)):
        for clause in item.handlers:
            for kind in _types(clause.type):
                if _concerns(index, item, kind, library):
                    return f"{item.module.path}:{clause.lineno} catches {ast.unparse(kind)}"
    return _error_handler(index, library)


def _on_stack(index: Index, function: Function) -> set[Function]:
    """Functions that may be on the stack when this one runs: its callers, and the wrappers around them."""
    found = {function}
    waiting = [function]
    while waiting:
        current = waiting.pop()
        around = [caller.function for caller in index.graph.callers(current) if caller.function]
        around += [edge for item in _decorators(index, current) for edge in [item, *item.nested]]
        if current.outer and current.outer.kind != "module":
            around.append(current.outer)
        for item in around:
            if item not in found:
                found.add(item)
                waiting.append(item)
    return found


def _decorators(index: Index, function: Function) -> Iterator[Function]:
    for edge in index.graph._wrappers(function, function.node):
        yield edge.target


def _types(node: ast.expr | None) -> list[ast.expr]:
    if isinstance(node, ast.Tuple):
        return node.elts
    return [node] if node is not None else []


def _concerns(index: Index, function: Function, kind: ast.expr, library: str) -> bool:
    value = index.resolver.value(kind, function.scope)
    if isinstance(value, ClassValue):
        return any(base is None or base.name.startswith(f"{library}.") for base in index.resolver.external_bases(value.cls))
    if isinstance(value, External):
        return value.name.startswith(f"{library}.") or value.name in _SYSTEM
    return True


def _error_handler(index: Index, library: str) -> str:
    for handler in index.registry.handlers.values():
        if handler.slot == "error handler":
            for node in handler.registrations:
                for item in getattr(node, "args", []):
                    scope = handler.function.scope.parent
                    value = index.resolver.value(item, scope) if scope else None
                    if isinstance(value, External) and (value.name.startswith(f"{library}.") or value.name in _SYSTEM):
                        return f"{handler.function.place} handles {last_name(item)}"
    return ""
