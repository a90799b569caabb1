"""Imports of a changed file: new ones where they belong, and the ones that our changes left unused taken out."""

import ast
import re
import sys
from collections.abc import Collection, Iterable, Sequence

import libcst as cst

from transforms.edits import Import
from transforms.facts import ModuleFacts, Scope
from transforms.parsing import parse
from transforms.scan import scan
from transforms.text import newline_of, split_lines

_Statement = ast.Import | ast.ImportFrom
FUTURE, STANDARD, THIRD, OWN = range(4)


def add_imports(body: str, wanted: Iterable[Import], own: Collection[str] = ()) -> str:
    """The text with each import that it does not have yet at its top level. `own`: the project's top-level modules."""
    for item in sorted(set(wanted)):
        tree = parse(body)
        if not any(_gives(node, item) for node in tree.body):
            same = next((node for node in _block(tree) if isinstance(node, ast.ImportFrom) and item.name and _module(node) == item.module), None)
            body = _extend(body, same, item) if same else _insert(body, tree, item, own)
    return body


def _extend(body: str, node: ast.ImportFrom, item: Import) -> str:
    """The name goes into the statement that imports from the module already, in order where that is in order."""
    names = [alias.name for alias in node.names]
    later = [place for place, name in enumerate(names) if name.lower() > item.name.lower()]
    position = later[0] if later and names == sorted(names, key=str.lower) else len(names)
    lines = split_lines(body)
    first, last = node.lineno - 1, node.end_lineno or node.lineno
    module = cst.parse_module("".join(lines[first:last]))
    line = cst.ensure_type(module.body[0], cst.SimpleStatementLine)
    statement = cst.ensure_type(line.body[0], cst.ImportFrom)
    assert not isinstance(statement.names, cst.ImportStar)
    aliases = list(statement.names)
    opening = statement.lpar.whitespace_after if statement.lpar else None
    gap = cst.Comma(whitespace_after=opening if isinstance(opening, cst.ParenthesizedWhitespace) else cst.SimpleWhitespace(" "))
    if position == len(aliases):
        last_comma = aliases[-1].comma
        aliases = [*aliases[:-1], aliases[-1].with_changes(comma=gap), cst.ImportAlias(cst.Name(item.name), comma=last_comma)]
    else:
        aliases.insert(position, cst.ImportAlias(cst.Name(item.name), comma=gap))
    return "".join([*lines[:first], module.with_changes(body=[line.with_changes(body=[statement.with_changes(names=aliases)])]).code, *lines[last:]])


def _gives(node: ast.stmt, item: Import) -> bool:
    if isinstance(node, ast.Import) and not item.name:
        return any(alias.name == item.module and alias.asname is None for alias in node.names)
    if isinstance(node, ast.ImportFrom) and item.name:
        return _module(node) == item.module and any(alias.name == item.name and alias.asname is None for alias in node.names)
    return False


def _insert(body: str, tree: ast.Module, item: Import, own: Collection[str]) -> str:
    block = _block(tree)
    newline = newline_of(body)
    lines = split_lines(body)
    mine = (_rank(item.module, own), _key(item.module, bool(item.name)))
    before = [node for node in block if (_rank(_module(node), own), _key(_module(node), isinstance(node, ast.ImportFrom))) < mine]
    after = block[len(before) :] if before == block[: len(before)] else []
    same_before = [node for node in block if _rank(_module(node), own) == mine[0] and node in before]
    same_after = [node for node in block if _rank(_module(node), own) == mine[0] and node not in before]
    if same_before:
        at, text = (same_before[-1].end_lineno or 0), [item.code + newline]
    elif same_after:
        at, text = same_after[0].lineno - 1, [item.code + newline]
    elif before:
        last = max(before, key=lambda node: node.lineno)
        at, text = (last.end_lineno or 0), [newline, item.code + newline]
    elif block or after:
        at, text = block[0].lineno - 1, [item.code + newline, newline]
    else:
        at, text = _head(tree), [item.code + newline]
        text = ([newline] if at else []) + text + ([newline, newline] if len(lines) > at and lines[at].strip() else [])
    if at == len(lines) and lines and not lines[-1].endswith(("\n", "\r")):
        lines[-1] += newline
    return "".join([*lines[:at], *text, *lines[at:]])


def _block(tree: ast.Module) -> list[_Statement]:
    """The imports at the head of the file, up to the first other statement."""
    found: list[_Statement] = []
    for position, node in enumerate(tree.body):
        if isinstance(node, _Statement):
            found.append(node)
        elif not (position == 0 and _is_docstring(node)):
            break
    lines = [node.lineno for node in tree.body]
    return [node for node in found if lines.count(node.lineno) == 1]


def _head(tree: ast.Module) -> int:
    """The line after the docstring; 0 without one (or after the comments and the shebang that begin the file)."""
    if tree.body and _is_docstring(tree.body[0]):
        return tree.body[0].end_lineno or 0
    return min([tree.body[0].lineno, *(item.lineno for item in getattr(tree.body[0], "decorator_list", []))]) - 1 if tree.body else 0


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _module(node: _Statement) -> str:
    return "." * node.level + (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name


def _rank(module: str, own: Collection[str]) -> int:
    root = module.partition(".")[0]
    if module == "__future__":
        return FUTURE
    if not root or root in own:
        return OWN
    return STANDARD if root in sys.stdlib_module_names else THIRD


def _key(module: str, is_from: bool) -> tuple[int, str]:
    """As isort orders them by default: `import x` before `from x import y`, each by name."""
    return (int(is_from), module.lower())


def drop_unused(body: str, before: ModuleFacts, exported: Iterable[str]) -> str:
    """The text without the top-level imports that were used before and are used by nothing now."""
    after = scan("", parse(body))
    unused = (_used(before) & _imported(before)) - _used(after) - set(exported)
    for name in sorted(unused):
        body = _without(body, name)
    return body


def _used(facts: ModuleFacts) -> set[str]:
    """Names of the module that some code reads, and all strings (they may name one)."""
    found = {word for text, _ in facts.strings for word in re.findall(r"[A-Za-z_]\w*", text)}
    for owner in [facts.body, *facts.functions]:
        for use in owner.uses:
            if isinstance(use.named, ast.Name) and _is_global(use.named.id, use.scope):  # what an attribute is taken from is a use of its own
                found.add(use.named.id)
        found |= {node.id for call in owner.calls for node in ast.walk(call.node.func) if isinstance(node, ast.Name) and _is_global(node.id, call.scope)}
    return found


def _is_global(name: str, scope: Scope) -> bool:
    current: Scope | None = scope
    while current is not None and current.parent is not None:
        if name in current.bindings and current.outer_names.get(name) is None:
            return False
        current = current.parent
    return True


def _imported(facts: ModuleFacts) -> set[str]:
    return {name for name, bindings in facts.scope.bindings.items() if len(bindings) == 1 and bindings[0].kind in ("import", "from")}


def _without(body: str, name: str) -> str:
    tree = parse(body)
    lines = split_lines(body)
    for node in tree.body:
        alias = next((item for item in getattr(node, "names", []) if (item.asname or item.name.partition(".")[0]) == name), None)
        if isinstance(node, _Statement) and alias is not None and [item.lineno for item in tree.body].count(node.lineno) == 1:
            first, last = node.lineno - 1, node.end_lineno or node.lineno
            kept = "" if len(node.names) == 1 else _fewer("".join(lines[first:last]), node.names.index(alias))
            return "".join([*lines[:first], kept, *lines[last:]])
    return body


def _fewer(statement: str, position: int) -> str:
    """The import statement without the name at that position."""
    module = cst.parse_module(statement)
    line = cst.ensure_type(module.body[0], cst.SimpleStatementLine)
    node = line.body[0]
    assert isinstance(node, cst.Import | cst.ImportFrom) and not isinstance(node.names, cst.ImportStar)
    names: Sequence[cst.ImportAlias] = [item for place, item in enumerate(node.names) if place != position]
    if position == len(node.names) - 1:
        names = [*names[:-1], names[-1].with_changes(comma=node.names[position].comma)]
    return module.with_changes(body=[line.with_changes(body=[node.with_changes(names=names)])]).code


def add_constants(body: str, constants: Iterable[str]) -> str:
    """The text with each assignment below the imports that it needs, unless it has it already."""
    for code in constants:
        tree = parse(body)
        wanted = ast.parse(code)
        if any(ast.unparse(node) == ast.unparse(wanted) for node in tree.body):
            continue
        names = {node.id for node in ast.walk(wanted) if isinstance(node, ast.Name)}
        giving = [node for node in tree.body if isinstance(node, _Statement) and names & {alias.asname or alias.name for alias in node.names}]
        at = max((node.end_lineno or 0 for node in [*_block(tree), *giving]), default=_head(tree))
        lines, newline = split_lines(body), newline_of(body)
        body = "".join([*lines[:at], newline, code + newline, *lines[at:]])
    return body
