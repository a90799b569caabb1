"""How a client is made: which type it is of, what makes its asynchronous form, and whether all arguments mean the same."""

import ast
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from transforms.catalogue.library import Asynchronous
from transforms.catalogue.library import Swap as Row
from transforms.edits import Import
from transforms.facts import Scope
from transforms.index import Index
from transforms.values import External

ARGUMENTS, FLOOR = "C215", "C216"


@dataclass(frozen=True)
class Maker:
    """The call that makes the asynchronous object. `positional`: the names of its leading arguments; `by_name`: it wants them named."""

    row: Row
    name: str
    target: str
    module: str
    arguments: frozenset[str]
    positional: tuple[str, ...]
    by_name: bool
    awaited: bool

    @property
    def imports(self) -> tuple[Import, ...]:
        """What the emitted code imports."""
        return (Import(self.module),)


def made_here(index: Index, node: ast.Call, scope: Scope) -> Row | None:
    """The row of the type, when the call makes a client that has an asynchronous form."""
    callee = index.resolver.value(node.func, scope)
    value = index.resolver.value(node, scope)
    if not isinstance(callee, External) or not isinstance(value, External) or not value.instance:
        return None
    is_maker = callee.name in index.catalogue.made or callee.name in index.catalogue.calls
    return index.catalogue.swaps.get(value.name) if is_maker and not callee.instance else None


def maker_of(index: Index, node: ast.Call, scope: Scope, row: Row) -> Maker | None:
    """What makes the asynchronous form; None when no such maker is known."""
    callee = index.resolver.value(node.func, scope)
    name = callee.name if isinstance(callee, External) else ""
    call = index.catalogue.calls.get(name)
    if call is not None:
        return Maker(row, name, call.target, call.module, call.arguments, call.positional, call.by_name, call.awaited)
    if name != row.type and name not in row.names:
        return None
    return Maker(row, name, row.target, row.module, row.constructor, row.positional, row.by_name, False)


def argument_obstacle(maker: Maker, node: ast.Call) -> str:
    """The first argument of the call that is not proved to mean the same; empty when all are."""
    return given_obstacle(node, maker.arguments, maker.positional)


def given_obstacle(node: ast.Call, arguments: Collection[str], positional: Sequence[str]) -> str:
    """The first argument that is none of those that mean the same; empty when there is none."""
    if any(isinstance(item, ast.Starred) for item in node.args) or len(node.args) > len(positional):
        return "an argument that is given by its place is not proved to mean the same"
    for keyword in node.keywords:
        if keyword.arg is None:
            return "`**` may hand it arguments that do not mean the same"
        if keyword.arg not in arguments:
            return f"its argument {keyword.arg} is not proved to mean the same"
    return ""


def floor_obstacle(index: Index, of: Asynchronous) -> str:
    """Where the project asks for a version of the library that is too old; empty when nowhere."""
    for item in index.requirements.find(of.distribution) if of.floor else []:
        for operator, bound in item.clauses:
            if not _allows(operator, bound, of.floor):
                wanted = ".".join(map(str, of.floor))
                return f"{item.source} asks for {of.distribution} {operator}{'.'.join(map(str, bound))}, and the asynchronous form needs {wanted} or later"
    return ""


def _allows(operator: str, bound: tuple[int, ...], floor: tuple[int, ...]) -> bool:
    """Whether some version that the clause allows is at least `floor`."""
    match operator:
        case "==" | "===":
            return bound >= floor
        case "~=":
            return bound[:-1] >= floor[: len(bound) - 1]
        case "^":
            return bound[:1] >= floor[:1]
        case "~":
            return bound[:2] >= floor[:2]
        case "<":
            return bound > floor
        case "<=":
            return bound >= floor
    return True


def set_anew(index: Index, of: Asynchronous) -> str:
    """Where the project sets something of the library that the swap must find as it was; empty when nowhere."""
    for name in of.unset:
        module, _, attribute = name.rpartition(".")
        for target, store in index.resolver.names.stores(attribute):
            if index.resolver.value(target.value, store.scope) == External(module):
                return f"{store.scope.owner.module.path}:{target.lineno} sets {name}"
    return ""
