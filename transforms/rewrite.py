"""Carry out edits in one file: LibCST over the top-level statements that change, every other byte as it was."""

import ast
from collections.abc import Sequence

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

from transforms import typed_edits
from transforms.edits import AddFunction, Edit
from transforms.located import NotRewritable, Piece, located
from transforms.text import newline_of, split_lines
from transforms.transformer import Transformer


def rewrite(body: str, tree: ast.Module, edits: Sequence[Edit]) -> str:
    """The text with all edits carried out; raises NotRewritable when one of them finds no place."""
    lines = split_lines(body)
    newline = newline_of(body)
    for (first, last), mine in sorted(_by_segment(tree, edits).items(), reverse=True):
        text = "".join(lines[first - 1 : last])
        added = [edit for edit in mine if isinstance(edit, AddFunction)]
        inside = [edit for edit in mine if not isinstance(edit, AddFunction)]
        try:
            new = _rewrite_segment(text, first, inside, newline) if inside else text
            lines[first - 1 : last] = [typed_edits.with_functions(new, added, "".join(lines[last:]), newline)]
        except NotRewritable as error:
            raise NotRewritable(str(error), error.edits or mine) from None
    return "".join(lines)


def _by_segment(tree: ast.Module, edits: Sequence[Edit]) -> dict[tuple[int, int], list[Edit]]:
    segments = _segments(tree)
    found: dict[tuple[int, int], list[Edit]] = {}
    for edit in edits:
        segment = next((item for item in segments if item[0] <= edit.place[0] <= item[1]), None)
        if segment is None:
            raise NotRewritable(f"no statement at line {edit.place[0]}")
        found.setdefault(segment, []).append(edit)
    return found


def _segments(tree: ast.Module) -> list[tuple[int, int]]:
    """Line ranges of the top-level statements; statements that share a line share a range."""
    found: list[tuple[int, int]] = []
    for node in tree.body:
        first = min([node.lineno, *(item.lineno for item in getattr(node, "decorator_list", []))])
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], node.end_lineno or first))
        else:
            found.append((first, node.end_lineno or first))
    return found


def _rewrite_segment(text: str, first: int, edits: Sequence[Edit], newline: str) -> str:
    module = _parsed(text, first, newline)
    found = located(edits, Piece(first, split_lines(text)))
    transformer = Transformer(MetadataWrapper(module, unsafe_skip_copy=True).resolve(PositionProvider), found)
    try:
        result = module.visit(transformer)
    except cst.CSTValidationError as error:
        raise NotRewritable(f"the result would not be valid at line {first}: {error}") from None
    missed = found.missed(transformer.done, transformer.typed_done)
    if missed:
        raise NotRewritable(f"no place for a change at line {first + missed[0][0] - 1}", [edit for _, edit in missed])
    return result.code


def _parsed(text: str, first: int, newline: str) -> cst.Module:
    try:
        module = cst.parse_module(text, cst.PartialParserConfig(default_newline=newline))
    except cst.ParserSyntaxError as error:
        raise NotRewritable(f"LibCST cannot parse the statement at line {first}: {error.message}") from None
    if module.code != text:
        raise NotRewritable(f"LibCST does not reproduce the statement at line {first} byte for byte")
    return module
