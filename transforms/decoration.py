"""The decorators of a handler: which are proved to await it, and when the adapter has to stand between."""

import ast
from dataclasses import dataclass

from transforms.facts import Function
from transforms.index import Index
from transforms.values import ClassValue, External, FunctionValue, Value

_NEUTRAL = {"builtins.staticmethod", "builtins.classmethod", "typing.override", "typing_extensions.override"}
_REGISTERING = ("flask.Flask.", "flask.Blueprint.")


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
        refusal = _refusal(value, target)
        if refusal:
            return Decoration(refusal=refusal)
        if not needed and not _is_proved(index, value):
            needed = ast.unparse(target)
    return Decoration(adapter=needed)


def _refusal(value: Value, target: ast.expr) -> str:
    if isinstance(value, FunctionValue):
        inner = [value.function, *value.function.nested, *(deep for item in value.function.nested for deep in item.nested)]
        if any(item.is_async for item in inner):
            return f"`@{ast.unparse(target)}` ({value.function.place}) wraps it in a coroutine of its own"
    if isinstance(value, ClassValue) and any(method.is_async for method in value.cls.methods.values()):
        return f"`@{ast.unparse(target)}` ({value.cls.module.path}:{value.cls.node.lineno}) wraps it in a coroutine of its own"
    return ""


def _is_proved(index: Index, value: Value) -> bool:
    if not isinstance(value, External):
        return False
    name = value.name.replace("()", "")
    if name in _NEUTRAL or name.startswith(_REGISTERING):
        return True
    since = index.catalogue.decorators.get(name)
    if since is None:
        return False
    wanted = tuple(int(part) for part in since.split(".") if part.isdigit())
    asked = index.requirements.find(index.catalogue.distributions.get(name, ""))
    return bool(asked) and all(item.lowest >= wanted for item in asked)
