"""What runs when a function runs: blocking calls, and work that is tied to a thread or starts an event loop."""

import ast
from collections.abc import Callable, Collection
from dataclasses import dataclass

from transforms.catalogue import Entry
from transforms.facts import Call, Function, Scope, by_place, caught_types, last_name
from transforms.graph import Edge, Graph, Site
from transforms.handing import taker_of
from transforms.values import External

_CATCHING = {"StopIteration", "Exception", "BaseException"}


@dataclass(frozen=True)
class Reached:
    """A site, and the functions on the way to it: the first is where the walk began, the last holds the site."""

    site: Site
    chain: tuple[Function, ...]
    links: tuple[Edge, ...]

    @property
    def function(self) -> Function:
        """The function that holds the call."""
        return self.chain[-1]

    @property
    def place(self) -> str:
        """`path:line` of the call."""
        return f"{self.function.module.path}:{getattr(self.site.node, 'lineno', 1)}"

    @property
    def path(self) -> str:
        """`view → helper → call`, as people read it; `perhaps Class.method` where only the name of the method fits."""
        steps = (f"perhaps {link.target.qualname}" if link.how == "name" else link.target.name for link in self.links)
        return " → ".join([self.chain[0].name, *steps, self.site.entry.name])


def is_orm(entry: Entry) -> bool:
    """Whether the call works on a session of an object-relational mapper."""
    return entry.kind == "orm"


def is_bound(entry: Entry) -> bool:
    """Whether the call must stay on the thread of the request."""
    return entry.thread_bound or is_orm(entry)


def starts_loop(entry: Entry) -> bool:
    """Whether the call fails inside a running event loop."""
    return entry.kind == "loop"


def is_movable(entry: Entry) -> bool:
    """Whether a function that makes this call is worth moving to a thread."""
    return not is_bound(entry) and not starts_loop(entry) and (entry.verdict == "wrap" or entry.lazy)


class Reach:
    """Walks over the graph, remembered."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._all: dict[Function, list[Reached]] = {}
        self._sure: dict[Function, list[Reached]] = {}
        self._stops: dict[Function, str] = {}
        self._stops_in: dict[Function, str] = {}

    def everything(self, function: Function) -> list[Reached]:
        """All that may be reached, also over calls that are only possible."""
        if function not in self._all:
            self._all[function] = self.walk(function)
        return self._all[function]

    def surely(self, function: Function) -> list[Reached]:
        """What is reached over calls that are proved."""
        if function not in self._sure:
            self._sure[function] = self.walk(function, _is_sure)
        return self._sure[function]

    def without(self, function: Function, moved: Collection[ast.AST]) -> list[Reached]:
        """All that may be reached once the calls at these nodes run elsewhere."""
        return [item for item in self.walk(function, lambda edge: edge.node not in moved) if item.site.node not in moved]

    def movable(self, function: Function) -> list[Reached]:
        """The blocking calls for whose sake a call of the function is worth moving."""
        return [item for item in self.surely(function) if is_movable(item.site.entry)]

    def walk(self, start: Function, follow: Callable[[Edge], bool] | None = None) -> list[Reached]:
        """What is reached over the edges to follow (over all, by default). Breadth first, so that every site comes with a shortest chain."""
        came = self._visit(start, follow)
        found: list[Reached] = []
        for current in came:
            sites = self.graph.sites(current)
            if sites:
                chain, links = _chain(came, current)
                found += [Reached(site, chain, links) for site in sites]
        return found

    def _visit(self, start: Function, follow: Callable[[Edge], bool] | None = None) -> "_Came":
        """Every function that may run, in the order found, with the function and the edge from which it was found first."""
        came: _Came = {start: None}
        waiting = [start]
        for current in waiting:
            for edge in self.graph.edges(current):
                if edge.target not in came and (follow is None or follow(edge)):
                    came[edge.target] = (current, edge)
                    waiting.append(edge.target)
        return came

    def proved(self, start: Function) -> set[Function]:
        """Every function that is reached over calls that are proved."""
        return set(self._visit(start, _is_sure))

    def functions(self, start: Function, follow: Callable[[Edge], bool] | None = None) -> set[Function]:
        """Every function that may run, over the edges to follow (over all, by default)."""
        return set(self._visit(start, follow))

    def may_stop(self, function: Function) -> str:
        """Where StopIteration may leave the function (it cannot cross a thread or a coroutine); empty when nowhere."""
        if function not in self._stops:
            ordered = sorted(self.functions(function), key=by_place)
            self._stops[function] = next((place for item in ordered if (place := self.stop_in(item))), "")
        return self._stops[function]

    def stop_in(self, function: Function) -> str:
        """Where StopIteration may leave the function's own body; empty when nowhere."""
        if function not in self._stops_in:
            self._stops_in[function] = self._find_stop(function)
        return self._stops_in[function]

    def _find_stop(self, function: Function) -> str:
        if function.is_generator:
            return ""
        for call in function.calls:
            if self.may_exhaust(call) and not is_caught(function, call.node):
                return f"{function.module.path}:{call.node.lineno}"
        for use in function.uses:
            raised = taker_of(use.node, function.module.parents)
            raised = function.module.parents.get(raised) if isinstance(raised, ast.Call) else raised
            if last_name(use.named) == "StopIteration" and isinstance(raised, ast.Raise) and not is_caught(function, raised):
                return f"{function.module.path}:{raised.lineno}"
        return ""

    def may_exhaust(self, call: Call) -> bool:
        """`next(it)`, `it.__next__()`, `generator.send(x)`."""
        node, name = call.node, last_name(call.node.func)
        if name == "next" and len(node.args) == 1 and not node.keywords:
            return self.graph.resolver.value(node.func, call.scope) == External("builtins.next")
        if name == "__next__":
            return True
        return name == "send" and isinstance(node.func, ast.Attribute) and len(node.args) == 1 and self._is_generator(node.func.value, call.scope)

    def _is_generator(self, node: ast.expr, scope: Scope) -> bool:
        return self.graph.resolver.value(node, scope) in (None, External("builtins.generator", True))


_Came = dict[Function, tuple[Function, Edge] | None]


def _chain(came: _Came, last: Function) -> tuple[tuple[Function, ...], tuple[Edge, ...]]:
    """The functions and the edges from the start of a walk to that function."""
    chain, links = [last], []
    while step := came[chain[-1]]:
        chain.append(step[0])
        links.append(step[1])
    return tuple(reversed(chain)), tuple(reversed(links))


def _is_sure(edge: Edge) -> bool:
    return edge.sure or edge.how in ("property", "implicit")


def is_caught(function: Function, node: ast.AST, within: Collection[ast.AST] | None = None) -> bool:
    """Whether a `try` around it in the function (where given: one of the nodes `within`) catches a StopIteration from there."""
    child = node
    for parent in function.module.ancestors(node):
        if parent is function.node or within is not None and parent not in within:
            return False
        if isinstance(parent, ast.Try) and child in parent.body:
            names = {last_name(item) for handler in parent.handlers for item in caught_types(handler)}
            if names & _CATCHING or any(handler.type is None for handler in parent.handlers):
                return True
        child = parent
    return False
