"""Where the application's Flask objects are made, and the one line that puts each on the loop.

Not hooked: an object that is not bound to a name by itself, one that the project gets from elsewhere, one outside the
folder that was named.
"""

from transforms.edits import AddLine, Import, place_of
from transforms.facts import ModuleFacts
from transforms.host.objects import Made, flask_objects, is_hooked
from transforms.host.source import HOOK, holds_host, is_adapter_alone
from transforms.index import Index
from transforms.layout import is_test
from transforms.support import MODULE, adapter_import, home

__all__ = ["Made", "flask_objects", "hook", "is_hooked", "support_path"]


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
