"""The body of a request: `json=` is written by the emitted code as requests writes it, byte for byte.

requests writes `json.dumps(value, allow_nan=False)`, httpx without spaces and with characters that are not ASCII. A body
of None is none, so the value must be known not to be None. A POST that is redirected becomes a GET, which requests
sends without the Content-Type of the body, and httpx with it.
"""

import ast

from transforms.edits import AddItem, DumpJson, Edit, Import, place_of
from transforms.facts import Scope
from transforms.index import Index
from transforms.values import External

NOT_OPTED_IN = "C230"
REDIRECTED = "if it is redirected, the GET that follows would keep the Content-Type of the body: write allow_redirects=False where it is not, or opt in with --unsafe C230"
_TYPE, _JSON = '"Content-Type"', '"application/json"'
_PLAIN = {f"builtins.{name}" for name in ("dict", "list", "str", "int", "float", "bool", "tuple")}
_LITERAL = (ast.Dict, ast.List, ast.Tuple, ast.DictComp, ast.ListComp, ast.JoinedStr)


def has_body(node: ast.Call) -> bool:
    """Whether the call sends a body with a Content-Type."""
    return any(item.arg in ("json", "data") and not _is_none(item.value) for item in node.keywords)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def json_obstacle(index: Index, scope: Scope, node: ast.Call) -> str:
    """Why a `json=` of the call cannot be written as requests does; empty when it can, and without one."""
    given = {item.arg: item.value for item in node.keywords}
    if "json" not in given or _is_none(given["json"]):
        return ""
    if "data" in given:
        return "it has data= and json=, of which requests sends one"
    if index.requirements.has("simplejson"):
        return "the project installs simplejson, with which requests then writes JSON"
    if not _is_something(index, scope, given["json"]):
        return "its argument json= may be None, and then nothing is sent"
    return ""


def _is_something(index: Index, scope: Scope, node: ast.expr) -> bool:
    """Whether the value is proved not to be None."""
    if isinstance(node, _LITERAL) or isinstance(node, ast.Constant) and node.value is not None:
        return True
    if isinstance(node, ast.Name):
        found = index.resolver.bindings(node.id, scope)
        return len(found) == 1 and found[0].kind == "assign" and isinstance(found[0].node, _LITERAL)
    called = index.resolver.value(node.func, scope) if isinstance(node, ast.Call) else None
    return isinstance(called, External) and called.name in _PLAIN


def json_edits(node: ast.Call) -> tuple[Edit, ...]:
    """The edits at the value, and at the headers where they are given."""
    given = {item.arg: item.value for item in node.keywords}
    if "json" not in given or _is_none(given["json"]):
        return ()
    headers = given.get("headers")
    typed = (AddItem(place_of(headers), _TYPE, _JSON),) if headers is not None and not _has_type(headers) else ()
    return (DumpJson(place_of(given["json"])), *typed)


def json_keywords(node: ast.Call) -> tuple[tuple[str, str], ...]:
    """The argument to add where the call has no headers."""
    return (("headers", f"{{{_TYPE}: {_JSON}}}"),) if json_edits(node) and not any(item.arg == "headers" for item in node.keywords) else ()


def json_imports(node: ast.Call) -> tuple[Import, ...]:
    """What the edits need."""
    return (Import("json"),) if json_edits(node) else ()


def _has_type(headers: ast.expr) -> bool:
    keys = headers.keys if isinstance(headers, ast.Dict) else []
    return any(isinstance(key, ast.Constant) and str(key.value).lower() == "content-type" for key in keys)
