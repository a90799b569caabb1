"""What becomes of a call: awaited, moved to a thread, or made on another client. On LibCST nodes, laid out as the call was."""

from collections.abc import Sequence
from typing import TypeVar

import libcst as cst

from transforms.edits import AwaitCall, AwaitTwin, ClientBlock, Edit, WrapCall, WrapExpression

_WRAPPERS = {"to_thread": "asyncio.to_thread", "run_in_executor": "asyncio.get_running_loop().run_in_executor", "bridge": "async_requests.call"}
_Node = TypeVar("_Node", cst.Call, cst.Attribute, cst.Subscript)


def edited(call: cst.Call, edit: Edit | None) -> cst.Await | None:
    """The awaited expression that the edit makes of the call; None when the edit is none of a call."""
    match edit:
        case AwaitCall():
            return awaiting(call.with_changes(func=cst.parse_expression(edit.callee)) if edit.callee else call)
        case AwaitTwin():
            return awaiting(call.with_changes(func=_renamed(call.func, edit.name)))
        case WrapCall():
            return awaiting(moved(call, edit))
        case WrapExpression():
            return awaiting(_on_request_thread(call))
        case ClientBlock():
            return awaiting(_on_client(call, edit))
    return None


def awaiting(call: cst.Call) -> cst.Await:
    """`await call`; parentheses around the call move outside."""
    return cst.Await(call.with_changes(lpar=[], rpar=[]), lpar=call.lpar, rpar=call.rpar)


def parenthesized(node: _Node, field: str) -> _Node:
    """The node, with parentheses around what stands in its field when that is a bare `await`."""
    inner = getattr(node, field)
    if isinstance(inner, cst.Await) and not inner.lpar:
        return node.with_changes(**{field: inner.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])})
    return node


def moved(call: cst.Call, edit: WrapCall) -> cst.Call:
    """The call that runs on a worker thread, to be awaited."""
    if edit.spelling == "sync_to_async":
        return call.with_changes(func=cst.Call(cst.Name("sync_to_async"), [cst.Arg(call.func)]))
    leading = [call.func]
    if edit.spelling == "run_in_executor":
        leading = [cst.parse_expression("contextvars.copy_context().run"), call.func]
        if any(arg.keyword or arg.star == "**" for arg in call.args):
            inner = _prepend(call.with_changes(func=cst.parse_expression("functools.partial"), lpar=[], rpar=[]), [call.func])
            leading = [*leading[:-1], inner]
            call = call.with_changes(args=[])
        leading = [cst.Name("None"), *leading]
    return _prepend(call.with_changes(func=cst.parse_expression(_WRAPPERS[edit.spelling])), leading)


def _renamed(func: cst.BaseExpression, name: str) -> cst.BaseExpression:
    return func.with_changes(attr=cst.Name(name)) if isinstance(func, cst.Attribute) else cst.Name(name)


def _prepend(call: cst.Call, leading: Sequence[cst.BaseExpression]) -> cst.Call:
    """The call with further arguments in front, laid out as the call already is."""
    multiline = isinstance(call.whitespace_before_args, cst.ParenthesizedWhitespace)
    gap = call.whitespace_before_args if multiline else cst.SimpleWhitespace(" ")
    if len(call.args) == 1 and isinstance(call.args[0].value, cst.GeneratorExp) and not call.args[0].value.lpar:
        lone = call.args[0].value.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
        call = call.with_changes(args=[call.args[0].with_changes(value=lone)])
    last = len(leading) - 1
    args = [
        cst.Arg(item, comma=cst.Comma(whitespace_after=gap) if call.args or position < last else cst.MaybeSentinel.DEFAULT)
        for position, item in enumerate(leading)
    ]
    return call.with_changes(args=[*args, *call.args])


def _on_request_thread(call: cst.Call) -> cst.Call:
    inner = cst.Lambda(cst.Parameters(), call.with_changes(lpar=[], rpar=[]))
    return cst.Call(cst.Call(cst.Name("sync_to_async"), [cst.Arg(inner)]), lpar=call.lpar, rpar=call.rpar)


def _on_client(call: cst.Call, edit: ClientBlock) -> cst.Call:
    renamed = dict(edit.rename)
    kept = [
        arg.with_changes(keyword=cst.Name(renamed[arg.keyword.value])) if arg.keyword and arg.keyword.value in renamed else arg
        for arg in call.args
        if not (arg.keyword and arg.keyword.value in edit.drop)
    ]
    if kept and call.args[-1].keyword and call.args[-1].keyword.value in edit.drop and not _has_comment(kept[-1].comma):
        kept[-1] = kept[-1].with_changes(comma=call.args[-1].comma, whitespace_after_arg=call.args[-1].whitespace_after_arg)
    func = cst.Attribute(cst.Name(edit.name), cst.Name(edit.method))
    return with_keywords(call.with_changes(func=func, args=kept), edit.keywords)


def with_keywords(call: cst.Call, keywords: Sequence[tuple[str, str]]) -> cst.Call:
    """The call with further keyword arguments, each a name and its source."""
    args = list(call.args)
    if args and not keywords:
        trailing = args[-1].comma
        if isinstance(trailing, cst.Comma) and not isinstance(call.whitespace_before_args, cst.ParenthesizedWhitespace):
            args[-1] = args[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
    for name, code in keywords:
        equal = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
        added = cst.Arg(cst.parse_expression(code), keyword=cst.Name(name), equal=equal)
        gap = call.whitespace_before_args
        if args and isinstance(args[-1].comma, cst.Comma) and isinstance(gap, cst.ParenthesizedWhitespace) and not _has_comment(args[-1].comma):
            line = gap.with_changes(first_line=cst.TrailingWhitespace(), empty_lines=[])
            added = added.with_changes(comma=args[-1].comma)
            args[-1] = args[-1].with_changes(comma=cst.Comma(whitespace_after=line))
        args.append(added)
    return call.with_changes(args=args)


def _has_comment(comma: cst.Comma | cst.MaybeSentinel) -> bool:
    return isinstance(comma, cst.Comma) and "#" in cst.Module([]).code_for_node(comma)
