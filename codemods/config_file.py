"""`[tool.flask-to-async]` in the project's root `pyproject.toml`, with the line that each value stands on."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NAME = "pyproject.toml"
TABLE = "flask-to-async"


class ConfigError(Exception):
    """The settings cannot be used; the message names file, line and key, and says what to write."""


@dataclass(frozen=True)
class Found:
    """What the file sets: raw values by key, and the line of each (0 when it is not known)."""

    file: Path
    values: Mapping[str, Any]
    lines: Mapping[str, int]

    def place(self, key: str) -> str:
        """`pyproject.toml:7`, as people read it."""
        return f"{NAME}:{self.lines[key]}" if self.lines.get(key) else NAME


def read_config(root: Path) -> Found:
    """The table in that folder's `pyproject.toml`; empty when there is none. Raises ConfigError.

    A file that is no TOML matters only when it names our table: settings that were meant must not be passed over.
    """
    file = root / NAME
    try:
        data = file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return Found(file, {}, {})
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}") from None
    try:
        text = data.decode("utf-8")
        table = tomllib.loads(text).get("tool", {})
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        if TABLE.encode() not in data:
            return Found(file, {}, {})
        raise ConfigError(f"{file} is not valid TOML, so its settings cannot be read: {error}") from None
    values = table.get(TABLE, {}) if isinstance(table, dict) else {}
    if not isinstance(values, dict):
        raise ConfigError(f"{file}: tool.{TABLE} has to be a table: write [tool.{TABLE}] on a line of its own")
    return Found(file, values, {key: _line_of(text, key) for key in values})


def _line_of(text: str, key: str) -> int:
    """The line on which the value of that key begins: the first such line before which the table lacks the key."""
    pattern = re.compile(rf"""^[ \t]*(?:\[.*\b{TABLE}\b.*{re.escape(key)}|(?:.*\b{TABLE}\b.*)?["']?{re.escape(key)}["']?[ \t]*[=.])""")
    lines = text.split("\n")
    for number in (number for number, line in enumerate(lines) if pattern.match(line)):
        if _begins_here(lines, number, key):
            return number + 1
    return 0


def _begins_here(lines: list[str], number: int, key: str) -> bool:
    before = _keys("\n".join(lines[:number]))
    if before is None or key in before:
        return False  # inside of a text of several lines, or of another table before
    after = next((found for found in _longer(lines, number) if found is not None), None)
    return after is not None and key in after


def _longer(lines: list[str], number: int) -> Iterator[Mapping[str, Any] | None]:
    """Our table in the text up to that line, then up to the next, until it is whole TOML."""
    return (_keys("\n".join(lines[: end + 1])) for end in range(number, len(lines)))


def _keys(text: str) -> Mapping[str, Any] | None:
    try:
        table = tomllib.loads(text).get("tool", {}).get(TABLE, {})
    except (tomllib.TOMLDecodeError, AttributeError):
        return None
    return table if isinstance(table, dict) else {}
