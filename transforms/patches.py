"""What the application itself puts in the place of a library's functions, or around them.

`requests.Session.request = partialmethod(…)`, `time.sleep = fake`, `setattr(socket, "socket", socks.socksocket)`,
`requests_cache.install_cache()`: the call that a swap would write in its place goes past all that.
"""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from transforms.facts import Call, ModuleFacts
from transforms.layout import is_test
from transforms.resolve import Resolver
from transforms.values import External

# What each library works through. The asynchronous form works through something else, or in another way.
_REQUESTS = ("requests", "urllib3", "http.client", "socket", "ssl", "certifi", "idna")
_BELOW = {
    "requests": _REQUESTS,
    "azure_storage_blob": ("azure", *_REQUESTS),
    "stripe": _REQUESTS,
    "httpx": ("httpx", "httpcore", "socket", "ssl", "certifi"),
    "httpx2": ("httpx2", "httpcore2", "socket", "ssl", "certifi"),
    "redis": ("redis", "socket", "ssl"),
    "time": ("time.sleep",),
}
# Only urllib.request and http.client look at it: https://peps.python.org/pep-0476/
_HARMLESS = ("ssl._create_default_https_context",)
# Packages whose purpose is to change how requests sends, or to record what it sends, for the whole process.
_AROUND_REQUESTS = (
    "requests_cache", "opentelemetry.instrumentation.requests", "opentelemetry.instrumentation.urllib3", "aws_xray_sdk", "ddtrace", "elasticapm", "newrelic",
    "sentry_sdk", "truststore", "pip_system_certs", "requests_mock", "responses", "httpretty", "vcr",
)  # fmt: skip
_AROUND = {
    **dict.fromkeys(("requests", "azure_storage_blob", "stripe"), _AROUND_REQUESTS),
    "httpx": ("truststore", "respx"),
    "httpx2": ("truststore", "respx"),
}
_WRAPPING = ("wrap_function_wrapper", "patch_function_wrapper", "wrap_object", "patch_object")


@dataclass(frozen=True)
class Patch:
    """One such place: `name` is the dotted name that is replaced, or the package that is imported."""

    path: str
    line: int
    name: str
    clause: str
    imported: bool = False


def find_patches(resolver: Resolver) -> tuple[Patch, ...]:
    """All of them outside the tests, in a fixed order."""
    found: set[Patch] = set()
    for path, module in resolver.modules.items():
        if not is_test(path):
            found |= {*_stored(resolver, module), *_imported(module)}
    for name in ("setattr", *_WRAPPING):
        for owner, use in resolver.names.uses(name):
            if isinstance(use, Call) and not is_test(owner.module.path):
                found |= set(_called(resolver, owner.module.path, use))
    return tuple(sorted(found, key=lambda item: (item.path, item.line, item.name)))


def patched(patches: Iterable[Patch], library: str) -> str:
    """The first place that concerns the library, as a clause with file and line; empty when there is none."""
    for patch in patches:
        names = _AROUND.get(library, ()) if patch.imported else _BELOW.get(library, ())
        if any(_within(patch.name, name) or (_within(name, patch.name) and not patch.imported) for name in names) and patch.name not in _HARMLESS:
            return f"{patch.path}:{patch.line} {patch.clause}"
    return ""


def _within(name: str, outer: str) -> bool:
    return name == outer or name.startswith(f"{outer}.")


def _stored(resolver: Resolver, module: ModuleFacts) -> Iterator[Patch]:
    """`requests.get = traced`: an attribute of a module or class of a library."""
    for target, binding in module.stores:
        owner = resolver.value(target.value, binding.scope)
        if isinstance(owner, External) and not owner.instance:
            yield Patch(module.path, target.lineno, f"{owner.name}.{target.attr}", f"assigns to {ast.unparse(target)}")


def _called(resolver: Resolver, path: str, use: Call) -> Iterator[Patch]:
    """`setattr(requests, "get", traced)`, `wrapt.wrap_function_wrapper("requests", "Session.send", wrapper)`."""
    given = use.node.args[:2]
    first = given[0] if given else None
    owner = resolver.value(first, use.scope) if first is not None else None
    name = owner.name if isinstance(owner, External) and not owner.instance else ""
    if isinstance(first, ast.Constant) and isinstance(first.value, str):
        name = first.value
    if name and not name.startswith("builtins."):
        rest = given[1].value if len(given) > 1 and isinstance(given[1], ast.Constant) and isinstance(given[1].value, str) else ""
        yield Patch(path, use.node.lineno, f"{name}.{rest}".rstrip("."), f"replaces what {ast.unparse(use.node.func)}() is given of {name}")


def _imported(module: ModuleFacts) -> Iterator[Patch]:
    for owner in (module.body, *module.functions):
        for node in {item.node: None for bindings in owner.scope.bindings.values() for item in bindings}:
            if isinstance(node, ast.Import | ast.ImportFrom):
                source = node.module or "" if isinstance(node, ast.ImportFrom) else ""
                for alias in node.names:
                    yield Patch(module.path, node.lineno, f"{source}.{alias.name}".lstrip("."), f"imports {source or alias.name}, which works through it", True)
