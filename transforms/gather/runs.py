"""Consecutive statements `name = await call(…)`, and which of them do not need each other."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from transforms.facts import Function, FunctionNode, arguments_of
from transforms.flow import own_nodes, read
from transforms.index import Index
from transforms.values import External, FunctionValue, ModuleValue

_BLOCKS = ("body", "orelse", "finalbody")
_PLAIN = (ast.Constant, ast.Name, ast.JoinedStr, ast.FormattedValue, ast.BinOp, ast.UnaryOp, ast.Tuple, ast.List, ast.Dict, ast.Set, ast.operator, ast.unaryop,
          ast.expr_context, ast.Compare, ast.cmpop, ast.BoolOp, ast.boolop, ast.IfExp, ast.keyword)  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One of the statements: `name = await call`."""

    statement: ast.Assign
    name: str
    call: ast.Call


def runs(function: Function) -> Iterator[list[Step]]:
    """Every two or more of such statements that follow each other in one block of the function itself."""
    for block in _blocks(function):
        found: list[Step] = []
        for statement in [*block, None]:
            step = _step(statement)
            if step:
                found.append(step)
            else:
                if len(found) > 1:
                    yield found
                found = []


def _blocks(function: Function) -> Iterator[list[ast.stmt]]:
    body = getattr(function.node, "body", [])
    yield body
    for node in own_nodes(body):
        if not isinstance(node, FunctionNode | ast.ClassDef | ast.Lambda):
            yield from (block for field in _BLOCKS if isinstance(block := getattr(node, field, None), list))


def _step(statement: ast.stmt | None) -> Step | None:
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Await(value=ast.Call() as call)):
            return Step(statement, name, call)
    return None


def independent(steps: Sequence[Step], after: Step) -> str:
    """Why that statement cannot run beside those before it; empty when it needs none of them."""
    names = {step.name for step in steps}
    needed = sorted(read(after.call) & names)
    if needed:
        return f"it needs {needed[0]}, which the call before it gives"
    return f"{after.name} is assigned twice" if after.name in names else ""


def early_argument(index: Index, function: Function, step: Step) -> str:
    """An argument that may do something when it is evaluated, which would happen before the other calls; empty for none."""
    scope = next((call.scope for call in function.calls if call.node is step.call), function.scope)
    for argument in arguments_of(step.call):
        for node in _parts(argument):
            if isinstance(node, ast.Attribute) and _is_fixed(index.resolver.value(node.value, scope), index.resolver.value(node, scope)):
                continue
            if not isinstance(node, _PLAIN):
                return f"`{ast.unparse(argument)[:50]}` would be evaluated before the other calls"
    return ""


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    """The node and what is below it; below an attribute nothing, because it is looked at whole."""
    yield node
    if not isinstance(node, ast.Attribute):
        for child in ast.iter_child_nodes(node):
            yield from _parts(child)


def _is_fixed(base: object, value: object) -> bool:
    """A name of a module, or a method that is only handed over."""
    return isinstance(base, ModuleValue) or isinstance(value, FunctionValue) or (isinstance(base, External) and isinstance(value, External))


def held(function: Function, node: ast.AST) -> str:
    """What around the statements would see that calls still run after one failed; empty for nothing."""
    for parent in function.module.ancestors(node):
        if parent is function.node:
            return ""
        if isinstance(parent, ast.Try | ast.TryStar):
            return f"inside `try` (line {parent.lineno}), which would handle the first error while the other calls go on"
        if isinstance(parent, ast.With | ast.AsyncWith):
            return f"inside `with {ast.unparse(parent.items[0].context_expr)[:40]}` (line {parent.lineno}), which would end while the other calls go on"
    return ""
