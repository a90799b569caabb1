"""One finding, and questions that all finders ask."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from transforms.facts import Binding, Call, Function, Scope
from transforms.flow import own_nodes
from transforms.index import Index
from transforms.values import External

AWAITING = (ast.Await, ast.AsyncFor, ast.AsyncWith)


@dataclass(frozen=True)
class Finding:
    """`node` stands in `function`; `subject` is what it is about, in the user's own words."""

    function: Function
    node: ast.AST
    code: str
    reason: str
    subject: str = ""


def body(function: Function) -> list[ast.AST]:
    """What runs in the function itself, in source order: nothing of the functions inside it."""
    return list(own_nodes(list(getattr(function.node, "body", []))))


def awaits(nodes: list[ast.AST]) -> Iterator[ast.AST]:
    """The places at which other tasks may run."""
    for node in nodes:
        if isinstance(node, AWAITING) or isinstance(node, ast.comprehension) and node.is_async:
            yield node


def position(node: ast.AST) -> tuple[int, int]:
    """Where it begins, for comparing."""
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)


def end(node: ast.AST) -> tuple[int, int]:
    """Where it ends."""
    return getattr(node, "end_lineno", 0), getattr(node, "end_col_offset", 0)


def type_of(index: Index, node: ast.AST, scope: Scope) -> str:
    """The dotted name of the type from outside that the expression is an instance of; empty when that is not known."""
    value = index.resolver.value(node, scope)
    known = index.catalogue.types.get(value.name) if isinstance(value, External) and value.instance else None
    return (known.name if known else value.name) if isinstance(value, External) and value.instance else ""


def module_binding(index: Index, node: ast.AST, scope: Scope) -> Binding | None:
    """The only binding of a name that lives in the module, seen from a function; None for anything else."""
    if not isinstance(node, ast.Name) or scope.kind == "module":
        return None
    found = index.resolver.bindings(node.id, scope)
    return found[0] if len(found) == 1 and found[0].scope.kind == "module" else None


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    """The value of a keyword argument."""
    return next((item.value for item in call.keywords if item.arg == name), None)


def is_constant(node: ast.expr | None, *values: object) -> bool:
    """Whether the expression is one of these literals."""
    return isinstance(node, ast.Constant) and any(node.value is value or node.value == value for value in values)


def calls_of(function: Function) -> list[Call]:
    """Calls in the function's own body, comprehensions included, lambdas not."""
    return [call for call in function.calls if call.scope.kind != "lambda"]
