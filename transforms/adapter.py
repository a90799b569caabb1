"""Where the adapter for decorators would stand, how a file imports it, and what is in the way."""

from dataclasses import dataclass

from transforms.edits import Import
from transforms.facts import Function
from transforms.index import Index
from transforms.support import adapter_import, home, is_ours
from transforms.values import FunctionValue


@dataclass(frozen=True)
class Adapter:
    """The support module's path, whether it has to be created, and how the handler's file imports from it."""

    where: str
    created: bool
    item: Import | None
    obstacle: str = ""


def adapter_for(index: Index, function: Function, decorator: str) -> Adapter:
    """The adapter of a handler below that decorator; `obstacle` says why there can be none."""
    where = home(index, function.module.path)
    known = index.project.python.get(where)
    if known is not None and not is_ours(known):
        return Adapter(where, False, None, f"`@{decorator}` needs the adapter, but {where} exists already and holds something else")
    item = adapter_import(index, function.module, where)
    if item is None:
        names = where.rpartition("/")[0]
        return Adapter(where, False, None, f"`@{decorator}` needs the adapter, and the project imports the modules of {names} under several names")
    obstacle = f"`@{decorator}` needs the adapter, but the name {item.binds} means something else here" if _taken(index, function, item, where) else ""
    return Adapter(where, known is None, item, obstacle)


def _taken(index: Index, function: Function, item: Import, where: str) -> bool:
    """Whether the name is something else already; an earlier handler or stage may have imported the adapter itself."""
    value = index.resolver.name(item.binds, function.scope)
    imported = isinstance(value, FunctionValue) and value.function.module.path == where
    return bool(index.resolver.bindings(item.binds, function.scope)) and not imported
