"""`requests.get(…)` to a client of httpx2 or httpx, for one call.

Not converted: streams, files, cookies, hooks, proxies and certificates per call; parameters, headers and bodies whose
values are not seen; URLs that are not seen; a response that leaves the function; errors that somebody catches; whatever
the app's tests mock. A PUT, PATCH or DELETE follows a redirect with its body in httpx and without it in requests; an
OPTIONS has `Content-Length: 0` in requests only.
Written so that it stays the same: JSON that is sent (`json_body.py`) and read (`json.loads(response.text)`: the charset
that the response declares, what is not UTF-8 replaced). Taken only when opted in: a POST with a body that follows
redirects. Not the same afterwards, in rare cases that no source can show, and said with each decision: `caveats`.
"""

import ast
from collections.abc import Sequence
from typing import TypeGuard
from urllib.parse import urlsplit

from transforms.doubles import hidden_from
from transforms.edits import ClientBlock, Import, place_of
from transforms.facts import Binding, Function, Scope
from transforms.index import Index
from transforms.model import Settings
from transforms.placement import free_name, own_statement
from transforms.swaps.http import (
    CONTEXT_CODE,
    CONTEXT_IMPORTS,
    catcher,
    context_obstacle,
    in_comprehension,
    netrc_obstacle,
    statement_obstacle,
    target,
    value_error_catcher,
)
from transforms.swaps.json_body import NOT_OPTED_IN, REDIRECTED, has_body, json_edits, json_imports, json_keywords, json_obstacle
from transforms.swaps.model import Swap, Unproved
from transforms.swaps.response import response_uses
from transforms.values import External

VERBS = {f"requests.{verb}": verb for verb in ("get", "head", "post")}
PROTECTED = {f"requests.{verb}" for verb in ("options", "put", "patch", "delete", "request")}
_BODILESS = {"get", "head"}


def swap_requests(index: Index, function: Function, node: ast.Call, name: str, settings: Settings) -> Swap | Unproved:
    """The swap of one call of a function of `requests`."""
    library = target(index, settings)
    obstacle = _obstacle(index, function, node, name)
    if obstacle:
        return Unproved(node, name, obstacle)
    uses = response_uses(function, node)
    if uses.obstacle:
        return Unproved(node, name, uses.obstacle)
    statement = own_statement(function, node)
    assert statement is not None
    follow = _follows(node, VERBS[name])
    if has_body(node) and follow and NOT_OPTED_IN not in settings.unsafe:
        return Unproved(node, name, REDIRECTED, NOT_OPTED_IN)
    client = f"{library}.AsyncClient(verify=SSL_CONTEXT, follow_redirects={follow}, max_redirects=30, timeout=None)"
    sent = json_edits(node)
    rename = (("json", "content"),) if sent else ()
    block = ClientBlock(
        place_of(node), place_of(statement), client, free_name(function, "client"), VERBS[name], json_keywords(node), ("allow_redirects",), rename
    )
    imports = dict.fromkeys((Import(library), *CONTEXT_IMPORTS, *uses.imports, *json_imports(node)))
    reason = f"{library} sends the same request: redirects, timeouts, parameters and what is read of the response are proved equal{caveats(function, [node])}"
    return Swap((node,), name, (block, *sent, *uses.edits), reason, tuple(imports), (CONTEXT_CODE,), (library, "certifi"))


def caveats(function: Function, calls: Sequence[ast.Call]) -> str:
    """What may differ after all, in rare cases that no source can show: said with every decision."""
    rare = ["REQUESTS_CA_BUNDLE must be a file, .netrc is not read", "the address in a redirect is not quoted again"]
    if any(isinstance(node, ast.Attribute) and node.attr == "json" for node in ast.walk(function.node)):
        rare.append("JSON sent as text without a charset is read as UTF-8")
    if any(has_body(call) and _follows(call, "post") for call in calls):
        rare.append("a redirected POST keeps its Content-Type")
    return f" (rare differences: {'; '.join(rare)})"


def _obstacle(index: Index, function: Function, node: ast.Call, name: str) -> str:
    if name in PROTECTED:
        return f"{name} is not proved equal: the two libraries send different requests, at the latest after a redirect"
    if hidden := hidden_from(index, "requests", name):
        return hidden
    caught = catcher(index, function, "requests")
    if caught:
        return f"{caught}, and the errors of httpx are other classes"
    return (
        statement_obstacle(index, function, node, {*VERBS, *PROTECTED})
        or call_obstacle(index, function.scope, node, VERBS[name])
        or in_comprehension(function, node)
        or context_obstacle(index, function)
        or netrc_obstacle(index)
        or (value_error_catcher(index, function) if json_edits(node) else "")
    )


def call_obstacle(index: Index, scope: Scope, node: ast.Call, verb: str) -> str:
    """Which argument is not proved to be sent in the same way; empty when all are."""
    keywords = {item.arg: item.value for item in node.keywords}
    if None in keywords or len(node.args) > 1 or any(isinstance(item, ast.Starred) for item in node.args):
        return "its arguments are not all named"
    url = node.args[0] if node.args else keywords.pop("url", None)
    if url is None or not _plain_url(index, url, scope, bool("params" in keywords)):
        return "its URL is not seen to be plain: requests quotes a URL again and httpx does not"
    for name, value in keywords.items():
        if not _argument_is_equal(index, scope, str(name), value, verb):
            return f"its argument {name}= is not proved to be sent in the same way"
    return json_obstacle(index, scope, node)


def _argument_is_equal(index: Index, scope: Scope, name: str, value: ast.expr, verb: str) -> bool:
    match name:
        case "timeout":
            return (_is_number(value) and bool(value.value)) or (isinstance(value, ast.Constant) and value.value is None)
        case "allow_redirects":
            return isinstance(value, ast.Constant) and isinstance(value.value, bool)
        case "params":
            return _plain_mapping(index, scope, value)
        case "headers":
            return _plain_mapping(index, scope, value, text=True)
        case "data":
            return verb not in _BODILESS and _plain_mapping(index, scope, value)
        case "json":
            return verb not in _BODILESS
    return False


def _plain_url(index: Index, node: ast.expr, scope: Scope, with_params: bool) -> bool:
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    text = ""
    for part in parts:
        known = _constant(index, part, scope)
        if known is None and not (isinstance(part, ast.FormattedValue) and _is_safe_part(index, part, scope)):
            return False
        text += known or "0"
    return (
        _is_absolute(text) and not set(text) & set('%[]{}|\\^` \t\r\n"<>#@') and text.isascii() and not (with_params and "?" in text) and not text.endswith("?")
    )


def _is_absolute(text: str) -> bool:
    try:
        parts = urlsplit(text)
        labels = (parts.hostname or "").split(".")
        return parts.scheme in ("http", "https") and all(0 < len(label) < 64 and label[0] != "*" for label in labels) and (parts.port or 1) > 0
    except ValueError:
        return False


def _constant(index: Index, node: ast.expr, scope: Scope) -> str | None:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.FormattedValue) and node.conversion == -1 and node.format_spec is None:
        return _constant(index, node.value, scope)
    if isinstance(node, ast.Name):
        found = index.resolver.bindings(node.id, scope)
        return _bound_constant(index, found[0], node.id) if len(found) == 1 else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _constant(index, node.left, scope), _constant(index, node.right, scope)
        return left + right if left is not None and right is not None else None
    return None


def _bound_constant(index: Index, binding: Binding, name: str) -> str | None:
    """A string that is assigned once, here or in the module that it is imported from, and never replaced."""
    names = index.resolver.names
    if binding.scope.kind == "module" and (names.stores(name) or names.mentions(name)):
        return None
    if binding.kind == "from":
        home = index.resolver.home(binding)
        found = home.scope.bindings.get(binding.text, []) if home else []
        return _bound_constant(index, found[0], binding.text) if len(found) == 1 and found[0].kind == "assign" else None
    value = binding.node.value if binding.kind == "assign" and isinstance(binding.node, ast.Constant) else None
    return value if isinstance(value, str) else None


def _is_safe_part(index: Index, node: ast.FormattedValue, scope: Scope) -> bool:
    """A number that is made on the spot: it can hold nothing that would be quoted."""
    if node.conversion != -1 or node.format_spec is not None:
        return False
    value = node.value
    return isinstance(value, ast.Call) and index.resolver.value(value.func, scope) in (External("builtins.int"), External("builtins.len"))


def _plain_mapping(index: Index, scope: Scope, node: ast.expr, text: bool = False) -> bool:
    if not isinstance(node, ast.Dict):
        return False
    keys = all(isinstance(key, ast.Constant) and isinstance(key.value, str) for key in node.keys)
    return keys and all(_plain_value(index, scope, value, text) for value in node.values)


def _plain_value(index: Index, scope: Scope, node: ast.expr, text: bool) -> bool:
    """A value that is seen: an annotation proves nothing, and None or a bool is sent differently."""
    match node:
        case ast.Constant(value=str() as value):
            return value.isascii() and (not text or value == value.strip()) and value.isprintable()
        case ast.Constant(value=value):
            return not text and type(value) is int
        case ast.JoinedStr():
            return not text
        case ast.Call(func=ast.Name(id="str" | "int")):
            return not text and index.resolver.value(node.func, scope) in (External("builtins.str"), External("builtins.int"))
        case ast.Name():
            found = index.resolver.bindings(node.id, scope)
            return (
                len(found) == 1
                and found[0].kind == "assign"
                and isinstance(found[0].node, ast.expr)
                and _plain_value(index, found[0].scope, found[0].node, text)
            )
    return False


def _is_number(node: ast.expr) -> TypeGuard[ast.Constant]:
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)


def _follows(node: ast.Call, verb: str) -> bool:
    given = next((item.value for item in node.keywords if item.arg == "allow_redirects"), None)
    return bool(given.value) if isinstance(given, ast.Constant) else verb != "head"
