"""Statements that await one after another, made into one that awaits all of them at once."""

from collections.abc import Sequence

import libcst as cst


def gathered(body: Sequence[cst.BaseStatement], names: Sequence[str]) -> cst.SimpleStatementLine:
    """`a, b = await asyncio.gather(x(), y())`, with what stood above the first statement."""
    calls = [_awaited(statement) for statement in body]
    target = cst.Tuple([cst.Element(cst.Name(name)) for name in names], lpar=[], rpar=[])
    value = cst.Await(cst.Call(cst.parse_expression("asyncio.gather"), [cst.Arg(call) for call in calls]))
    lines = cst.ensure_type(body[0], cst.SimpleStatementLine).leading_lines
    return cst.SimpleStatementLine([cst.Assign([cst.AssignTarget(target)], value)], leading_lines=lines)


def _awaited(statement: cst.BaseStatement) -> cst.BaseExpression:
    assign = cst.ensure_type(cst.ensure_type(statement, cst.SimpleStatementLine).body[0], cst.Assign)
    return cst.ensure_type(assign.value, cst.Await).expression
