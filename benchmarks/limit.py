"""The limit below which a tool of this kind can hardly go: `ast.parse` of every file, LibCST forth and back for those that change.

limit.py FILES [CHANGED]: lists with one path a line. Without CHANGED only `ast.parse`, and LibCST is not even imported.
"""

import ast
import sys
import warnings
from pathlib import Path


def paths(name: str) -> list[Path]:
    """The files that a list names."""
    return [Path(line) for line in Path(name).read_text().splitlines()]


def parse(files: list[Path]) -> None:
    """`ast.parse` of each; files that are no Python are passed over."""
    warnings.simplefilter("ignore")
    for path in files:
        try:
            ast.parse(path.read_bytes())
        except (SyntaxError, ValueError):
            continue


def round_trip(files: list[Path]) -> None:
    """LibCST's tree of each, and its text again."""
    import libcst

    for path in files:
        _ = libcst.parse_module(path.read_bytes()).bytes


if __name__ == "__main__":
    parse(paths(sys.argv[1]))
    if len(sys.argv) > 2:
        round_trip(paths(sys.argv[2]))
