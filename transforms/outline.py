"""Statements made into a function inside the function, and the call that runs it on a worker thread."""

from collections.abc import Sequence

import libcst as cst

from transforms.edits import Outline

_BLANK = cst.EmptyLine(indent=False)


def outlined_call(edit: Outline) -> cst.Call:
    """The plain call of the new function."""
    return cst.Call(cst.Name(edit.name), [cst.Arg(cst.Name(name)) for name in edit.takes])


def outlined(body: Sequence[cst.BaseStatement], edit: Outline, begins: bool, awaited: cst.Await) -> list[cst.BaseStatement]:
    """The function, and the statement that awaits it. `begins`: the statements are the first of their block."""
    first = body[0]
    above = list(getattr(first, "leading_lines", ()))
    inner = [first.with_changes(leading_lines=[]), *body[1:]]
    if edit.tail:
        inner[-1] = _returning(inner[-1])
    elif edit.gives:
        inner.append(cst.SimpleStatementLine([cst.Return(_names(edit.gives))]))
    gap = [] if begins or (above and above[0].comment is None) else [_BLANK]
    function = cst.FunctionDef(
        cst.Name(edit.name), cst.Parameters([cst.Param(cst.Name(name)) for name in edit.takes]), cst.IndentedBlock(inner), leading_lines=[*gap, *above]
    )
    return [function, cst.SimpleStatementLine([_result(edit, awaited)], leading_lines=[_BLANK])]


def _result(edit: Outline, awaited: cst.Await) -> cst.BaseSmallStatement:
    if edit.returns:
        return cst.Return(awaited)
    if edit.gives:
        return cst.Assign([cst.AssignTarget(_names(edit.gives))], awaited)
    return cst.Expr(awaited)


def _names(names: Sequence[str]) -> cst.Name | cst.Tuple:
    if len(names) == 1:
        return cst.Name(names[0])
    return cst.Tuple([cst.Element(cst.Name(name)) for name in names], lpar=[], rpar=[])


def _returning(node: cst.BaseStatement) -> cst.BaseStatement:
    """`name = value` at the end of the statement becomes `return value`."""
    if isinstance(node, cst.With | cst.Try) and isinstance(node.body, cst.IndentedBlock):
        return node.with_changes(body=node.body.with_changes(body=[*node.body.body[:-1], _returning(node.body.body[-1])]))
    line = cst.ensure_type(node, cst.SimpleStatementLine)
    return line.with_changes(body=[cst.Return(cst.ensure_type(line.body[0], cst.Assign).value)])
