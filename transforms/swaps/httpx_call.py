"""`httpx.get(…)` to a client of the same library, for one call: same responses, same exceptions.

Not converted: streams, certificates and proxies per call, a response that is closed or iterated by hand.
"""

import ast

from transforms.doubles import hidden_from
from transforms.edits import ClientBlock, Import, place_of
from transforms.facts import Function
from transforms.index import Index
from transforms.placement import free_name, own_statement
from transforms.swaps.http import context_obstacle, in_comprehension, own_context, statement_obstacle
from transforms.swaps.model import Swap, Unproved

VERBS = {
    f"{library}.{verb}": (library, verb) for library in ("httpx", "httpx2") for verb in ("get", "head", "options", "post", "put", "patch", "delete", "request")
}
_PER_CLIENT = {"verify", "cert", "proxy", "proxies", "trust_env", "cookies", "mounts", "auth", "files", "content", "data"}
_BY_HAND = {"close", "iter_bytes", "iter_text", "iter_lines", "iter_raw", "read", "stream"}


def swap_httpx(index: Index, function: Function, node: ast.Call, name: str) -> Swap | Unproved:
    """The swap of one call of a module function of httpx or httpx2."""
    library, verb = VERBS[name]
    obstacle = _obstacle(index, function, node, library, name)
    if obstacle:
        return Unproved(node, name, obstacle)
    statement = own_statement(function, node)
    assert statement is not None
    local = free_name(function, "client")
    context, code = own_context(library)
    block = ClientBlock(place_of(node), place_of(statement), f"{library}.AsyncClient(verify={context})", local, verb)
    reason = "the same library's asynchronous client gives the same responses and errors (only the text of a failed connection or a timeout is another one)"
    return Swap((node,), name, (block,), reason, (Import(library),), (code,))


def _obstacle(index: Index, function: Function, node: ast.Call, library: str, name: str) -> str:
    if obstacle := hidden_from(index, library, name) or statement_obstacle(index, function, node, VERBS):
        return obstacle
    for keyword in node.keywords:
        if keyword.arg is None or keyword.arg in _PER_CLIENT:
            return f"its argument {keyword.arg or '**'} is not proved to mean the same on a client"
    if obstacle := in_comprehension(function, node):
        return obstacle
    by_hand = next((item.node for item in function.references if isinstance(item.node, ast.Attribute) and item.node.attr in _BY_HAND), None)
    called = next((item.node for item in function.calls if isinstance(item.node.func, ast.Attribute) and item.node.func.attr in _BY_HAND), None)
    if by_hand or called:
        return f"line {(by_hand or called).lineno}: a response may be read or closed by hand"  # type: ignore[union-attr]
    return escape(function, node) or context_obstacle(index, function, *own_context(library))


def escape(function: Function, node: ast.Call) -> str:
    """Why the response may be read or closed by hand elsewhere: it is passed on as a whole."""
    parents = function.module.parents
    parent = parents.get(node)
    if isinstance(parent, ast.Expr | ast.Attribute):
        return ""
    if isinstance(parent, ast.Assign) and len(parent.targets) == 1 and isinstance(parent.targets[0], ast.Name):
        name = parent.targets[0].id
        uses = [item for item in ast.walk(function.node) if isinstance(item, ast.Name) and item.id == name and isinstance(item.ctx, ast.Load)]
        if all(isinstance(parents.get(item), ast.Attribute) for item in uses):
            return ""
    return "the response itself is passed on, and may be read or closed by hand there"
