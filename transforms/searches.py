"""Code that takes things by a computed name: `getattr(x, name)`, `globals()`, `vars(module)`, `import_module(name)`, `exec(text)`.

Whatever it may find can be called from there by code that does not await.
"""

import ast
import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from transforms.facts import Call, Class, Function
from transforms.resolve import Resolver
from transforms.values import ClassValue, External, FunctionValue, Instance, ModuleValue, Value

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
    for name, searches in _BY_NAME.items():
        for owner, use in resolver.names.everywhere(name):
            if isinstance(use, Call):
                found += searches(resolver, name, owner, use)
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


def _attribute(resolver: Resolver, name: str, owner: Function, use: Call) -> Iterator[Search]:
    """`getattr(x, name)`."""
    call = use.node
    if any(isinstance(item, ast.Starred) for item in call.args[:2]):
        yield Search(owner, call, None)
    elif len(call.args) >= 2 and not isinstance(call.args[1], ast.Constant):
        yield Search(owner, call, resolver.value(call.args[0], use.scope), _prefix(call.args[1]), names=_listed(owner, call, call.args[1]))


def _getter(resolver: Resolver, name: str, owner: Function, use: Call) -> Iterator[Search]:
    """`attrgetter(name)`, which is called with an object that is not known yet."""
    if use.node.args and not isinstance(use.node.args[0], ast.Constant):
        yield Search(owner, use.node, None, _prefix(use.node.args[0]))


def _listing(resolver: Resolver, name: str, owner: Function, use: Call) -> Iterator[Search]:
    """All names of an object, of the module, or of the function that holds the call."""
    call = use.node
    if name in ("locals", "vars", "dir") and not call.args and use.scope.kind not in ("module", "class"):
        yield Search(owner, call, None, local=True)
    elif name in ("globals", "locals") or not call.args:
        yield Search(owner, call, ModuleValue(owner.module.path))
    else:
        yield Search(owner, call, resolver.value(call.args[0], use.scope))


def _import(resolver: Resolver, name: str, owner: Function, use: Call) -> Iterator[Search]:
    """A module by a computed name."""
    call = use.node
    followed = resolver.value(call, use.scope) is not None if name in _FOLLOWED else call.args and isinstance(call.args[0], ast.Constant)
    if not followed:
        yield Search(owner, call, External("sys.modules"), "", _package(call.args[0]) if call.args else "")


def _load(resolver: Resolver, name: str, owner: Function, use: Call) -> Iterator[Search]:
    """A module by its file."""
    yield Search(owner, use.node, External("sys.modules"))


def _run(resolver: Resolver, name: str, owner: Function, use: Call) -> Iterator[Search]:
    """`exec(text)`; with further arguments it sees what it is given, and nothing else."""
    call = use.node
    if len(call.args) == 1 and resolver.value(call.func, use.scope) == External(f"builtins.{name}"):
        yield Search(owner, call, ModuleValue(owner.module.path), names=_words(call.args[0]), deep=True)


_FOLLOWED = ("import_module", "__import__")  # where the name of the module is known
_BY_NAME: Mapping[str, Callable[[Resolver, str, Function, Call], Iterator[Search]]] = {
    **dict.fromkeys(("getattr", "getattr_static"), _attribute),
    **dict.fromkeys(("attrgetter", "methodcaller"), _getter),
    **dict.fromkeys(("vars", "dir", "getmembers", "globals", "locals"), _listing),
    **dict.fromkeys((*_FOLLOWED, "import_string", "resolve_name", "find_modules"), _import),
    **dict.fromkeys(("module_from_spec", "exec_module", "load_module", "load_source", "run_path", "run_module"), _load),
    **dict.fromkeys(("exec", "eval"), _run),
}


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
