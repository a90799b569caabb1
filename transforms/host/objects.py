"""Where the project's Flask objects are made, and whether all of them run their async views on one loop."""

import ast
from dataclasses import dataclass

from transforms.facts import Call, Function, last_name
from transforms.host.source import HOOK, holds_host
from transforms.index import Index
from transforms.layout import is_test
from transforms.placement import stands_alone
from transforms.support import MODULE
from transforms.values import ClassValue, External

SHARED = "shared"


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
        return any(base is not None and base.name in ("flask.Flask", "flask.app.Flask") for base in index.resolver.classes.external_bases(value.cls))
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


def host_module(index: Index) -> str:
    """The support module with the loop that all Flask objects of the project are put on; empty when there is none."""
    found = [path for path in sorted(index.project.python) if path.rpartition("/")[2] == f"{MODULE}.py" and not is_test(path)]
    ours = len(found) == 1 and holds_host(index.project.python[found[0]]) and SHARED in index.modules[found[0]].scope.bindings
    made = flask_objects(index) if ours else []
    return found[0] if made and all(is_hooked(item) for item in made) else ""
