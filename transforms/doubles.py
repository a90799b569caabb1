"""What the tests put in a library's place: a mocked client must stay the client that the tests mock."""

import ast
from collections.abc import Iterator

from transforms.facts import ModuleFacts
from transforms.index import Index
from transforms.layout import is_test

_PACKAGES = {
    "requests": ("responses", "requests_mock", "httpretty", "vcr", "betamax", "pook", "mocket", "requests_testing"),
    "httpx": ("respx", "pytest_httpx", "vcr", "pook", "mocket"),
    "httpx2": ("respx", "pytest_httpx", "vcr", "pook", "mocket"),
    "redis": ("fakeredis", "mockredis", "birdisle"),
    "time": ("freezegun", "time_machine", "libfaketime"),
}
_FIXTURES = {
    "requests_mock": "requests",
    "responses": "requests",
    "mocked_responses": "requests",
    "httpx_mock": "httpx",
    "respx_mock": "httpx",
    "freezer": "time",
    "time_machine": "time",
}


def double_of(index: Index, library: str, name: str) -> str:
    """Where the tests replace the library's function, as a clause with file and line; empty when they do not."""
    for path in sorted(index.modules):
        if is_test(path):
            for line, what in _doubles(index.modules[path], library, name):
                return f"the tests {what} ({path}:{line})"
    return ""


def _doubles(module: ModuleFacts, library: str, name: str) -> Iterator[tuple[int, str]]:
    short = name.rpartition(".")[2]
    root = name.partition(".")[0]
    for text, line in module.strings:
        if text == name or text.endswith((f".{name}", f".{root}")) or (text.startswith(f"{root}.") and text.endswith(f".{short}")):
            yield line, f"replace {text!r}"
    for text, line in module.named:
        if text in (short, root):
            yield line, f"replace {text!r} on an object"
    for target, _ in module.stores:
        if target.attr in (short, root):
            yield target.lineno, f"assign to {ast.unparse(target)}"
    yield from _imported(module, library)


def _imported(module: ModuleFacts, library: str) -> Iterator[tuple[int, str]]:
    packages = _PACKAGES.get(library, ())
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            for item in names:
                if item.partition(".")[0] in packages:
                    yield node.lineno, f"use {item}"
        elif isinstance(node, ast.arg) and _FIXTURES.get(node.arg) == library:
            yield node.lineno, f"use the fixture {node.arg}"
