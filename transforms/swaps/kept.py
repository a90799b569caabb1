"""Clients that are kept from one request to the next: where they are made, and the function that makes the asynchronous one.

A module makes the client once, when it is imported. The function stands beside it and takes what was evaluated then as
default values, so that both clients are made of the same arguments. Left: a client that may change after the import, is
made in a function, or of arguments that cannot be evaluated twice.
"""

import ast
from dataclasses import dataclass

from transforms.edits import AddFunction, Edit, Import, place_of
from transforms.facts import Binding, Function, ModuleFacts, Scope, assigned, is_local
from transforms.host.objects import SHARED
from transforms.index import Index
from transforms.layout import is_test
from transforms.placement import stands_alone
from transforms.planning import shadowed
from transforms.support import adapter_import
from transforms.swaps.configured import changed_after, is_of
from transforms.swaps.made import ARGUMENTS, Maker, argument_obstacle, made_here, maker_of
from transforms.swaps.uses import LEAVES, Stop
from transforms.values import ClassValue, External, FunctionValue, Instance, ModuleValue

CHANGES = "C218"
_PURE = {"os.environ.get", "os.getenv", "builtins.int", "builtins.str", "builtins.float", "builtins.bool"}
_PLAIN = (ast.Name, ast.Attribute, ast.Subscript, ast.Constant, ast.BinOp, ast.JoinedStr, ast.FormattedValue, ast.BoolOp, ast.IfExp, ast.Compare,
          ast.UnaryOp, ast.Tuple, ast.List, ast.Dict, ast.Call, ast.keyword, ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.expr_context)  # fmt: skip


@dataclass(frozen=True)
class Origin:
    """Where a kept object comes from: the binding of the client that it is taken from, and what is taken from that."""

    binding: Binding
    name: str
    taken: str = ""


@dataclass(frozen=True)
class Shared:
    """What stands for the object in async code, and what that needs here and in the module that makes the client."""

    code: str
    imports: tuple[Import, ...]
    elsewhere: tuple[tuple[str, Edit, tuple[Import, ...]], ...]
    made_at: str


def origin(index: Index, node: ast.AST, scope: Scope) -> Origin | None:
    """The origin of an object that outlives the function; None for what is local or not followed. Raises Stop."""
    match node:
        case ast.Name():
            return None if is_local(node.id, scope) else _named(index, node, index.resolver.bindings(node.id, scope), node.id)
        case ast.Attribute():
            return _member(index, node, scope)
        case ast.Subscript(slice=ast.Constant()):
            return _taken(origin(index, node.value, scope), f"[{constant(node.slice)}]")
        case ast.Call(func=ast.Attribute(value=owner, attr=name)) if all(isinstance(item, ast.Constant) for item in node.args) and not node.keywords:
            return _taken(origin(index, owner, scope), f".{name}({', '.join(constant(item) for item in node.args)})")
    return None


def constant(node: ast.expr) -> str:
    """A constant as it is written, texts in double quotes where that is simple."""
    text = ast.unparse(node)
    return f'"{text[1:-1]}"' if text[:1] == "'" and not set(text[1:-1]) & set("\"'\\") else text


def _taken(found: Origin | None, text: str) -> Origin | None:
    return Origin(found.binding, found.name, found.taken + text) if found else None


def _named(index: Index, node: ast.AST, bindings: list[Binding], name: str) -> Origin | None:
    if not bindings:
        return None
    if len(bindings) > 1:
        raise Stop(CHANGES, node, f"{name} is bound in several places, so it may be another client later")
    binding = bindings[0]
    if binding.kind == "from":
        home = index.resolver.home(binding)
        return _named(index, node, home.scope.bindings.get(binding.text, []), binding.text) if home else None
    if binding.kind not in ("assign", "annotation"):
        return None
    value = assigned(binding)
    if isinstance(value, ast.Call) and made_here(index, value, binding.scope):
        return Origin(binding, name)
    inner = origin(index, value, binding.scope) if value is not None else None
    if inner is None or value is None:
        raise Stop(CHANGES, node, f"{name} is not made by a call at the top level of a module, so it may be another client later")
    _unchanged(index, node, binding.scope.owner.module.path, name)
    return inner


def _member(index: Index, node: ast.Attribute, scope: Scope) -> Origin | None:
    base = index.resolver.value(node.value, scope)
    match base:
        case ModuleValue(path) if path in index.modules:
            return _named(index, node, index.modules[path].scope.bindings.get(node.attr, []), node.attr)
        case External(instance=True) if base.name in index.catalogue.swaps:
            return _taken(origin(index, node.value, scope), f".{node.attr}")
        case ClassValue(cls) | Instance(cls):
            raise Stop(LEAVES, node, f"it is kept on {cls.name}, where it may be set anew at any time")
        case External("flask.g"):
            raise Stop(LEAVES, node, "it is kept on flask.g: each request has its own, and the teardown hook that closes it cannot await")
        case External():
            raise Stop(LEAVES, node, f"it is kept on {base.name}, where it may be set anew at any time")
    return None


def _unchanged(index: Index, node: ast.AST, path: str, name: str) -> None:
    """Raise Stop where something may put another object in the place of that name of that module."""
    stem = index.layout.module_name(path).rpartition(".")[2]
    for target, store in index.resolver.names.stores(name):
        base = index.resolver.value(target.value, store.scope)
        where = store.scope.owner.module.path
        if base == ModuleValue(path) or base is None and is_test(where):
            raise Stop(CHANGES, node, f"{where}:{target.lineno} sets {ast.unparse(target)} anew")
    for mention in index.resolver.names.mentions(name):
        if not mention.loose and (not mention.head or mention.head.rpartition(".")[2] == stem):
            raise Stop(CHANGES, node, f"{mention.path}:{mention.line} names {name} in a string, and may put another client in its place")


def shared_form(index: Index, function: Function, node: ast.expr, found: Origin, support: str) -> Shared:
    """What stands for the object in async code of that function; raises Stop."""
    binding = found.binding
    home = binding.scope.owner.module
    value = assigned(binding)
    statement = home.parents.get(value) if isinstance(value, ast.Call) else None
    if not isinstance(value, ast.Call) or binding.scope.kind != "module" or not isinstance(statement, ast.Assign | ast.AnnAssign):
        raise Stop(CHANGES, node, f"{found.name} is not made by a statement of its own at the top level of a module")
    if not isinstance(home.parents.get(statement), ast.Module) or not stands_alone(home.body, statement):
        raise Stop(CHANGES, node, f"{home.path}:{statement.lineno}: {found.name} is not made by a statement of its own at the top level of the module")
    if home.path not in index.project.editable or is_test(home.path):
        raise Stop(LEAVES, node, f"{home.path}:{statement.lineno}: it is made outside the folder that was named")
    _unchanged(index, node, home.path, found.name)
    if isinstance(node, ast.Name):
        _unchanged(index, node, function.module.path, node.id)
    not_configured(index, node, value, binding.scope)
    row = made_here(index, value, binding.scope)
    if row is not None and (changed := changed_after(index, found.name, lambda item, scope: is_of(index, item, scope, binding), row)):
        raise Stop(CHANGES, node, changed)
    name = f"make_{found.name.strip('_').lower()}"
    elsewhere = _maker(index, node, home, statement, value, name)
    prefix, imports = reached_as(index, function, node, home, name)
    imports += shared_import(index, function, node, support)
    return Shared(f"{SHARED}({prefix}{name}){found.taken}", imports, elsewhere, f"{home.path}:{statement.lineno}")


def not_configured(index: Index, node: ast.AST, call: ast.Call, scope: Scope) -> None:
    """Raise Stop where an attribute of such a client is set: the asynchronous one would not have it."""
    made = index.resolver.value(call, scope)
    for module in index.modules.values():
        for target, store in module.stores:
            if index.resolver.value(target.value, store.scope) == made:
                raise Stop(CHANGES, node, f"{module.path}:{target.lineno} sets {ast.unparse(target)}, which the asynchronous client would not have")


def _maker(index: Index, node: ast.AST, home: ModuleFacts, statement: ast.stmt, value: ast.Call, name: str) -> tuple[tuple[str, Edit, tuple[Import, ...]], ...]:
    """The function that makes the asynchronous client, unless it stands there already."""
    maker = kept_maker(index, node, value, home.scope, f"{home.path}:{statement.lineno}")
    known = home.scope.bindings.get(name, [])
    if known:
        if not _makes(index, known, home, maker):
            raise Stop(CHANGES, node, f"{home.path}: the name {name} means something else there")
        return ()
    if taken := shadowed(index, home.body, maker.imports):
        raise Stop(CHANGES, node, f"{home.path}: the name {taken} means something else there")
    return ((home.path, AddFunction(place_of(statement), _source(index, node, home, maker, value, name)), maker.imports),)


def kept_maker(index: Index, node: ast.AST, call: ast.Call, scope: Scope, where: str) -> Maker:
    """What makes the asynchronous form of a client that is kept, with the same arguments; raises Stop with the place `where`."""
    row = made_here(index, call, scope)
    maker = maker_of(index, call, scope, row) if row else None
    if maker is None or maker.awaited:
        raise Stop(ARGUMENTS, node, f"{where}: what makes it has no asynchronous form that is known")
    if obstacle := argument_obstacle(maker, call):
        raise Stop(ARGUMENTS, node, f"{where}: {obstacle}")
    return maker


def _makes(index: Index, known: list[Binding], home: ModuleFacts, maker: Maker) -> bool:
    made = index.resolver.bound(known[0]) if len(known) == 1 else None
    given = index.resolver.returned(made.function) if isinstance(made, FunctionValue) else None
    return isinstance(given, External) and given.name.startswith(f"{maker.target}(")


def _source(index: Index, node: ast.AST, home: ModuleFacts, maker: Maker, call: ast.Call, name: str) -> str:
    given = [(maker.positional[place], item, maker.by_name) for place, item in enumerate(call.args)] + [
        (item.arg or "", item.value, True) for item in call.keywords
    ]
    defaults, arguments = [], []
    for argument, value, named in given:
        text = written(index, home, value)
        if not isinstance(value, ast.Constant):
            if reason := not_twice(index, home.scope, value):
                raise Stop(ARGUMENTS, node, f"{home.path}:{call.lineno}: its argument {argument} {reason}")
            defaults.append(f"{argument}={text}")
            text = argument
        arguments.append(f"{argument}={text}" if named else text)
    what = f'"""Make the client that async code shares: `{SHARED}({name})`."""'
    return f"def {name}({', '.join(defaults)}):\n    {what}\n    return {maker.target}({', '.join(arguments)})"


def written(index: Index, home: ModuleFacts, value: ast.expr) -> str:
    """The expression as it stands in the file, on one line."""
    text = ast.get_source_segment(index.files[home.path].text.body, value) or "\n"
    return ast.unparse(value) if "\n" in text or "#" in text else text


def not_twice(index: Index, scope: Scope, value: ast.expr) -> str:
    """Why the argument cannot be evaluated a second time with the same result; empty when it can."""
    for item in ast.walk(value):
        if not isinstance(item, _PLAIN):
            return "cannot be evaluated twice"
        if isinstance(item, ast.Call):
            callee = index.resolver.value(item.func, scope)
            if not isinstance(callee, External) or callee.name not in _PURE:
                return f"calls {ast.unparse(item.func)[:40]}(), which may not be called twice"
    return ""


def reached_as(index: Index, function: Function, node: ast.expr, home: ModuleFacts, name: str) -> tuple[str, tuple[Import, ...]]:
    """What stands before the name of the maker in that function, and the import that makes the name known."""
    if isinstance(node, ast.Attribute):
        base = index.resolver.value(node.value, function.scope)
        if base == ModuleValue(home.path):
            return f"{ast.unparse(node.value)}.", ()
        raise Stop(CHANGES, node, "it is taken from another module than the one that makes it")
    if function.module is home:
        _free(index, function, node, name, home.path)
        return "", ()
    binding = next(iter(index.resolver.bindings(getattr(node, "id", ""), function.scope)), None)
    if binding is None or binding.scope.kind != "module" or not isinstance(binding.node, ast.ImportFrom):
        raise Stop(CHANGES, node, "it is not imported at the top of the module")
    if index.resolver.home(binding) is not home:
        raise Stop(CHANGES, node, "it is imported from another module than the one that makes it")
    _free(index, function, node, name, home.path)
    return "", (Import("." * binding.node.level + (binding.node.module or ""), name),)


def shared_import(index: Index, function: Function, node: ast.expr, support: str) -> tuple[Import, ...]:
    """The import of `shared` in that function; raises Stop where the name means something else."""
    found = adapter_import(index, function.module, support)
    if found is None:
        raise Stop(CHANGES, node, f"the project imports the modules beside {support} under several names")
    _free(index, function, node, SHARED, support)
    return (Import(found.module, SHARED),)


def _free(index: Index, function: Function, node: ast.expr, name: str, path: str) -> None:
    """Raise Stop when the name means anything else in the function than what that module defines."""
    if not index.resolver.bindings(name, function.scope):
        return
    value = index.resolver.name(name, function.scope)
    if not (isinstance(value, FunctionValue) and value.function.module.path == path and value.function.name == name):
        raise Stop(CHANGES, node, f"the name {name} means something else here")
