"""The text of the module, as it is written into an application."""

import ast
from importlib.util import find_spec

from transforms.parsing import parse
from transforms.support import SOURCE as ADAPTER_ALONE

_NAME = "transforms.host.async_support"
_ASGI = "transforms.host.asgi_support"
HOOK = "one_loop"


def source() -> str:
    """Our module's own code, from the import system; it is not run, and needs no Flask."""
    return _text(_NAME)


def asgi_source() -> str:
    """The same of the module that serves the application on an ASGI server."""
    return _text(_ASGI)


def _text(name: str) -> str:
    spec = find_spec(name)
    text = spec.loader.get_source(name) if spec and spec.loader else None  # type: ignore[attr-defined]
    if text is None:
        raise RuntimeError(f"{name} was installed without its source")
    return str(text)


def holds_host(data: bytes) -> bool:
    """Whether a support module has the hook already; whatever else its owner made of it is theirs."""
    return any(isinstance(node, ast.FunctionDef) and node.name == HOOK for node in _body(data))


def shares_partials(data: bytes) -> bool:
    """Whether `shared()` of a support module takes a `functools.partial` that an object keeps; that of an earlier version does not."""
    shared = [node for node in _body(data) if isinstance(node, ast.FunctionDef) and node.name == "shared"]
    return any(isinstance(item, ast.Attribute) and item.attr == "partial" for node in shared for item in ast.walk(node))


def is_adapter_alone(data: bytes) -> bool:
    """Whether it is the small module of an earlier stage, and nothing was added to it: then it may be replaced."""
    return [ast.dump(node) for node in _body(data)] == [ast.dump(node) for node in _body(ADAPTER_ALONE.encode())]


def _body(data: bytes) -> list[ast.stmt]:
    try:
        return parse(data).body
    except (SyntaxError, ValueError):
        return []
