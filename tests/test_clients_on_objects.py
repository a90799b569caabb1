"""Clients that an object sets on itself: `self.store = Redis(…)` in `__init__`, with all views on one loop.

Each object gets a second attribute that says how its asynchronous client is made. Half of the shapes are left alone: whatever
may set, copy or replace the attribute, or make an object for each request.
"""

import asyncio
import functools

import pytest
from test_clients_behind import CATALOGUE, HEAD, migrated

from transforms.host.async_support import shared
from transforms.host.source import source
from transforms.model import Project, Settings
from transforms.stages import run_stage

BOX = """class Box:
    def __init__(self, host, db=0):
        self.store = redis.Redis(host, db=db)

    def look(self, key):
        return self.store.get(key)
"""
ONE = f'{BOX}\n\nbox = Box("h")'
LOOK = 'return box.look("k")'
MADE = "self.make_store = functools.partial(redis.asyncio.Redis, host=host, db=db)"
AWAITED = "return await shared(self.make_store).get(key)"


def box(init, more="", made='box = Box("h")', head="class Box:"):
    """A class with that `__init__`, and the object."""
    lines = "".join(f"        {line}\n" for line in init.split("\n"))
    return f"{head}\n    def __init__(self, host, db=0):\n{lines}\n    def look(self, key):\n        return self.store.get(key)\n{more}\n\n{made}"


PLAIN = "self.store = redis.Redis(host, db=db)"
SWAPPED = {
    "in a method": (ONE, LOOK, {}, [MADE, AWAITED]),
    "outside the class": (ONE, 'return box.store.get("k")', {}, [MADE, 'return await shared(box.make_store).get("k")']),
    "by another name": (ONE, 'r = box.store\nreturn r.get("k")', {}, ["r = shared(box.make_store)", 'return await r.get("k")']),
    "two objects, one client each": (f'{BOX}\n\nbox = Box("h")\nother = Box("h", 1)', f"{LOOK} + other.look('k')", {}, [MADE, "await other.look('k')"]),
    "of another module": ("from boxes import box", LOOK, {"boxes.py": f"import redis\n\n\n{ONE}\n"}, [MADE, AWAITED]),
    "through another object": (
        f"{ONE}\n\n\nclass Desk:\n    def __init__(self, inner):\n        self.inner = inner\n\n    def first(self):\n        return self.inner.store.get('k')\n\n\ndesk = Desk(box)",
        "return desk.first()",
        {},
        [MADE, "return await shared(self.inner.make_store).get('k')"],
    ),
    "other names are asked for": (f"{ONE}\n\n\ndef ends(item):\n    return [getattr(item, name) for name in ('close', 'end')]", LOOK, {}, [MADE, AWAITED]),
    "the object by another name": (ONE, 'some = box\nreturn some.store.get("k")', {}, [MADE, 'shared(some.make_store).get("k")']),
    "by its module": ("import boxes", 'return boxes.box.store.get("k")', {"boxes.py": f"import redis\n\n\n{ONE}\n"}, ["shared(boxes.box.make_store)"]),
    "inherited": (f'{BOX}\n\nclass Small(Box):\n    def first(self):\n        return self.look("k")\n\n\nbox = Small("h")', "return box.first()", {}, [MADE, AWAITED]),
    "annotated": (box("self.store: redis.Redis = redis.Redis(host, db=db)"), LOOK, {}, [MADE, AWAITED]),
    "a pipeline": (
        f'{ONE[: ONE.index("    def look")]}    def look(self, key):\n        p = self.store.pipeline()\n        p.get(key)\n        return p.execute()[0]\n\n\nbox = Box("h")',
        LOOK,
        {},
        ["p = shared(self.make_store).pipeline()", "return (await p.execute())[0]"],
    ),
    "for a command too": (f"{ONE}\n\n\n@app.cli.command()\ndef job():\n    box.store.set('a', 1)", LOOK, {}, ["box.store.set('a', 1)", AWAITED]),
    "a private name": (ONE.replace("store", "__store"), LOOK, {}, ["self.make_store = functools.partial(", AWAITED]),
    "from a URL": (box("self.store = redis.Redis.from_url(host, decode_responses=True)"), LOOK, {}, ["partial(redis.asyncio.from_url, host, decode_responses=True)"]),
    "what it keeps itself": (box("self.host = host\nself.store = redis.Redis(self.host)"), LOOK, {}, ["partial(redis.asyncio.Redis, host=self.host)"]),
    "taken from a kept client": (
        'import pymongo\n\n\nclass Box:\n    def __init__(self, uri):\n        self.client = pymongo.MongoClient(uri)\n        self.db = self.client["x"]\n        self.users = self.db.users\n\n'
        '    def look(self, key):\n        return str(self.users.find_one({"k": key}))\n\n\nbox = Box("h")',
        LOOK,
        {},
        ["self.make_client = functools.partial(pymongo.AsyncMongoClient, uri)", 'await shared(self.make_client)["x"].users.find_one({"k": key})'],
    ),
    "with the Flask object": (
        f'{BOX}\n\ndef create_app():\n    made = Flask(__name__)\n    one_loop(made)\n    mine = Box("h")\n\n    @made.get("/in")\n    def inner():\n        return mine.look("k")\n\n    return made',
        "return 'x'",
        {},
        [MADE, AWAITED],
    ),
}  # fmt: skip
TEST = "import app\n\n\ndef test_it(monkeypatch):\n    "
LEFT = {
    "made for each request": (BOX, 'return Box("h").look("k")', {}, "makes an object of Box each time that view runs"),
    "made when it is needed": (f'{BOX}\n\ndef get_box():\n    return Box("h")', 'return get_box().look("k")', {}, "makes an object of Box each time that get_box runs"),
    "made by its own method": (box(PLAIN, "\n    @classmethod\n    def small(cls):\n        return cls('s')\n"), LOOK, {}, "may make more objects of Box"),
    "made by type(self)": (box(PLAIN, "\n    def copy(self):\n        return type(self)('s')\n"), LOOK, {}, "may make more objects of Box"),
    "class in a table": (f"{ONE}\nKINDS = [Box]", LOOK, {}, "Box or an object of it goes where it is not followed, and may be what code outside the project is handed at "),
    "set anew by a method": (box(PLAIN, "\n    def again(self):\n        self.store = redis.Redis('x')\n"), LOOK, {}, "is set in several places"),
    "set twice": (box(f"{PLAIN}\nself.store = redis.Redis(host)"), LOOK, {}, "is set in several places"),
    "set by a subclass": (f"{ONE}\n\n\nclass Other(Box):\n    def __init__(self):\n        self.store = redis.Redis('x')", LOOK, {}, "is set in several places"),
    "a default in the class": (box(PLAIN, "\n    store = None\n"), LOOK, {}, "is set in several places"),
    "under a condition": (box(f"if host:\n    {PLAIN}"), LOOK, {}, "is not made by a statement of its own in __init__"),
    "in a try": (box(f"try:\n    {PLAIN}\nexcept Exception:\n    pass"), LOOK, {}, "is not made by a statement of its own in __init__"),
    "two names at once": (box(f"self.other = {PLAIN}"), LOOK, {}, "is not made by a statement of its own in __init__"),
    "given": (box("self.store = host", made="box = Box(redis.Redis())"), LOOK, {}, "Box does not make it there"),
    "made by a function": ("def make(host):\n    return redis.Redis(host)\n\n\n" + box("self.store = make(host)"), LOOK, {}, "Box does not make it there"),
    "an argument that is called": (box("self.store = redis.Redis(next(iter([host])))"), LOOK, {}, "which may not be called twice"),
    "any arguments": (box("more = {}\nself.store = redis.Redis(host, **more)"), LOOK, {}, "`**` may hand it arguments"),
    "set up afterwards": (box(f"{PLAIN}\nself.store.set_response_callback('GET', str)"), LOOK, {}, "calls self.store.set_response_callback()"),
    "set up by another name": (box(f"{PLAIN}\nr = self.store\nr.response_callbacks['GET'] = str"), LOOK, {}, "reaches into r.response_callbacks"),
    "set up from outside": (f"{ONE}\nbox.store.set_response_callback('GET', str)", LOOK, {}, "calls box.store.set_response_callback()"),
    "handed on": (f"def setup(r):\n    r.response_callbacks['GET'] = str\n\n\n{ONE}\nsetup(box.store)", LOOK, {}, "hands it to setup()"),
    "setattr inside": (box(f"{PLAIN}\nfor name in 'ab':\n    setattr(self, name, host)"), LOOK, {}, "which may set any attribute"),
    "__dict__ inside": (box(f"{PLAIN}\nself.__dict__.update(a=1)"), LOOK, {}, "which may set any attribute"),
    "setattr from outside": (f"{ONE}\nfor name in app.config:\n    setattr(box, name, 1)", LOOK, {}, "is handed to code outside the project"),
    "vars from outside": (f"{ONE}\nvars(box).update(app.config)", LOOK, {}, "is handed to code outside the project"),
    "copied": (f"import copy\n\n\n{ONE}\nsecond = copy.copy(box)", LOOK, {}, "is handed to code outside the project"),
    "__slots__": (box(PLAIN, "\n    __slots__ = ('store',)\n"), LOOK, {}, "has __slots__"),
    "__setattr__": (box(PLAIN, "\n    def __setattr__(self, name, value):\n        object.__setattr__(self, name, value)\n"), LOOK, {}, "has __setattr__"),
    "a decorated class": (box(PLAIN, head="@app.config.get('x')\nclass Box:"), 'return box.store.get("k")', {}, "could not be followed"),
    "a base of a library": (box(PLAIN, head="import threading\n\n\nclass Box(threading.Thread):"), 'return box.store.get("k")', {}, "has a base outside the project"),
    "the name is taken": (box(PLAIN, "\n    def make_store(self):\n        return 5\n"), LOOK, {}, "Box.make_store means something else"),
    "the library is shadowed": (box(PLAIN).replace("db=0", "db=0, functools=0"), LOOK, {}, "the name functools means something else"),
    "closed here": (ONE, 'r = box.store\nr.close()\nreturn r.get("k")', {}, "other requests go on using it"),
    "a use that differs": (ONE, 'r = box.store\nr.set("a", 1)\nreturn r["k"]', {}, "works on the synchronous client only"),
    "replaced by a test": (ONE, LOOK, {"tests/test_a.py": f"{TEST}monkeypatch.setattr(app.box, 'store', dict)\n"}, "call"),
    "replaced by a path": (ONE, LOOK, {"tests/test_a.py": "from unittest import mock\n\n\n@mock.patch('app.box.store')\ndef test_it(fake):\n    pass\n"}, "names store in a string"),
    "a method replaced": (ONE, LOOK, {"tests/test_a.py": f"{TEST}monkeypatch.setattr(app.box.store, 'get', dict)\n"}, "replaces a part of it"),
    "a method replaced by a path": (ONE, LOOK, {"tests/test_a.py": "from unittest import mock\n\n\n@mock.patch('app.box.store.get')\ndef test_it(fake):\n    pass\n"}, "may replace a part of it"),
    "a fake in a test": (ONE, LOOK, {"tests/test_a.py": "import app\n\n\nclass Fake(app.Box):\n    def __init__(self):\n        self.store = {}\n"}, "call"),
    "a test sets it": (ONE, LOOK, {"tests/test_a.py": f"{TEST}app.box.store = {{}}\n"}, "call"),
    "set up by the same name": (box(f"{PLAIN}\nstore = self.store\nstore.response_callbacks['GET'] = str"), LOOK, {}, "reaches into store.response_callbacks"),
    "only annotated": (f"{ONE}\n\n\ndef first(some: Box):\n    return some.store.get('k')", "return first(box)", {}, "some comes from elsewhere"),
    "asked for by a listed name": (f"{ONE}\n\n\ndef ends(item):\n    return [getattr(item, name)('k') for name in ('look', 'end')]", LOOK, {}, "may be taken by a computed name"),
    "asked for by a name of another list": (
        f"{ONE}\n\n\ndef ends(item):\n    return [lambda name: getattr(item, name)('k') for name in ('close', 'end')]",
        LOOK,
        {},
        "may be taken by a computed name",
    ),
    "handed in": (f"{ONE}\n\n\ndef first(some):\n    return some.store.get('k')", "return first(box)", {}, "some comes from elsewhere"),
    "the object replaced by a test": (ONE, 'return box.store.get("k")', {"tests/test_a.py": f"{TEST}monkeypatch.setattr(app, 'box', dict)\n"}, "app.py: Box or an object of it goes where it is not followed"),
    "the object replaced by a path": (ONE, 'return box.store.get("k")', {"tests/test_a.py": "from unittest import mock\n\n\n@mock.patch('app.box')\ndef test_it(fake):\n    pass\n"}, "names box in a string"),
    "the object set anew": (ONE, 'return box.store.get("k")', {"other.py": "import app\n\napp.box = app.Box('x')\n"}, "sets app.box"),
    "set anew where it is made": (
        "from boxes import box as b",
        'return b.store.get("k")',
        {"boxes.py": f"import redis\n\n\n{ONE}\n", "other.py": "import boxes\n\nboxes.box = boxes.Box('x')\n"},
        "sets boxes.box",
    ),
    "one of two objects": (f"{ONE}\nother = Box('o')", 'some = box if request.args else other\nreturn some.store.get("k")', {}, "it is one of several objects"),
    "what keeps it is replaced": (
        f"{ONE}\n\n\nclass Desk:\n    def __init__(self, inner):\n        self.inner = inner\n\n    def first(self):\n        return self.inner.store.get('k')\n\n\ndesk = Desk(box)",
        "return desk.first()",
        {"tests/test_a.py": "from unittest import mock\n\n\n@mock.patch('app.desk.inner')\ndef test_it(fake):\n    pass\n"},
        "names inner in a string",
    ),
    "in a class in a function": (f"def make():\n{chr(10).join('    ' + line for line in BOX.splitlines())}\n\n    return Box\n\n\nbox = make()('h')", LOOK, {}, "is defined in a function"),
}  # fmt: skip


@pytest.mark.parametrize("case", SWAPPED)
def test_each_object_gets_one(case):
    before, body, files, wanted = SWAPPED[case]
    after, said = migrated(before, body, files, host=True)
    whole = "\n".join(after.values())
    assert [item for item in wanted if item not in whole] == [], (whole, said)
    assert whole.count("functools.partial(") == 1
    again = {path: data.encode() for path, data in after.items()}
    assert not run_stage("clients", Project(again, frozenset(again), {}), CATALOGUE, Settings()).outcome.changes


@pytest.mark.parametrize("case", LEFT)
def test_it_is_left(case):
    before, body, files, reason = LEFT[case]
    after, said = migrated(before, body, files, host=True)
    assert "asyncio.Redis" not in "\n".join(after.values())
    assert reason in said


def test_without_one_loop_it_moves_to_a_thread():
    after, said = migrated(ONE, LOOK)
    assert "asyncio.to_thread(" in after["app.py"] and "each async view has an event loop of its own" in said


def test_a_support_module_of_an_earlier_version_is_named():
    old = source().replace("not isinstance(make, functools.partial) and ", "")
    text = HEAD.replace("app = Flask(__name__)", "from async_support import one_loop\n\napp = Flask(__name__)\none_loop(app)")
    python = {"app.py": f'{text}\n\n{ONE}\n\n\n@app.route("/")\nasync def view():\n    return box.look("k")\n'.encode(), "async_support.py": old.encode()}
    outcome = run_stage("clients", Project(python, frozenset(python), {}), CATALOGUE, Settings()).outcome
    assert not outcome.changes
    assert any("async_support.py is of an earlier version" in item.reason for item in outcome.decisions)


def test_shared_keeps_one_for_each_partial():
    first, second = functools.partial(list, "a"), functools.partial(list, "a")

    async def ask():
        return shared(first), shared(first), shared(second)

    one, again, other = asyncio.run(ask())
    assert one is again is not other and one == other == ["a"]
    with pytest.raises(TypeError, match="module level"):
        asyncio.run(ask_a_local())


async def ask_a_local():
    shared(lambda: 1)


SESSIONS = {
    "module": ("S = requests.Session()", 'return S.get("http://x").text', "await async_requests.call(S.get, "),
    "object": ("class A:\n    def __init__(self):\n        self.s = requests.Session()\n        self.s.headers['a'] = 'b'\n\n    def look(self):\n        return self.s.get('http://x').text\n\n\na = A()", "return a.look()", "await async_requests.call(self.s.get, "),
    "class": ("class A:\n    s = requests.Session()\n\n    def look(self):\n        return self.s.get('http://x').text\n\n\na = A()", "return a.look()", "await async_requests.call(self.s.get, "),
    "g": ("@app.before_request\ndef start():\n    g.s = requests.Session()", 'return g.s.get("http://x").text', "await async_requests.call(g.s.get, "),
    "application": ("app.s = requests.Session()", 'return current_app.s.get("http://x").text', "await async_requests.call(current_app.s.get, "),
    "extensions": ("app.extensions['s'] = requests.Session()", 'return current_app.extensions["s"].get("http://x").text', 'await async_requests.call(current_app.extensions["s"].get, '),
    "parameter": ("def look(s):\n    return s.get('http://x').text", "return look(requests.Session())", "await async_requests.call(s.get, "),
    "factory": ("def make():\n    s = requests.Session()\n    s.verify = False\n    return s", 'return make().get("http://x").text', "await async_requests.call(make().get, "),
}  # fmt: skip


@pytest.mark.parametrize("shape", SESSIONS)
def test_a_session_of_requests_stays_itself_over_the_bridge_and_says_why_without(shape):
    before, body, carried = SESSIONS[shape]
    lines = "".join(f"    {line}\n" for line in body.split("\n"))
    python = {"app.py": f'import requests\n{HEAD}\n\n{before}\n\n\n@app.route("/")\nasync def view():\n{lines}'.encode()}
    project = Project(python, frozenset(python), {})
    bridged = run_stage("clients", project, CATALOGUE, Settings(http="bridge")).project.python["app.py"].decode()
    assert carried in bridged
    plain = run_stage("clients", project, CATALOGUE, Settings()).outcome
    assert not plain.changes and any(item.code == "C202" and "`--http bridge` carries" in item.reason for item in plain.decisions)
