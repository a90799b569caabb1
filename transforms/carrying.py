"""Carrying a plan out: edits, imports and formatting of each file, with the checks that need only that file."""

import ast
from collections.abc import Collection, Iterable

from transforms.edits import Edit, Import, takes_callee
from transforms.formatting import black_mode, format_changed
from transforms.guards import compiles, new_names
from transforms.imports import add_constants, add_imports, drop_unused
from transforms.index import Index
from transforms.local_imports import drop_unused_locals
from transforms.located import NotRewritable
from transforms.model import FileChange
from transforms.planning import Change, Plan
from transforms.progress import Tick, no_tick
from transforms.rewrite import rewrite
from transforms.text import Undecodable
from transforms.values import ModuleValue


def carry_out(index: Index, plan: Plan, accepted: Collection[str], tick: Tick = no_tick) -> tuple[list[FileChange], dict[str, tuple[str, str]]]:
    """The changed files, and the groups that could not be carried out, each with a code and a reason."""
    by_path: dict[str, list[Change]] = {}
    for change in plan.changes:
        if change.group in accepted:
            by_path.setdefault(change.path, []).append(change)
    changes: list[FileChange] = []
    failed: dict[str, tuple[str, str]] = {}
    for number, (path, mine) in enumerate(sorted(by_path.items())):
        tick(f"{plan.stage}: rewriting", number, len(by_path))
        try:
            changes.append(FileChange(path, index.files[path].data, _rewrite_file(index, path, mine)))
        except (NotRewritable, Undecodable) as error:
            edits = getattr(error, "edits", ())
            failed |= {change.group: ("F002", str(error)) for change in mine if not edits or change.edit in edits}
    for path, (source, groups) in sorted(plan.created.items()):
        if not groups.isdisjoint(accepted):
            changes.append(FileChange(path, None, source.encode()))
    changes += [change for change, group in plan.replaced.values() if group in accepted]
    for path, lines in sorted(plan.lines.items()):
        data = index.project.metadata_bytes[path]
        changes.append(FileChange(path, data, new_lines(data, [(number, text) for number, text, group in lines if group in accepted])))
    return changes, failed


def new_lines(data: bytes, lines: Iterable[tuple[int, str]]) -> bytes:
    """The file with these lines in place of what stood there; every other byte, and each line's ending, stays."""
    rows = data.splitlines(keepends=True)
    for number, text in lines:
        row = rows[number - 1]
        rows[number - 1] = text.encode() + row[len(row.rstrip(b"\r\n")) :]
    return b"".join(rows)


def _rewrite_file(index: Index, path: str, changes: Iterable[Change]) -> bytes:
    parsed = index.files[path]
    edits: dict[Edit, None] = {}
    imports: set[Import] = set()
    constants: dict[str, None] = {}
    for change in changes:
        edits[change.edit] = None
        imports.update(change.imports)
        constants.update(dict.fromkeys(change.constants))
    body = rewrite(parsed.text.body, parsed.facts.tree, list(edits))
    if reason := compiles(path, body):
        raise NotRewritable(reason)
    body = add_imports(body, _needed(imports, "\n".join([body, *constants])), _own_roots(index))
    body = add_constants(body, constants)
    if any(takes_callee(edit) for edit in edits):
        body = drop_unused(body, parsed.facts, _taken_from(index, path))
        body = drop_unused_locals(parsed.text.body, body)
    body = format_changed(parsed.text.body, body, black_mode(index.project.metadata, path))
    reason = compiles(path, body) or (new_names(parsed.text.body, body) if imports else "")
    if reason:
        raise NotRewritable(reason)
    return parsed.text.encode(body)


def _needed(imports: Iterable[Import], body: str) -> list[Import]:
    """Of the imports that a spelling may need, those whose name the new text uses."""
    return [item for item in imports if f"{item.binds}." in body or f"{item.binds}(" in body or f"@{item.binds}" in body or f"({item.binds})" in body]


def _own_roots(index: Index) -> set[str]:
    return {index.layout.module_name(path).partition(".")[0] for path in index.files}


def _taken_from(index: Index, path: str) -> set[str]:
    """Names that other files take from this one, or that strings name (mock targets): never taken out."""
    bindings = index.modules[path].scope.bindings
    if path.endswith("__init__.py"):
        return set(bindings)
    stem = index.layout.module_name(path).rpartition(".")[2]
    if any(
        getattr(star.node, "module", "") and str(getattr(star.node, "module", "")).rpartition(".")[2] == stem
        for module in index.modules.values()
        for star in module.star_imports
    ):
        return set(bindings)
    imported = [name for name, found in bindings.items() if found[0].kind in ("import", "from")]
    return {name for name in imported if is_taken(index, path, stem, name)}


def is_taken(index: Index, path: str, stem: str, name: str) -> bool:
    """Whether other code imports the name from that file, uses it as an attribute of it, or names it in a string."""
    names = index.resolver.names
    for module in index.modules.values():
        if any(_pairs(text, stem, name) for text, _ in module.strings) or any(text == name for text, _ in module.named):
            return True
    for owner, use in names.uses(name):
        node = use.named
        if isinstance(node, ast.Attribute) and owner.module.path != path:
            base = index.resolver.value(node.value, use.scope)
            if base == ModuleValue(path) or (base is None and path in index.graph.escapes.loose_modules()):
                return True
    return any(
        item.kind == "from" and item.text == name and (getattr(item.node, "module", None) or "").rpartition(".")[2] in (stem, "")
        for module in index.modules.values()
        for _, item in module.imported()
    )


def _pairs(text: str, stem: str, name: str) -> bool:
    """Whether a dotted string has the module's name directly before the name."""
    parts = text.replace(":", ".").split(".")
    return any(before == stem and after == name for before, after in zip(parts, parts[1:], strict=False))
