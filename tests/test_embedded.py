"""Code in files of other kinds calls helpers too, and awaits nothing."""

import json

import pytest
from pure import changes

from codemods.catalogue_files import load_catalogue
from codemods.project import load
from transforms.embedded import embedded
from transforms.model import Project, Settings
from transforms.stages import run_stage

HELPERS = "import time\n\ndef fetch(n):\n    time.sleep(0.1)\n    return n\n"
APP = "from flask import Flask\nfrom helpers import fetch\n\napp = Flask(__name__)\n\n\n@app.route('/')\ndef index():\n    return str(fetch(1))\n"
CALL = ["from helpers import fetch\n", "fetch(2)"]


def _notebook(kind="code", source=CALL, indent=1):
    return json.dumps({"cells": [{"cell_type": kind, "metadata": {}, "source": source}], "nbformat": 4}, indent=indent)


CALLERS = {
    "notebook": ("a.ipynb", _notebook(), 7),
    "notebook in one line": ("a.ipynb", _notebook(indent=None), 1),
    "broken notebook": ("a.ipynb", '{"from helpers import fetch\n fetch(', 1),
    "doctest": ("docs/use.rst", "Use\n===\n\n>>> from helpers import fetch\n>>> fetch(1)\n1\n", 4),
    "readme": ("README.md", "```\n>>> import helpers\n>>> helpers.fetch(1)\n```\n", 3),
    "make": ("Makefile", 'warm:\n\tpython3 -c "from helpers import fetch; fetch(1)"\n', 2),
    "workflow": ("ci.yml", 'a:\n  - run: python -u -c "import helpers; helpers.fetch(1)"\n', 2),
    "cython": ("fast.pyx", "from helpers import fetch\ncdef int f():\n    return fetch(1)\n", 1),
    "stub": ("helpers.pyi", "def other() -> int: ...\ndef fetch(n: int) -> int: ...\n", 2),
}
OTHERS = {
    "text cell": ("a.ipynb", _notebook("markdown")),
    "output": ("a.ipynb", _notebook(source=["print('x')"]).replace("metadata", "from helpers import fetch")),
    "prose": ("README.md", "Call fetch(1) from helpers:\n\n    from helpers import fetch\n\n>>> 1 + 1\n2\n"),
    "another library": ("docs/use.rst", ">>> from dogs import fetch\n>>> fetch(1)\n"),
    "own name": ("fast.pyx", "def fetch(n):\n    return n\n"),
    "view in a stub": ("app.pyi", "def index() -> str: ...\n"),
    "stub of another module": ("other.pyi", "def fetch(n: int) -> int: ...\n"),
    "not python": ("ci.yml", "run: bash -c 'fetch helpers'\n"),
}


def _migrated(name, text):
    files = {"app.py": APP.encode(), "helpers.py": HELPERS.encode()}
    current, decisions = Project(files, frozenset(files), others={name: text}), []
    for stage in ("routes", "clients"):
        staged = run_stage(stage, current, load_catalogue(), Settings())
        current, decisions = staged.project, [*decisions, *staged.outcome.decisions]
    return decisions


@pytest.mark.parametrize("kind", CALLERS)
def test_callers_elsewhere_keep_the_helper(kind):
    name, text, line = CALLERS[kind]
    assert [item.reason for item in _migrated(name, text) if item.code == "C203"] == [f"{name}:{line}: it is named in code that is not followed"]


@pytest.mark.parametrize("kind", OTHERS)
def test_what_does_not_call_it(kind):
    assert "C201" in {item.code for item in changes(_migrated(*OTHERS[kind]))}


def test_read_from_disk(tmp_path):
    for name, (path, text, _) in CALLERS.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
        assert name
    (tmp_path / "docs" / "prose.md").write_text("no code", encoding="utf-8")
    (tmp_path / "helpers.py").write_text(HELPERS, encoding="utf-8")
    project = load(tmp_path).project
    assert set(project.others) == {path for path, _, _ in CALLERS.values()}
    assert embedded(project.others, {"helpers"}).keys() == project.others.keys()
    assert not set(project.others) & set(project.metadata)
