"""Where a decision stands in the file on disk: a stage counts lines in what the stage before wrote."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

_HEAD = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_END = 10**9


@dataclass(frozen=True)
class _Block:
    """Lines that are equal on both sides, counting from 0: from `old` and `new` on, `size` of them."""

    old: int
    new: int
    size: int


@dataclass
class Places:
    """Line numbers of the current stage's input, traced back through the diffs of the stages before it."""

    steps: dict[str, list[list[_Block]]] = field(default_factory=dict)
    created: set[str] = field(default_factory=set)

    def advance(self, path: str, created: bool, diff: Sequence[str]) -> None:
        """Go past a stage's change of a file, given as lines of a unified diff."""
        if created:
            self.created.add(path)
        self.steps.setdefault(path, []).insert(0, list(_blocks(diff)))

    def on_disk(self, path: str, line: int) -> int | None:
        """The line in the file on disk, counting from 1; None for a file that an earlier stage creates."""
        if path in self.created:
            return None
        for blocks in self.steps.get(path, []):
            line = _back(blocks, line - 1) + 1
        return line


def _blocks(diff: Sequence[str]) -> Iterator[_Block]:
    """What is equal: between hunks, and the lines within them that have no sign."""
    old = new = 0
    for line in diff[2:]:
        head = _HEAD.match(line)
        if head:
            start, other = (int(head[item]) - (head[item + 1] != "0") for item in (1, 3))
            yield _Block(old, new, start - old)
            old, new = start, other
        elif line.startswith(" ") or not line:
            yield _Block(old, new, 1)
            old, new = old + 1, new + 1
        else:
            old, new = old + line.startswith("-"), new + line.startswith("+")
    yield _Block(old, new, _END)


def _back(blocks: Sequence[_Block], row: int) -> int:
    """The row before the change; a rewritten row is counted from the end of what is equal above it."""
    top = start = 0
    for block in blocks:
        if block.new <= row < block.new + block.size:
            return block.old + row - block.new
        if block.new > row:
            return min(top + row - start, max(block.old - 1, top))
        top, start = block.old + block.size, block.new + block.size
    return top
