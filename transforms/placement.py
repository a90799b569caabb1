"""Where `await` may be written, and what would then be held across it."""

import ast
from collections.abc import Collection, Iterator

from transforms.facts import Function, FunctionNode, Scope, last_name
from transforms.index import Index
from transforms.values import External, FunctionValue, Value

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_HARMLESS = {
    "builtins.open", "io.open", "contextlib.suppress", "contextlib.nullcontext", "requests.Session", "requests.session", "requests.sessions.Session",
    "httpx.Client", "httpx2.Client", "tempfile.TemporaryDirectory", "tempfile.NamedTemporaryFile", "tempfile.TemporaryFile", "zipfile.ZipFile",
    "tarfile.open", "flask.Flask.app_context", "flask.Flask.test_request_context", "io.BytesIO", "io.StringIO", "pathlib.Path.open", "requests.Session()",
    "smtplib.SMTP", "smtplib.SMTP_SSL", "redis.Redis", "grpc.Channel",
}  # fmt: skip


def why_not_here(index: Index, function: Function, node: ast.expr, entered: Collection[ast.AST] = ()) -> str:
    """Why `await` cannot be put before this call in this function; empty when it can.

    `entered` are `with` blocks that become `async with` together with it.
    """
    for reason in _obstacles(index, function, node, entered):
        return reason
    return ""


def _obstacles(index: Index, function: Function, node: ast.expr, entered: Collection[ast.AST]) -> Iterator[str]:
    if function.is_generator:
        yield "inside a generator, which Flask iterates in the worker's thread"
    chain: list[ast.AST] = [node]
    inside = False
    for parent in function.module.ancestors(node):
        if parent is function.node:
            break
        if isinstance(parent, _COMPREHENSIONS) and not _is_first_iterable(parent, chain):
            yield from _in_comprehension(parent, inside)
            inside = True
        if parent not in entered:
            yield from _obstacle(index, function, parent, chain[-1])
        chain.append(parent)
    if _takes_lock(function):
        yield "the function takes a lock with acquire(), which would be held across the await"


def _in_comprehension(parent: ast.AST, inside: bool) -> Iterator[str]:
    if isinstance(parent, ast.GeneratorExp):
        yield "inside a generator expression, which would become an asynchronous generator"
    elif inside:
        yield "inside nested comprehensions"


def _obstacle(index: Index, function: Function, parent: ast.AST, child: ast.AST) -> Iterator[str]:
    match parent:
        case ast.With() if not isinstance(child, ast.withitem):
            yield from held_over_await(index, function, parent)
        case ast.Lambda():
            yield "inside a lambda"
        case ast.ClassDef():
            yield "in the body of a class"
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            yield "in a decorator or default value"
        case ast.JoinedStr():
            yield "inside an f-string"
        case ast.AugAssign() if not isinstance(parent.target, ast.Name) or parent.target.id in function.scope.outer_names:
            yield "in an augmented assignment of shared state: it is read before the await and written after it"


def _is_first_iterable(parent: ast.AST, chain: list[ast.AST]) -> bool:
    """Whether the node stands in the first `in …` of a comprehension, which the enclosing function evaluates."""
    generators = getattr(parent, "generators", [])
    return len(chain) > 1 and bool(generators) and chain[-1] is generators[0] and chain[-2] is getattr(generators[0], "iter", None)


def held_over_await(index: Index, function: Function, node: ast.With) -> Iterator[str]:
    """What a `with` block around an `await` would hold meanwhile, unless it is proved to be harmless."""
    for item in node.items:
        if not harmless(index, item.context_expr, function.scope):
            yield f"inside `with {_short(item.context_expr)}` (line {node.lineno}), which would be held across the await"


def harmless(index: Index, manager: ast.expr, scope: Scope) -> bool:
    """Whether the context manager may stay entered while other code runs: proved not to be a lock or a transaction."""
    target = manager.func if isinstance(manager, ast.Call) else manager
    value: Value = index.resolver.value(target, scope)
    if isinstance(value, External):
        made = index.catalogue.made.get(value.name, "")
        return not _HARMLESS.isdisjoint((value.name, made)) or _is_client(index, manager, scope)
    if isinstance(value, FunctionValue) and isinstance(manager, ast.Call):
        given = index.resolver.value(manager, scope)
        is_plain = isinstance(given, External) and given.instance and given.name in _HARMLESS
        return is_plain or _is_client(index, manager, scope) or _is_harmless_function(value.function)
    return False


def _is_client(index: Index, manager: ast.expr, scope: Scope) -> bool:
    """A client that holds no lock and no transaction: entering it only means that it is closed at the end."""
    value = index.resolver.value(manager, scope)
    row = index.catalogue.swaps.get(value.name) if isinstance(value, External) and value.instance else None
    return row is not None and not row.holds


def _is_harmless_function(function: Function) -> bool:
    """A context manager of the project that enters nothing itself and takes no lock."""
    own = list(ast.walk(function.node))
    return function.is_generator and not any(isinstance(item, ast.With) for item in own) and not _takes_lock(function) and not function.calls


def _takes_lock(function: Function) -> bool:
    return any(last_name(call.node.func) == "acquire" for call in function.calls)


def _short(node: ast.expr) -> str:
    text = ast.unparse(node)
    return text if len(text) <= 50 else f"{text[:47]}..."


def is_awaited(function: Function, node: ast.Call) -> bool:
    """Whether the call stands directly under `await`, or in an `asyncio.gather(…)` that does."""
    parent = function.module.parents.get(node)
    if isinstance(parent, ast.Call) and node in parent.args and ast.unparse(parent.func) == "asyncio.gather":
        parent = function.module.parents.get(parent)
    return isinstance(parent, ast.Await)


def own_statement(function: Function, node: ast.AST) -> ast.stmt | None:
    """The innermost statement that holds the node."""
    for parent in [node, *function.module.ancestors(node)]:
        if isinstance(parent, ast.stmt) and not isinstance(parent, FunctionNode):
            return parent
    return None


def stands_alone(function: Function, statement: ast.stmt) -> bool:
    """Whether the statement shares its lines with nothing: no `;`, no `if x: y` on one line."""
    parent = function.module.parents.get(statement)
    if parent is None or (parent.lineno if hasattr(parent, "lineno") else 0) == statement.lineno:
        return False
    for field in ("body", "orelse", "finalbody", "handlers"):
        for other in getattr(parent, field, None) or []:
            if (
                other is not statement
                and isinstance(other, ast.stmt)
                and statement.lineno <= (other.end_lineno or 0)
                and other.lineno <= (statement.end_lineno or 0)
            ):
                return False
    return not any(item.lineno == statement.lineno for item in function.module.ancestors(statement) if isinstance(item, ast.stmt))


def free_name(function: Function, wanted: str) -> str:
    """A name that nothing in the function or around it uses: `wanted`, or `wanted` with a number."""
    outermost: ast.AST = function.node
    for parent in function.module.ancestors(function.node):
        if not isinstance(parent, ast.Module):
            outermost = parent
    taken = {node.id for node in ast.walk(outermost) if isinstance(node, ast.Name)} | {node.arg for node in ast.walk(outermost) if isinstance(node, ast.arg)}
    taken |= set(function.module.scope.bindings) | {name for scope in _scopes(function) for name in scope.bindings}
    number = 1
    name = wanted
    while name in taken:
        number += 1
        name = f"{wanted}_{number}"
    return name


def _scopes(function: Function) -> Iterator[Scope]:
    current: Scope | None = function.scope
    while current is not None:
        yield current
        current = current.parent


def in_handler(function: Function, node: ast.AST) -> bool:
    """Whether the node runs while an exception is being handled: in an `except` clause or a `finally` block."""
    child = node
    for parent in function.module.ancestors(node):
        if parent is function.node:
            return False
        if isinstance(parent, ast.ExceptHandler) or (isinstance(parent, ast.Try) and child in parent.finalbody):
            return True
        child = parent
    return False
