"""Whether an awaited call only reads: followed through the project's functions down to calls that are known.

A reason comes back for everything that is not proved. Nothing is taken from a name: a call that cannot be followed is no
reading call.
"""

import ast
from collections.abc import Iterator

from transforms.facts import Call, Function, Scope, last_name
from transforms.flow import own_nodes
from transforms.gather.reads import CLIENTS, HOLDING, METHODS, OPENING, PLAIN_METHODS, PURE, READING, TYPES
from transforms.graph import Edge
from transforms.host.source import holds_host
from transforms.index import Index
from transforms.support import MODULE
from transforms.values import External, FunctionValue

_THREAD = External("asyncio.to_thread")
_SHARED = "shared"
_DISPLAYS = (ast.Dict, ast.List, ast.Set, ast.DictComp, ast.ListComp, ast.SetComp)


class Proof:
    """The proofs of one project, remembered."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self._known: dict[Function, str] = {}

    # Calls that are awaited

    def awaited(self, function: Function, node: ast.Call) -> str:
        """Why the call, which stands under `await` in that function, is not proved to read only; empty when it is."""
        scope = _scope_of(function, node)
        value = self.index.resolver.value(node.func, scope)
        if value == _THREAD:
            return self._in_thread(function, node, scope)
        if isinstance(node.func, ast.Attribute) and self.index.resolver.is_bridge(self.index.resolver.value(node.func.value, scope)):
            return self._bridged(function, node, node.func.attr, scope)
        if isinstance(value, FunctionValue):
            return self._project(value.function, True)
        if isinstance(value, External) and name_of(value) in METHODS:
            return ""
        return self._of_shared(node, scope) or self._unknown(node)

    def _in_thread(self, function: Function, node: ast.Call, scope: Scope) -> str:
        if not node.args or isinstance(node.args[0], ast.Starred):
            return self._unknown(node)
        return self._plain_call(function, node.args[0], scope, node)

    def _plain_call(self, function: Function, callee: ast.expr, scope: Scope, node: ast.Call) -> str:
        """A synchronous function that is handed over to be called."""
        value = self.index.resolver.value(callee, scope)
        if isinstance(value, FunctionValue):
            return self._project(value.function, False)
        if isinstance(value, External) and name_of(value) in READING:
            return self._shared_by_threads(callee, scope) if name_of(value) in METHODS else ""
        return f"{ast.unparse(callee)[:50]} is not known to read only"

    def _shared_by_threads(self, callee: ast.expr, scope: Scope) -> str:
        """A client that requests share already may be used by two threads; one of this request was not until now."""
        owner = callee
        while isinstance(owner, ast.Attribute):
            owner = owner.value
        bindings = self.index.resolver.bindings(owner.id, scope) if isinstance(owner, ast.Name) else []
        if bindings and all(binding.scope.kind == "module" for binding in bindings):
            return ""
        return f"{ast.unparse(callee)[:50]} belongs to this request, and two threads would use it at once"

    def _bridged(self, function: Function, node: ast.Call, name: str, scope: Scope) -> str:
        """The module that carries requests on the loop: `get(…)`, or `call(session.get, …)`."""
        if name in ("get", "head", "options"):
            return ""
        if name == "call" and node.args and not isinstance(node.args[0], ast.Starred):
            return self._plain_call(function, node.args[0], scope, node)
        return self._unknown(node)

    def _of_shared(self, node: ast.Call, scope: Scope) -> str:
        """`shared(make).get(…)`: a method of what `make` makes."""
        reason = self._unknown(node)
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        if not isinstance(owner, ast.Call) or len(owner.args) != 1 or owner.keywords:
            return reason
        target, maker = (self.index.resolver.value(item, scope) for item in (owner.func, owner.args[0]))
        if (
            not isinstance(target, FunctionValue)
            or target.function.name != _SHARED
            or not self._is_host(target.function)
            or not isinstance(maker, FunctionValue)
        ):
            return reason
        made = self.index.resolver.returned(maker.function)
        assert isinstance(node.func, ast.Attribute)
        return "" if isinstance(made, External) and made.instance and f"{name_of(made)}.{node.func.attr}" in METHODS else reason

    def _is_host(self, function: Function) -> bool:
        path = function.module.path
        return path.endswith(f"{MODULE}.py") and holds_host(self.index.project.python[path])

    def _unknown(self, node: ast.Call) -> str:
        return f"{ast.unparse(node.func)[:50]}() is not known to read only"

    # Functions of the project

    def _project(self, function: Function, awaited: bool) -> str:
        if function.is_async != awaited:
            return f"{function.name} is {'not ' if awaited else ''}`async def`"
        if function not in self._known:
            self._known[function] = f"{function.name} calls itself"
            self._known[function] = next(self._doubts(function), "")
        return self._known[function]

    def _doubts(self, function: Function) -> Iterator[str]:
        """What in the function's own body is not proved to read only."""
        where = f"{function.name} ({function.place})"
        if function.is_generator or function.kind != "function" or function.decorators:
            yield f"{where} is a generator, a lambda or decorated"
            return
        if function.scope.outer_names:
            yield f"{where} sets names outside itself"
        plain = self._plain_names(function)
        for node in own_nodes(getattr(function.node, "body", [])):
            reason = self._doubt(function, node, plain)
            if reason:
                yield f"{where}: {reason}"
        yield from (f"{where}: {reason}" for edge in self.index.graph.edges(function) if (reason := self._hidden(edge)))

    def _hidden(self, edge: Edge) -> str:
        """Code of the project that runs without a call being written: properties, methods of protocols."""
        return f"{edge.target.name} runs too ({edge.how})" if edge.how in ("property", "implicit", "name") else ""

    def _doubt(self, function: Function, node: ast.AST, plain: frozenset[str]) -> str:
        match node:
            case ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store() | ast.Del()):
                return "" if isinstance(node.value, ast.Name) and node.value.id in _own_displays(function) else f"it changes {ast.unparse(node)[:40]}"
            case ast.AugAssign(target=ast.Name(id=name)) if any(item.kind == "param" for item in function.scope.bindings.get(name, [])):
                return f"it may change {name}, which it was given"
            case ast.Import() | ast.ImportFrom():
                return "it imports"
            case ast.Lambda() | ast.ClassDef() | ast.Yield() | ast.YieldFrom() | ast.AsyncFor():
                return f"it holds a {type(node).__name__.lower()}"
            case ast.With() | ast.AsyncWith():
                return next((reason for item in node.items if (reason := self._manager(function, item.context_expr))), "")
            case ast.Await() if not isinstance(node.value, ast.Call):
                return "it awaits something that is no call"
            case ast.Call() if not isinstance(function.module.parents.get(node), ast.withitem):
                return self._call(function, node, plain)
        return ""

    def _manager(self, function: Function, node: ast.expr) -> str:
        value = self.index.resolver.value(node.func, _scope_of(function, node)) if isinstance(node, ast.Call) else None
        if isinstance(value, External) and isinstance(node, ast.Call) and (value.name in CLIENTS or (value.name in OPENING and _reads(node))):
            return ""
        return f"`with {ast.unparse(node)[:40]}` is not known to read only"

    def _call(self, function: Function, node: ast.Call, plain: frozenset[str]) -> str:
        if isinstance(function.module.parents.get(node), ast.Await):
            return self.awaited(function, node)
        value = self.index.resolver.value(node.func, _scope_of(function, node))
        if isinstance(value, FunctionValue):
            return "" if self._is_shared(value.function) else self._project(value.function, False)
        if isinstance(value, External) and name_of(value) in METHODS:
            return self._client(function, node, name_of(value))
        known = isinstance(value, External) and _is_reading(node, value.name) or self._is_of_plain(function, node, plain)
        return "" if known else self._unknown(node)

    def _is_of_plain(self, function: Function, node: ast.Call, plain: frozenset[str]) -> bool:
        """Whether it is a reading method of a plain value."""
        if not isinstance(node.func, ast.Attribute) or node.func.attr not in PLAIN_METHODS:
            return False
        return _is_plain(node.func.value, plain) or self._gives_plain(function, node.func.value, plain)

    def _client(self, function: Function, node: ast.Call, name: str) -> str:
        """A client's method in a function that may run in a thread: its own client, or one that requests share."""
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        bindings = function.scope.bindings.get(owner.id, []) if isinstance(owner, ast.Name) else []
        own = bool(bindings) and all(item.kind == "with" for item in bindings)
        return "" if own or "async" in name.lower() else self._shared_by_threads(node.func, _scope_of(function, node))

    def _is_shared(self, function: Function) -> bool:
        return function.name == _SHARED and self._is_host(function)

    def _plain_names(self, function: Function) -> frozenset[str]:
        """Local names that only ever hold what a reading call gave, or something taken from that."""
        found: frozenset[str] = frozenset()
        while True:
            more = {
                name for name, bindings in function.scope.bindings.items() if all(self._is_read(function, item.kind, item.node, found) for item in bindings)
            }
            if more == found:
                return found
            found = frozenset(more)

    def _is_read(self, function: Function, kind: str, node: ast.AST, plain: frozenset[str]) -> bool:
        if kind == "with" and isinstance(node, ast.Call):
            value = self.index.resolver.value(node.func, _scope_of(function, node))
            return isinstance(value, External) and value.name in OPENING
        return kind in ("assign", "for") and isinstance(node, ast.expr) and (_is_plain(node, plain) or self._gives_plain(function, node, plain))

    def _gives_plain(self, function: Function, node: ast.expr, plain: frozenset[str]) -> bool:
        """Whether the call only reads and gives a plain value: what a known call gives, or a function whose every `return` does."""
        inner = node.value if isinstance(node, ast.Await) else node
        if not isinstance(inner, ast.Call) or not _scope_known(function, inner):
            return False
        if self.awaited(function, inner) if inner is not node else self._call(function, inner, plain):
            return False
        value = self.index.resolver.value(self._called(inner, _scope_of(function, inner)), _scope_of(function, inner))
        if isinstance(value, FunctionValue):
            return self._returns_plain(value.function)
        return not isinstance(value, External) or value.name not in HOLDING or all(_is_plain(item, plain) for item in inner.args)

    def _called(self, node: ast.Call, scope: Scope) -> ast.expr:
        """What really runs: the first argument of `asyncio.to_thread(…)`."""
        return node.args[0] if self.index.resolver.value(node.func, scope) == _THREAD and node.args else node.func

    def _returns_plain(self, function: Function) -> bool:
        plain = self._plain_names(function)
        found = [item.value for item in own_nodes(getattr(function.node, "body", [])) if isinstance(item, ast.Return) and item.value is not None]
        return all(_is_plain(item, plain) or self._gives_plain(function, item, plain) for item in found)


def name_of(value: External) -> str:
    """The dotted name, the same for an object of a class that the catalogue does not know and for one entered by `with`."""
    return value.name.replace(".__enter__()", "").replace("()", "")


def _is_reading(node: ast.Call, name: str) -> bool:
    """Whether that function or method from outside the project only reads."""
    owner, _, rest = name.replace("()", "").removeprefix("builtins.").partition(".")
    method = last_name(node.func) if name.startswith("builtins.") and rest and owner in TYPES else ""
    return name in PURE or name in READING or method in PLAIN_METHODS or name in OPENING and _reads(node)


def _is_plain(node: ast.expr, plain: frozenset[str]) -> bool:
    """A text, a display of such values, or something taken from a plain name."""
    match node:
        case ast.Constant() | ast.JoinedStr() | ast.Compare():
            return True
        case ast.List() | ast.Tuple() | ast.Set():
            return all(_is_plain(item, plain) for item in node.elts)
        case ast.Dict():
            return all(_is_plain(item, plain) for item in node.values)
        case ast.Name():
            return node.id in plain
        case ast.Subscript():
            return _is_plain(node.value, plain)
        case ast.Attribute():
            return _is_plain(node.value, plain)
        case ast.Call(func=ast.Attribute(value=owner, attr=name)):
            return name in PLAIN_METHODS and _is_plain(owner, plain)
        case ast.Await():
            return _is_plain(node.value, plain)
    return False


def _reads(node: ast.Call) -> bool:
    """Whether `open(…)` opens for reading."""
    given = [*node.args[1:2], *(keyword.value for keyword in node.keywords if keyword.arg == "mode")]
    known = all(keyword.arg in ("mode", "encoding", "errors", "newline") for keyword in node.keywords) and len(node.args) <= 2
    return known and all(isinstance(item, ast.Constant) and isinstance(item.value, str) and not set(item.value) & set("wax+") for item in given)


def _own_displays(function: Function) -> set[str]:
    """Local names that only ever hold a new dictionary, list or set of this call."""
    bindings = function.scope.bindings.items()
    return {name for name, found in bindings if all(item.kind == "assign" and isinstance(item.node, _DISPLAYS) for item in found)}


def _call_of(function: Function, node: ast.AST) -> Call | None:
    return next((call for call in function.calls if call.node is node), None)


def _scope_known(function: Function, node: ast.AST) -> bool:
    return _call_of(function, node) is not None


def _scope_of(function: Function, node: ast.AST) -> Scope:
    found = _call_of(function, node)
    return found.scope if found else function.scope
