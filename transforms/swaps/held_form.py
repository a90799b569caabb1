"""The asynchronous client of an object: the statement in `__init__` that says how it is made, and what async code says for it."""

import ast
from collections.abc import Iterable, Iterator

from transforms.edits import AddLine, Edit, Import, place_of
from transforms.facts import Class, Function, ModuleFacts, Scope, first_parameter
from transforms.host.objects import SHARED
from transforms.host.source import shares_partials
from transforms.index import Index
from transforms.layout import is_test
from transforms.planning import shadowed
from transforms.swaps.configured import changed_after
from transforms.swaps.held import Held
from transforms.swaps.kept import CHANGES, Shared, kept_maker, not_configured, not_twice, shared_import, written
from transforms.swaps.made import ARGUMENTS, Maker
from transforms.swaps.objects import family_of, made_by_requests
from transforms.swaps.uses import LEAVES, Stop
from transforms.values import Instance

PARTIAL = Import("functools")


def held_form(index: Index, function: Function, node: ast.expr, found: Held, support: str) -> Shared:
    """What stands for the object in async code of that function; raises Stop."""
    home, init = found.cls.module, found.cls.methods["__init__"]
    where = f"{home.path}:{found.made.lineno}"
    if home.path not in index.project.editable or is_test(home.path):
        raise Stop(LEAVES, node, f"{where}: it is made outside the folder that was named")
    if not shares_partials(index.project.python[support]):
        raise Stop(
            CHANGES, node, f"{support} is of an earlier version, whose {SHARED}() takes functions only: take the new one from a fresh run of stage server"
        )
    if reason := made_by_requests(index, found.cls):
        raise Stop(LEAVES, node, reason)
    maker = kept_maker(index, node, found.made, init.scope, where)
    if reason := _twice(index, found.made, init.scope):
        raise Stop(ARGUMENTS, node, f"{where}: {reason}")
    not_configured(index, node, found.made, init.scope)
    family = family_of(index, found.cls)
    if changed := changed_after(index, found.name, lambda item, scope: _is_of(index, item, scope, family), maker.row):
        raise Stop(CHANGES, node, changed)
    name = f"make_{found.name.strip('_').lower()}"
    imports = shared_import(index, function, node, support)
    return Shared(f"{SHARED}({found.owner}.{name}){found.taken}", imports, _added(index, node, found, maker, name), where)


def _is_of(index: Index, node: ast.expr, scope: Scope, family: Iterable[Class]) -> bool:
    """Whether the expression is the client of such an object, or may be."""
    if not isinstance(node, ast.Attribute):
        return False
    base = index.resolver.value(node.value, scope)
    return base is None or isinstance(base, Instance) and base.cls in family


def _twice(index: Index, made: ast.Call, scope: Scope) -> str:
    """The first argument that cannot be evaluated a second time; empty when all can."""
    values = [*enumerate(made.args, 1), *((item.arg, item.value) for item in made.keywords)]
    return next((f"its argument {name} {reason}" for name, value in values if (reason := not_twice(index, scope, value))), "")


def _added(index: Index, node: ast.expr, found: Held, maker: Maker, name: str) -> tuple[tuple[str, Edit, tuple[Import, ...]], ...]:
    """The edit that adds the statement, unless it stands there already."""
    home, init = found.cls.module, found.cls.methods["__init__"]
    statement = home.parents[found.made]
    text = f"{first_parameter(init)}.{name} = functools.partial({', '.join([maker.target, *_arguments(index, home, found.made, maker)])})"
    family = family_of(index, found.cls)
    if any(index.resolver.classes.has_member(item, name) for item in family):
        known = [item for item in getattr(init.node, "body", []) if ast.dump(item) == ast.dump(ast.parse(text).body[0])]
        if known and sum(len(item.stored.get(name, [])) for item in family) == 1 and not any(name in item.methods for item in family):
            return ()
        raise Stop(CHANGES, node, f"{home.path}: {found.cls.name}.{name} means something else there")
    imports = (*maker.imports, PARTIAL)
    if taken := shadowed(index, init, imports):
        raise Stop(CHANGES, node, f"{home.path}: the name {taken} means something else there")
    return ((home.path, AddLine(place_of(statement), text), imports),)


def _arguments(index: Index, home: ModuleFacts, made: ast.Call, maker: Maker) -> Iterator[str]:
    for name, item in zip(maker.positional, made.args, strict=False):
        yield f"{name}={written(index, home, item)}" if maker.by_name else written(index, home, item)
    for keyword in made.keywords:
        yield f"{keyword.arg}={written(index, home, keyword.value)}"
