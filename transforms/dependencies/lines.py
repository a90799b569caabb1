"""Requirements files, and the same kind of list inside `setup.cfg`: one requirement a line.

Not edited: files with hashes, files that a tool wrote from another file, and constraint files, which only pin.
"""

import re
from dataclasses import dataclass
from posixpath import dirname, join, normpath

from transforms.dependencies.spelling import Need, has_extra, name_of, place_for, with_extra

_WRITTEN = re.compile(r"^#.*\b(?:auto-?generated|(?:generated|exported|compiled) (?:by|from|with))\b.*", re.I | re.M)
_INCLUDE = re.compile(r"^\s*(?:-r|--requirement)(?:\s+|=)(\S+)", re.M)


@dataclass
class Lines:
    """A list of requirements, one a line. `first` and `last` bound it within `lines` (last is exclusive)."""

    lines: list[str]
    first: int
    last: int
    indent: str = ""
    main: bool = True

    def names(self) -> list[str]:
        """The canonical names, in the order of the file."""
        return [name for line in self.lines[self.first : self.last] if (name := name_of(line))]

    def declare(self, need: Need) -> None:
        """Add what is missing of the need."""
        rows = [number for number in range(self.first, self.last) if name_of(self.lines[number]) == need.name]
        for number in rows:
            self.lines[number] = with_extra(self.lines[number], need.extra)
        if not rows:
            self._insert(need)

    def lacks(self, need: Need) -> bool:
        """Whether the need is not met by what stands there."""
        mine = [line for line in self.lines[self.first : self.last] if name_of(line) == need.name]
        return not mine or not all(has_extra(line, need.extra) for line in mine if need.extra)

    def _insert(self, need: Need) -> None:
        rows = [number for number in range(self.first, self.last) if name_of(self.lines[number])]
        place = place_for([name_of(self.lines[number]) for number in rows], need.name)
        at = rows[place] if place < len(rows) else self._end(rows)
        ending = next((_ending(line) for line in self.lines if _ending(line)), "\n")
        if at and not _ending(self.lines[at - 1]):
            self.lines[at - 1] += ending
            ending = ""  # the file had no newline at its end, and keeps none
        self.lines.insert(at, f"{self.indent}{need.text}{ending}")
        self.last += 1

    def _end(self, rows: list[int]) -> int:
        """After the last requirement, with the lines that continue it."""
        at = rows[-1] + 1 if rows else self.last
        while rows and at < self.last and self.lines[at - 1].rstrip().endswith("\\"):
            at += 1
        return at


def requirements(text: str) -> Lines:
    """The whole file as one list."""
    lines = text.splitlines(keepends=True)
    return Lines(lines, 0, len(lines))


def setup_lists(text: str) -> tuple[list[Lines], bool]:
    """`install_requires` of a `setup.cfg`, and whether it is written on one line (then it is only to be looked at)."""
    lines = text.splitlines(keepends=True)
    section = ""
    for number, line in enumerate(lines):
        if line.startswith("["):
            section = line.strip()
        found = re.match(r"install_requires\s*[=:]\s*(.*)$", line) if section == "[options]" else None
        if found and found.group(1).strip():
            once = [item.strip() for item in found.group(1).split(";;") if name_of(item)]
            return ([Lines(once, 0, len(once))], True) if once else ([], False)
        if found:
            return [_below(lines, number + 1)], False
    return [], False


def _below(lines: list[str], first: int) -> Lines:
    """The indented lines from there on."""
    last = first
    while last < len(lines) and lines[last][:1] in " \t#;" and lines[last].strip():
        last += 1
    indented = next((line for line in lines[first:last] if name_of(line)), "    x")
    return Lines(lines, first, last, indented[: len(indented) - len(indented.lstrip())])


def obstacle(text: str) -> str:
    """Why the file is left to the user; empty when it may be edited."""
    if re.search(r"--hash[= ]", text):
        return "its requirements are pinned with hashes"
    found = _WRITTEN.search(text[:2000])
    return f"a tool wrote it ({found.group().lstrip('# ').strip()})" if found else ""


def included(path: str, text: str) -> list[str]:
    """The files that it includes with `-r`, as paths of the project."""
    return [normpath(join(dirname(path), name)) for name in _INCLUDE.findall(text)]


def _ending(line: str) -> str:
    return line[len(line.rstrip("\r\n")) :]
