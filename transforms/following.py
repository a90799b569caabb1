"""Whether an object, class or module of the project stays in places that the resolver follows.

What is put into a container, handed to a parameter that may be several things, or kept under a name that may be, comes
out again as something unknown.
"""

import ast

from transforms.facts import Function, Reference, Scope
from transforms.parameters import parameter_of
from transforms.resolve import Resolver, is_property
from transforms.values import ClassValue, External, FunctionValue, Instance, ModuleValue, Value, may_be_ours

_LOOKING = ("isinstance", "issubclass", "type", "id", "repr", "str", "len", "bool", "hash", "print", "super", "callable", "format")
_LOOKED_AT = {f"builtins.{name}" for name in _LOOKING} | {"typing.cast", "typing.TypeVar", "dataclasses.field", "weakref.ref"}
_TAKING = {"builtins.getattr", "builtins.hasattr"}


def only_looks(called: Value, call: ast.Call, given: ast.AST) -> bool:
    """Whether the call neither keeps the argument nor calls anything on it that has no special name, as `print(x, file=given)` does."""
    if not isinstance(called, External) or any(item.value is given and item.arg in ("file", None) for item in call.keywords):
        return False
    return called.name in _LOOKED_AT or called.name in _TAKING and len(call.args) > 1 and isinstance(call.args[1], ast.Constant)


def is_followed(resolver: Resolver, node: ast.expr, value: Value, scope: Scope) -> bool:
    """Whether the value of the expression, if it is an object, class or module of the project, is still known where it goes from here."""
    if not _is_ours(value):
        return True
    parents = scope.owner.module.parents
    parent = parents.get(node)
    match parent:
        case ast.Attribute() | ast.Expr() | ast.Compare() | ast.UnaryOp() | ast.Raise() | ast.ClassDef() | ast.MatchClass() | ast.ExceptHandler():
            return True
        case ast.If() | ast.While() | ast.Assert() | ast.FormattedValue() | ast.For() | ast.comprehension() | ast.Await():
            return True
        case ast.Subscript() if parent.value is node and isinstance(value, Instance):
            return True
        case ast.Call():
            return parent.func is node or _is_taken(resolver, parent, node, value, scope)
        case ast.keyword():
            call = parents.get(parent)
            return isinstance(call, ast.Call) and _is_taken(resolver, call, node, value, scope) or isinstance(call, ast.ClassDef)
        case ast.Assign():
            return all(isinstance(target, ast.Name | ast.Attribute) and _is_same(resolver, resolver.value(target, scope), value) for target in parent.targets)
        case ast.AnnAssign():
            return parent.annotation is node or _is_same(resolver, resolver.value(parent.target, scope), value)
        case ast.NamedExpr() | ast.BoolOp() | ast.IfExp():
            named = not isinstance(parent, ast.NamedExpr) or _is_same(resolver, resolver.value(parent.target, scope), value)
            return named and _is_same(resolver, resolver.value(parent, scope), value) and is_followed(resolver, parent, value, scope)
        case ast.withitem():
            return parent.optional_vars is None or _is_same(resolver, resolver.value(parent.optional_vars, scope), value)
        case ast.Return():
            return _is_same(resolver, resolver.returned(scope.owner), value) and _is_called_openly(resolver, scope.owner)
    return _is_annotation(resolver, node, scope)


def _is_ours(value: Value) -> bool:
    return isinstance(value, Instance | ClassValue | ModuleValue)


def _is_called_openly(resolver: Resolver, function: Function) -> bool:
    """Whether every use of the function's name is known, and none hands the function on."""
    for _, use in resolver.names.everywhere(function.name):
        called = resolver.value(use.named, use.scope)
        mine = isinstance(called, FunctionValue) and called.function is function
        if may_be_ours(called) or (mine and isinstance(use, Reference) and not use.base and not is_property(function)):
            return False
    return True


def _is_same(resolver: Resolver, known: Value, value: Value) -> bool:
    """Whether what is known of a place covers the value: the same module, or a class of the same family."""
    if isinstance(known, Instance | ClassValue) and isinstance(value, Instance | ClassValue):
        return resolver.classes.related(known.cls, value.cls)
    return isinstance(known, ModuleValue) and known == value


def _is_taken(resolver: Resolver, call: ast.Call, node: ast.expr, value: Value, scope: Scope) -> bool:
    """Whether the call only looks at the argument, or hands it to a parameter that is known to be just that."""
    target = resolver.value(call.func, scope)
    if only_looks(target, call, node):
        return True
    function = _called(resolver, target)
    if function is None:
        return False
    bound = isinstance(target, ClassValue) or (isinstance(target, FunctionValue) and target.receiver is not None)
    parameter = parameter_of(call, node, function, bound)
    return parameter is not None and any(_is_same(resolver, resolver.bound(item), value) for item in function.scope.bindings.get(parameter, ()))


def _called(resolver: Resolver, target: Value) -> Function | None:
    """The function of the project that gets the arguments."""
    if isinstance(target, FunctionValue):
        return target.function
    if isinstance(target, ClassValue):
        made = resolver.attribute(target, "__init__")
        return made.function if isinstance(made, FunctionValue) else None
    return None


def _is_annotation(resolver: Resolver, node: ast.expr, scope: Scope) -> bool:
    """`x: list[Thing]`, `def f() -> Thing | None`, `isinstance(x, (Thing, Other))`, `except (Bad, Worse)`."""
    parents = scope.owner.module.parents
    child: ast.AST = node
    parent = parents.get(child)
    while isinstance(parent, ast.Subscript | ast.Tuple | ast.List | ast.BinOp | ast.Starred):
        child, parent = parent, parents.get(parent)
    match parent:
        case ast.arg() | ast.ExceptHandler() | ast.ClassDef():
            return True
        case ast.AnnAssign():
            return parent.annotation is child
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return parent.returns is child
        case ast.Call():
            return only_looks(resolver.value(parent.func, scope), parent, child)
    return False
