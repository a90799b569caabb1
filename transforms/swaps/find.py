"""All client calls of a function that have an asynchronous form: the swap, or what could not be proved."""

import ast
from collections.abc import Collection

from transforms.facts import Function
from transforms.index import Index
from transforms.model import Settings
from transforms.placement import is_awaited, why_not_here
from transforms.planning import shadowed
from transforms.swaps import httpx_call, requests_call, sleep
from transforms.swaps.block import swap_blocks
from transforms.swaps.bridged import swap_bridged
from transforms.swaps.functions import swap_functions
from transforms.swaps.model import Swap, Unproved
from transforms.swaps.session import SESSIONS, kept_session, swap_sessions
from transforms.swaps.typed import typed_swaps

DIFFERS = "C220"


def find_swaps(index: Index, function: Function, settings: Settings) -> list[Swap | Unproved]:
    """In source order."""
    typed = [_unless_differing(item, settings) for item in (*typed_swaps(index, function), *swap_functions(index, function))]
    entered = {block for item in typed if isinstance(item, Swap) for block in item.blocks}
    bridged = settings.http == "bridge"
    found: list[Swap | Unproved] = [*swap_blocks(index, function, entered), *([] if bridged else swap_sessions(index, function, settings))]
    inside = {node for item in found if isinstance(item, Swap) for node in item.nodes}
    for site in index.graph.sites(function):
        if isinstance(site.node, ast.Call) and site.node not in inside and not is_awaited(function, site.node):
            swap = _one(index, function, site.node, site.entry.name, settings)
            if swap is not None:
                found.append(swap)
    return [*typed, *(_placed(index, function, item, entered) for item in found)]


def _unless_differing(item: Swap | Unproved, settings: Settings) -> Swap | Unproved:
    """The swap, unless something differs that no source shows and that is not opted in."""
    if isinstance(item, Unproved) or not item.differs or DIFFERS in settings.unsafe:
        return item
    return Unproved(item.nodes[0], item.subject, item.differs, DIFFERS)


def _one(index: Index, function: Function, node: ast.Call, name: str, settings: Settings) -> Swap | Unproved | None:
    if name == sleep.NAME:
        return sleep.swap_sleep(index, function, node)
    if settings.http == "bridge" and name.startswith("requests"):
        return swap_bridged(index, function, node, name)
    if name in requests_call.VERBS or name in requests_call.PROTECTED:
        return requests_call.swap_requests(index, function, node, name, settings)
    if name.startswith(SESSIONS):
        return kept_session(index, function, node, name)
    if name in httpx_call.VERBS:
        return httpx_call.swap_httpx(index, function, node, name)
    return None


def _placed(index: Index, function: Function, item: Swap | Unproved, entered: Collection[ast.AST]) -> Swap | Unproved:
    """The swap, unless `await` cannot be written at one of its calls."""
    if isinstance(item, Unproved):
        return item
    for node in item.nodes:
        reason = why_not_here(index, function, node, entered)
        if reason:
            return Unproved(node, item.subject, reason)
    name = "" if item.creates else shadowed(index, function, item.imports)
    return Unproved(item.nodes[0], item.subject, f"the name {name} means something else here") if name else item
