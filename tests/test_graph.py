"""Who calls what, surely or possibly."""

import pytest
from pure import HEAD, changes, function_named, index_of, migrated

HELPER = HEAD + "\n\ndef helper():\n    time.sleep(1)\n    return 1\n"


def edges(source, name):
    index = index_of(source)
    return {(edge.target.qualname, edge.how, edge.sure) for edge in index.graph.edges(function_named(index, name))}


def callers(source, name="helper"):
    index = index_of(source)
    return [(caller.function.qualname, caller.sure) for caller in index.graph.callers(function_named(index, name))]


CALLS = {
    "call": ("helper()", ("helper", "call", True)),
    "constructor": ("C()", ("C.__init__", "constructor", True)),
    "method": ("C().run()", ("C.run", "call", True)),
    "property": ("C().value", ("C.value", "property", False)),
    "reference": ("x = helper", ("helper", "reference", False)),
    "argument": ("print(helper)", ("helper", "reference", False)),
    "unknown receiver": ("things[0].run()", ("C.run", "name", False)),
}
CLASS = (
    HELPER + "\n\nclass C:\n    def __init__(self):\n        pass\n    def run(self):\n        pass\n    @property\n    def value(self):\n        return 1\n"
)


@pytest.mark.parametrize("form", CALLS)
def test_edges(form):
    line, wanted = CALLS[form]
    assert wanted in edges(f"{CLASS}\n\ndef user():\n    {line}\n", "user")


def test_nested_functions_are_possible():
    assert ("user.<locals>.inner", "nested", False) in edges("def user():\n    def inner():\n        pass\n", "user")


def test_a_property_that_a_subclass_overrides():
    """`box.value` may run the subclass's property, also where the object is given that class later."""
    source = f"{CLASS}\n\nclass D(C):\n    @property\n    def value(self):\n        return helper()\n\n\nclass E:\n    @property\n    def value(self):\n        return helper()\n"
    user = "\n\ndef user(box: C):\n    box.value\n"
    assert {("C.value", "property", False), ("D.value", "property", False)} == edges(source + user, "user")
    assert ("E.value", "property", False) in edges(f"{source}{user}\n\ndef change(box: C):\n    box.__class__ = type('F', (E, C), {{}})\n", "user")


USES = {
    "call": ("helper()", True), "alias": ("h = helper\nh()", False), "argument": ("sorted([], key=helper)", False), "default": ("def f(x=helper): pass", False),
    "decorator": ("@helper\ndef f(): pass", None), "partial": ("import functools\nfunctools.partial(helper)", False), "getattr": ("getattr(sys.modules[__name__], 'helper')", False),
    "patch": ("patch('app.helper')", False), "import string": ("load('app:helper')", False), "in a list": ("x = [helper]", False), "lambda": ("x = lambda: helper()", True),
    "returned": ("def f(): return helper", False),
}  # fmt: skip


@pytest.mark.parametrize("form", [form for form in USES if USES[form][1] is not None])
def test_every_use_is_a_caller(form):
    line, sure = USES[form]
    assert sure in [found for _, found in callers(f"{HELPER}\n{line}\n")]


@pytest.mark.parametrize("form", USES)
def test_a_helper_with_any_other_use_stays_synchronous(form):
    """Whatever the use is, the helper must not become async: each of these would break."""
    line, _ = USES[form]
    source = f"{HELPER}\n\n@app.route('/')\ndef index():\n    return str(helper())\n\n\n{line}\n"
    texts, _ = migrated(source)
    assert "async def helper" not in texts["app.py"]


def test_a_helper_that_only_views_call_becomes_async():
    source = f"{HELPER}\n\n@app.route('/')\ndef index():\n    return str(helper())\n"
    texts, decisions = migrated(source)
    assert "async def helper" in texts["app.py"] and "str(await helper())" in texts["app.py"]
    assert {decision.code for decision in changes(decisions)} == {"R100", "C200", "C201"}


ELSEWHERE = {
    "other module": {"cli.py": "from app import helper\n\nhelper()\n"},
    "renamed": {"cli.py": "from app import helper as h\n\nh()\n"},
    "whole module": {"cli.py": "import app\n\napp.helper()\n"},
    "star": {"cli.py": "from app import *\n\nhelper()\n"},
    "exported again": {"api.py": "from app import helper\n", "cli.py": "from api import helper\n\nhelper()\n"},
    "test": {"tests/test_app.py": "from app import helper\n\n\ndef test_helper():\n    assert helper() == 1\n"},
    "mock": {"tests/test_app.py": "from unittest.mock import patch\n\n\n@patch('app.helper')\ndef test_helper(helper):\n    pass\n"},
    "monkeypatch": {"tests/test_app.py": "import app\n\n\ndef test_helper(monkeypatch):\n    monkeypatch.setattr(app, 'helper', lambda: 1)\n"},
    "assigned": {"tests/test_app.py": "import app\n\napp.helper = lambda: 1\n"},
    "entry point": {"setup.py": "from setuptools import setup\n\nsetup(entry_points={'console_scripts': ['x = app:helper']})\n"},
}


@pytest.mark.parametrize("form", ELSEWHERE)
def test_uses_in_other_files_count(form):
    source = f"{HELPER}\n\n@app.route('/')\ndef index():\n    return str(helper())\n"
    texts, _ = migrated({"app.py": source, **ELSEWHERE[form]})
    assert "async def helper" not in texts["app.py"]


METADATA = {
    "pyproject.toml": '[project.scripts]\nx = "app:helper"\n',
    "setup.cfg": "[options.entry_points]\nconsole_scripts =\n    x = app:helper\n",
}


@pytest.mark.parametrize("name", METADATA)
def test_entry_points_count(name):
    from codemods.catalogue_files import load_catalogue
    from transforms.model import Project, Settings
    from transforms.stages import STAGES, run_stage

    source = f"{HELPER}\n\n@app.route('/')\ndef index():\n    return str(helper())\n"
    current = Project({"app.py": source.encode()}, frozenset({"app.py"}), {name: METADATA[name]})
    for stage in STAGES:
        current = run_stage(stage, current, load_catalogue(), Settings()).project
    assert b"async def helper" not in current.python["app.py"]


def test_recursion_ends():
    source = (
        HEAD
        + "\n\ndef a(n):\n    time.sleep(1)\n    return b(n)\n\n\ndef b(n):\n    return a(n - 1) if n else 0\n\n\n@app.route('/')\ndef index():\n    return str(a(1))\n"
    )
    texts, _ = migrated(source)
    assert "async def index" in texts["app.py"]
    compile(texts["app.py"], "app.py", "exec")


def test_a_name_for_a_blocking_function():
    """`wait = time.sleep` blocks nowhere itself: the uses of the name do, and one of them that nobody can await is told."""
    source = (
        f"{HEAD}\n\n@app.route('/')\ndef index():\n    wait = time.sleep\n    wait(1)\n    return 'x'\n"
        "\n\n@app.route('/b')\ndef other():\n    wait = time.sleep\n    time.sleep(2)\n    return str(list(map(wait, [1])))\n"
    )
    texts, decisions = migrated(source)
    assert "await asyncio.to_thread(wait, 1)" in texts["app.py"] or "await asyncio.sleep(1)" in texts["app.py"]
    assert {item.symbol for item in decisions if item.code == "E307"} == {"other"}
