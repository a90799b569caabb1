"""Coroutines and loops: a loop started inside a running one (T505), coroutines never awaited (T506), tasks dropped (T507)."""

import ast
from collections.abc import Iterator, Sequence

from transforms.facts import Function, last_name
from transforms.graph import Edge
from transforms.hazards.finding import Finding
from transforms.index import Index
from transforms.reach import Reach
from transforms.values import External, FunctionValue

_COROUTINES = {"asyncio.sleep", "asyncio.wait_for", "asyncio.wait", "asyncio.to_thread", "asyncio.open_connection", "asyncio.create_subprocess_exec"}
_TASKS = {"asyncio.create_task", "asyncio.ensure_future", "asyncio.gather", "asyncio.tasks.create_task", "asyncio.tasks.ensure_future"}
_GUARDS = {"get_running_loop", "_get_running_loop", "is_running", "get_event_loop"}
_TESTING = (ast.If, ast.While, ast.IfExp, ast.Assert)
_PLAIN = {"staticmethod", "classmethod"}


def find(index: Index, reach: Reach, own: Sequence[Function]) -> Iterator[Finding]:
    """All of them."""
    for function in own:
        if function.is_async and not function.is_generator:
            yield from _started(reach, function)
        yield from _lost(index, function)


def _started(reach: Reach, function: Function) -> Iterator[Finding]:
    """`asyncio.run` in the function or in what it surely calls; what asks whether a loop runs first is left alone."""
    for item in reach.walk(function, _calls):
        name = item.site.entry.name
        if item.site.entry.kind == "loop" and name.startswith("asyncio.") and not any(_asks(step) for step in item.chain):
            where = item.links[0].node if item.links else item.site.node
            yield Finding(function, where, "T505", f"{item.path} ({item.place}) starts an event loop inside the running one, which raises RuntimeError", name)


def _calls(edge: Edge) -> bool:
    return edge.sure and edge.how in ("call", "constructor") and not edge.target.is_generator and not edge.target.is_async


def _asks(function: Function) -> bool:
    return any(last_name(call.node.func) in _GUARDS for call in function.calls)


def _lost(index: Index, function: Function) -> Iterator[Finding]:
    parents = function.module.parents
    for call in function.calls:
        parent = parents.get(call.node)
        alone = isinstance(parent, ast.Expr)
        value = index.resolver.value(call.node.func, call.scope) if alone or _is_tested(parent, call.node) else None
        name = ast.unparse(call.node.func)[:40]
        if alone and isinstance(value, External) and not value.instance and value.name in _TASKS:
            yield Finding(
                function, call.node, "T507", f"nothing keeps what `{name}()` gives: it may be dropped before it ends, and its error is seen by nobody", name
            )
        elif _is_coroutine(value):
            what = "it never runs" if alone else "a coroutine is always true, and it never runs"
            yield Finding(function, call.node, "T506", f"`{name}()` gives a coroutine that is not awaited: {what}", name)


def _is_tested(parent: ast.AST | None, node: ast.AST) -> bool:
    if isinstance(parent, _TESTING):
        return parent.test is node
    return isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.Not) or isinstance(parent, ast.FormattedValue | ast.BoolOp)


def _is_coroutine(value: object) -> bool:
    if isinstance(value, External):
        return not value.instance and value.name in _COROUTINES
    if not isinstance(value, FunctionValue) or not value.function.is_async or value.function.is_generator:
        return False
    return all(isinstance(item, ast.Name) and item.id in _PLAIN for item in value.function.decorators)
