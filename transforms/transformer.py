"""The one LibCST transformer of all stages: it finds the node of each edit by its place, and does what the edit says and nothing else."""

from collections.abc import Mapping
from dataclasses import replace

import libcst as cst
from libcst.metadata import CodeRange

from transforms import call_edits, statement_edits, typed_edits
from transforms.edits import AddLine, AddTwin, Enclose, Gather, GuardStatus, Outline, Place, SwapBlock, Typed, WrapCall
from transforms.gathered import gathered
from transforms.located import Located
from transforms.outline import outlined, outlined_call


class Transformer(cst.CSTTransformer):
    """Carries the edits out. What found its node stands in `done` and `typed_done`."""

    def __init__(self, positions: Mapping[cst.CSTNode, CodeRange], located: Located) -> None:
        super().__init__()
        self.positions = positions
        self.located = located
        self.done: set[Place] = set()
        self.typed_done: set[tuple[type, Place]] = set()

    def on_leave(self, original_node: cst.CSTNodeT, updated_node: cst.CSTNodeT) -> cst.CSTNodeT | cst.RemovalSentinel | cst.FlattenSentinel[cst.CSTNodeT]:
        """The edits that go by the kind of node they change come after those that go by the node."""
        left = super().on_leave(original_node, updated_node)
        left = typed_edits.carried_out(self, original_node, left) if self.located.typed else left  # type: ignore[assignment]
        if isinstance(left, cst.Await) and not left.lpar and not isinstance(original_node, cst.Await) and self._touches_a_word(original_node):
            return left.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
        return left

    def _touches_a_word(self, node: cst.CSTNode) -> bool:
        """Whether a word stands against the expression, without a space: `x()is None`, `return"".join(…)`."""
        first, start, last, end = self.place(node)
        before, after = self.located.piece.lines[first - 1][:start], self.located.piece.lines[last - 1][end:]
        return before[-1:].isalnum() or after[:1].isalpha()

    def take(self, kind: type, node: cst.CSTNode) -> Typed | None:
        """The edit of that kind at that node, which is thereby done."""
        key = (kind, self.place(node))
        found = self.located.typed.get(key)
        if found is not None:
            self.typed_done.add(key)
        return replace(found, last=self.located.piece.here(found.last)) if isinstance(found, Enclose) else found

    def place(self, node: cst.CSTNode) -> Place:
        """Where the node stood before the change."""
        span = self.positions[node]
        return (span.start.line, span.start.column, span.end.line, span.end.column)

    def leave_FunctionDef(self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef) -> cst.FunctionDef | cst.FlattenSentinel[cst.BaseStatement]:
        """`async def`, or an `async def` copy below the function."""
        start = self.positions[original_node.name].start
        key = (start.line, start.column, 0, 0)
        edit = self.located.functions.get(key)
        if edit is None:
            return updated_node
        self.done.add(key)
        if isinstance(edit, AddTwin):
            return cst.FlattenSentinel([original_node, statement_edits.twin(updated_node, edit)])
        return statement_edits.made_async(updated_node, edit)

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        """Await, wrap or swap a call."""
        call = call_edits.parenthesized(updated_node, "func")
        key = self.place(original_node)
        left = call_edits.edited(call, self.located.wanted.get(key))
        if left is None:
            return call
        self.done.add(key)
        return left

    def leave_Attribute(self, original_node: cst.Attribute, updated_node: cst.Attribute) -> cst.Attribute:
        """`(await x).y`."""
        return call_edits.parenthesized(updated_node, "value")

    def leave_Subscript(self, original_node: cst.Subscript, updated_node: cst.Subscript) -> cst.Subscript:
        """`(await x)[y]`."""
        return call_edits.parenthesized(updated_node, "value")

    def leave_With(self, original_node: cst.With, updated_node: cst.With) -> cst.With:
        """`async with` over the asynchronous client."""
        client = original_node.items[0].item
        edit = self.located.wanted.get(self.place(client))
        if len(original_node.items) != 1 or not isinstance(client, cst.Call) or not isinstance(edit, SwapBlock):
            return updated_node
        self.done.add(self.place(client))
        return statement_edits.over_client(updated_node, edit)

    def leave_IndentedBlock(self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock) -> cst.IndentedBlock:
        """Statements that move or wait together; from the last to the first, so that places stay right."""
        starts = [self._start(item) for item in original_node.body]
        body = list(updated_node.body)
        for first in reversed(range(len(starts))):
            key, edit, last = self.located.outlines.get(starts[first], (None, None, None))
            if key is not None and edit is not None and last in starts[first:]:
                self.done.add(key)
                end = starts.index(last, first) + 1
                body[first:end] = _together(body[first:end], edit, first == 0)
        return updated_node.with_changes(body=body)

    def _start(self, node: cst.CSTNode) -> tuple[int, int]:
        start = self.positions[node].start
        return start.line, start.column

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.BaseStatement | cst.FlattenSentinel[cst.BaseStatement]:
        """A line below the statement, a guard around it, or the block of its client."""
        if len(original_node.body) != 1:
            return updated_node
        place = self.place(original_node.body[0])
        edit = self.located.wanted.get(place)
        if isinstance(edit, AddLine | GuardStatus):
            self.done.add(place)
            return statement_edits.with_line(updated_node, edit) if isinstance(edit, AddLine) else statement_edits.guarded(updated_node, edit)
        block = self.located.blocks.get(place)  # done when its call is
        return statement_edits.in_client(updated_node, block) if block else updated_node


def _together(body: list[cst.BaseStatement], edit: Outline | Gather, begins: bool) -> list[cst.BaseStatement]:
    """One statement that awaits all of them at once, or a function of them and the statement that awaits it."""
    if isinstance(edit, Gather):
        return [gathered(body, edit.names)]
    return outlined(body, edit, begins, call_edits.awaiting(call_edits.moved(outlined_call(edit), WrapCall(edit.place, edit.spelling))))
