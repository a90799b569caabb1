"""What is shared by the swaps of HTTP clients: the target library, the TLS context, who catches what."""

import ast
import itertools
from collections.abc import Collection, Iterator

from transforms.edits import Import
from transforms.facts import Function, by_place, caught_types, last_name
from transforms.index import Index
from transforms.layout import is_test
from transforms.model import Settings
from transforms.placement import own_statement, stands_alone
from transforms.swaps.catching import error_handler, suppressor
from transforms.values import ClassValue, External

_EXCEPTIONS = (
    "RequestException", "HTTPError", "ConnectionError", "ProxyError", "SSLError", "Timeout", "ConnectTimeout", "ReadTimeout", "URLRequired", "TooManyRedirects",
    "MissingSchema", "InvalidSchema", "InvalidURL", "InvalidHeader", "InvalidProxyURL", "ChunkedEncodingError", "ContentDecodingError", "StreamConsumedError",
    "RetryError", "UnrewindableBodyError", "InvalidJSONError", "JSONDecodeError", "exceptions",
)  # fmt: skip
CONTEXT = "SSL_CONTEXT"
CONTEXT_CODE = 'SSL_CONTEXT = ssl.create_default_context(cafile=os.environ.get("REQUESTS_CA_BUNDLE", certifi.where()))'
CONTEXT_IMPORTS = (Import("certifi"), Import("os"), Import("ssl"))
_SYSTEM = {
    "builtins.OSError",
    "builtins.IOError",
    "builtins.EnvironmentError",
    "builtins.ConnectionError",
    "builtins.TimeoutError",
    "socket.timeout",
    "socket.error",
}


def target(index: Index, settings: Settings) -> str:
    """The asynchronous HTTP library to use; empty when none fits the project's Python."""
    if settings.http != "auto":
        return settings.http
    if index.requirements.has("httpx") and not index.requirements.has("httpx2"):
        return "httpx"
    oldest = settings.python or index.requirements.python or (3, 11)
    return "httpx2" if oldest >= (3, 11) else "httpx"


def own_context(library: str) -> tuple[str, str]:
    """Name and definition of the shared TLS context that the library itself would make for every client."""
    name = f"{library.upper()}_CONTEXT"
    return name, f"{name} = {library}.create_ssl_context()"


def context_obstacle(index: Index, function: Function, name: str = CONTEXT, code: str = CONTEXT_CODE) -> str:
    """Why the shared TLS context cannot be named in that module; empty when it can."""
    bindings = [*function.module.scope.bindings.get(name, []), *index.resolver.bindings(name, function.scope)]
    wanted = ast.dump(ast.parse(code.partition(" = ")[2], mode="eval").body)
    return "" if all(ast.dump(item.node) == wanted for item in bindings) else f"the name {name} means something else here"


def statement_obstacle(index: Index, function: Function, node: ast.Call, names: Collection[str]) -> str:
    """Why the block of a client cannot stand around the statement that makes the request; empty when it can. `names`: all that makes one."""
    statement = own_statement(function, node)
    if not isinstance(statement, ast.Assign | ast.Return | ast.Expr):
        return "the call stands in the head of a block"
    if not stands_alone(function, statement):
        return "the statement shares its line with another one"
    inside = set(ast.walk(statement))
    made = [index.resolver.value(call.node.func, call.scope) for call in function.calls if call.node in inside]
    return "the statement makes several requests" if sum(isinstance(value, External) and value.name in names for value in made) > 1 else ""


def in_comprehension(function: Function, node: ast.AST) -> str:
    """Where the call is made again and again, in one expression; empty when it is not."""
    parents = itertools.takewhile(lambda parent: not isinstance(parent, ast.stmt), function.module.ancestors(node))
    comprehended = any(isinstance(parent, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) for parent in parents)
    return "the call stands in a comprehension" if comprehended else ""


def netrc_obstacle(index: Index) -> str:
    """Where the project speaks of `.netrc`, whose passwords requests sends and httpx does not; empty when nowhere."""
    for path, data in sorted(index.project.python.items()):
        if b"netrc" in data:
            return f"{path} speaks of .netrc, which httpx does not read"
    for path, text in sorted(index.project.metadata.items()):
        if "netrc" in text.lower():
            return f"{path} speaks of .netrc, which httpx does not read"
    return ""


def catcher(index: Index, function: Function, library: str) -> str:
    """Who handles an exception of the library, or may: its class would be another one. Empty when nobody does."""
    found = _on_stack(index, function)
    stack = sorted(found, key=by_place)
    for item in stack:
        for clause in item.handlers:
            if _handles(index, item, clause, library):
                return f"{item.module.path}:{clause.lineno} catches {ast.unparse(clause.type) if clause.type else 'everything and looks at it'}"

    def concerns(holder: Function, kind: ast.expr) -> bool:
        return _concerns(index, holder, kind, library)

    ended = next((reason for item in stack if (reason := suppressor(index, item, concerns))), "")
    return ended or error_handler(index, concerns) or _named(index, found, library)


def value_error_catcher(index: Index, function: Function) -> str:
    """Who catches ValueError, which `json.dumps` raises for numbers that JSON has not, and requests does not. Empty when nobody does."""
    for item in sorted(_on_stack(index, function), key=by_place):
        for clause in item.handlers:
            if any(index.resolver.value(kind, item.scope) == External("builtins.ValueError") for kind in caught_types(clause)):
                return f"{item.module.path}:{clause.lineno} catches ValueError, which is raised for a number that JSON has not, where requests raises another error"
    return ""


def _handles(index: Index, function: Function, clause: ast.ExceptHandler, library: str) -> bool:
    if any(_concerns(index, function, kind, library) for kind in caught_types(clause)):
        return True
    broad = clause.type is None or any(last_name(kind) in ("Exception", "BaseException") for kind in caught_types(clause))
    looked_at = any(
        isinstance(node, ast.Name) and (node.id == clause.name or node.id in ("sys", "traceback")) for item in clause.body for node in ast.walk(item)
    )
    return broad and looked_at


def _named(index: Index, stack: set[Function], library: str) -> str:
    """An exception class of the library that is named anywhere but in an `except` clause off the stack."""
    for name in _EXCEPTIONS:
        for owner, use in index.resolver.names.everywhere(name):
            value = index.resolver.value(use.named, use.scope)
            if isinstance(value, External) and value.name.startswith(f"{library}.") and not is_test(owner.module.path):
                clause = next((item for item in owner.module.ancestors(use.node) if isinstance(item, ast.ExceptHandler)), None)
                if clause is None or owner in stack:
                    return f"{owner.module.path}:{use.node.lineno} names {last_name(use.named)}"
    return ""


def _on_stack(index: Index, function: Function) -> set[Function]:
    """Functions that may be on the stack when this one runs: its callers, and the wrappers around them."""
    found = {function}
    waiting = [function]
    while waiting:
        current = waiting.pop()
        around = [caller.function for caller in index.graph.callers(current) if caller.function]
        around += [edge for item in _decorators(index, current) for edge in [item, *item.nested]]
        if current.outer and current.outer.kind != "module":
            around.append(current.outer)
        for item in around:
            if item not in found:
                found.add(item)
                waiting.append(item)
    return found


def _decorators(index: Index, function: Function) -> Iterator[Function]:
    for edge in index.graph.wrappers(function, function.node):
        yield edge.target


def _concerns(index: Index, function: Function, kind: ast.expr, library: str) -> bool:
    """Whether the clause may catch an error of the library: only a class that is proved to be another does not."""
    value = index.resolver.value(kind, function.scope)
    if isinstance(value, ClassValue):
        return any(base is None or base.name.startswith(f"{library}.") or base.name in _SYSTEM for base in index.resolver.classes.external_bases(value.cls))
    if isinstance(value, External) and not value.instance:
        return value.name in _SYSTEM or value.name.partition(".")[0] in (library, "urllib3", "socket", "ssl", "os", "select", "http")
    return True
