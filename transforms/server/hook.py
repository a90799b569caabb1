"""Where the application's Flask objects are made, and the one line that puts each on the loop.

Not hooked: an object that is not bound to a name by itself, one that the project gets from elsewhere, one outside the
folder that was named.
"""

import ast
from dataclasses import dataclass

from transforms.edits import AddLine, Import, place_of
from transforms.facts import Call, Function, ModuleFacts, last_name
from transforms.host.source import HOOK, holds_host, is_adapter_alone
from transforms.index import Index
from transforms.layout import is_test
from transforms.placement import stands_alone
from transforms.support import MODULE, adapter_import, home
from transforms.values import ClassValue, External


@dataclass(frozen=True)
class Made:
    """One Flask object: where it is made, what it is called there, and why it cannot be hooked (empty when it can)."""

    function: Function
    line: int
    statement: ast.stmt | None = None
    name: str = ""
    obstacle: str = ""


def flask_objects(index: Index) -> list[Made]:
    """Every place outside the tests where the project makes a Flask object."""
    found: list[Made] = []
    for path in sorted(index.modules):
        module = index.modules[path]
        for owner in [module.body, *module.functions] if not is_test(path) else []:
            found += [_made(index, owner, call) for call in owner.calls if _is_flask(index, call)]
    return sorted(found, key=lambda item: (item.function.module.path, item.line))


def _is_flask(index: Index, call: Call) -> bool:
    value = index.resolver.value(call.node.func, call.scope)
    if isinstance(value, ClassValue):
        return any(base is not None and base.name in ("flask.Flask", "flask.app.Flask") for base in index.resolver.external_bases(value.cls))
    return value in (External("flask.Flask"), External("flask.app.Flask"))


def _made(index: Index, owner: Function, call: Call) -> Made:
    node, path = call.node, owner.module.path
    statement = owner.module.parents.get(node)
    target = statement.targets[0] if isinstance(statement, ast.Assign) and len(statement.targets) == 1 else getattr(statement, "target", None)
    if path not in index.project.editable:
        return Made(owner, node.lineno, obstacle="the Flask object is made outside the folder that was named")
    if not isinstance(statement, ast.Assign | ast.AnnAssign) or not isinstance(target, ast.Name | ast.Attribute):
        return Made(owner, node.lineno, obstacle="the Flask object is not given a name where it is made; write `app = Flask(…)` on a line of its own")
    if not stands_alone(owner, statement):
        return Made(owner, node.lineno, obstacle="the statement that makes the Flask object shares its line with another one")
    return Made(owner, node.lineno, statement, ast.unparse(target))


def is_hooked(made: Made) -> bool:
    """Whether the line stands there already, anywhere in the same function or module."""
    return any(last_name(call.node.func) == HOOK and len(call.node.args) == 1 and ast.unparse(call.node.args[0]) == made.name for call in made.function.calls)


def support_path(index: Index, made: Made) -> tuple[str, str]:
    """Where the support module stands or goes, and why it cannot (empty when it can)."""
    existing = [path for path in sorted(index.project.python) if path.rpartition("/")[2] == f"{MODULE}.py" and not is_test(path)]
    where = existing[0] if len(existing) == 1 else home(index, made.function.module.path)
    data = index.project.python.get(where)
    if data is not None and not holds_host(data) and not is_adapter_alone(data):
        return where, f"{where} exists already and holds something else"
    return where, ""


def hook(index: Index, made: Made, where: str) -> tuple[AddLine, Import] | str:
    """The line and its import; a sentence when the module cannot be imported there."""
    assert made.statement is not None
    module: ModuleFacts = made.function.module
    found = adapter_import(index, module, where)
    if found is None:
        return f"the project imports the modules beside {where} under several names"
    if any(HOOK in scope.bindings for scope in [module.scope, made.function.scope]):
        return f"the name {HOOK} means something else here"
    return AddLine(place_of(made.statement), f"{HOOK}({made.name})"), Import(found.module, HOOK)
