"""A unified diff as replacements of whole lines."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_HEAD = re.compile(r"@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@")


@dataclass(frozen=True)
class Replacement:
    """`removed` lines from line `start` on (counting from 1) become `text`; nothing removed: `text` goes before `start`."""

    start: int
    removed: int
    text: str


def replacements(diff: str) -> list[Replacement]:
    """In the order of the file. Raises ValueError where a last line has no newline: columns would be needed."""
    found: list[Replacement] = []
    for start, body in _hunks(diff):
        found += _in_hunk(start, body)
    return found


def _hunks(diff: str) -> Iterator[tuple[int, list[str]]]:
    start, body = 0, list[str]()
    for line in diff.split("\n")[2:-1]:
        head = _HEAD.match(line)
        if head:
            if body:
                yield start, body
            start, body = int(head[1]) + (head[2] == "0"), []
        else:
            body.append(line)
    yield start, body


def _in_hunk(row: int, body: list[str]) -> Iterator[Replacement]:
    removed, text = 0, list[str]()
    for line in [*body, " "]:
        if line.startswith("\\"):
            raise ValueError("no newline at the end of the file")
        if line.startswith("-"):
            removed += 1
        elif line.startswith("+"):
            text.append(f"{line[1:]}\n")
        else:
            if removed or text:
                yield Replacement(row, removed, "".join(text))
            row, removed, text = row + removed + 1, 0, []
