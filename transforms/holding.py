"""Which objects and classes of the project a value holds: itself, what its display, its branches or its function give."""

import ast
from collections.abc import Iterator

from transforms.facts import Class, Scope
from transforms.resolve import Resolver
from transforms.values import ClassValue, External, FunctionValue, Instance

_DEPTH = 6  # of displays inside displays, and of functions that return what others return
_DISPLAYS = (ast.List, ast.Tuple, ast.Set, ast.Dict, ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp, ast.IfExp, ast.BoolOp, ast.Starred)


def held(resolver: Resolver, node: ast.expr, scope: Scope, depth: int = _DEPTH) -> Iterator[Class]:
    """The classes of the project of which code that is given the value gets hold."""
    value = resolver.value(node, scope)
    if isinstance(value, Instance | ClassValue):
        yield value.cls
    elif depth and isinstance(node, _DISPLAYS):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                yield from held(resolver, child, scope, depth - 1)
    elif depth:
        for inner, home in _behind(resolver, node, scope):
            yield from held(resolver, inner, home, depth - 1)


def _behind(resolver: Resolver, node: ast.expr, scope: Scope) -> Iterator[tuple[ast.expr, Scope]]:
    """The expressions that a name or a call stands for, where what it is is not one object of the project."""
    if isinstance(node, ast.Name) and isinstance(resolver.value(node, scope), External | None):
        for binding in resolver.bindings(node.id, scope):
            if binding.kind == "assign" and isinstance(binding.node, (*_DISPLAYS, ast.Call)):
                yield binding.node, binding.scope
    elif isinstance(node, ast.Call | ast.Lambda):
        target = resolver.value(node if isinstance(node, ast.Lambda) else node.func, scope)
        if isinstance(target, FunctionValue):
            for given in [*target.function.returns, *target.function.yields]:
                if given is not None:
                    yield given, target.function.scope
