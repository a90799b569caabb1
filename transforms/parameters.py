"""What a parameter is, by its annotation and by what its callers pass."""

import ast
from collections.abc import Iterable
from typing import Protocol

from transforms.classes import Classes
from transforms.facts import Binding, Call, Class, Function, FunctionNode, Reference, Scope, first_parameter, last_name
from transforms.layout import is_test
from transforms.names import Names
from transforms.values import NOTHING, ClassValue, External, FunctionValue, Instance, Value

_GIVEN = {  # what a library passes first to the functions that its decorator marks
    "jinja2.pass_context": "jinja2.runtime.Context",
    "jinja2.pass_environment": "jinja2.environment.Environment",
    "jinja2.pass_eval_context": "jinja2.nodes.EvalContext",
}


class Resolver(Protocol):
    """What is needed of the resolver."""

    names: Names
    classes: Classes

    def value(self, node: ast.AST | None, scope: Scope) -> Value:
        """What an expression is."""

    def annotation(self, node: ast.expr | None, scope: Scope) -> Value:
        """An object of the annotated type."""

    @staticmethod
    def join(values: Iterable[Value]) -> Value:
        """What all of them agree on."""


def parameter_value(resolver: Resolver, binding: Binding) -> Value:
    """What a parameter is: the object of a method, what its annotation says, or what every caller passes."""
    node, scope = binding.node, binding.scope
    assert isinstance(node, ast.arg)
    function = scope.owner
    if function.cls and node.arg == first_parameter(function):
        decorators = {last_name(item) for item in function.decorators}
        if "staticmethod" not in decorators:
            return ClassValue(function.cls) if "classmethod" in decorators else Instance(function.cls)
    if given := _given(resolver, node, function):
        return given
    if node.annotation is not None:
        said = resolver.annotation(node.annotation, scope.parent or scope)
        return None if isinstance(said, Instance) and _contradicted(resolver, node, function, said) else said
    return _from_callers(resolver, node, function)


def _given(resolver: Resolver, parameter: ast.arg, function: Function) -> External | None:
    """What a decorator of a library says of the first parameter."""
    if parameter.arg != first_parameter(function) or function.scope.parent is None:
        return None
    names = [getattr(resolver.value(item, function.scope.parent), "name", "") for item in function.decorators]
    return next((External(_GIVEN[name], True) for name in names if name in _GIVEN), None)


def _contradicted(resolver: Resolver, parameter: ast.arg, function: Function, said: Instance) -> bool:
    """Whether some call passes another thing than the annotation says: a fake in a test, for instance."""
    allowed = {said.cls, *resolver.classes.descendants(said.cls)}
    rivals = has_rivals(resolver, said.cls)
    holder = function.cls if function.name == "__init__" else None
    for owner, use in resolver.names.everywhere(holder.name if holder else function.name):
        if isinstance(use, Reference):
            if rivals and not use.base and _is_that(resolver.value(use.node, use.scope), function, holder):
                return True
        elif _is_that(resolver.value(use.named, use.scope), function, holder):
            given = argument(use.node, parameter, function, True)
            value = resolver.value(given, use.scope) if given is not None else said
            wrong = value is not None and not (isinstance(value, Instance) and value.cls in allowed) and value != NOTHING
            if wrong or (value is None and (rivals or is_test(owner.module.path))):
                return True
    return False


def _is_that(target: Value, function: Function, made: Class | None) -> bool:
    """Whether it is the function, or the class whose `__init__` it is."""
    return target == ClassValue(made) if made else isinstance(target, FunctionValue) and target.function is function


def has_rivals(resolver: Resolver, cls: Class) -> bool:
    """Whether an unrelated class has a method of the same name: what is only said to be of the one may be of the other, and await or not."""
    family = set(resolver.classes.family(cls))
    names = {name for item in family for name in item.methods if not name.startswith("__")}
    others = (method.cls for name in names for method in resolver.names.methods(name) if not is_test(method.module.path))
    return any(other is not None and other not in family for other in others)


def _from_callers(resolver: Resolver, parameter: ast.arg, function: Function) -> Value:
    """What every caller passes, when all uses of the function are known to be calls of it."""
    if function.decorators or function.kind != "function":
        return None
    made = function.cls if function.name == "__init__" else None
    if made and resolver.classes.descendants(made):
        return None
    values: list[Value] = []
    for _, use in resolver.names.everywhere(made.name if made else function.name):
        target = resolver.value(use.named, use.scope)
        same = _is_that(target, function, made)
        if target is None or (same and not isinstance(use, Call)):
            return None
        if same and isinstance(use, Call):
            bound = made is not None or isinstance(target, FunctionValue) and target.receiver is not None
            values.append(resolver.value(argument(use.node, parameter, function, bound), use.scope))
    return resolver.join(values) if values and len(values) <= 20 else None


def argument(call: ast.Call, parameter: ast.arg, function: Function, bound: bool) -> ast.expr | None:
    """The expression that the call passes for the parameter; None when it cannot be told or is left out."""
    names = _by_place(function, bound)
    if any(isinstance(item, ast.Starred) for item in call.args):
        return None
    for keyword in call.keywords:
        if keyword.arg == parameter.arg:
            return keyword.value
    position = names.index(parameter.arg) if parameter.arg in names else len(call.args)
    return call.args[position] if position < len(call.args) else None


def _by_place(function: Function, bound: bool) -> list[str]:
    """The parameters that take the arguments of a call by their place, without the object that the method is bound to."""
    assert isinstance(function.node, FunctionNode | ast.Lambda)
    names = [item.arg for item in [*function.node.args.posonlyargs, *function.node.args.args]]
    return names[1:] if function.cls and bound and "staticmethod" not in {last_name(item) for item in function.decorators} else names


def parameter_of(call: ast.Call, given: ast.expr, function: Function, bound: bool) -> str | None:
    """The parameter that gets the expression; None when it cannot be told, or when `*` or `**` of the function takes it."""
    assert isinstance(function.node, FunctionNode | ast.Lambda)
    keyword = next((item.arg for item in call.keywords if item.value is given), None)
    names = _by_place(function, bound)
    if keyword or given not in call.args:
        return keyword if keyword in [*names, *(item.arg for item in function.node.args.kwonlyargs)] else None
    if any(isinstance(item, ast.Starred) for item in call.args):
        return None
    position = call.args.index(given)
    return names[position] if position < len(names) else None
