"""Clients that a function of the project makes anew with each call: a second function below it makes the asynchronous ones.

The first one stays, for callers that cannot await. Followed are functions that make the client and return it, and do nothing
else: `def store(): return Redis(…)`. Whoever calls the second one closes what it gives, as the callers of the first one do.
"""

import ast
from dataclasses import dataclass

from transforms.catalogue.library import Swap as Row
from transforms.edits import AddFunction, Edit, Import, place_of
from transforms.facts import Function, ModuleFacts
from transforms.index import Index
from transforms.layout import is_test
from transforms.planning import shadowed
from transforms.swaps.kept import CHANGES, reached_as, written
from transforms.swaps.made import ARGUMENTS, Maker, argument_obstacle, made_here, maker_of
from transforms.swaps.uses import LEAVES, Stop
from transforms.twins import is_replaced
from transforms.values import FunctionValue

_EVALUATED_ONCE = (ast.Constant, ast.Name, ast.Attribute)


@dataclass(frozen=True)
class Factory:
    """A function that makes a client, the call in it that does, and what makes the asynchronous one."""

    function: Function
    made: ast.Call
    maker: Maker

    @property
    def row(self) -> Row:
        """The type of the client."""
        return self.maker.row


@dataclass(frozen=True)
class Second:
    """What is called instead of the factory, whether it is awaited, and what that needs here and in the factory's module."""

    callee: str
    awaited: bool
    imports: tuple[Import, ...]
    elsewhere: tuple[tuple[str, Edit, tuple[Import, ...]], ...]


def factory_called(index: Index, node: ast.Call, scope_of: Function) -> Factory | None:
    """The factory that is called there; None for any other call."""
    target = index.resolver.value(node.func, scope_of.scope)
    return as_factory(index, target.function) if isinstance(target, FunctionValue) else None


def as_factory(index: Index, function: Function) -> Factory | None:
    """The function as a factory, when making a client and returning it is all that it does."""
    made = _made(function)
    row = made_here(index, made, function.scope) if made is not None else None
    maker = maker_of(index, made, function.scope, row) if row and made is not None else None
    return Factory(function, made, maker) if maker and made is not None else None


def _made(function: Function) -> ast.Call | None:
    node = function.node
    if not isinstance(node, ast.FunctionDef) or node.decorator_list or function.is_generator or function.cls or function.scope.outer_names:
        return None
    if function.outer is not function.module.body or not isinstance(function.module.parents.get(node), ast.Module):
        return None
    match _without_docstring(node.body):
        case [ast.Return(value=ast.Call() as call)]:
            return call
        case [ast.Assign(targets=[ast.Name(id=first)], value=ast.Call() as call), ast.Return(value=ast.Name(id=second))] if first == second:
            return call
    return None


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0]
    return body[1:] if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) else body


def second_function(index: Index, caller: Function, call: ast.Call, factory: Factory) -> Second:
    """The function that makes the asynchronous client, and how the caller names it; raises Stop."""
    function, maker = factory.function, factory.maker
    home = function.module
    where = f"{home.path}:{factory.made.lineno}"
    if home.path not in index.project.editable or is_test(home.path):
        raise Stop(LEAVES, call, f"{function.place}: it is made outside the folder that was named")
    if is_replaced(index, function):
        raise Stop(CHANGES, call, f"{function.name} ({function.place}) is named in a string or set anew: something else may be put in its place")
    if obstacle := argument_obstacle(maker, factory.made) or _signature_obstacle(function):
        raise Stop(ARGUMENTS, call, f"{where}: {obstacle}")
    name = f"{function.name}_async"
    prefix, imports = reached_as(index, caller, call.func, home, name)
    return Second(f"{prefix}{name}", maker.awaited, imports, _added(index, call, home, factory, name))


def _signature_obstacle(function: Function) -> str:
    assert isinstance(function.node, ast.FunctionDef)
    given = function.node.args
    if given.vararg or given.kwarg:
        return "it takes any arguments, and not all of them may mean the same"
    defaults = [item for item in [*given.defaults, *given.kw_defaults] if item is not None]
    return "" if all(isinstance(item, _EVALUATED_ONCE) for item in defaults) else "a default value of it cannot be evaluated twice"


def _added(index: Index, call: ast.Call, home: ModuleFacts, factory: Factory, name: str) -> tuple[tuple[str, Edit, tuple[Import, ...]], ...]:
    """The edit that adds the function, unless it stands there already."""
    text = _source(index, factory, name)
    known = home.scope.bindings.get(name, [])
    if known:
        if len(known) == 1 and ast.dump(known[0].node) == ast.dump(ast.parse(text).body[0]):
            return ()
        raise Stop(CHANGES, call, f"{home.path}: the name {name} means something else there")
    for function in (home.body, factory.function):
        if taken := shadowed(index, function, factory.maker.imports):
            raise Stop(CHANGES, call, f"{home.path}: the name {taken} means something else there")
    return ((home.path, AddFunction(place_of(factory.function.node), text), factory.maker.imports),)


def _source(index: Index, factory: Factory, name: str) -> str:
    """The same signature without what it says it returns, and the client made of the same arguments."""
    node, made, maker, home = factory.function.node, factory.made, factory.maker, factory.function.module
    assert isinstance(node, ast.FunctionDef)
    args = [written(index, home, item) for item in made.args]
    if maker.by_name:
        args = [f"{key}={text}" for key, text in zip(maker.positional, args, strict=False)]
    args += [f"{item.arg}={written(index, home, item.value)}" for item in made.keywords]
    head, wait = ("async def", "await ") if maker.awaited else ("def", "")
    return f"{head} {name}({ast.unparse(node.args)}):\n    return {wait}{maker.target}({', '.join(args)})"
