"""The small module that a migration writes into the user's app; theirs to keep, without a dependency on this tool."""

from transforms.edits import Import
from transforms.facts import ModuleFacts
from transforms.index import Index

MODULE = "async_support"
ADAPTER = "run_async"
SOURCE = '''\
"""Support for views written as `async def`."""

import functools

from flask import current_app


def run_async(view):
    """Let decorators that call a view directly go on doing so once the view is `async def`.

    It stands directly above the view, below all other decorators: they see a plain function and its real result.
    """

    @functools.wraps(view)
    def run(*args, **kwargs):
        return current_app.ensure_sync(view)(*args, **kwargs)

    return run
'''


def home(index: Index, path: str) -> str:
    """Where the support module goes: the topmost package of that file that may be edited, or the file's own folder."""
    folder = path.rpartition("/")[0]
    best = folder
    while f"{folder}/__init__.py" in index.project.editable:
        best = folder
        folder = folder.rpartition("/")[0]
    return f"{best}/{MODULE}.py" if best else f"{MODULE}.py"


def adapter_import(index: Index, facts: ModuleFacts, where: str) -> Import:
    """How that file imports the adapter: relatively where it imports relatively, otherwise by its full name."""
    dotted = index.layout.module_name(where) if where in index.layout.files else _dotted(index, where)
    levels = [node.level for node in _from_imports(facts) if node.level]
    package = facts.path.rpartition("/")[0]
    target = where.rpartition("/")[0]
    if levels and (package == target or package.startswith(f"{target}/")):
        depth = len(package[len(target) :].strip("/").split("/")) if package != target else 0
        return Import("." * (depth + 1) + MODULE, ADAPTER)
    return Import(dotted, ADAPTER)


def _from_imports(facts: ModuleFacts):  # type: ignore[no-untyped-def]
    for bindings in facts.scope.bindings.values():
        for binding in bindings:
            if binding.kind == "from":
                yield binding.node


def _dotted(index: Index, where: str) -> str:
    folder = where.rpartition("/")[0]
    sibling = f"{folder}/__init__.py"
    if sibling in index.layout.files:
        return f"{index.layout.module_name(sibling)}.{MODULE}"
    return MODULE
