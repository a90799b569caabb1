"""What the app's tests put in the place of requests, and whether a bridged call still goes through it.

The module looks at run time whether requests and what lies below it are its own, and hands the call to requests itself
when they are not (`_parts` in it names what it looks at). Measured, in tests/test_bridge_doubles.py: `responses`,
`requests_mock`, `httpretty`, `vcr`, and patches of functions and methods of requests, urllib3, http.client and socket.
"""

import ast
from collections.abc import Iterator

from transforms.facts import ModuleFacts
from transforms.index import Index
from transforms.layout import is_test

# Below requests: what the emitted module looks at. Everything of requests itself is used by it, or looked at.
WATCHED = (
    "urllib3.connectionpool.HTTPConnectionPool", "urllib3.HTTPConnectionPool", "urllib3.connection.HTTPConnection.connect",
    "urllib3.connection.HTTPConnection.getresponse", "urllib3.connection.HTTPSConnection.connect", "urllib3.util.connection.create_connection",
    "http.client.HTTPConnection", "socket.socket", "socket.create_connection", "socket.getaddrinfo",
)  # fmt: skip
_BELOW = ("urllib3", "http.client", "socket")
_UNMEASURED = ("pook", "mocket", "requests_testing", "wiremock", "aioresponses", "hoverpy")
_TRANSPORT = ("aiohttp",)


def unseen_double(index: Index) -> str:
    """What the tests replace that a bridged call would go past, as a clause with file and line; empty when there is nothing."""
    for path in sorted(index.modules):
        if is_test(path):
            for line, what in _unseen(index.modules[path]):
                return f"the tests {what} ({path}:{line}), and a bridged call was not seen to go through that"
    return ""


def _unseen(module: ModuleFacts) -> Iterator[tuple[int, str]]:
    for text, line in module.strings:
        dotted = text.replace(":", ".")
        if dotted.startswith(tuple(f"{name}." for name in (*_BELOW, *_TRANSPORT))) and not dotted.startswith(WATCHED) and " " not in text:
            yield line, f"name {text!r}"
        if text == "requests" and _replaces_modules(module):
            yield line, "put something in the place of the whole library"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            yield from ((node.lineno, f"use {name}") for name in names if name.partition(".")[0] in _UNMEASURED)


def _replaces_modules(module: ModuleFacts) -> bool:
    return any(isinstance(node, ast.Attribute) and node.attr == "modules" for node in ast.walk(module.tree))


def is_replaced(index: Index, name: str) -> bool:
    """Whether the tests put something else under that name in a module of the app: `patch("shop.views.requests")`."""
    for path, module in index.modules.items():
        if is_test(path):
            dotted = [text.replace(":", ".").split(".") for text, _ in module.strings]
            if any(len(parts) > 1 and parts[-1] == name and parts[0].isidentifier() for parts in dotted):
                return True
            if any(text == name for text, _ in module.named) or any(target.attr == name for target, _ in module.stores):
                return True
    return False
