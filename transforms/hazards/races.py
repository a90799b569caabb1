"""Module state read before an await and written after it (T504): what another task wrote meanwhile is lost.

Measured: 50 requests that each read, await and write one counter leave it at 1 (facts of issue 3, section I).
"""

import ast
from collections.abc import Iterator, Sequence

from transforms.facts import Function
from transforms.hazards.finding import Finding, awaits, body, end, position
from transforms.index import Index
from transforms.reach import Reach


def find(index: Index, reach: Reach, own: Sequence[Function]) -> Iterator[Finding]:
    """In async functions, for names of the module and items and attributes of them, where no lock is held."""
    for function in own:
        if function.is_async:
            nodes = body(function)
            for node in nodes:
                if isinstance(node, ast.AugAssign | ast.Assign) and not _guarded(function, node):
                    yield from _lost_update(index, function, node, nodes)


def _lost_update(index: Index, function: Function, node: ast.AugAssign | ast.Assign, nodes: list[ast.AST]) -> Iterator[Finding]:
    target = node.target if isinstance(node, ast.AugAssign) else node.targets[0]
    if not _is_shared(index, function, target):
        return
    text = ast.unparse(target)
    waited = sorted(awaits(list(ast.walk(node.value))), key=position)
    if isinstance(node, ast.AugAssign):
        read = waited
    else:
        read = [item for item in waited if any(position(use) < position(item) for use in _uses(node.value, text))] or _copied(nodes, node, text)
    if read:
        reason = f"`{text}` is read before the function waits (line {position(read[0])[0]}) and written after it: what another task wrote meanwhile is lost"
        yield Finding(function, node, "T504", reason, text)


def _is_shared(index: Index, function: Function, target: ast.expr) -> bool:
    """A global name, or an item or attribute of a name that is bound once, in the module."""
    base = target
    while isinstance(base, ast.Attribute | ast.Subscript):
        if isinstance(base, ast.Subscript) and not isinstance(base.slice, ast.Constant):
            return False  # another key for each request
        base = base.value
    if not isinstance(base, ast.Name):
        return False
    if base is target:
        return function.scope.outer_names.get(base.id) == "global"
    bindings = index.resolver.bindings(base.id, function.scope)
    plain = len(bindings) == 1 and bindings[0].scope.kind == "module" and bindings[0].kind == "assign"
    return plain and isinstance(bindings[0].node, ast.Dict | ast.List | ast.Call) and not _is_local(bindings[0].node)


def _is_local(node: ast.AST) -> bool:
    """Objects that each task sees its own way: `threading.local()`, `Local()`, `LocalProxy(…)`."""
    name = ast.unparse(node.func).rpartition(".")[2] if isinstance(node, ast.Call) else ""
    return name.lower().startswith("local") or name == "ContextVar"


def _uses(node: ast.AST, text: str) -> Iterator[ast.AST]:
    return (item for item in ast.walk(node) if isinstance(item, ast.Name | ast.Attribute | ast.Subscript) and ast.unparse(item) == text)


def _copied(nodes: list[ast.AST], write: ast.Assign, text: str) -> list[ast.AST]:
    """`before = STATE["n"]`, an await, `STATE["n"] = before + 1`: the awaits between the copy and the write that uses it."""
    copies = [item for item in nodes if isinstance(item, ast.Assign) and isinstance(item.targets[0], ast.Name) and ast.unparse(item.value) == text]
    for copy in copies:
        name = copy.targets[0]
        assert isinstance(name, ast.Name)
        used = not isinstance(write.value, ast.Name) and any(isinstance(item, ast.Name) and item.id == name.id for item in ast.walk(write.value))
        again = [item for item in nodes if isinstance(item, ast.Name) and item.id == name.id and isinstance(item.ctx, ast.Store)]
        between = [item for item in awaits(nodes) if end(copy) < position(item) and end(item) < position(write)]
        if used and len(again) == 1 and between:
            return between
    return []


def _guarded(function: Function, node: ast.AST) -> bool:
    """Under a lock, of threads or of tasks."""
    return any(isinstance(parent, ast.AsyncWith | ast.With) for parent in _around(function, node))


def _around(function: Function, node: ast.AST) -> Iterator[ast.AST]:
    for parent in function.module.ancestors(node):
        if parent is function.node:
            return
        yield parent
