"""Shorthands for the tests of the pure part: a project from a mapping of texts, an index, a resolved expression."""

import ast

from codemods.catalogue_files import load_catalogue
from transforms.index import Index, build_index
from transforms.model import Project, Settings, Verdict
from transforms.stages import STAGES, run_stage

HEAD = "import time\n\nfrom flask import Flask\n\napp = Flask(__name__)\n"


def project(files: dict[str, str] | str, **metadata: str) -> Project:
    """Paths to texts; a single text is `app.py`."""
    texts = {"app.py": files} if isinstance(files, str) else files
    return Project({path: text.encode() for path, text in texts.items()}, frozenset(texts), metadata)


def index_of(files: dict[str, str] | str) -> Index:
    """The index, also of files without Flask (a `flask` in a comment makes the tool look)."""
    texts = {"app.py": files} if isinstance(files, str) else files
    return build_index(project({path: f"{text}\n# flask\n" for path, text in texts.items()}), load_catalogue())


def value_of(files: dict[str, str] | str, expression: str = "x", path: str = "app.py"):
    """What the expression statement or name `expression` at the end of the file is."""
    index = index_of(files)
    module = index.modules[path]
    return index.resolver.value(ast.parse(expression, mode="eval").body, module.scope)


def function_named(index: Index, name: str):
    """The function with that qualified name."""
    return next(function for module in index.modules.values() for function in module.functions if function.qualname == name)


def migrated(files: dict[str, str] | str, settings: Settings | None = None, stages: tuple[str, ...] = ()) -> tuple[dict[str, str], list]:
    """All stages (or those named): the texts, and every decision."""
    current, decisions = project(files), []
    for name in STAGES:
        if not stages or name in stages:
            staged = run_stage(name, current, load_catalogue(), settings or Settings())
            current, decisions = staged.project, [*decisions, *staged.outcome.decisions]
    return {path: data.decode() for path, data in current.python.items()}, decisions


def changes(decisions) -> list:
    return [decision for decision in decisions if decision.verdict == Verdict.CHANGE]
