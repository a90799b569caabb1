"""Operators that ask a server: `client[key]`, `client[key] = value`, `del client[key]`, `key in client`."""

import ast
from collections.abc import Iterator, Mapping

_ITEM: dict[type, str] = {ast.Load: "__getitem__", ast.Store: "__setitem__", ast.Del: "__delitem__"}


def operations(node: ast.expr, parents: Mapping[ast.AST, ast.AST]) -> Iterator[tuple[ast.expr, str]]:
    """The operands of a subscript or a comparison whose class decides what is done, with the method that does it."""
    if isinstance(node, ast.Subscript):
        yield node.value, _ITEM[type(node.ctx)]
        if isinstance(parents.get(node), ast.AugAssign) and isinstance(node.ctx, ast.Store):
            yield node.value, "__getitem__"
    elif isinstance(node, ast.Compare):
        yield from ((right, "__contains__") for kind, right in zip(node.ops, node.comparators, strict=True) if isinstance(kind, ast.In | ast.NotIn))
