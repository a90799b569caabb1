"""Clients that keep cookies: what the answer to one call sets is sent with the next, so two calls over one are no strangers.

`requests.Session` and the clients of httpx keep a jar. One that is opened in the function itself by `with` belongs to
that call alone. A session of which the module says `SESSION.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))`
keeps none: https://docs.python.org/3/library/http.cookiejar.html#http.cookiejar.DefaultCookiePolicy.set_allowed_domains
"""

import ast
from collections.abc import Iterator

from transforms.facts import Function, ModuleFacts, Scope, arguments_of
from transforms.gather.reads import SESSION_METHODS
from transforms.index import Index
from transforms.values import External, FunctionValue

_ANY = ("", "")
Jar = tuple[str, str]  # the module and the name that hold the client; _ANY when that is not followed


class Jars:
    """The jars that calls go over, remembered by function."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self._known: dict[Function, frozenset[Jar]] = {}

    def of(self, function: Function, call: ast.Call) -> frozenset[Jar]:
        """The jars that the call, written in that function, reads and writes."""
        scope = next((item.scope for item in function.calls if item.node is call), function.scope)
        nodes = [call.func, *arguments_of(call)]
        return frozenset(jar for node in nodes for jar in self._reached(None, node, scope))

    def _inside(self, function: Function) -> frozenset[Jar]:
        if function not in self._known:
            self._known[function] = frozenset()
            nodes = [(call.node.func, call.scope) for call in function.calls] + [(item.node, item.scope) for item in function.references]
            self._known[function] = frozenset(jar for node, scope in nodes for jar in self._reached(function, node, scope))
        return self._known[function]

    def _reached(self, function: Function | None, node: ast.expr, scope: Scope) -> Iterator[Jar]:
        value = self.index.resolver.value(node, scope)
        if isinstance(value, FunctionValue):
            yield from self._inside(value.function)
        if isinstance(node, ast.Attribute) and self._is_session_method(node, value, scope):
            yield from self._jar(function, node.value, scope)

    def _is_session_method(self, node: ast.Attribute, value: object, scope: Scope) -> bool:
        if isinstance(value, External):
            return value.name.replace(".__enter__()", "").replace("()", "") in SESSION_METHODS
        made = self._made(node.value, scope)
        return f"{made}.{node.attr}" in SESSION_METHODS

    def _made(self, node: ast.expr, scope: Scope) -> str:
        """What `make` makes in `shared(make)`."""
        maker = self.index.resolver.value(node.args[0], scope) if isinstance(node, ast.Call) and len(node.args) == 1 else None
        made = self.index.resolver.returned(maker.function) if isinstance(maker, FunctionValue) else None
        return made.name.replace("()", "") if isinstance(made, External) else ""

    def _jar(self, function: Function | None, owner: ast.expr, scope: Scope) -> Iterator[Jar]:
        bindings = self.index.resolver.bindings(owner.id, scope) if isinstance(owner, ast.Name) else []
        if bindings and function is not None and all(item.kind == "with" and item.scope is function.scope for item in bindings):
            return
        first = bindings[0] if len(bindings) == 1 and bindings[0].scope.kind == "module" and bindings[0].kind == "assign" else None
        if first is None or not isinstance(owner, ast.Name):
            yield _ANY
        elif not self._keeps_none(first.scope.owner.module, owner.id):
            yield first.scope.owner.module.path, owner.id

    def _keeps_none(self, module: ModuleFacts, name: str) -> bool:
        for statement in module.tree.body:
            match statement:
                case ast.Expr(ast.Call(ast.Attribute(ast.Attribute(ast.Name(id=held), "cookies"), "set_policy"), [ast.Call() as policy])) if held == name:
                    return self._blocks_all(policy, module)
        return False

    def _blocks_all(self, policy: ast.Call, module: ModuleFacts) -> bool:
        match policy:
            case ast.Call(args=[], keywords=[ast.keyword(arg="allowed_domains", value=ast.List(elts=[]) | ast.Tuple(elts=[]))]):
                return self.index.resolver.value(policy.func, module.scope) == External("http.cookiejar.DefaultCookiePolicy")
        return False


def both(one: frozenset[Jar], other: frozenset[Jar]) -> bool:
    """Whether two calls may go over the same jar."""
    return bool(one & other) or bool(one and other and _ANY in one | other)
