"""Imports inside functions that a change has left without a use."""

import ast
from collections.abc import Iterator

from transforms.parsing import parse
from transforms.text import split_lines

_Import = ast.Import | ast.ImportFrom
_Definition = ast.FunctionDef | ast.AsyncFunctionDef


def drop_unused_locals(before: str, after: str) -> str:
    """The text without the imports in functions whose names were used before and are used by nothing now."""
    were_used = {(where, name) for where, name, _, used in _imports(before) if used}
    while True:
        found = next((item for item in _imports(after) if not item[3] and item[:2] in were_used and _can_go(item[2])), None)
        if found is None:
            return after
        shorter = _without(after, *found[2])
        if shorter == after:
            return after
        after = shorter


_Place = tuple[list[ast.stmt], _Import]


def _imports(body: str) -> Iterator[tuple[str, str, _Place, bool]]:
    """For each import of one name in a function: the function, the name, where it stands, and whether it is used there."""
    for where, function in _functions(parse(body), ""):
        names = [node.id for node in ast.walk(function) if isinstance(node, ast.Name)]
        looks = bool({"locals", "eval", "exec", "vars"} & set(names))
        for node in ast.walk(function):
            for block in _blocks(node):
                for statement in block:
                    if isinstance(statement, _Import) and len(statement.names) == 1 and statement.names[0].name != "*":
                        alias = statement.names[0]
                        name = alias.asname or alias.name.partition(".")[0]
                        yield where, name, (block, statement), looks or name in names


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, _Definition]]:
    for child in ast.iter_child_nodes(node):
        name = f"{prefix}.{child.name}" if isinstance(child, _Definition | ast.ClassDef) else prefix
        if isinstance(child, _Definition):
            yield name, child
        yield from _functions(child, name)


def _blocks(node: ast.AST) -> Iterator[list[ast.stmt]]:
    for value in vars(node).values():
        if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
            yield value


def _can_go(place: _Place) -> bool:
    block, statement = place
    return len(block) > 1 and statement.lineno == statement.end_lineno


def _without(body: str, block: list[ast.stmt], statement: _Import) -> str:
    """The text without the statement: its line, or its part of a line that holds several."""
    lines = split_lines(body)
    at = statement.lineno - 1
    line = lines[at].encode()
    here = [item for item in block if item.lineno == statement.lineno]
    position = here.index(statement)
    if len(here) == 1:
        new = b"" if not line[: statement.col_offset].strip() else line
    elif position + 1 < len(here):
        new = line[: statement.col_offset] + line[here[position + 1].col_offset :]
    else:
        new = line[: here[position - 1].end_col_offset] + line[statement.end_col_offset :]
    lines[at] = new.decode()
    return "".join(lines)
