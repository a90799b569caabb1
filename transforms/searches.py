"""Code that takes things by a computed name: `getattr(x, name)`, `globals()`, `vars(module)`, `import_module(name)`, `exec(text)`.

Whatever it may find can be called from there by code that does not await.
"""

import ast
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from transforms.facts import Call, Class, Function
from transforms.resolve import Resolver
from transforms.values import ClassValue, External, FunctionValue, Instance, ModuleValue, Value

_TAKING = ("getattr", "getattr_static", "attrgetter", "methodcaller")
_LISTING = ("vars", "dir", "getmembers")
_IMPORTING = ("import_module", "__import__", "import_string", "resolve_name", "find_modules")
_LOADING = ("module_from_spec", "exec_module", "load_module", "load_source", "run_path", "run_module")
_RUNNING = ("exec", "eval")
_BY_NAME = (*_TAKING, *_LISTING, "globals", "locals", *_IMPORTING, *_LOADING, *_RUNNING)
_WORD = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True)
class Search:
    """One such place. `value` is what is searched (None: anything), `prefix` what the name is known to begin with.

    `local`: only the variables of the function that holds it. `names`: the only names that are asked for; empty where any may be.
    `deep`: of a module, also the methods of the classes whose objects it names.
    """

    owner: Function
    node: ast.AST
    value: Value
    prefix: str = ""
    module_prefix: str = ""
    local: bool = False
    names: frozenset[str] = frozenset()
    deep: bool = False


def find_searches(resolver: Resolver) -> list[Search]:
    """All of them, in a fixed order."""
    found: list[Search] = []
    for name in _BY_NAME:
        for owner, use in resolver.names.everywhere(name):
            if isinstance(use, Call):
                found += _search(resolver, name, owner, use)
            elif _is_that(resolver.value(use.node, use.scope), name):
                found.append(Search(owner, use.node, None))  # it is handed on: `take = getattr`
    for owner, use in resolver.names.uses("__dict__"):
        if isinstance(use.node, ast.Attribute):
            found.append(Search(owner, use.node, resolver.value(use.node.value, use.scope)))
    for owner, use in resolver.names.uses("__getattribute__"):
        if isinstance(use, Call) and isinstance(use.node.func, ast.Attribute) and use.node.args:
            *objects, wanted = [use.node.func.value, *use.node.args]
            if not isinstance(wanted, ast.Constant):
                found.append(Search(owner, use.node, resolver.value(objects[-1], use.scope), _prefix(wanted)))
    for owner, use in resolver.names.uses("modules"):
        if resolver.value(use.node, use.scope) == External("sys.modules"):
            found.append(Search(owner, use.node, External("sys.modules")))
    return [search for search in found if not _is_foreign(search.value)]


def _is_that(value: Value, name: str) -> bool:
    """Whether a reference means the function of the standard library so named."""
    return isinstance(value, External) and not value.instance and value.name in (f"builtins.{name}", f"operator.{name}", f"inspect.{name}", f"importlib.{name}")


def _search(resolver: Resolver, name: str, owner: Function, use: Call) -> Iterator[Search]:
    call, scope = use.node, use.scope
    if name in ("locals", "vars", "dir") and not call.args and scope.kind not in ("module", "class"):
        yield Search(owner, call, None, local=True)
    elif name in ("globals", "locals"):
        yield Search(owner, call, ModuleValue(owner.module.path))
    elif name in _RUNNING:
        if len(call.args) == 1 and resolver.value(call.func, scope) == External(f"builtins.{name}"):  # otherwise it sees what it is given
            yield Search(owner, call, ModuleValue(owner.module.path), names=_words(call.args[0]), deep=True)
    elif name in _IMPORTING:
        known = name in ("import_module", "__import__") and resolver.value(call, scope) is not None
        if not known and (name in ("import_module", "__import__") or not (call.args and isinstance(call.args[0], ast.Constant))):
            yield Search(owner, call, External("sys.modules"), "", _package(call.args[0]) if call.args else "")
    elif name in _LOADING:
        yield Search(owner, call, External("sys.modules"))
    elif name in _LISTING:
        yield Search(owner, call, resolver.value(call.args[0], scope) if call.args else ModuleValue(owner.module.path))
    elif name in ("attrgetter", "methodcaller"):
        if call.args and not isinstance(call.args[0], ast.Constant):
            yield Search(owner, call, None, _prefix(call.args[0]))
    elif any(isinstance(item, ast.Starred) for item in call.args[:2]):
        yield Search(owner, call, None)
    elif len(call.args) >= 2 and not isinstance(call.args[1], ast.Constant):
        yield Search(owner, call, resolver.value(call.args[0], scope), _prefix(call.args[1]), names=_listed(owner, call, call.args[1]))


def _words(text: ast.expr) -> frozenset[str]:
    """The names that stand in a constant text of code; none, for any, where it is computed."""
    return frozenset(_WORD.findall(text.value)) if isinstance(text, ast.Constant) and isinstance(text.value, str) else frozenset()


def _listed(owner: Function, call: ast.Call, name: ast.expr) -> frozenset[str]:
    """The names that `getattr(x, name) for name in ("a", "b")` asks for; empty where they are not listed there."""
    inside = itertools.takewhile(lambda parent: not isinstance(parent, ast.Lambda | ast.stmt), owner.module.ancestors(call))
    parts = [part for parent in inside for part in getattr(parent, "generators", [])]
    lists = [part.iter for part in parts if isinstance(name, ast.Name) and isinstance(part.target, ast.Name) and part.target.id == name.id]
    if len(lists) != 1 or not isinstance(lists[0], ast.Tuple | ast.List):
        return frozenset()
    texts = [item.value for item in lists[0].elts if isinstance(item, ast.Constant) and isinstance(item.value, str)]
    return frozenset(texts if len(texts) == len(lists[0].elts) else [])


def _prefix(node: ast.expr) -> str:
    """The constant text that a computed name begins with."""
    if isinstance(node, ast.JoinedStr) and node.values and isinstance(node.values[0], ast.Constant):
        return str(node.values[0].value)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod) and isinstance(node.left, ast.Constant) and isinstance(node.left.value, str):
        return node.left.value.partition("%")[0]
    return ""


def _package(node: ast.expr) -> str:
    """What the name of the module that is imported is known to begin with."""
    return str(node.value).partition(".")[0] if isinstance(node, ast.Constant) else _prefix(node)


def _is_foreign(value: Value) -> bool:
    """An object of another library, which holds nothing of ours but what it was handed; a container of Python's may hold anything."""
    return isinstance(value, External) and value.name != "sys.modules" and not _is_contained(value)


def _is_contained(value: External) -> bool:
    return value.loose and value.name.startswith("builtins.")


def may_find(resolver: Resolver, search: Search, function: Function, handled: bool) -> bool:
    """Whether the search may give the function. Views are not looked for on objects of unknown type."""
    if not function.name.startswith(search.prefix) or search.names and function.name not in search.names:
        return False
    if search.local:
        return _is_variable(resolver, search.owner, function)
    match search.value:
        case ModuleValue():
            if function.cls is not None:
                return search.deep and _is_named(resolver, search.owner, function.cls)
            return search.value.path == function.module.path or search.deep and _is_variable(resolver, search.owner.module.body, function)
        case External() if not _is_contained(search.value):
            name = resolver.layout.module_name(function.module.path)
            wanted = search.module_prefix.replace(":", ".")
            return function.cls is None and not handled and (f"{name}.".startswith(wanted) or wanted.startswith(f"{name}."))
        case Instance() | ClassValue():
            return function.cls is not None and resolver.classes.related(search.value.cls, function.cls)
    return function.cls is not None and not handled


def _is_named(resolver: Resolver, owner: Function, cls: Class) -> bool:
    """Whether a name that code in the owner may use is the class, one of its objects, or what cannot be told."""
    for scope in {owner.scope, owner.module.scope}:
        for bindings in scope.bindings.values():
            for value in map(resolver.bound, bindings):
                if value is None or isinstance(value, Instance | ClassValue) and resolver.classes.related(value.cls, cls):
                    return True
    return False


def _is_variable(resolver: Resolver, owner: Function, function: Function) -> bool:
    """Whether a variable of the owner is, or may be, the function."""
    held = [resolver.bound(binding) for bindings in owner.scope.bindings.values() for binding in bindings]
    return function.outer is owner or any(isinstance(value, FunctionValue) and value.function is function for value in held)
