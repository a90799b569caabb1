"""`time.sleep(1)` to `await asyncio.sleep(1)`.

Only for a delay that is proved not negative: `time.sleep(-1)` raises ValueError, `asyncio.sleep(-1)` returns.
"""

import ast

from transforms.doubles import double_of
from transforms.edits import AwaitCall, Import, place_of
from transforms.facts import Function, Scope
from transforms.index import Index
from transforms.swaps.model import Swap, Unproved
from transforms.values import External

NAME = "time.sleep"


def swap_sleep(index: Index, function: Function, node: ast.Call) -> Swap | Unproved:
    """The swap of one `time.sleep` call."""
    doubled = double_of(index, "time", NAME)
    if doubled:
        return Unproved(node, NAME, f"{doubled}; asyncio.sleep would really wait")
    if len(node.args) != 1 or node.keywords or not _not_negative(index, node.args[0], function.scope):
        return Unproved(node, NAME, "the delay is not proved to be at least 0: time.sleep raises ValueError below it, asyncio.sleep returns")
    return Swap((node,), NAME, (AwaitCall(place_of(node), "asyncio.sleep"),), "asyncio.sleep waits without blocking", (Import("asyncio"),))


def _not_negative(index: Index, node: ast.expr, scope: Scope) -> bool:
    match node:
        case ast.Constant(value=int() | float() as value):
            return 0 <= value < 1e8
        case ast.Name():
            found = index.resolver.bindings(node.id, scope)
            return len(found) == 1 and found[0].kind == "assign" and isinstance(found[0].node, ast.Constant) and _not_negative(index, found[0].node, scope)
        case ast.Call(func=ast.Name(id="max"), args=[first, *_]) if not node.keywords and index.resolver.value(node.func, scope) == External("builtins.max"):
            return _not_negative(index, first, scope)
        case ast.BinOp(op=ast.Add() | ast.Mult() | ast.Div()):
            return _not_negative(index, node.left, scope) and _not_negative(index, node.right, scope)
        case ast.Call(args=[]):
            return index.resolver.value(node.func, scope) == External("random.random")
    return False
