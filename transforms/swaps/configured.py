"""Kept clients that are changed after they are made: the asynchronous one, made of the same arguments, would not have that.

`r.set_response_callback(…)`, `client.retry_handlers.append(…)`, `r.response_callbacks["GET"] = str`, `setup(r)`. Every use of
the kept name in the project is looked at. What asks the server (methods that are known) changes nothing, and so does a
library that is handed the client; whatever is not known may change it.
"""

import ast
from collections.abc import Iterator

from transforms.catalogue.library import Swap as Row
from transforms.facts import Binding, Call, Scope
from transforms.index import Index
from transforms.layout import is_test
from transforms.values import External, ModuleValue


def changed_after(index: Index, name: str, binding: Binding, row: Row) -> str:
    """Where the kept client may be changed, as a clause with file and line; empty when nowhere."""
    for spelling in sorted(index.resolver.names.spellings(name)):
        for owner, use in index.resolver.names.uses(spelling):
            if isinstance(use, Call) or is_test(owner.module.path) or not _is_of(index, use.node, use.scope, binding):
                continue
            if what := next(_changes(index, owner.module.parents, use.node, use.scope, row), ""):
                return f"{owner.module.path}:{use.node.lineno} {what}"
    return ""


def _is_of(index: Index, node: ast.expr, scope: Scope, binding: Binding) -> bool:
    """Whether the expression is the client of that binding, or may be: a name that is imported, or an attribute of a module."""
    if isinstance(node, ast.Name):
        return any(item is binding or item.kind == "from" for item in index.resolver.bindings(node.id, scope))
    return isinstance(node, ast.Attribute) and isinstance(index.resolver.value(node.value, scope), ModuleValue)


def _changes(index: Index, parents: dict[ast.AST, ast.AST], node: ast.expr, scope: Scope, row: Row) -> Iterator[str]:
    parent = parents.get(node)
    outer = parents.get(parent) if parent is not None else None
    match parent:
        case ast.Attribute(attr=attr) if isinstance(outer, ast.Call) and outer.func is parent:
            if attr in row.refused and isinstance(parents.get(outer), ast.Expr) or not _is_known(attr, row):
                yield f"calls {ast.unparse(parent)}(), which the asynchronous client would not have seen"
        case ast.Attribute(attr=attr):
            kind = row.attributes.get(attr) or row.attributes.get("*")
            below = index.catalogue.swaps.get(kind) if kind and not _is_method(attr, row) else None
            if below is not None:
                yield from _changes(index, parents, parent, scope, below)
            elif isinstance(outer, ast.Attribute | ast.Subscript) and not _is_method(attr, row):
                yield f"reaches into {ast.unparse(parent)}, which the asynchronous client would not share"
        case ast.Call() if node in parent.args:
            yield from _handed(index, parent, scope)
        case ast.keyword() if isinstance(outer, ast.Call):
            yield from _handed(index, outer, scope)


def _handed(index: Index, call: ast.Call, scope: Scope) -> Iterator[str]:
    """Handed to code of the project, or to code that is not known: it may change it. Nothing is known to be changed by a library."""
    if not isinstance(index.resolver.value(call.func, scope), External):
        yield f"hands it to {ast.unparse(call.func)[:40]}(), which may change it"


def _is_method(name: str, row: Row) -> bool:
    return name in row.methods | row.plain | row.iterators or name in row.rename or name in row.refused


def _is_known(name: str, row: Row) -> bool:
    return _is_method(name, row) or name in row.attributes or not name.startswith("_") and ("*" in row.methods or "*" in row.plain or "*" in row.attributes)
