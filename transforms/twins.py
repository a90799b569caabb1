"""Async twins: a helper that must stay synchronous for some callers gets an `async def` copy for the others.

No twin for a helper that the tests replace: they would replace the wrong one. No twin for a nested function.
"""

import ast
from collections.abc import Iterable
from dataclasses import dataclass

from transforms.edits import Import
from transforms.facts import Function, FunctionNode
from transforms.index import Index


@dataclass(frozen=True)
class Twin:
    """The name of the copy, and whether it stands there already."""

    name: str
    exists: bool


def find_twins(index: Index, helpers: Iterable[Function]) -> dict[Function, Twin]:
    """A twin for each of the helpers that can have one."""
    found: dict[Function, Twin] = {}
    for function in helpers:
        twin = _twin(index, function)
        if twin is not None:
            found[function] = twin
    return found


def _twin(index: Index, function: Function) -> Twin | None:
    if function.outer is None or function.outer.kind != "module" or is_replaced(index, function):
        return None
    name = f"{function.name}_async"
    scope = function.cls.scope if function.cls else function.module.scope
    known = scope.bindings.get(name)
    if not known:
        return Twin(name, False)
    node = known[0].node
    same = isinstance(node, ast.AsyncFunctionDef) and isinstance(function.node, FunctionNode) and ast.dump(node.args) == ast.dump(function.node.args)
    return Twin(name, True) if same and len(known) == 1 else None


def is_replaced(index: Index, function: Function) -> bool:
    """Whether something names the function in a string or assigns to it: a mock, a patch, a registry."""
    named = any(caller.why == "is named in a string" for caller in index.graph.callers(function))
    return named or bool(index.resolver.names.stores(function.name))


def twin_imports(index: Index, function: Function, node: ast.Call, target: Function, twin: Twin) -> tuple[Import, ...] | None:
    """What the caller must import to call the twin; None when it cannot be imported as the helper is."""
    if not isinstance(node.func, ast.Name):
        return () if _last_is_own_name(node.func, target) else None
    bindings = index.resolver.bindings(node.func.id, function.scope)
    if len(bindings) != 1 or node.func.id != target.name:
        return None
    binding = bindings[0]
    if binding.kind == "def":
        return ()
    if binding.kind != "from" or binding.scope.kind != "module" or not isinstance(binding.node, ast.ImportFrom):
        return None
    home = index.layout.imported(binding.node, function.module.path)
    taken = index.resolver.bindings(twin.name, function.scope)
    return (Import("." * binding.node.level + (binding.node.module or ""), twin.name),) if home == target.module.path and not taken else None


def _last_is_own_name(func: ast.expr, target: Function) -> bool:
    return isinstance(func, ast.Attribute) and func.attr == target.name
