"""Carry out edits in one file: LibCST over the top-level statements that change, every other byte as it was."""

import ast
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider

from transforms import typed_edits
from transforms.edits import (
    AddFunction,
    AddLine,
    AddTwin,
    AwaitCall,
    AwaitTwin,
    ClientBlock,
    Edit,
    Enclose,
    Gather,
    GuardStatus,
    MakeAsync,
    Outline,
    Place,
    SwapBlock,
    Typed,
    WrapCall,
    WrapExpression,
)
from transforms.gathered import gathered
from transforms.outline import outlined, outlined_call
from transforms.text import newline_of, split_lines

_DEF = re.compile(r"(?:async\s+)?def\s+")
_WRAPPERS = {"to_thread": "asyncio.to_thread", "run_in_executor": "asyncio.get_running_loop().run_in_executor", "bridge": "async_requests.call"}


class NotRewritable(Exception):
    """The file cannot be changed without losing something; the message says why, `edits` which edits are to blame."""

    def __init__(self, message: str, edits: Sequence[Edit] = ()) -> None:
        super().__init__(message)
        self.edits = tuple(edits)


def rewrite(body: str, tree: ast.Module, edits: Sequence[Edit]) -> str:
    """The text with all edits carried out; raises NotRewritable when one of them finds no place."""
    lines = split_lines(body)
    newline = newline_of(body)
    by_segment: dict[tuple[int, int], list[Edit]] = {}
    segments = _segments(tree)
    for edit in edits:
        segment = next((item for item in segments if item[0] <= edit.place[0] <= item[1]), None)
        if segment is None:
            raise NotRewritable(f"no statement at line {edit.place[0]}")
        by_segment.setdefault(segment, []).append(edit)
    for (first, last), mine in sorted(by_segment.items(), reverse=True):
        text = "".join(lines[first - 1 : last])
        added = [edit for edit in mine if isinstance(edit, AddFunction)]
        inside = [edit for edit in mine if not isinstance(edit, AddFunction)]
        try:
            new = _rewrite_segment(text, first, inside, newline) if inside else text
            lines[first - 1 : last] = [typed_edits.with_functions(new, added, "".join(lines[last:]), newline)]
        except NotRewritable as error:
            raise NotRewritable(str(error), error.edits or mine) from None
    return "".join(lines)


def _segments(tree: ast.Module) -> list[tuple[int, int]]:
    """Line ranges of the top-level statements; statements that share a line share a range."""
    found: list[tuple[int, int]] = []
    for node in tree.body:
        first = min([node.lineno, *(item.lineno for item in getattr(node, "decorator_list", []))])
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], node.end_lineno or first))
        else:
            found.append((first, node.end_lineno or first))
    return found


def _rewrite_segment(text: str, first: int, edits: Iterable[Edit], newline: str) -> str:
    lines = split_lines(text)
    try:
        module = cst.parse_module(text, cst.PartialParserConfig(default_newline=_newline(newline)))
    except cst.ParserSyntaxError as error:
        raise NotRewritable(f"LibCST cannot parse the statement at line {first}: {error.message}") from None
    if module.code != text:
        raise NotRewritable(f"LibCST does not reproduce the statement at line {first} byte for byte")
    typed = {(type(edit), _place_key(edit.place, first, lines)): edit for edit in edits if isinstance(edit, Typed)}
    wanted = {_place_key(edit.place, first, lines): edit for edit in edits if not isinstance(edit, MakeAsync | AddTwin | Typed)}
    functions = {_name_key(edit.place, first, lines): edit for edit in edits if isinstance(edit, MakeAsync | AddTwin)}
    wrapper = MetadataWrapper(module, unsafe_skip_copy=True)
    positions = wrapper.resolve(PositionProvider)
    blocks = {_place_key(edit.statement, first, lines): edit for edit in edits if isinstance(edit, ClientBlock)}
    outlines = {key[:2]: (key, edit, _place_key(edit.last, first, lines)[:2]) for key, edit in wanted.items() if isinstance(edit, Outline | Gather)}
    here = {key: replace(edit, last=_place_key(edit.last, first, lines)) if isinstance(edit, Enclose) else edit for key, edit in typed.items()}
    transformer = Transformer(positions, wanted, functions, blocks, outlines, here, lines)  # type: ignore[arg-type]
    try:
        result = module.visit(transformer)
    except cst.CSTValidationError as error:
        raise NotRewritable(f"the result would not be valid at line {first}: {error}") from None
    missed = (set(wanted) | set(functions)) - transformer.done
    undone = set(typed) - transformer.typed_done
    if missed or undone:
        blamed = [edit for key, edit in [*wanted.items(), *functions.items()] if key in missed] + [typed[key] for key in undone]
        line = min(missed | {place for _, place in undone})[0]
        raise NotRewritable(f"no place for a change at line {first + line - 1}", blamed)
    return result.code


def _newline(newline: str) -> str:
    return newline


def _place_key(place: Place, first: int, lines: Sequence[str]) -> Place:
    start = _column(lines[place[0] - first], place[1])
    end = _column(lines[place[2] - first], place[3])
    return (place[0] - first + 1, start, place[2] - first + 1, end)


def _name_key(place: Place, first: int, lines: Sequence[str]) -> Place:
    line = lines[place[0] - first]
    column = _column(line, place[1])
    found = _DEF.match(line, column)
    if not found:
        raise NotRewritable(f"the `def` at line {place[0]} is split over lines")
    return (place[0] - first + 1, found.end(), 0, 0)


def _column(line: str, offset: int) -> int:
    return len(line.encode()[:offset].decode(errors="ignore"))


class Transformer(cst.CSTTransformer):
    """The one LibCST transformer of all stages; it does what the edits say and nothing else."""

    def __init__(
        self,
        positions: dict[cst.CSTNode, CodeRange],
        wanted: dict[Place, Edit],
        functions: dict[Place, MakeAsync | AddTwin],
        blocks: dict[Place, ClientBlock],
        outlines: dict[tuple[int, int], tuple[Place, Outline | Gather, tuple[int, int]]],
        typed: dict[tuple[type, Place], Typed] | None = None,
        lines: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.positions = positions
        self.wanted = wanted
        self.functions = functions
        self.blocks = blocks
        self.outlines = outlines
        self.done: set[Place] = set()
        self.typed = typed or {}
        self.typed_done: set[tuple[type, Place]] = set()
        self.lines = lines

    def on_leave(self, original_node: cst.CSTNodeT, updated_node: cst.CSTNodeT) -> cst.CSTNodeT | cst.RemovalSentinel | cst.FlattenSentinel[cst.CSTNodeT]:
        """The edits that go by the kind of node they change come after those that go by the node."""
        left = super().on_leave(original_node, updated_node)
        left = typed_edits.carried_out(self, original_node, left) if self.typed else left  # type: ignore[assignment]
        if isinstance(left, cst.Await) and not left.lpar and not isinstance(original_node, cst.Await) and self._touches_a_word(original_node):
            return left.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
        return left

    def _touches_a_word(self, node: cst.CSTNode) -> bool:
        """Whether a word stands against the expression, without a space: `x()is None`, `return"".join(…)`."""
        first, start, last, end = self.place(node)
        before, after = self.lines[first - 1][:start], self.lines[last - 1][end:]
        return before[-1:].isalnum() or after[:1].isalpha()

    def take(self, kind: type, node: cst.CSTNode) -> Typed | None:
        """The edit of that kind at that node, which is thereby done."""
        key = (kind, self.place(node))
        found = self.typed.get(key)
        if found is not None:
            self.typed_done.add(key)
        return found

    def place(self, node: cst.CSTNode) -> Place:
        """Where the node stood before the change."""
        span = self.positions[node]
        return (span.start.line, span.start.column, span.end.line, span.end.column)

    def leave_FunctionDef(self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef) -> cst.FunctionDef | cst.FlattenSentinel[cst.BaseStatement]:
        """`async def`, and the adapter below all other decorators; or an `async def` copy below the function."""
        start = self.positions[original_node.name].start
        key = (start.line, start.column, 0, 0)
        edit = self.functions.get(key)
        if edit is None:
            return updated_node
        self.done.add(key)
        if isinstance(edit, AddTwin):
            return cst.FlattenSentinel([original_node, _twin(updated_node, edit)])
        decorators = [*updated_node.decorators]
        if edit.adapter:
            decorators.append(cst.Decorator(cst.parse_expression(edit.adapter)))
        return updated_node.with_changes(asynchronous=cst.Asynchronous(cst.SimpleWhitespace(" ")), decorators=decorators)

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        """Await, wrap or swap a call."""
        call = _parenthesized(updated_node, "func")
        key = self.place(original_node)
        match self.wanted.get(key):
            case AwaitCall() as edit:
                self.done.add(key)
                return _await(call.with_changes(func=cst.parse_expression(edit.callee)) if edit.callee else call)
            case AwaitTwin() as edit:
                self.done.add(key)
                return _await(call.with_changes(func=_renamed(call.func, edit.name)))
            case WrapCall() as edit:
                self.done.add(key)
                return _await(_wrap(call, edit))
            case WrapExpression():
                self.done.add(key)
                return _await(_on_request_thread(call))
            case ClientBlock() as edit:
                self.done.add(key)
                return _await(_on_client(call, edit))
        return call

    def leave_Attribute(self, original_node: cst.Attribute, updated_node: cst.Attribute) -> cst.Attribute:
        """`(await x).y`."""
        return _parenthesized(updated_node, "value")

    def leave_Subscript(self, original_node: cst.Subscript, updated_node: cst.Subscript) -> cst.Subscript:
        """`(await x)[y]`."""
        return _parenthesized(updated_node, "value")

    def leave_With(self, original_node: cst.With, updated_node: cst.With) -> cst.With:
        """`async with` over the asynchronous client."""
        item = original_node.items[0]
        if len(original_node.items) != 1 or not isinstance(item.item, cst.Call):
            return updated_node
        key = self.place(item.item)
        edit = self.wanted.get(key)
        if not isinstance(edit, SwapBlock):
            return updated_node
        self.done.add(key)
        call = cst.ensure_type(updated_node.items[0].item, cst.Call)
        call = _with_keywords(call.with_changes(func=cst.parse_expression(edit.callee)), edit.keywords)
        items = [updated_node.items[0].with_changes(item=call)]
        return updated_node.with_changes(asynchronous=cst.Asynchronous(cst.SimpleWhitespace(" ")), items=items)

    def leave_IndentedBlock(self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock) -> cst.IndentedBlock:
        """Statements that move together become a function; from the last to the first, so that places stay right."""
        starts = [self._start(item) for item in original_node.body]
        body = list(updated_node.body)
        for first in reversed(range(len(starts))):
            key, edit, last = self.outlines.get(starts[first], (None, None, None))
            if key is not None and edit is not None and last in starts[first:]:
                self.done.add(key)
                end = starts.index(last, first) + 1
                if isinstance(edit, Gather):
                    body[first:end] = [gathered(body[first:end], edit.names)]
                    continue
                body[first:end] = outlined(body[first:end], edit, first == 0, _await(_wrap(outlined_call(edit), WrapCall(edit.place, edit.spelling))))
        return updated_node.with_changes(body=body)

    def _start(self, node: cst.CSTNode) -> tuple[int, int]:
        start = self.positions[node].start
        return start.line, start.column

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.BaseStatement | cst.FlattenSentinel[cst.BaseStatement]:
        """The statement with a client call goes into a block of its own; a line is added below."""
        if len(original_node.body) != 1:
            return updated_node
        added = self.wanted.get(self.place(original_node.body[0]))
        if isinstance(added, AddLine):
            self.done.add(self.place(original_node.body[0]))
            return cst.FlattenSentinel([updated_node, cst.parse_statement(added.code)])
        guard = self.wanted.get(self.place(original_node.body[0]))
        if isinstance(guard, GuardStatus):
            self.done.add(self.place(original_node.body[0]))
            return _guarded(updated_node, guard)
        edit = self.blocks.get(self.place(original_node.body[0]))
        if edit is None:
            return updated_node
        inner = updated_node.with_changes(leading_lines=[])
        item = cst.WithItem(cst.parse_expression(edit.client), cst.AsName(cst.Name(edit.name)))
        return cst.With(
            items=[item],
            body=cst.IndentedBlock([inner]),
            asynchronous=cst.Asynchronous(cst.SimpleWhitespace(" ")),
            leading_lines=updated_node.leading_lines,
        )


def _twin(node: cst.FunctionDef, edit: AddTwin) -> cst.FunctionDef:
    return node.with_changes(
        name=cst.Name(edit.name),
        asynchronous=cst.Asynchronous(cst.SimpleWhitespace(" ")),
        leading_lines=[cst.EmptyLine(indent=False)] * edit.blank_lines,
    )


def _renamed(func: cst.BaseExpression, name: str) -> cst.BaseExpression:
    return func.with_changes(attr=cst.Name(name)) if isinstance(func, cst.Attribute) else cst.Name(name)


def _guarded(line: cst.SimpleStatementLine, edit: GuardStatus) -> cst.If:
    test = cst.parse_expression(f"400 <= {edit.name}.status_code < 600")
    return cst.If(test, cst.IndentedBlock([line.with_changes(leading_lines=[])]), leading_lines=line.leading_lines)


_Node = TypeVar("_Node", cst.Call, cst.Attribute, cst.Subscript)


def _parenthesized(node: _Node, field: str) -> _Node:
    inner = getattr(node, field)
    if isinstance(inner, cst.Await) and not inner.lpar:
        return node.with_changes(**{field: inner.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])})
    return node


def _await(call: cst.Call) -> cst.Await:
    """`await call`; parentheses around the call move outside."""
    return cst.Await(call.with_changes(lpar=[], rpar=[]), lpar=call.lpar, rpar=call.rpar)


def _wrap(call: cst.Call, edit: WrapCall) -> cst.Call:
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
    return _with_keywords(call.with_changes(func=func, args=kept), edit.keywords)


def _has_comment(comma: cst.Comma | cst.MaybeSentinel) -> bool:
    return isinstance(comma, cst.Comma) and "#" in cst.Module([]).code_for_node(comma)


def _with_keywords(call: cst.Call, keywords: Sequence[tuple[str, str]]) -> cst.Call:
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
