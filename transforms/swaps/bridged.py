"""`requests.get(…)` to `await async_requests.get(…)`: requests prepares and builds, aiohttp carries (setting `http = "bridge"`).

Nothing of the call's arguments, response or errors has to be proved: they stay those of requests, and what aiohttp cannot
carry the emitted module hands to requests in a thread. `session.get(…)` becomes `await async_requests.call(session.get, …)`,
and so does a function whose name the tests replace, or whose library the module uses for nothing else: what is called is then
still what the name means, and its import stays.

Not converted: streamed responses (they block while they are read), requests that are prepared and sent by hand, sessions
of other libraries, and calls behind test doubles that were not measured.
"""

import ast

from transforms.bridge.doubles import is_replaced, unseen_double
from transforms.bridge.names import MODULE, VERBS, holds_bridge
from transforms.bridge.source import bridge_import, bridge_path, source
from transforms.edits import AwaitCall, Edit, Import, WrapCall, place_of
from transforms.facts import Function, ModuleFacts, asks_for_stream
from transforms.index import Index
from transforms.layout import is_test
from transforms.swaps.model import Swap, Unproved
from transforms.values import External, ModuleValue

OLDEST = (3, 12)  # of aiohttp
BRIDGED = "C206"
_FUNCTIONS = {f"{module}.{verb}" for module in ("requests", "requests.api") for verb in VERBS}
_METHODS = {f"{cls}.{verb}" for cls in ("requests.Session", "requests.sessions.Session") for verb in VERBS}
_WHY = {
    "send": "a request that was prepared by hand is sent by requests itself",
    "resolve_redirects": "redirects are followed by hand, each with a request of its own",
}
_SAME = "requests still prepares the request and makes the response and the errors: arguments, attributes, except clauses and mocks keep their meaning"


def swap_bridged(index: Index, function: Function, node: ast.Call, name: str) -> Swap | Unproved | None:
    """The swap of one call of a function or method of requests; None for what needs none."""
    if name.startswith("requests_"):
        return Unproved(node, name, "a session of another library may send requests of its own, for instance to renew a token", "C207")
    if name not in _FUNCTIONS and name not in _METHODS:
        why = _WHY.get(name.rpartition(".")[2])
        return Unproved(node, name, why, "C207") if why else None
    obstacle = _obstacle(index, node)
    if obstacle:
        return Unproved(node, name, obstacle, "C207")
    where = bridge_path(index, function.module.path)
    if old := _old_aiohttp(index):
        return Unproved(node, name, old, "C208")
    item = bridge_import(index, function.module, where)
    if item is None:
        return Unproved(node, name, f"the project imports the modules beside {where} under several names", "C208")
    if taken := _taken(index, function, where, item):
        return Unproved(node, name, taken, "C208")
    text = "" if where in index.project.python else source()
    return Swap((node,), name, (_edit(index, function, node, name),), f"aiohttp carries it; {_SAME}", (item,), (), ("aiohttp",), BRIDGED, ((where, text),))


def _obstacle(index: Index, node: ast.Call) -> str:
    if asks_for_stream(node):
        return "a streamed response blocks while it is read: the request and the loop over the body have to move together"
    return unseen_double(index)


def _edit(index: Index, function: Function, node: ast.Call, name: str) -> Edit:
    """The plain form where what is called is `requests.VERB` and the module goes on using that name for something else.

    Otherwise `call(requests.VERB, …)`, which keeps the name in use: tests that are not seen may patch `shop.views.requests.get`.
    """
    called = node.func
    if name in _METHODS or not isinstance(called, ast.Attribute) or not isinstance(called.value, ast.Name) or is_replaced(index, called.value.id):
        return WrapCall(place_of(node), "bridge")
    library = called.value.id
    plain = index.resolver.value(called.value, function.scope) == External("requests") and _is_used_otherwise(function.module, library)
    return AwaitCall(place_of(node), f"{MODULE}.{called.attr}") if plain else WrapCall(place_of(node), "bridge")


def _is_used_otherwise(module: ModuleFacts, library: str) -> bool:
    """Whether the name of the library stands there for more than calls such as `requests.get(…)`: in an `except`, an annotation …"""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Name) and node.id == library and isinstance(node.ctx, ast.Load):
            attribute = module.parents.get(node)
            call = module.parents.get(attribute) if isinstance(attribute, ast.Attribute) and attribute.attr in VERBS else None
            if not (isinstance(call, ast.Call) and call.func is attribute):
                return True
    return False


def _taken(index: Index, function: Function, where: str, item: Import) -> str:
    """Why the module or its name cannot be used in that function; empty when they can."""
    data = index.project.python.get(where)
    if data is not None and not holds_bridge(where, data):
        return f"{where} exists already and holds something else"
    if data is None and where.rpartition("/")[0] and not _is_open(index, where):
        return f"{where} would lie outside the folder that was named"
    bound = index.resolver.bindings(item.binds, function.scope)
    if bound and index.resolver.name(item.binds, function.scope) != ModuleValue(where):
        return f"the name {item.binds} means something else here"
    return ""


def _is_open(index: Index, where: str) -> bool:
    folder = where.rpartition("/")[0]
    return any(path.startswith(f"{folder}/") and not is_test(path) for path in index.project.editable)


def _old_aiohttp(index: Index) -> str:
    for item in index.requirements.find("aiohttp"):
        if any(operator in ("==", "===", "<=") and bound < OLDEST or operator == "<" and bound <= OLDEST for operator, bound in item.clauses):
            return f"{item.source} asks for an aiohttp below {'.'.join(map(str, OLDEST))}, which lacks what the module needs: raise it first"
    return ""
