"""The small module that a migration writes into the user's app; theirs to keep, without a dependency on this tool."""

import ast
from collections.abc import Iterable, Iterator

from transforms.edits import Import
from transforms.facts import ModuleFacts
from transforms.index import Index
from transforms.layout import is_test
from transforms.parsing import parse

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


def is_ours(data: bytes) -> bool:
    """Whether a file that stands there already holds our adapter, however it was reformatted."""
    try:
        have = [ast.dump(node) for node in parse(data).body if isinstance(node, ast.FunctionDef) and node.name == ADAPTER]
    except (SyntaxError, ValueError):
        return False
    return have == [ast.dump(node) for node in ast.parse(SOURCE).body if isinstance(node, ast.FunctionDef)]


def home(index: Index, path: str) -> str:
    """Where the support module goes: the topmost package of that file that may be edited, or the file's own folder."""
    folder = path.rpartition("/")[0]
    best = folder
    while f"{folder}/__init__.py" in index.project.editable:
        best = folder
        folder = folder.rpartition("/")[0]
    return f"{best}/{MODULE}.py" if best else f"{MODULE}.py"


def adapter_import(index: Index, facts: ModuleFacts, where: str) -> Import | None:
    """How that file imports the adapter: relatively where it imports relatively, otherwise as the project imports the
    modules beside it. None when the project imports them under several names."""
    package, target = facts.path.rpartition("/")[0], where.rpartition("/")[0]
    relative = any(node.level for node in _from_imports(facts))
    if relative and (package == target or package.startswith(f"{target}/") or not target):
        depth = len(package[len(target) :].strip("/").split("/")) if package != target else 0
        return Import("." * (depth + 1) + where.rpartition("/")[2].removesuffix(".py"), ADAPTER)
    roots = _roots(index, target) or {index.layout.root_of(where)}
    if len(roots) != 1:
        return None
    root = roots.pop()
    dotted = where[len(root) + 1 if root else 0 :].removesuffix(".py").replace("/", ".")
    return Import(dotted, ADAPTER)


def _roots(index: Index, folder: str) -> set[str]:
    """The folders on `sys.path` that the project's absolute imports of modules below `folder` imply; those of tests where there are no others."""
    tests = {path: module for path, module in index.modules.items() if is_test(path)}
    code = {path: module for path, module in index.modules.items() if path not in tests}
    return _implied(index, folder, code.values()) or _implied(index, folder, tests.values())


def _implied(index: Index, folder: str, modules: Iterable[ModuleFacts]) -> set[str]:
    found: set[str] = set()
    for module in modules:
        for dotted in {name for node in _imports(module) for name in _dotted(node)}:
            path = index.layout.find(dotted, module.path)
            if path and (path.startswith(f"{folder}/") or not folder):
                stem = path.removesuffix("/").removesuffix(".py").removesuffix("/__init__")
                found.add(stem[: -len(dotted)].rstrip("/") if stem.endswith(dotted.replace(".", "/")) else "")
    return found


def _imports(facts: ModuleFacts) -> Iterator[ast.AST]:
    for scope in [facts.scope, *(function.scope for function in facts.functions)]:
        for bindings in scope.bindings.values():
            yield from (binding.node for binding in bindings if binding.kind in ("import", "from"))


def _dotted(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [node.module] if node.module and not node.level else []
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []


def _from_imports(facts: ModuleFacts) -> Iterator[ast.ImportFrom]:
    return (node for node in _imports(facts) if isinstance(node, ast.ImportFrom))
