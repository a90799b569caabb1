"""JSON sent and read as requests does it, on a client of httpx: carrying the edits out on LibCST nodes."""

from collections.abc import Callable

import libcst as cst

from transforms.edits import AddItem, DumpJson, ReadJson, Typed

Take = Callable[[type, cst.CSTNode], Typed | None]


def carried_out(take: Take, original: cst.BaseExpression, node: cst.CSTNode) -> cst.CSTNode:
    """The expression after the edits that concern JSON."""
    if isinstance(node, cst.Call) and take(ReadJson, original) is not None:
        return _read(node)
    if isinstance(node, cst.BaseExpression) and take(DumpJson, original) is not None:
        return _dumped(node)
    if isinstance(node, cst.Dict) and isinstance(item := take(AddItem, original), AddItem):
        return _with_item(node, item)
    return node


def _read(call: cst.Call) -> cst.Call:
    """`x.json()` to `json.loads(x.text)`."""
    text = cst.ensure_type(call.func, cst.Attribute).with_changes(attr=cst.Name("text"))
    return call.with_changes(func=cst.parse_expression("json.loads"), args=[cst.Arg(text)])


def _dumped(value: cst.BaseExpression) -> cst.Call:
    """`x` to `json.dumps(x, allow_nan=False)`."""
    call = cst.ensure_type(cst.parse_expression("json.dumps(x, allow_nan=False)"), cst.Call)
    return call.with_changes(args=[call.args[0].with_changes(value=value), *call.args[1:]])


def _with_item(node: cst.Dict, edit: AddItem) -> cst.Dict:
    """The dictionary with one item more in front of the others: behind the last one a comment may stand, which is that one's."""
    added = cst.DictElement(cst.parse_expression(edit.key), cst.parse_expression(edit.value))
    if not node.elements:
        return node.with_changes(elements=[added])
    gap = node.lbrace.whitespace_after
    if isinstance(gap, cst.ParenthesizedWhitespace):
        gap = gap.with_changes(first_line=cst.TrailingWhitespace(), empty_lines=[])
    else:
        gap = cst.SimpleWhitespace(" ")
    return node.with_changes(elements=[added.with_changes(comma=cst.Comma(whitespace_after=gap)), *node.elements])
