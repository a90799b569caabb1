"""Functions that templates may call because the project puts them into Jinja's environment by hand."""

import ast
from collections.abc import Iterator

from transforms.facts import Function
from transforms.resolve import Resolver
from transforms.values import FunctionValue

_TABLES = ("globals", "filters", "tests")


def put_into_templates(resolver: Resolver) -> Iterator[Function]:
    """`app.jinja_env.globals["f"] = f` and `app.jinja_env.filters.update(f=f)`; what the environment is, its name says."""
    for owner, use in resolver.names.uses("jinja_env"):
        for value in _given(owner.module.parents, use.node):
            found = resolver.value(value, use.scope)
            if isinstance(found, FunctionValue):
                yield found.function


def _given(parents: dict[ast.AST, ast.AST], environment: ast.AST) -> list[ast.expr]:
    table = parents.get(environment)
    if not (isinstance(table, ast.Attribute) and table.attr in _TABLES):
        return []
    around = parents.get(table)
    outer = parents.get(around) if around is not None else None
    if isinstance(around, ast.Subscript) and isinstance(outer, ast.Assign) and around in outer.targets:
        return [outer.value]
    if isinstance(around, ast.Attribute) and around.attr == "update" and isinstance(outer, ast.Call):
        named = [value for item in outer.args if isinstance(item, ast.Dict) for value in item.values]
        return [*named, *(item.value for item in outer.keywords)]
    return []
