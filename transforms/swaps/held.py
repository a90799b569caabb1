"""Clients that an object of the project keeps: `self.store = Redis(…)` in `__init__`, and what is taken from them there.

Below that statement goes a second one, `self.make_store = functools.partial(redis.asyncio.Redis, …)` with the same arguments:
each object has an asynchronous client of its own beside the synchronous one. Followed are objects of which the application
makes a fixed number, in a module or with the Flask object, and attributes that are set in that one place. Left: whatever
may set, copy or replace the attribute, and objects that a request may make, since their clients would never be closed.
"""

import ast
from collections.abc import Iterable
from dataclasses import dataclass

from transforms.facts import Binding, Class, Scope, assigned, first_parameter
from transforms.index import Index
from transforms.placement import stands_alone
from transforms.swaps.kept import CHANGES, constant
from transforms.swaps.made import made_here
from transforms.swaps.objects import family_of
from transforms.swaps.uses import LEAVES, Stop
from transforms.values import ClassValue, External, Instance, ModuleValue

_OWN_WAYS = {"__setattr__", "__getattr__", "__getattribute__", "__delattr__", "__new__", "__slots__", "__copy__", "__deepcopy__", "__setstate__", "__reduce__"}
_REACHING = {"__dict__", "__class__", "__setattr__", "__new__", "vars", "setattr", "delattr"}


@dataclass(frozen=True)
class Held:
    """A client on an object: the class and attribute, the call that makes it, how the object is written, what is taken from the client."""

    cls: Class
    name: str
    made: ast.Call
    owner: str
    taken: str = ""


def held(index: Index, node: ast.expr, scope: Scope) -> Held | None:
    """The client behind `object.attribute`; None where that is no attribute that an object of the project sets on itself. Raises Stop."""
    if not isinstance(node, ast.Attribute) or not _is_plain(node.value):
        return None
    base = index.resolver.value(node.value, scope)
    found = _set_once(index, node, base.cls, node.attr, ast.unparse(node.value)) if isinstance(base, Instance) else None
    if found and (reason := _another_object(index, node.value, scope)):
        raise Stop(CHANGES, node, reason)
    return found


def _another_object(index: Index, node: ast.expr, scope: Scope) -> str:
    """Why another object may stand there, be it one that is only like it; empty for the method's own, and for a name that is never set anew."""
    match node:
        case ast.Attribute(value=owner, attr=attr):
            return _set_elsewhere(index, attr) or _another_object(index, owner, scope)
        case ast.Name(id=name) if len(bindings := index.resolver.bindings(name, scope)) == 1:
            return _bound_to_another(index, name, bindings[0])
    return f"{ast.unparse(node)} is bound in several places, so it may be another object"


def _bound_to_another(index: Index, name: str, binding: Binding) -> str:
    """The same for a name that is bound in one place."""
    if binding.scope.kind == "module":
        return _set_elsewhere(index, name) or (_set_elsewhere(index, binding.text) if binding.kind == "from" else "")
    match binding.kind, binding.node:
        case "param", _ if binding.scope.owner.cls is not None and name == first_parameter(binding.scope.owner):
            return ""
        case "assign", ast.Call():
            return ""
        case "assign", ast.Name() | ast.Attribute() as value if _is_plain(value):
            return _another_object(index, value, binding.scope)
        case "assign", ast.expr():
            return "it is one of several objects"
    return f"{name} comes from elsewhere, and may be an object that is only like one of its class"


def _is_plain(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) or isinstance(node, ast.Attribute) and _is_plain(node.value)


def _set_once(index: Index, node: ast.expr, cls: Class, name: str, owner: str) -> Held | None:
    """The client behind the attribute, which one statement of `__init__` sets, and nothing else. Raises Stop."""
    classes = index.resolver.classes
    home = next((item for item in classes.family(cls) if name in item.stored), None)
    if home is None:
        return None
    family = family_of(index, home)
    binding, *others = [binding for item in family for binding in item.stored.get(name, [])]
    if others or any(name in item.methods or name in item.scope.bindings for item in family):
        raise Stop(CHANGES, node, f"{home.name}.{name} is set in several places, so it may be another client later")
    if reason := _unknown_ways(index, family) or _set_elsewhere(index, name):
        raise Stop(CHANGES, node, reason)
    if not _is_in_init(home, binding):
        raise Stop(CHANGES, node, f"{home.module.path}:{_line(binding)}: {home.name}.{name} is not made by a statement of its own in __init__")
    return _made(index, node, home, _value(binding), binding.scope, name, owner)


def _made(index: Index, node: ast.expr, home: Class, value: ast.AST, scope: Scope, name: str, owner: str) -> Held:
    """Follow `self.client["db"]` down to the call that makes the client; raises Stop where there is none."""
    match value:
        case ast.Call() if made_here(index, value, scope) and isinstance(home.module.parents.get(value), ast.Assign | ast.AnnAssign):
            return Held(home, name, value, owner)
        case ast.Subscript(value=inner, slice=ast.Constant() as key):
            return _taken(_made(index, node, home, inner, scope, name, owner), f"[{constant(key)}]")
        case ast.Call(func=ast.Attribute(value=inner, attr=attr), keywords=[]) if all(isinstance(item, ast.Constant) for item in value.args):
            return _taken(_made(index, node, home, inner, scope, name, owner), f".{attr}({', '.join(constant(item) for item in value.args)})")
        case ast.Attribute(value=ast.Name() as me, attr=attr) if _is_own_object(index, me, scope):
            if attr != name and (found := _set_once(index, node, home, attr, owner)):
                return found
        case ast.Attribute(value=inner, attr=attr) if isinstance(index.resolver.value(inner, scope), External):
            return _taken(_made(index, node, home, inner, scope, name, owner), f".{attr}")
    place = f"{home.module.path}:{getattr(value, 'lineno', home.node.lineno)}"
    raise Stop(LEAVES, node, f"{place}: {home.name} does not make it there, so it may be any client")


def _is_own_object(index: Index, node: ast.Name, scope: Scope) -> bool:
    return isinstance(index.resolver.value(node, scope), Instance) and node.id == first_parameter(scope.owner)


def _taken(found: Held, text: str) -> Held:
    return Held(found.cls, found.name, found.made, found.owner, found.taken + text)


def _is_in_init(home: Class, binding: Binding) -> bool:
    init, value = binding.scope.owner, _value(binding)
    statement = home.module.parents.get(value)
    if init is not home.methods.get("__init__") or binding.scope is not init.scope or not isinstance(statement, ast.Assign | ast.AnnAssign):
        return False
    single = isinstance(statement, ast.AnnAssign) or len(statement.targets) == 1 and isinstance(statement.targets[0], ast.Attribute)
    return single and not init.decorators and home.module.parents.get(statement) is init.node and stands_alone(init, statement)


def _value(binding: Binding) -> ast.AST:
    """What is assigned there."""
    return assigned(binding) or binding.node


def _line(binding: Binding) -> int:
    return getattr(binding.node, "lineno", 0)


# What else may set the attribute


def _unknown_ways(index: Index, family: Iterable[Class]) -> str:
    """What of the classes may set attributes in ways that are not followed, or copy the object; empty when nothing."""
    for cls in family:
        where = f"{cls.module.path}:{cls.node.lineno}: {cls.name}"
        if cls.outer.kind != "module":
            return f"{where} is defined in a function or another class"
        if cls.node.decorator_list or cls.node.keywords:
            return f"{where} is changed by a decorator or a metaclass"
        if any(base is None or base.name != "builtins.object" for base in index.resolver.classes.external_bases(cls)):
            return f"{where} has a base outside the project, which may set its attributes"
        if own := sorted(_OWN_WAYS & {*cls.methods, *cls.scope.bindings}):
            return f"{where} has {own[0]}"
        if used := next((item for item in ast.walk(cls.node) if _reaches(item)), None):
            return f"{cls.module.path}:{used.lineno}: {cls.name} uses {ast.unparse(used)}, which may set any attribute"  # type: ignore[attr-defined]
        if handed := index.graph.escapes.handed_out(cls, cls.name):
            return f"{handed}, which may copy or change it"
    return ""


def _reaches(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in _REACHING or isinstance(node, ast.Name) and node.id in _REACHING


def _set_elsewhere(index: Index, name: str) -> str:
    """Where a name or attribute so named is set from outside, or a string names it; empty when nowhere."""
    names = index.resolver.names
    for target, store in names.stores(name):
        base = index.resolver.value(target.value, store.scope)
        if base is None or isinstance(base, Instance | ClassValue | ModuleValue):
            return f"{store.scope.owner.module.path}:{target.lineno} sets {ast.unparse(target)}"
    mention = next((item for item in names.mentions(name) if not item.loose), None)
    return f"{mention.path}:{mention.line} names {name} in a string, and may put something else in its place" if mention else ""
