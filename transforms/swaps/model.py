"""A swap that is proved, and one that is not."""

import ast
from dataclasses import dataclass

from transforms.edits import Edit, Import


@dataclass(frozen=True)
class Swap:
    """The edits that replace one call, or one block with its calls. `nodes` are the calls that become awaited.

    `creates` is the module of ours that the new code imports, by path: its text is empty where it stands already.
    `blocks` are the `with` statements that become `async with`; `elsewhere` are edits that other files need, by path.
    `differs`: what no source shows and yet becomes different, so that it has to be opted in.
    """

    nodes: tuple[ast.Call, ...]
    subject: str
    edits: tuple[Edit, ...]
    reason: str
    imports: tuple[Import, ...] = ()
    constants: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    code: str = "C200"
    creates: tuple[tuple[str, str], ...] = ()
    blocks: tuple[ast.With, ...] = ()
    elsewhere: tuple[tuple[str, Edit, tuple[Import, ...]], ...] = ()
    differs: str = ""


@dataclass(frozen=True)
class Unproved:
    """A client call that stays as it is, and what could not be proved of it."""

    node: ast.expr
    subject: str
    reason: str
    code: str = "C202"
