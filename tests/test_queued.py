"""Calls that block though they do not look like it: commands on a pipeline after `watch()`, and operators on a client."""

import pytest
from pure import index_of, migrated

HEAD = "import redis\nimport shelve\nfrom flask import Flask\napp = Flask(__name__)\nstore = redis.Redis()\n"


def sites(source):
    """What blocks in the module, by line of its text (without the head)."""
    index = index_of(HEAD + source)
    found = [site for module in index.modules.values() for function in [module.body, *module.functions] for site in index.graph.sites(function)]
    rows = source.splitlines()
    return {
        (rows[site.node.lineno - 1 - HEAD.count("\n")].strip(), site.entry.name.rpartition(".")[2]) for site in found if site.node.lineno > HEAD.count("\n")
    }


def methods(body):
    """The methods of pipelines that block in a function with that body."""
    lines = "\n".join(f"    {line}" for line in ["p = store.pipeline()", *body.split("\n")])
    return sorted(text for text, name in sites(f"def f(many=()):\n{lines}\n") if name not in ("watch", "unwatch", "execute"))


PHASES = {
    "never told": ("p.get('a')\np.set('b', 1)", []),
    "chained": ("p.get('a').get('b')", []),
    "after watch": ("p.watch('a')\nn = p.get('a')", ["n = p.get('a')"]),
    "after multi": ("p.watch('a')\np.multi()\np.set('a', 1)\np.get('a').get('b')", []),
    "multi around it": ("p.watch('a')\np.multi()\nfor x in many:\n    p.set(x, 1)", []),
    "multi on one path only": ("p.watch('a')\nif many:\n    p.multi()\np.set('a', 1)", ["p.set('a', 1)"]),
    "watched again": ("p.watch('a')\np.multi()\np.execute()\np.watch('b')\np.get('b')", ["p.get('b')"]),
    "watched again in a branch": ("p.multi()\nif many:\n    p.watch('b')\np.get('b')", ["p.get('b')"]),
    "in a loop": ("while True:\n    p.get('a')\n    p.watch('a')", ["p.get('a')"]),
    "another one is told": ("q = store.pipeline()\nq.watch('a')\np.get('a')", []),
    "told by the one who is handed it": ("many(p)\np.get('a')\nq = store.pipeline()\nq.watch('b')", ["p.get('a')"]),
    "handed on, and nobody tells": ("many(p)\np.get('a')", []),
}


@pytest.mark.parametrize("phase", PHASES)
def test_commands_on_a_pipeline(phase):
    body, wanted = PHASES[phase]
    assert methods(body) == wanted


def test_a_pipeline_that_comes_from_elsewhere():
    step = "def step(p):\n    return p.get('a')\n"
    use = "def f():\n    p = store.pipeline()\n    {}step(p)\n    p.execute()\n"
    assert ("return p.get('a')", "get") in sites(step + use.format("p.watch('a')\n    "))
    assert ("return p.get('a')", "get") not in sites(step + use.format(""))


OPERATORS = {
    "store['k']": ["__getitem__"],
    "store['k'] = 1": ["__setitem__"],
    "store['k'] += 1": ["__getitem__", "__setitem__"],
    "del store['k']": ["__delitem__"],
    "'k' in store": ["__contains__"],
    "x = 'k' not in store and 'l' in store": ["__contains__"],
    "redis.Redis()['k']": ["__getitem__"],
    "shelve.open('x')['k']": ["__getitem__"],
    "{'k': 1}['k']": [],
    "'k' in {'k': store}": [],
    "[store][0]": [],
    "store is None": [],
    "x: list[redis.Redis] = []": [],
}


@pytest.mark.parametrize("line", OPERATORS)
def test_operators_ask_the_server(line):
    assert sorted(name for _, name in sites(f"def f():\n    {line}\n") if name.startswith("__")) == OPERATORS[line]


VIEW = '@app.route("/")\ndef view():\n    store.set("a", 1)\n    {}\n    return "x"\n'


def test_an_operator_stays_with_its_reason():
    files, decisions = migrated(HEAD + VIEW.format('store["k"] = "v"'))
    assert '    store["k"] = "v"\n' in files["app.py"]
    assert "await asyncio.to_thread(store.set" in files["app.py"]
    found = [item for item in decisions if item.subject == "redis.Redis.__setitem__"]
    assert [(item.code, "`x[key] = value` waits for redis" in item.reason) for item in found] == [("E304", True)]


def test_a_function_around_an_operator_moves():
    files, _ = migrated(f'{HEAD}def keep(value):\n    store["k"] = value\n\n{VIEW.format("keep(2)")}')
    assert "await asyncio.to_thread(keep, 2)" in files["app.py"]


def test_a_command_after_watch_moves():
    files, _ = migrated(HEAD + VIEW.format('p = store.pipeline()\n    p.watch("a")\n    n = p.get("a")\n    p.multi()\n    p.set("a", n)\n    p.execute()'))
    assert 'n = await asyncio.to_thread(p.get, "a")\n    p.multi()\n    p.set("a", n)\n' in files["app.py"]
