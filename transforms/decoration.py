"""The decorators of a handler: which are proved to await it, and when the adapter has to stand between."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from transforms.facts import Function, FunctionNode, last_name
from transforms.index import Index
from transforms.registry import is_registration
from transforms.values import ClassValue, External, FunctionValue, Instance, Value
from transforms.wrapping import wrapping

_NEUTRAL = {"builtins.staticmethod", "builtins.classmethod", "typing.override", "typing_extensions.override"}
_WRAPPERS = {"decorator.decorator", "wrapt.decorator"}  # what they decorate runs at each call of the view, not once when it is decorated
# Last names of decorators of libraries that keep the function and call it later, outside of a request.
_KEEPING = {
    "task",
    "command",
    "cron",
    "job",
    "periodic_task",
    "shared_task",
    "scheduled_job",
    "receiver",
    "listens_for",
    "subscribe",
    "connect",
    "actor",
    "db_task",
}
_LOOKING = {
    "wraps",
    "update_wrapper",
    "iscoroutinefunction",
    "isfunction",
    "signature",
    "getdoc",
    "unwrap",
    "getattr",
    "callable",
    "isinstance",
    "issubclass",
    "ensure_sync",
}


@dataclass(frozen=True)
class Decoration:
    """`adapter` names the first decorator that is not proved to await the handler; `refusal` says why none would do."""

    adapter: str = ""
    refusal: str = ""


def decoration(index: Index, function: Function) -> Decoration:
    """Judge all decorators of a handler together."""
    needed = ""
    scope = function.scope.parent
    assert scope is not None
    for decorator in function.decorators:
        target = decorator.func if isinstance(decorator, ast.Call) else decorator
        value = index.resolver.value(target, scope)
        refusal = _refusal(index, value, target, isinstance(decorator, ast.Call))
        if refusal:
            return Decoration(refusal=f"`@{ast.unparse(target)}` {refusal}")
        if not needed and not _is_proved(index, value):
            needed = ast.unparse(target)
    return Decoration(adapter=needed)


def _refusal(index: Index, value: Value, target: ast.expr, called: bool) -> str:
    if isinstance(value, External):
        registering = is_registration(value.name)
        return "keeps the function and calls it outside of requests" if last_name(target) in _KEEPING and not registering else ""
    starts = _entries(index, value)
    wrapper = next((item for item in _reached(index, starts) if item.is_async), None)
    if wrapper:
        return f"wraps it in a coroutine of its own ({wrapper.place})"
    return next((reason for item in starts for taker in _takers(item, called) if (reason := _why_not_below(index, taker))), "")


def _entries(index: Index, value: Value) -> list[Function]:
    """The functions that the decorator runs, when it is of this project."""
    if isinstance(value, FunctionValue):
        return [value.function]
    if isinstance(value, ClassValue | Instance):
        wanted = ("__init__", "__new__", "__call__")
        return [cls.methods[name] for cls in index.resolver.classes.lineage(value.cls) for name in wanted if name in cls.methods]
    return []


def _reached(index: Index, starts: list[Function]) -> Iterator[Function]:
    """Everything of this project that the decorator surely runs, defines or hands on."""
    seen: set[Function] = set()
    waiting = list(starts)
    while waiting:
        current = waiting.pop(0)
        if current in seen:
            continue
        seen.add(current)
        yield current
        waiting += [edge.target for edge in index.graph.edges(current) if edge.sure or edge.how in ("nested", "reference")]


def _takers(function: Function, called: bool) -> list[Function]:
    """The functions that are handed the view: the decorator itself, or with arguments those that it defines."""
    return [item for item in function.nested if item.kind in ("function", function.kind)] if called and not function.cls else [function]


def _why_not_below(index: Index, taker: Function) -> str:
    """Why the adapter would not do below it: it keeps the view for others, looks into it, or calls it outside of the request."""
    name = _taken(taker)
    if not name:
        return ""
    kept = next(_uses(taker, name), "")
    return f"keeps the function for other callers ({kept})" if kept else wrapping(taker, name, _is_wrapper(index, taker))


def _is_wrapper(index: Index, function: Function) -> bool:
    """Whether the function itself stands around each call of the view, because a library makes the decorator from it."""
    scope = function.scope.parent
    values = [index.resolver.value(item, scope) for item in function.decorators] if scope else []
    return any(isinstance(value, External) and value.name in _WRAPPERS for value in values)


def _taken(function: Function) -> str:
    """The parameter that holds the view: the first, after `self`."""
    if not isinstance(function.node, FunctionNode | ast.Lambda):
        return ""
    names = [item.arg for item in [*function.node.args.posonlyargs, *function.node.args.args]]
    names = names[1:] if function.cls else names
    return names[0] if len(names) == 1 or (names and not function.cls and function.nested) else ""


def _uses(function: Function, name: str) -> Iterator[str]:
    parents = function.module.parents
    for holder in [function, *function.nested, *(deep for item in function.nested for deep in item.nested)]:
        for reference in holder.references:
            taken = isinstance(reference.node, ast.Name) and reference.node.id == name and not reference.base
            if taken and not _is_harmless(parents.get(reference.node), reference.node, parents, function):
                yield f"{function.module.path}:{reference.node.lineno}"


def _is_harmless(parent: ast.AST | None, node: ast.AST, parents: dict[ast.AST, ast.AST], function: Function) -> bool:
    if isinstance(parent, ast.keyword):
        parent = parents.get(parent)
    if isinstance(parent, ast.Call):
        inner = parent.func
        return last_name(inner) in _LOOKING or isinstance(inner, ast.Call) or _hands_on(inner)
    if isinstance(parent, ast.Assign):
        own = [
            item
            for item in parent.targets
            if isinstance(item, ast.Name) or (function.cls and isinstance(item, ast.Attribute) and isinstance(item.value, ast.Name))
        ]
        return len(own) == len(parent.targets)
    return isinstance(parent, ast.Return | ast.Compare | ast.BoolOp | ast.If | ast.IfExp | ast.UnaryOp | ast.Lambda)


def _hands_on(func: ast.expr) -> bool:
    """`other_decorator(f)`: a plain name is another decorator; `registry.append(f)` keeps it."""
    return isinstance(func, ast.Name)


def _is_proved(index: Index, value: Value) -> bool:
    if not isinstance(value, External):
        return False
    name = value.name.replace("()", "")
    if name in _NEUTRAL or is_registration(name):
        return True
    since = index.catalogue.decorators.get(name)
    if since is None:
        return False
    asked = [item for distribution in index.catalogue.distributions.get(name, ()) for item in index.requirements.find(distribution)]
    return bool(asked) and all(item.lowest and not _older(item.lowest, since) for item in asked)


def _older(version: tuple[int, ...], since: str) -> bool:
    """Whether the version comes before the other one; 1.2 is 1.2.0."""
    wanted = tuple(int(part) for part in since.split(".") if part.isdigit())
    longest = max(len(version), len(wanted))
    return version + (0,) * (longest - len(version)) < wanted + (0,) * (longest - len(wanted))
