"""`with httpx.Client(…) as c:` to `async with httpx.AsyncClient(…) as c:`, when all uses of `c` are known methods."""

import ast
from collections.abc import Collection, Iterator

from transforms.catalogue.library import Swap as Pair
from transforms.doubles import hidden_from
from transforms.edits import AwaitCall, Edit, Import, SwapBlock, place_of
from transforms.facts import Function
from transforms.index import Index
from transforms.placement import why_not_here
from transforms.swaps.http import context_obstacle, own_context
from transforms.swaps.httpx_call import escape
from transforms.swaps.model import Swap, Unproved
from transforms.values import External

_HTTP = {"httpx", "httpx2"}


def swap_blocks(index: Index, function: Function, entered: Collection[ast.AST] = ()) -> Iterator[Swap | Unproved]:
    """All `with` blocks over a client of httpx or httpx2; `entered` are blocks that become `async with` as well."""
    for call in function.calls:
        item = function.module.parents.get(call.node)
        block = function.module.parents.get(item) if item is not None else None
        made = index.resolver.value(call.node, call.scope)
        pair = index.catalogue.swaps.get(made.name) if isinstance(made, External) and made.instance else None
        if pair and _is_http(pair) and isinstance(item, ast.withitem) and isinstance(block, ast.With) and item.context_expr is call.node:
            calls = uses_in_block(function, block, item)
            obstacle = _obstacle(index, function, block, call.node, pair, calls, entered)
            yield Unproved(call.node, pair.type, obstacle) if obstacle or calls is None else _swap(call.node, pair, calls)


def _is_http(pair: Pair) -> bool:
    """Whether it is a client of the library itself, and of none that a catalogue file of the user's lists with it."""
    return pair.of.library in _HTTP and pair.type.startswith(f"{pair.of.library}.")


def _swap(call: ast.Call, pair: Pair, calls: list[ast.Call]) -> Swap:
    name, code = own_context(pair.of.library)
    is_given = any(keyword.arg == "verify" for keyword in call.keywords)
    block = SwapBlock(place_of(call), place_of(call), pair.target, () if is_given else (("verify", name),))
    edits: tuple[Edit, ...] = (block, *(AwaitCall(place_of(node)) for node in calls))
    return Swap(tuple(calls), pair.type, edits, f"{pair.target} has the same methods", (Import(pair.module),), () if is_given else (code,))


def uses_in_block(function: Function, block: ast.With, item: ast.withitem) -> list[ast.Call] | None:
    """The method calls on the client; None when it is used in any other way."""
    if not isinstance(item.optional_vars, ast.Name):
        return None
    name = item.optional_vars.id
    if len(function.scope.bindings.get(name, [])) != 1:
        return None
    parents = function.module.parents
    found: list[ast.Call] = []
    for node in ast.walk(function.node):
        if isinstance(node, ast.Name) and node.id == name and node is not item.optional_vars:
            attribute = parents.get(node)
            call = parents.get(attribute) if isinstance(attribute, ast.Attribute) else None
            if not isinstance(call, ast.Call) or call.func is not attribute or block not in function.module.ancestors(call):
                return None
            found.append(call)
    return found


def _obstacle(index: Index, function: Function, block: ast.With, call: ast.Call, pair: Pair, calls: list[ast.Call] | None, entered: Collection[ast.AST]) -> str:
    if hidden := hidden_from(index, pair.of.library, pair.type):
        return hidden
    if len(block.items) != 1 or calls is None:
        return "the client is used in another way than by its methods inside the block"
    if call.args or any(keyword.arg not in pair.constructor for keyword in call.keywords):
        return "an argument of its constructor is not proved to mean the same"
    for node in calls:
        method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if method not in pair.methods:
            return f"line {node.lineno}: .{method}() is not proved to be the same when awaited"
        if reason := _request_obstacle(function, node):
            return f"line {node.lineno}: {reason}"
        if reason := why_not_here(index, function, node, entered):
            return reason
    return why_not_here(index, function, call, entered) or context_obstacle(index, function, *own_context(pair.of.library))


def _request_obstacle(function: Function, node: ast.Call) -> str:
    """Bodies and authentication that only a synchronous client takes, and responses that are passed on."""
    for keyword in node.keywords:
        literal = isinstance(keyword.value, ast.Constant | ast.Dict | ast.Tuple)
        if keyword.arg is None or (keyword.arg in ("content", "data", "files", "auth") and not literal):
            return f"its argument {keyword.arg or '**'} is not proved to mean the same on an asynchronous client"
    return escape(function, node)
