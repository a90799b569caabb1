"""Statements that await one after another, made into one that awaits all of them at once."""

from collections.abc import Sequence

import libcst as cst

_LONGEST = 88  # characters of a statement above which each call has a line of its own
_STEP = "    "


def gathered(body: Sequence[cst.BaseStatement], names: Sequence[str]) -> cst.SimpleStatementLine:
    """`a, b = await asyncio.gather(x(), y())`, with what stood above the first statement."""
    calls = [_awaited(statement) for statement in body]
    target = cst.Tuple([cst.Element(cst.Name(name)) for name in names], lpar=[], rpar=[])
    lines = cst.ensure_type(body[0], cst.SimpleStatementLine).leading_lines
    gather = cst.Call(cst.parse_expression("asyncio.gather"), [cst.Arg(call) for call in calls])
    assign = cst.Assign([cst.AssignTarget(target)], cst.Await(gather))
    if len(cst.Module([]).code_for_node(assign)) > _LONGEST - len(_STEP):
        assign = assign.with_changes(value=cst.Await(_spread(gather)))
    return cst.SimpleStatementLine([assign], leading_lines=lines)


def _spread(call: cst.Call) -> cst.Call:
    """A call with each argument on a line of its own."""
    gap = cst.ParenthesizedWhitespace(indent=True, last_line=cst.SimpleWhitespace(_STEP))
    end = cst.ParenthesizedWhitespace(indent=True)
    last = len(call.args) - 1
    args = [arg.with_changes(comma=cst.Comma(whitespace_after=gap if number < last else end)) for number, arg in enumerate(call.args)]
    return call.with_changes(whitespace_before_args=gap, args=args)


def _awaited(statement: cst.BaseStatement) -> cst.BaseExpression:
    assign = cst.ensure_type(cst.ensure_type(statement, cst.SimpleStatementLine).body[0], cst.Assign)
    return cst.ensure_type(assign.value, cst.Await).expression
