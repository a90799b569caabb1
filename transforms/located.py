"""Where edits stand in one piece of source as LibCST counts: lines of the piece and characters, not lines of the file and UTF-8 bytes."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from transforms.edits import AddTwin, ClientBlock, Edit, Gather, MakeAsync, Outline, Place, Typed

_DEF = re.compile(r"(?:async\s+)?def\s+")
_Start = tuple[int, int]


class NotRewritable(Exception):
    """The file cannot be changed without losing something; the message says why, `edits` which edits are to blame."""

    def __init__(self, message: str, edits: Sequence[Edit] = ()) -> None:
        super().__init__(message)
        self.edits = tuple(edits)


@dataclass(frozen=True)
class Piece:
    """A piece of source: which line of the file it begins with, and its lines."""

    first: int
    lines: Sequence[str]

    def here(self, place: Place) -> Place:
        """A place of the file in the piece."""
        start, end = self._column(place[0], place[1]), self._column(place[2], place[3])
        return (place[0] - self.first + 1, start, place[2] - self.first + 1, end)

    def name(self, place: Place) -> Place:
        """Where the name of the function there begins; without an end, so that it is no place of an expression. Raises NotRewritable."""
        found = _DEF.match(self.lines[place[0] - self.first], self._column(place[0], place[1]))
        if not found:
            raise NotRewritable(f"the `def` at line {place[0]} is split over lines")
        return (place[0] - self.first + 1, found.end(), 0, 0)

    def _column(self, line: int, offset: int) -> int:
        return len(self.lines[line - self.first].encode()[:offset].decode(errors="ignore"))


@dataclass(frozen=True)
class Located:
    """The edits of one piece, each by the place in it of the node that it changes.

    `wanted` holds those of expressions and statements; `blocks` and `outlines` lead to some of them from the statement
    around a call and from the start of the first statement. `functions` go by the function's name, `typed` also by kind.
    """

    piece: Piece
    wanted: Mapping[Place, Edit]
    functions: Mapping[Place, MakeAsync | AddTwin]
    blocks: Mapping[Place, ClientBlock]
    outlines: Mapping[_Start, tuple[Place, Outline | Gather, _Start]]
    typed: Mapping[tuple[type, Place], Typed]

    def missed(self, done: Collection[Place], typed_done: Collection[tuple[type, Place]]) -> list[tuple[int, Edit]]:
        """The edits that found no node, each with its line of the piece, the first line first."""
        missed: list[tuple[int, Edit]] = [(place[0], edit) for place, edit in [*self.wanted.items(), *self.functions.items()] if place not in done]
        missed += [(place[0], edit) for (kind, place), edit in self.typed.items() if (kind, place) not in typed_done]
        return sorted(missed, key=lambda item: item[0])


def located(edits: Sequence[Edit], piece: Piece) -> Located:
    """The edits by their places in the piece. Raises NotRewritable."""
    named = [edit for edit in edits if isinstance(edit, MakeAsync | AddTwin)]
    typed = [edit for edit in edits if isinstance(edit, Typed)]
    wanted = {piece.here(edit.place): edit for edit in edits if not isinstance(edit, MakeAsync | AddTwin | Typed)}
    return Located(
        piece,
        wanted,
        {piece.name(edit.place): edit for edit in named},
        {piece.here(edit.statement): edit for edit in wanted.values() if isinstance(edit, ClientBlock)},
        {place[:2]: (place, edit, piece.here(edit.last)[:2]) for place, edit in wanted.items() if isinstance(edit, Outline | Gather)},
        {(type(edit), piece.here(edit.place)): edit for edit in typed},
    )
