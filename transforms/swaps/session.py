"""`with requests.Session() as s:` to a client of httpx2 or httpx, when every call on it is proved equal.

Not converted: a session that is configured (headers, auth, adapters, verify …), kept, or passed on; HEAD, whose
redirects differ per call; everything that is not converted for a single call of requests.
"""

import ast
from collections.abc import Iterator

from transforms.bridge.names import VERBS
from transforms.doubles import hidden_from
from transforms.edits import AwaitCall, Edit, Import, SwapBlock, place_of
from transforms.facts import Function
from transforms.index import Index
from transforms.model import Settings
from transforms.swaps.block import uses_in_block
from transforms.swaps.http import CONTEXT, CONTEXT_CODE, CONTEXT_IMPORTS, catcher, context_obstacle, netrc_obstacle, target
from transforms.swaps.json_body import REDIRECTED, has_body
from transforms.swaps.model import Swap, Unproved
from transforms.swaps.requests_call import call_obstacle, caveats
from transforms.swaps.response import response_uses
from transforms.values import External

_MADE = {"requests.Session", "requests.session", "requests.sessions.Session"}
SESSIONS = ("requests.Session.", "requests.sessions.Session.")
_VERBS = {"get", "post"}
_CLIENT = (("verify", CONTEXT), ("follow_redirects", "True"), ("max_redirects", "30"), ("timeout", "None"))


def swap_sessions(index: Index, function: Function, settings: Settings) -> Iterator[Swap | Unproved]:
    """All `with` blocks over a new session of requests."""
    for call in function.calls:
        made = index.resolver.value(call.node.func, call.scope)
        item = function.module.parents.get(call.node)
        block = function.module.parents.get(item) if item is not None else None
        if getattr(made, "name", "") in _MADE and isinstance(item, ast.withitem) and isinstance(block, ast.With):
            yield _swap(index, function, block, item, call.node, settings)


def kept_session(index: Index, function: Function, node: ast.Call, name: str) -> Unproved | None:
    """Why a request over a session that outlives the block, or comes from elsewhere, is not exchanged; None for one in a `with` block."""
    owner = node.func.value if isinstance(node.func, ast.Attribute) else node
    if name.rpartition(".")[2] not in VERBS:
        return None
    bindings = index.resolver.bindings(owner.id, function.scope) if isinstance(owner, ast.Name) else []
    if any(item.kind == "with" for item in bindings):
        return None
    whence = "may be set up elsewhere, with headers, cookies and adapters that a client of httpx treats otherwise"
    if any(item.kind == "param" for item in bindings):
        whence = f"is handed in by the callers, and {whence}"
    if isinstance(owner, ast.Attribute) and index.resolver.value(owner.value, function.scope) == External("flask.g", True):
        whence = "is kept on flask.g, and the teardown hook that would close its asynchronous form cannot await"
    return Unproved(node, name, f"the session {whence}; `--http bridge` carries its calls as they are")


def _swap(index: Index, function: Function, block: ast.With, item: ast.withitem, call: ast.Call, settings: Settings) -> Swap | Unproved:
    name = "requests.Session"
    calls = uses_in_block(function, block, item)
    obstacle = _obstacle(index, function, block, call, calls)
    edits: list[Edit] = []
    imports: dict[Import, None] = {}
    for node in calls or []:
        uses = response_uses(function, node)
        obstacle = obstacle or uses.obstacle
        imports.update(dict.fromkeys(uses.imports))
        edits += [AwaitCall(place_of(node)), *uses.edits]
    if obstacle or not calls:
        return Unproved(call, name, obstacle or "no request is made in the block")
    library = target(index, settings)
    block_edit = SwapBlock(place_of(call), place_of(call), f"{library}.AsyncClient", _CLIENT)
    reason = f"{library} sends the same requests: redirects, timeouts, parameters and what is read of the responses are proved equal{caveats(function, calls)}"
    return Swap(tuple(calls), name, (block_edit, *edits), reason, (Import(library), *CONTEXT_IMPORTS, *imports), (CONTEXT_CODE,), (library, "certifi"))


def _obstacle(index: Index, function: Function, block: ast.With, call: ast.Call, calls: list[ast.Call] | None) -> str:
    if hidden := hidden_from(index, "requests", "requests.Session") or hidden_from(index, "requests", "requests.get"):
        return hidden
    if len(block.items) != 1 or calls is None or call.args or call.keywords:
        return "the session is used in another way than by its methods inside the block"
    caught = catcher(index, function, "requests")
    if caught:
        return f"{caught}, and the errors of httpx are other classes"
    for node in calls:
        verb = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if verb not in _VERBS or any(keyword.arg == "allow_redirects" for keyword in node.keywords):
            return f"line {node.lineno}: .{verb}() is not proved to send the same on a client of httpx"
        if reason := call_obstacle(index, function.scope, node, verb):
            return f"line {node.lineno}: {reason}"
        if has_body(node):
            return f"line {node.lineno}: {REDIRECTED}"
    return context_obstacle(index, function) or netrc_obstacle(index)
