"""Changed lines in the project's own black style; all other lines stay as they are."""

import difflib
import itertools
import tomllib
from collections.abc import Mapping, Set
from typing import Any

import black
from black.const import DEFAULT_LINE_LENGTH
from black.mode import TargetVersion

from transforms.text import split_lines


def black_mode(metadata: Mapping[str, str], path: str) -> black.Mode | None:
    """The project's black configuration that applies to the file; None when the project has none."""
    folders = [path[:position] for position in range(len(path)) if path[position] == "/"]
    for folder in [*reversed(folders), ""]:
        text = metadata.get(f"{folder}/pyproject.toml" if folder else "pyproject.toml")
        if text is not None and (mode := _mode(text)):
            return mode
    return None


def _mode(text: str) -> black.Mode | None:
    try:
        options = tomllib.loads(text).get("tool", {}).get("black")
        return _build(options) if isinstance(options, dict) else None
    except (tomllib.TOMLDecodeError, TypeError, AttributeError, ValueError):
        return None


def _build(options: Mapping[str, Any]) -> black.Mode:
    length = options.get("line-length", options.get("line_length", DEFAULT_LINE_LENGTH))
    return black.Mode(
        line_length=length if isinstance(length, int) else DEFAULT_LINE_LENGTH,
        string_normalization=not options.get("skip-string-normalization", False),
        magic_trailing_comma=not options.get("skip-magic-trailing-comma", False),
        target_versions={TargetVersion[name.upper()] for name in options.get("target-version", []) if name.upper() in TargetVersion.__members__},
    )


def changed_lines(before: str, after: str) -> list[tuple[int, int]]:
    """Line ranges of `after`, from 1 and inclusive, that `before` does not have."""
    old, new = split_lines(before), split_lines(after)
    head = next((place for place, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), min(len(old), len(new)))
    matcher = difflib.SequenceMatcher(None, old[head:], new[head:])
    return [(head + low + 1, head + high) for tag, _, _, low, high in matcher.get_opcodes() if tag in ("replace", "insert") and high > low]


def format_changed(before: str, after: str, mode: black.Mode | None) -> str:
    """`after` with its new lines as black would write them; `after` itself when black has nothing to say or cannot."""
    ranges = changed_lines(before, after) if mode is not None else []
    if mode is None or not ranges:
        return after
    try:
        formatted = black.format_str(after, mode=mode, lines=ranges)
    except Exception:  # black raises many kinds; a formatter must never stop a migration
        return after
    return _with_blank_lines_of(after, formatted, {number for low, high in ranges for number in range(low, high + 1)})


def _with_blank_lines_of(after: str, formatted: str, changed: Set[int]) -> str:
    """`formatted` with the spaces on blank lines that were there: black strips them in lines that it was not asked about, too."""
    old, new = split_lines(after), split_lines(formatted)
    if not any(line.isspace() and line.strip("\r\n") for line in old):
        return formatted
    for _, start, end, low, high in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        pairs = list(zip(range(start, end), range(low, high), strict=False)), list(zip(reversed(range(start, end)), reversed(range(low, high)), strict=False))
        for pair in pairs:  # from the beginning, and from the end, of what differs
            for number, place in itertools.takewhile(lambda item: not old[item[0]].strip() and not new[item[1]].strip(), pair):
                if number + 1 not in changed:
                    new[place] = old[number]
    return "".join(new)
