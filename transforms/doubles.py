"""What stands in a library's place, in the tests or in the application: a replaced client must stay the one that is replaced."""

import ast
from collections.abc import Iterator

from transforms.facts import ModuleFacts, imported_package
from transforms.index import Index
from transforms.layout import is_test
from transforms.patches import patched

_PACKAGES = {
    "requests": ("responses", "requests_mock", "httpretty", "vcr", "betamax", "pook", "mocket", "requests_testing"),
    "httpx": ("respx", "pytest_httpx", "vcr", "pook", "mocket"),
    "httpx2": ("respx", "pytest_httpx", "vcr", "pook", "mocket"),
    "redis": ("fakeredis", "mockredis", "birdisle"),
    "pymongo": ("mongomock", "mongomock_motor", "pymongo_inmemory", "montydb"),
    "openai": ("respx", "pytest_httpx", "vcr", "pook", "mocket", "openai_responses"),
    "anthropic": ("respx", "pytest_httpx", "vcr", "pook", "mocket"),
    "elasticsearch": ("elasticmock", "openmock", "vcr", "pook", "mocket"),
    "opensearchpy": ("openmock", "vcr", "pook", "mocket"),
    "slack_sdk": ("vcr", "pook", "mocket"),
    "stripe": ("responses", "requests_mock", "httpretty", "vcr", "respx", "pook", "mocket"),
    "azure_storage_blob": ("azure", "responses", "requests_mock", "httpretty", "vcr", "betamax", "pook", "mocket"),
    "time": ("freezegun", "time_machine", "libfaketime"),
}
# What requests works through; httpx works through httpcore, so a test that replaces these sees other calls.
_BELOW = {"requests": ("urllib3", "http.client", "socket.socket", "socket.create_connection"), "httpx": ("httpcore",), "httpx2": ("httpcore",)}
_VERBS = {"get", "post", "put", "patch", "delete", "head", "options", "request"}
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
    """Where the library's function is replaced, as a clause with file and line; empty when it is not."""
    for path in sorted(index.modules):
        if is_test(path):
            for line, what in _doubles(index, index.modules[path], library, name):
                return f"the tests {what} ({path}:{line})"
    return patched(index.patches, library)


def hidden_from(index: Index, library: str, name: str) -> str:
    """The same as a reason to leave a call of that function."""
    doubled = double_of(index, library, name)
    return f"{doubled}, which would no longer see the call" if doubled else ""


def _doubles(index: Index, module: ModuleFacts, library: str, name: str) -> Iterator[tuple[int, str]]:
    short, root = name.rpartition(".")[2], name.partition(".")[0]
    local = _local_names(index, root)
    for text, line in module.strings:
        parts = text.replace(":", ".").split(".")
        if root in parts[:-1] and parts[-1] in _VERBS and parts[-2] == root and parts[-1] != short:
            continue  # requests.post is replaced, and this is requests.get
        patched = len(parts) > 1 and (parts[-1] in (short, root) or bool(local & set(parts[1:])))
        if (
            (patched and (root in parts or bool(local & set(parts[1:]))))
            or (root != "time" and root in parts)
            or text in (*_PACKAGES.get(library, ()), *_fixtures(library))
            or any(text == below or text.startswith(f"{below}.") for below in _BELOW.get(library, ()))
        ):
            yield line, f"name {text!r}"
    for text, line in module.named:
        if text in (short, root) or text in local:
            yield line, f"replace {text!r}"
    for target, _ in module.stores:
        if target.attr in (short, root) or target.attr in local:
            yield target.lineno, f"assign to {ast.unparse(target)}"
    yield from _imported(module, library)


def _local_names(index: Index, root: str) -> set[str]:
    """Names under which the app's own modules know the library or parts of it."""
    own = [module for path, module in index.modules.items() if not is_test(path)]
    return {name for module in own for name, item in module.imported() if imported_package(item) == root}


def _fixtures(library: str) -> list[str]:
    return [name for name, of in _FIXTURES.items() if of == library]


def _imported(module: ModuleFacts, library: str) -> Iterator[tuple[int, str]]:
    packages = _PACKAGES.get(library, ())
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            for item in names:
                root = item.partition(".")[0]
                if root in (*packages, *_BELOW.get(library, ())) or (root == library and library != "time"):
                    yield node.lineno, f"use {item}"
        elif isinstance(node, ast.arg) and _FIXTURES.get(node.arg) == library:
            yield node.lineno, f"use the fixture {node.arg}"
