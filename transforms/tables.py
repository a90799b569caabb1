"""Views that are taken from `app.view_functions` only to be looked at: `getattr(app.view_functions[endpoint], "is_public", False)`."""

import ast

from transforms.facts import Function

_OPENING = {"__wrapped__", "__call__", "__func__", "view_class", "__closure__"}
_LOOKING = {"getattr", "hasattr", "callable", "bool", "id", "repr", "str", "isinstance", "signature", "getdoc"}


def is_only_looked_at(owner: Function, table: ast.AST) -> bool:
    """Whether what the table gives there is never called, kept or handed on, as far as the function that takes it shows."""
    parents = owner.module.parents
    parent = parents.get(table)
    if isinstance(parent, ast.Compare) and table in parent.comparators:
        return True  # `endpoint in app.view_functions`
    if isinstance(parent, ast.Attribute) and parent.attr == "get" and isinstance(parents.get(parent), ast.Call):
        return _is_looked_at(owner, parents[parent])
    return isinstance(parent, ast.Subscript) and parent.value is table and isinstance(parent.ctx, ast.Load) and _is_looked_at(owner, parent)


def _is_looked_at(owner: Function, taken: ast.AST) -> bool:
    parent = owner.module.parents.get(taken)
    if isinstance(parent, ast.Assign) and parent.value is taken and len(parent.targets) == 1 and isinstance(parent.targets[0], ast.Name):
        return owner.kind == "function" and _name_is_looked_at(owner, parent.targets[0].id)
    return _is_harmless(owner, taken)


def _is_harmless(owner: Function, node: ast.AST) -> bool:
    parent = owner.module.parents.get(node)
    if isinstance(parent, ast.Attribute):
        above = owner.module.parents.get(parent)
        return parent.attr not in _OPENING and not (isinstance(above, ast.Call) and above.func is parent)
    if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name) and parent.func.id in _LOOKING and parent.args[:1] == [node]:
        name = parent.args[1] if len(parent.args) > 1 and parent.func.id == "getattr" else None
        return name is None or isinstance(name, ast.Constant) and name.value not in _OPENING
    if isinstance(parent, ast.BoolOp):  # `table.get(x) or other` is one of the two; in a condition it is only asked for
        return _is_asked(owner.module.parents.get(parent), parent)
    return _is_asked(parent, node)


def _is_asked(parent: ast.AST | None, node: ast.AST) -> bool:
    if isinstance(parent, ast.IfExp):
        return parent.test is node
    return isinstance(parent, ast.If | ast.While | ast.Compare) or isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.Not)


def _name_is_looked_at(owner: Function, name: str) -> bool:
    if name in owner.scope.outer_names or any(item.id == name for inner in owner.nested for item in ast.walk(inner.node) if isinstance(item, ast.Name)):
        return False
    read = [item for item in ast.walk(owner.node) if isinstance(item, ast.Name) and item.id == name and isinstance(item.ctx, ast.Load)]
    return all(_is_harmless(owner, item) for item in read)
