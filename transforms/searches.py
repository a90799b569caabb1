"""Code that takes things by a computed name: `getattr(x, name)`, `globals()`, `vars(module)`, `import_module(name)`.

Whatever it may find can be called from there by code that does not await.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from transforms.facts import Call, Class, Function, Scope
from transforms.resolve import Resolver
from transforms.values import ClassValue, External, FunctionValue, Instance, ModuleValue, Value

_TAKING = ("getattr", "hasattr", "setattr", "attrgetter", "methodcaller")
_LISTING = ("vars", "dir", "getmembers")
_CONTAINERS = ("builtins.", "flask.Request", "flask.session")


@dataclass(frozen=True)
class Search:
    """One such place. `value` is what is searched (None: anything), `prefix` what the name is known to begin with.

    `local`: only the variables of the function that holds it. `names`: the only names that are asked for; empty where any may be.
    """

    owner: Function
    node: ast.AST
    value: Value
    prefix: str = ""
    module_prefix: str = ""
    local: bool = False
    names: frozenset[str] = frozenset()


def find_searches(resolver: Resolver) -> list[Search]:
    """All of them, in a fixed order."""
    found: list[Search] = []
    for name in (*_TAKING, *_LISTING, "globals", "locals", "import_module", "__import__"):
        for owner, use in resolver.names.uses(name):
            if isinstance(use, Call):
                found += _search(resolver, name, owner, use)
    for owner, use in resolver.names.uses("__dict__"):
        if isinstance(use.node, ast.Attribute):
            found.append(Search(owner, use.node, resolver.value(use.node.value, use.scope)))
    for owner, use in resolver.names.uses("modules"):
        if resolver.value(use.node, use.scope) == External("sys.modules"):
            found.append(Search(owner, use.node, External("sys.modules")))
    return [search for search in found if not _is_foreign(search.value)]


def _search(resolver: Resolver, name: str, owner: Function, use: Call) -> Iterator[Search]:
    call, scope = use.node, use.scope
    if name in ("locals", "vars", "dir") and not call.args and scope.kind not in ("module", "class"):
        yield Search(owner, call, None, local=True)
    elif name in ("globals", "locals"):
        yield Search(owner, call, ModuleValue(owner.module.path))
    elif name in ("import_module", "__import__"):
        if not (call.args and isinstance(call.args[0], ast.Constant)):
            yield Search(owner, call, External("sys.modules"), "", _prefix(call.args[0]) if call.args else "")
    elif name in _LISTING:
        yield Search(owner, call, resolver.value(call.args[0], scope) if call.args else ModuleValue(owner.module.path))
    elif name in ("attrgetter", "methodcaller"):
        if call.args and not isinstance(call.args[0], ast.Constant):
            yield Search(owner, call, None, _prefix(call.args[0]))
    elif len(call.args) >= 2 and not isinstance(call.args[1], ast.Constant) and name == "getattr":
        yield Search(owner, call, _searched(resolver, call.args[0], scope), _prefix(call.args[1]), names=_listed(owner, call, call.args[1]))


def _searched(resolver: Resolver, node: ast.expr, scope: Scope) -> Value:
    return resolver.value(node, scope)


def _listed(owner: Function, call: ast.Call, name: ast.expr) -> frozenset[str]:
    """The names that `getattr(x, name) for name in ("a", "b")` asks for; empty where they are not listed there."""
    for parent in owner.module.ancestors(call):
        if isinstance(parent, ast.Lambda | ast.stmt):
            break
        for part in getattr(parent, "generators", []):
            if isinstance(name, ast.Name) and isinstance(part.target, ast.Name) and part.target.id == name.id:
                items = part.iter.elts if isinstance(part.iter, ast.Tuple | ast.List) else []
                texts = [item.value for item in items if isinstance(item, ast.Constant) and isinstance(item.value, str)]
                return frozenset(texts if len(texts) == len(items) else [])
    return frozenset()


def _prefix(node: ast.expr) -> str:
    """The constant text that a computed name begins with."""
    if isinstance(node, ast.JoinedStr) and node.values and isinstance(node.values[0], ast.Constant):
        return str(node.values[0].value)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod) and isinstance(node.left, ast.Constant) and isinstance(node.left.value, str):
        return node.left.value.partition("%")[0]
    return ""


def _is_foreign(value: Value) -> bool:
    """An object of another library, which holds nothing of ours."""
    return isinstance(value, External) and value.name != "sys.modules"


def may_find(resolver: Resolver, search: Search, function: Function, handled: bool) -> bool:
    """Whether the search may give the function. Views are not looked for on objects of unknown type."""
    if not function.name.startswith(search.prefix) or search.names and function.name not in search.names:
        return False
    if search.local:
        return _is_variable(resolver, search.owner, function)
    match search.value:
        case ModuleValue():
            return function.cls is None and search.value.path == function.module.path
        case External():
            name = resolver.layout.module_name(function.module.path)
            return function.cls is None and not handled and name.startswith(search.module_prefix)
        case Instance() | ClassValue():
            return function.cls is not None and related(resolver, search.value.cls, function.cls)
    return function.cls is not None and not handled


def _is_variable(resolver: Resolver, owner: Function, function: Function) -> bool:
    """Whether a variable of the owner is, or may be, the function."""
    held = [resolver.bound(binding) for bindings in owner.scope.bindings.values() for binding in bindings]
    return function.outer is owner or any(isinstance(value, FunctionValue) and value.function is function for value in held)


def related(resolver: Resolver, searched: Class, owner: Class) -> bool:
    """Whether one class is the other, or derives from it."""
    return owner in resolver.classes.lineage(searched) or owner in resolver.classes.descendants(searched)
