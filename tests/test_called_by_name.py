"""Methods named as those that libraries call (`get`, `read`, `execute` …): what calls them is found, so the name alone is no reason to leave them."""

import pytest
from pure import migrated, project

from codemods.catalogue_files import load_catalogue
from transforms.model import Settings
from transforms.stages import STAGES, run_stage

HEAD = """import builtins, sys

import requests
from flask import Flask

app = Flask(__name__)


class Store:
    def METHOD(self, key="k"):
        return requests.get("http://x", timeout=5).status_code
"""
VIEW = """

@app.route("/")
def view():
    return str(Store().METHOD())
"""
NAMES = ["get", "read", "write", "close", "keys", "update", "execute", "commit", "run", "emit", "validate", "encode", "connect", "send"]


@pytest.mark.parametrize("name", NAMES)
def test_a_method_that_only_the_project_calls_becomes_async(name):
    """In the same project: a dict, the environment and a logger, which have methods of these names too."""
    more = "\n\ntable = {}\ntable.update(a=1)\nprint(table.get('a'), 'a'.encode(), Store)\n"
    texts, _ = migrated((HEAD + more + VIEW).replace("METHOD", name))
    assert f"async def {name}" in texts["app.py"] and f"await Store().{name}()" in texts["app.py"]


NEXT = "\n    def __iter__(self):\n        return self\n\n    def __next__(self):\n        raise StopIteration\n"
ITEM = "\n    def __getitem__(self, key):\n        return key\n"
CALLED = {
    "print to it": ("write", "\n\nprint('x', file=Store())\n"),
    "print to it, in keywords": ("write", "\n\nhow = {'file': Store()}\nprint('x', **how)\n"),
    "in its place": ("write", "\n\nsys.stdout = Store()\n"),
    "flushed by print": ("flush", "\n\nstore = Store()\nprint('x', file=store, flush=True)\n"),
    "yield from": ("close", NEXT + "\n\ndef give():\n    yield from Store()\n"),
    "yield from what it gives": ("send", NEXT + "\n\nclass Box:\n    def __iter__(self):\n        return Store()\n\n\ndef give():\n    yield from Box()\n"),
    "a subclass that iterates": ("throw", "\n\nclass Lines(Store):" + NEXT),
    "as keywords": ("keys", ITEM + "\n\ndef ask(**more):\n    return more\n\n\nask(**Store())\n"),
    "in a display": ("keys", ITEM + "\n\nasked = {**Store()}\n"),
    "added to a dict": ("keys", ITEM + "\n\nasked = {}\nasked |= Store()\n"),
    "a library's function": ("execute", "\n\nimport library\n\nlibrary.use(Store())\n"),
    "one of several": ("get", "\n\nimport library\n\nlibrary.use([1, Store()][1])\n"),
    "an unknown receiver": ("get", "\n\ndef ask(item):\n    return item.get()\n\n\nask([Store()][0])\n"),
}


@pytest.mark.parametrize("case", CALLED)
def test_what_others_call_stays(case):
    name, between = CALLED[case]
    texts, _ = migrated((HEAD + between + VIEW).replace("METHOD", name))
    assert f"async def {name}" not in texts["app.py"] and "async def view" in texts["app.py"]


STARTED = {
    "the class": ("app:Store", ""),
    "a subclass": ("app:Near", "\n\nclass Near(Store):\n    pass\n"),
    "an object": ("app:store", "\n\nstore = Store()\n"),
    "what a function gives": ("app:make", "\n\ndef make():\n    return [Store()]\n"),
    "another": ("app:main", "\n\ndef main():\n    return 0\n"),
}


@pytest.mark.parametrize("case", STARTED)
def test_what_an_entry_point_names_stays(case):
    entry, between = STARTED[case]
    source = (HEAD + between + VIEW).replace("METHOD", "fetch")
    current = project(source, **{"pyproject.toml": f'[project.entry-points."x.plugins"]\na = "{entry}"\n'})
    for name in STAGES:
        current = run_stage(name, current, load_catalogue(), Settings()).project
    text = current.python["app.py"].decode()
    assert ("async def fetch" in text) == (case == "another")
