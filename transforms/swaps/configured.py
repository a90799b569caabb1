"""Kept clients that are changed after they are made: the asynchronous one, made of the same arguments, would not have that.

`r.set_response_callback(…)`, `client.retry_handlers.append(…)`, `r.response_callbacks["GET"] = str`, `setup(r)`. Every use of
the kept name in the project is looked at, and of other names that it is given in a function or module. What asks the server
(methods that are known) changes nothing, and so does a library that is handed the client; whatever is not known may change
it. Of the tests it only counts that they replace a method of it.
"""

import ast
from collections.abc import Callable, Iterator

from transforms.catalogue.library import Swap as Row
from transforms.facts import Binding, Call, Function, Scope, last_name
from transforms.index import Index
from transforms.layout import is_test
from transforms.values import External, ModuleValue

IsClient = Callable[[ast.expr, Scope], bool]  # whether the expression is the client, or may be
_REPLACING = {"setattr", "delattr", "object", "multiple", "setitem"}
_ALIASES = 3  # names of names of the client that are followed


def changed_after(index: Index, name: str, is_client: IsClient, row: Row) -> str:
    """Where the client that is kept under that name may be changed, as a clause with file and line; empty when nowhere."""
    for owner, use in index.resolver.names.everywhere(name):
        if isinstance(use, Call) or not is_client(use.node, use.scope):
            continue
        found = _replaced(owner, use.node) if is_test(owner.module.path) else _changes(index, owner, use.node, use.scope, row)
        if what := next(found, ""):
            return f"{owner.module.path}:{use.node.lineno} {what}"
    return _named_in_tests(index, name)


def _replaced(owner: Function, node: ast.expr) -> Iterator[str]:
    """`monkeypatch.setattr(store, "get", …)` in a test."""
    call = owner.module.parents.get(node)
    if isinstance(call, ast.Call) and node in call.args and last_name(call.func) in _REPLACING:
        yield f"replaces a part of it: {ast.unparse(call)[:60]}"


def _named_in_tests(index: Index, name: str) -> str:
    """`patch("app.store.get")` in a test."""
    for path in sorted(index.modules):
        for text, line in index.modules[path].strings if is_test(path) else []:
            if name in text.replace(":", ".").split(".")[1:-1]:
                return f"{path}:{line} names {text}, and may replace a part of it"
    return ""


def is_of(index: Index, node: ast.expr, scope: Scope, binding: Binding) -> bool:
    """Whether the expression is the client of that binding, or may be: a name that is imported, or an attribute of a module."""
    if isinstance(node, ast.Name):
        return any(item is binding or item.kind == "from" for item in index.resolver.bindings(node.id, scope))
    return isinstance(node, ast.Attribute) and isinstance(index.resolver.value(node.value, scope), ModuleValue)


def _changes(index: Index, owner: Function, node: ast.expr, scope: Scope, row: Row, depth: int = _ALIASES) -> Iterator[str]:
    parents = owner.module.parents
    parent = parents.get(node)
    outer = parents.get(parent) if parent is not None else None
    match parent:
        case ast.Attribute(attr=attr) if isinstance(outer, ast.Call) and outer.func is parent:
            if attr in row.refused and isinstance(parents.get(outer), ast.Expr) or not _is_known(attr, row):
                yield f"calls {ast.unparse(parent)}(), which the asynchronous client would not have seen"
        case ast.Attribute(attr=attr):
            kind = row.attributes.get(attr) or row.attributes.get("*")
            below = index.catalogue.swaps.get(kind) if kind and not row.has_method(attr) else None
            if below is not None:
                yield from _changes(index, owner, parent, scope, below, depth)
            elif isinstance(outer, ast.Attribute | ast.Subscript) and not row.has_method(attr):
                yield f"reaches into {ast.unparse(parent)}, which the asynchronous client would not share"
        case ast.Call() if node in parent.args:
            yield from _handed(index, parent, scope)
        case ast.keyword() if isinstance(outer, ast.Call):
            yield from _handed(index, outer, scope)
        case ast.Assign() | ast.AnnAssign() | ast.NamedExpr() | ast.withitem():
            yield from _under_other_names(index, node, parent, row, depth)


def _under_other_names(index: Index, node: ast.expr, parent: ast.Assign | ast.AnnAssign | ast.NamedExpr | ast.withitem, row: Row, depth: int) -> Iterator[str]:
    """`r = store`: what is done to `r` is done to the client."""
    targets = parent.targets if isinstance(parent, ast.Assign) else [parent.optional_vars if isinstance(parent, ast.withitem) else parent.target]
    for name in sorted({target.id for target in targets if isinstance(target, ast.Name)}):
        for owner, use in index.resolver.names.uses(name):
            bindings = index.resolver.bindings(name, use.scope)
            if isinstance(use, Call) or not isinstance(use.node, ast.Name) or not any(item.kind == "from" or item.node in (node, parent) for item in bindings):
                continue
            if depth == 0:
                yield f"has one name more for it, {name}, which is not followed"
            elif not is_test(owner.module.path):
                yield from _changes(index, owner, use.node, use.scope, row, depth - 1)


def _handed(index: Index, call: ast.Call, scope: Scope) -> Iterator[str]:
    """Handed to code of the project, or to code that is not known: it may change it. Nothing is known to be changed by a library."""
    if not isinstance(index.resolver.value(call.func, scope), External):
        yield f"hands it to {ast.unparse(call.func)[:40]}(), which may change it"


def _is_known(name: str, row: Row) -> bool:
    return row.has_method(name) or name in row.attributes or not name.startswith("_") and ("*" in row.methods or "*" in row.plain or "*" in row.attributes)
