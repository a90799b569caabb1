"""Commands on an object that only queues them, until it is told to send them at once: a Redis pipeline after `watch()`.

In that phase each command waits for the server; `multi()` ends it. Statements that follow `multi()` in the same block
are known to queue; any other command on such an object may be sent at once, and counts as blocking.
"""

import ast
from collections.abc import Iterable

from transforms.catalogue import Entry
from transforms.catalogue.library import LibraryType
from transforms.facts import Call, Function, ModuleFacts
from transforms.resolve import Resolver
from transforms.values import External


def sent_at_once(resolver: Resolver, call: Call, target: External) -> Entry | None:
    """The entry of a command that may be sent at once; None when it is queued, or no such command."""
    owner, _, method = target.name.rpartition(".")
    known = resolver.catalogue.types.get(owner)
    node = call.node.func
    if known is None or not known.at_once_after or method.startswith("_") or method in known.pure | known.queued_after or not isinstance(node, ast.Attribute):
        return None
    function = call.scope.owner
    if not _may_be_told(resolver, function, call, node.value, known) or _is_queued(function.module, call.node, node.value, known):
        return None
    after = " or ".join(f"{name}()" for name in sorted(known.at_once_after))
    return Entry(f"{owner}.{method}", known.library, known.kind, known.verdict, f"after {after} it is sent at once", False, known.thread_bound)


def _may_be_told(resolver: Resolver, function: Function, call: Call, node: ast.expr, known: LibraryType) -> bool:
    """Whether the object is told so in the function, or comes from elsewhere while the project does that anywhere."""
    root = _root(node)
    if root is None:
        return _tells(call.node, known) or _anywhere(resolver, known)
    bindings = resolver.bindings(root.id, call.scope)
    if len(bindings) != 1 or bindings[0].kind not in ("assign", "with") or bindings[0].scope is not function.scope:
        return _anywhere(resolver, known)
    return (
        any(_calls(item.node.func, root.id, known.at_once_after) for item in function.calls) or _is_handed_on(function, root.id) and _anywhere(resolver, known)
    )


def _root(node: ast.expr) -> ast.Name | None:
    """The name at the head of `pipe.get("a").get("b")`."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        node = node.func.value
    return node if isinstance(node, ast.Name) else None


def _tells(node: ast.AST, known: LibraryType) -> bool:
    return any(isinstance(item, ast.Attribute) and item.attr in known.at_once_after for item in ast.walk(node))


def _anywhere(resolver: Resolver, known: LibraryType) -> bool:
    return any(True for name in known.at_once_after for _ in resolver.names.everywhere(name))


def _calls(node: ast.expr, name: str, methods: Iterable[str]) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in methods and isinstance(node.value, ast.Name) and node.value.id == name


def _is_handed_on(function: Function, name: str) -> bool:
    """Whether the object itself goes to other code: `prepare(pipe)`."""
    return any(isinstance(item.node, ast.Name) and item.node.id == name and not item.base for item in function.references)


def _is_queued(module: ModuleFacts, node: ast.Call, owner: ast.expr, known: LibraryType) -> bool:
    """Whether `multi()` stands above it in the same block or one around it, and nothing between takes that back."""
    root = _root(owner)
    current: ast.AST = node
    while root is not None and not isinstance(current, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.Module):
        parent = module.parents[current]
        if isinstance(current, ast.stmt):
            before = next((rows[: rows.index(current)] for rows in _blocks(parent) if current in rows), [])
            for statement in reversed(before):
                if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call) and _calls(statement.value.func, root.id, known.queued_after):
                    return True
                if _tells(statement, known):
                    return False
        current = parent
    return False


def _blocks(node: ast.AST) -> list[list[ast.stmt]]:
    found = (getattr(node, name, None) for name in ("body", "orelse", "finalbody"))
    return [rows for rows in found if isinstance(rows, list)]
