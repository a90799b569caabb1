"""The commands in a file that starts things, each as one line, however many lines it is written over.

Procfile: a process a line. Shell, systemd, Dockerfile: a backslash at the end goes on. Supervisor: indented lines go on.
Compose: plain, folded (`>`) and literal (`|`) text, and lists, over as many lines as are indented below the key.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

_KEY = re.compile(r"^(?P<indent>\s*)(?:-\s+)?(?:command|entrypoint)\s*:[ \t]*(?P<value>.*)$")
_ITEM = re.compile(r"^\s*-\s+(.*)$")


@dataclass(frozen=True)
class Line:
    """`text` as one line; `number` (from 1) is where it begins; `whole` when it is exactly that line of the file."""

    number: int
    text: str
    whole: bool = True


def logical_lines(path: str, text: str) -> Iterator[Line]:
    """All lines of the file, those that belong together joined."""
    name = path.rpartition("/")[2]
    lines = text.split("\n")
    if name.endswith((".yml", ".yaml")):
        return _compose(lines)
    if name.startswith("Procfile"):
        return (Line(number, line) for number, line in enumerate(lines, 1))
    return _continued(lines, name.endswith((".conf", ".ini")))


def _continued(lines: list[str], by_indent: bool) -> Iterator[Line]:
    number = 0
    while number < len(lines):
        start, text = number, lines[number]
        number += 1
        comment = text.lstrip().startswith("#")
        while number < len(lines) and not comment and (text.rstrip().endswith("\\") or by_indent and _is_more(lines[number])):
            text = f"{text.rstrip().removesuffix(chr(92)).rstrip()} {lines[number].strip()}"
            number += 1
        yield Line(start + 1, text, number == start + 1)


def _is_more(line: str) -> bool:
    return line[:1] in " \t" and bool(line.strip()) and not line.lstrip().startswith(("#", ";"))


def _compose(lines: list[str]) -> Iterator[Line]:
    number = 0
    while number < len(lines):
        found = _KEY.match(lines[number])
        below = _below(lines, number, found) if found else []
        if not found or not below:
            yield Line(number + 1, lines[number])
        elif found.group("value")[:1] in (">", "|") and len(below) == 1:
            yield Line(below[0] + 1, lines[below[0]])
        else:
            yield Line(
                number + 1, f"{lines[number][: found.start('value')].rstrip()} {_joined(found.group('value'), [lines[item].strip() for item in below])}", False
            )
        number = below[-1] + 1 if below else number + 1


def _below(lines: list[str], number: int, found: re.Match[str]) -> list[int]:
    """The lines that belong to the key: indented more than it, or items of a list directly below it."""
    indent = len(found.group("indent"))
    below = []
    for position in range(number + 1, len(lines)):
        line = lines[position]
        own = len(line) - len(line.lstrip())
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if own <= indent and not (own == indent and not found.group("value") and _ITEM.match(line)) and line.strip() != "]":
            break
        below.append(position)
    return below


def _joined(value: str, below: list[str]) -> str:
    if value[:1] in (">", "|"):
        return " ".join(below)
    items = [_ITEM.match(line) for line in below]
    if not value and all(items):
        return json.dumps([item.group(1).strip("\"'") for item in items if item])
    return re.sub(r",\s*\]", "]", " ".join([value, *below]))
