"""Carrying out the edits of typed swaps on LibCST nodes: one function for each kind of node."""

from collections.abc import Sequence
from typing import Protocol

import libcst as cst

from transforms.edits import AddFunction, AsyncBlock, AsyncLoop, AwaitValue, Collect, Enclose, NameArguments, Replace, Typed, Unthread
from transforms.json_edits import carried_out as json_carried_out
from transforms.text import split_lines

_SPACE = cst.SimpleWhitespace(" ")


class Places(Protocol):
    """What knows which edit belongs to a node of the original tree."""

    def take(self, kind: type, node: cst.CSTNode) -> Typed | None:
        """The edit of that kind at that node, which is thereby done."""

    def place(self, node: cst.CSTNode) -> tuple[int, int, int, int]:
        """Where the node stood before the change."""


def carried_out(places: Places, original: cst.CSTNode, left: object) -> object:
    """The node after the typed edits that concern it."""
    if not isinstance(left, cst.CSTNode):
        return left
    match original:
        case cst.For():
            return _loop(places, original, left)
        case cst.CompFor():
            return _loop(places, original, left)
        case cst.With():
            return _block(places, original, left)
        case cst.IndentedBlock():
            return _enclosing(places, original, left)
        case cst.BaseExpression():
            return _expression(places, original, left)
    return left


def _loop(places: Places, original: cst.For | cst.CompFor, node: cst.CSTNode) -> cst.CSTNode:
    if places.take(AsyncLoop, original.iter) is None:
        return node
    return node.with_changes(asynchronous=cst.Asynchronous(_SPACE))


def _block(places: Places, original: cst.With, node: cst.CSTNode) -> cst.CSTNode:
    if places.take(AsyncBlock, original.items[0].item) is None:
        return node
    return node.with_changes(asynchronous=cst.Asynchronous(_SPACE))


def _expression(places: Places, original: cst.BaseExpression, node: cst.CSTNode) -> cst.CSTNode:
    """Innermost first: what is called, the awaiting, the collecting around it."""
    if isinstance(unthread := places.take(Unthread, original), Unthread):
        node = _unthreaded(node, unthread)
    if isinstance(naming := places.take(NameArguments, original), NameArguments):
        node = _named(node, naming)
    if isinstance(replace := places.take(Replace, original), Replace):
        code = cst.parse_expression(replace.code)
        node = code.with_changes(lpar=[*getattr(node, "lpar", ())], rpar=[*getattr(node, "rpar", ())])
    if places.take(AwaitValue, original) is not None and isinstance(node, cst.Attribute):
        node = cst.Await(node.with_changes(lpar=[], rpar=[]), lpar=node.lpar, rpar=node.rpar)
    if isinstance(collect := places.take(Collect, original), Collect):
        node = _collected(node, collect)
    return json_carried_out(places.take, original, node)


def _collected(node: cst.CSTNode, edit: Collect) -> cst.ListComp:
    source = cst.ensure_type(node, cst.Call).args[0].value if edit.bare else cst.ensure_type(node, cst.BaseExpression)  # type: ignore[type-abstract]
    return cst.ListComp(cst.Name(edit.name), cst.CompFor(cst.Name(edit.name), source, asynchronous=cst.Asynchronous(_SPACE)))


def _named(node: cst.CSTNode, edit: NameArguments) -> cst.CSTNode:
    """The call with its leading arguments named; it may be awaited by now."""
    if isinstance(node, cst.Await):
        return node.with_changes(expression=_named(node.expression, edit))
    call = cst.ensure_type(node, cst.Call)
    equal = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
    named = [arg.with_changes(keyword=cst.Name(name), equal=equal) for arg, name in zip(call.args, edit.names, strict=False)]
    return call.with_changes(args=[*named, *call.args[len(named) :]])


def _unthreaded(node: cst.CSTNode, edit: Unthread) -> cst.CSTNode:
    call = cst.ensure_type(node, cst.Call)
    func, args = call.args[0].value, list(call.args[1:])
    if edit.name and isinstance(func, cst.Attribute):
        func = func.with_changes(attr=cst.Name(edit.name))
    return call.with_changes(func=func, args=args)


# Blocks


def _enclosing(places: Places, original: cst.IndentedBlock, node: cst.CSTNode) -> cst.CSTNode:
    """From the last to the first, so that the numbers of the statements stay right."""
    block = cst.ensure_type(node, cst.IndentedBlock)
    body = list(block.body)
    if len(body) != len(original.body):
        return node
    for first in reversed(range(len(body))):
        edit = _opening(places, original.body[first])
        if edit is not None:
            end = next(number for number in range(first, len(body)) if _ends_at(places, original.body[number], edit))
            body[first : end + 1] = [_enclosed(cst.ensure_type(body[first], cst.SimpleStatementLine), body[first + 1 : end + 1], edit)]
    return block.with_changes(body=body)


def _opening(places: Places, statement: cst.BaseStatement) -> Enclose | None:
    if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) != 1:
        return None
    found = places.take(Enclose, statement.body[0])
    return found if isinstance(found, Enclose) else None


def _ends_at(places: Places, statement: cst.BaseStatement, edit: Enclose) -> bool:
    start = places.place(statement)
    return start[:2] >= edit.last[:2]


def _enclosed(line: cst.SimpleStatementLine, rest: Sequence[cst.BaseStatement], edit: Enclose) -> cst.With:
    value = cst.ensure_type(line.body[0], cst.Assign).value
    inner = [rest[0].with_changes(leading_lines=_without_blank(rest[0])), *rest[1:]]
    item = cst.WithItem(value, cst.AsName(cst.Name(edit.name)))
    header = line.trailing_whitespace
    return cst.With([item], cst.IndentedBlock(inner, header=header), asynchronous=cst.Asynchronous(_SPACE), leading_lines=line.leading_lines)


def _without_blank(statement: cst.BaseStatement) -> list[cst.EmptyLine]:
    lines = list(getattr(statement, "leading_lines", ()))
    while lines and lines[0].comment is None:
        lines.pop(0)
    return lines


def with_functions(text: str, added: Sequence[AddFunction], rest: str, newline: str) -> str:
    """The text of top-level statements with the functions below, two empty lines around each."""
    if not added:
        return text
    text = text if text.endswith(("\n", "\r")) else text + newline
    for edit in dict.fromkeys(added):
        text += newline * 2 + edit.code.replace("\n", newline) + newline
    following = split_lines(rest)
    blank = next((number for number, line in enumerate(following) if line.strip()), None)
    return text if blank is None else text + newline * max(0, 2 - blank)
