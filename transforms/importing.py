"""Whether files still find in each other what they take from each other: for changes whose meaning we do not know."""

import ast
from collections.abc import Iterable, Iterator

from transforms.carrying import is_taken
from transforms.index import Index


def torn(before: Index, after: Index, changed: Iterable[str]) -> dict[str, str]:
    """The changed files after which a name is missing that another file takes, or that the file itself takes, and why."""
    found: dict[str, str] = {}
    for path in changed:
        reasons = [*_still_wanted(before, after, path), *_not_found(before, after, path)]
        if reasons:
            found[path] = reasons[0]
    return found


def _still_wanted(before: Index, after: Index, path: str) -> Iterator[str]:
    """Names that the file no longer has and that another file imports, uses as an attribute or names in a string."""
    if path not in before.modules or path not in after.modules:
        return
    stem = after.layout.module_name(path).rpartition(".")[2]
    for name in before.modules[path].scope.bindings:
        if name not in after.modules[path].scope.bindings and (is_taken(after, path, stem, name) or _taken_by_star(after, path, name)):
            yield f"it would no longer have {name!r}, which other code still takes from it"


def _taken_by_star(index: Index, path: str, name: str) -> bool:
    users = {owner.module.path for owner, _ in index.resolver.names.uses(name)}
    stars = ((user, star.node) for user in users - {path} for star in index.modules[user].star_imports)
    return any(isinstance(node, ast.ImportFrom) and index.layout.imported(node, user) == path for user, node in stars)


def _not_found(before: Index, after: Index, path: str) -> Iterator[str]:
    """Names that the file would import from a module of the project that has no such name."""
    known = set(_missing(before, path))
    for target, name in _missing(after, path):
        if (target, name) not in known:
            yield f"it would import {name!r} from {target}, which has no such name"


def _missing(index: Index, path: str) -> Iterator[tuple[str, str]]:
    if path not in index.modules:
        return
    facts = index.modules[path]
    for node in (node for node in ast.walk(facts.tree) if isinstance(node, ast.ImportFrom)):
        target = index.layout.imported(node, path)
        module = index.modules.get(target or "")
        if target is None or module is None or module.star_imports or "__getattr__" in module.scope.bindings:
            continue
        for alias in node.names:
            if alias.name != "*" and alias.name not in module.scope.bindings and not index.layout.submodule(target, alias.name):
                yield target, alias.name
