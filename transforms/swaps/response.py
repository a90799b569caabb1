"""How the response of a `requests` call is used: which uses mean the same on a response of httpx."""

import ast
from dataclasses import dataclass

from transforms.edits import Edit, GuardStatus, Import, ReadJson, place_of
from transforms.facts import Function
from transforms.placement import stands_alone

_SAME = {"status_code", "content"}
_WHY = {
    "text": "`.text` without a declared charset is guessed by requests and taken as UTF-8 by httpx",
    "ok": "`.ok` does not exist on a response of httpx",
    "url": "`.url` is no string on a response of httpx",
    "iter_content": "the response is streamed",
    "iter_lines": "the response is streamed",
    "raw": "the response is streamed",
}


@dataclass(frozen=True)
class Uses:
    """Edits that keep the meaning of the uses; `obstacle` names the first use that has no equal."""

    edits: tuple[Edit, ...] = ()
    obstacle: str = ""

    @property
    def imports(self) -> tuple[Import, ...]:
        """What the edits need."""
        return (Import("json"),) if any(isinstance(edit, ReadJson) for edit in self.edits) else ()


def response_uses(function: Function, call: ast.Call) -> Uses:
    """All uses of the call's result."""
    parents = function.module.parents
    parent = parents.get(call)
    match parent:
        case ast.Expr():
            return Uses()
        case ast.Attribute():
            return _one(function, parent)
        case ast.Assign(targets=[ast.Name(id=name)]) if parent.value is call:
            return _all(function, name)
    return Uses(obstacle="the response itself is passed on, and a response of httpx is another object")


def _all(function: Function, name: str) -> Uses:
    if len(function.scope.bindings.get(name, [])) != 1:
        return Uses(obstacle=f"{name} is assigned more than once")
    if any(item.node.id == name for nested in _below(function) for item in nested.references if isinstance(item.node, ast.Name)):
        return Uses(obstacle=f"{name} is used in a nested function")
    edits: list[Edit] = []
    for reference in function.references:
        if isinstance(reference.node, ast.Name) and reference.node.id == name:
            used = _name(function, reference.node)
            if used.obstacle:
                return used
            edits += used.edits
    bases = [
        node for call in function.calls if isinstance(node := call.node.func, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name
    ]
    for node in bases:
        used = _one(function, node)
        if used.obstacle:
            return used
        edits += used.edits
    return Uses(tuple(dict.fromkeys(edits)))


def _name(function: Function, node: ast.Name) -> Uses:
    parent = function.module.parents.get(node)
    if isinstance(parent, ast.Attribute):
        return _one(function, parent)
    return Uses(obstacle=f"`{node.id}` itself is used at line {node.lineno}, and a response of httpx is another object")


def _below(function: Function) -> list[Function]:
    return [deep for nested in function.nested for deep in [nested, *_below(nested)]]


def _one(function: Function, node: ast.Attribute) -> Uses:
    parents = function.module.parents
    parent = parents.get(node)
    called = isinstance(parent, ast.Call) and parent.func is node
    if node.attr in _SAME and not called:
        return Uses()
    if node.attr == "json" and isinstance(parent, ast.Call) and called and not parent.args and not parent.keywords:
        return Uses((ReadJson(place_of(parent)),))
    if node.attr == "headers" and _plain_lookup(parents, parent):
        return Uses()
    if node.attr == "raise_for_status" and isinstance(parent, ast.Call) and called and _is_own_line(function, parent) and isinstance(node.value, ast.Name):
        return Uses((GuardStatus(place_of(parent), node.value.id),))
    return Uses(obstacle=f"line {node.lineno}: {_WHY.get(node.attr, f'`.{node.attr}` is not proved to mean the same on a response of httpx')}")


def _is_own_line(function: Function, call: ast.Call) -> bool:
    statement = function.module.parents.get(call)
    return isinstance(statement, ast.Expr) and stands_alone(function, statement)


def _plain_lookup(parents: dict[ast.AST, ast.AST], node: ast.AST | None) -> bool:
    """`headers["x"]` or `headers.get("x")`: both libraries ignore case."""
    if isinstance(node, ast.Subscript):
        return isinstance(node.slice, ast.Constant) and isinstance(node.ctx, ast.Load)
    called = parents.get(node) if isinstance(node, ast.Attribute) and node.attr == "get" else None
    return isinstance(called, ast.Call) and called.func is node
