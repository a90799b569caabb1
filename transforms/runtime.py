"""What a trace saw: where it stands in the source, and what it is in the catalogue's words."""

import ast
from collections.abc import Iterator, Sequence

from transforms.catalogue import Catalogue, Entry
from transforms.facts import Function
from transforms.model import Seen

CALL, READ, STATEMENT = "call", "read", "statement"


def text_of(node: ast.AST) -> str:
    """The source text by which a place is found again: what is called, the attribute that is read, a statement's first line."""
    if isinstance(node, ast.Call):
        return ast.unparse(node.func)
    return ast.unparse(node).partition("\n")[0]


def statement_at(function: Function, line: int) -> ast.stmt | None:
    """The innermost statement of the function's own body around that line."""
    around = [item for item in _statements(function.node) if item.lineno <= line <= (item.end_lineno or item.lineno)]
    return max(around, key=lambda item: (item.lineno, -(item.end_lineno or item.lineno)), default=None)


def reads_at(function: Function, line: int) -> list[ast.Attribute]:
    """The attributes that are read on that line."""
    nodes = [item.node for item in function.references if isinstance(item.node, ast.Attribute)]
    return [node for node in nodes if node.lineno <= line <= (node.end_lineno or node.lineno)]


def places(function: Function, seen: Seen) -> list[ast.AST]:
    """Where in the function that text stands."""
    nodes: list[ast.AST] = []
    if seen.what == CALL:
        nodes = [item.node for item in function.calls]
    elif seen.what == READ:
        nodes = [item.node for item in function.references if isinstance(item.node, ast.Attribute)]
    else:
        nodes = [*_statements(function.node)]
    return [node for node in nodes if text_of(node) == seen.call]


def _statements(node: ast.AST) -> Iterator[ast.stmt]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            yield child
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef | ast.expr):
            yield from _statements(child)


def traced(seen: Sequence[Seen], catalogue: Catalogue) -> Entry:
    """The catalogue's entry of what ran there; an entry that refuses when it is unknown, or not always the same."""
    known = {_known(item, catalogue) for item in seen}
    entry = known.pop() if len(known) == 1 else None
    if entry:
        return entry
    names = ", ".join(sorted({item.name for item in seen}))
    reason = f"it {blocked(seen)}, and the catalogue does not know {names}: look at whether it may run in another thread"
    return Entry(seen[0].name, "trace", "client", "refuse", reason)


def blocked(seen: Sequence[Seen]) -> str:
    """What was seen, in words."""
    return f"blocked a loop at run time ({', '.join(sorted({item.blocks for item in seen}))})"


def waits(seen: Sequence[Seen]) -> bool:
    """Whether more was seen than files being opened, which happens once: rendering reads its template the first time."""
    return any(name != "builtins.open" for item in seen for name in item.blocks.split(", "))


def _known(item: Seen, catalogue: Catalogue) -> Entry | None:
    """`requests.sessions.Session.get` is known as `requests.Session.get`."""
    parts = item.name.split(".")
    for inner in range(1, len(parts)):
        short = ".".join([parts[0], *parts[inner:]])
        owner, _, name = short.rpartition(".")
        if item.what == READ:
            entry = catalogue.reading(owner, name)
        else:
            entry = catalogue.functions.get(short) or catalogue.method(owner, name)
        if entry:
            return entry
    return None
