"""Clients behind objects: kept in `g`, on the application, on classes, made by factories, handed in.

Every shape has a decision: the call is swapped, or moved to a thread with the reason why it is not swapped, or the tool
says that it cannot follow it. A call that blocks is never passed over as if it did not.
"""

import pytest

from codemods.catalogue_files import load_catalogue
from transforms.host.source import source
from transforms.model import Project, Settings
from transforms.stages import run_stage

CATALOGUE = load_catalogue()
HEAD = "import redis\nfrom flask import Flask, current_app, g, request\n\napp = Flask(__name__)\n"
GET = 'return {}.get("k")'
UNKNOWN = "1 calls could not be followed"

# What stands before the view, what the view does, what the decisions must say.
MOVED = {
    "module": ("store = redis.Redis()", GET.format("store"), "each async view has an event loop of its own"),
    "two at once": ("a, b = redis.Redis(), redis.Redis()", GET.format("a"), "each async view has an event loop of its own"),
    "method kept": ("store = redis.Redis()\nread = store.get", 'return read("k")', "redis.Redis.get blocks"),
    "getattr": ("store = redis.Redis()", 'return getattr(store, "get")("k")', "redis.Redis.get blocks"),
    "g before the request": ("@app.before_request\ndef start():\n    g.store = redis.Redis()", GET.format("g.store"), "it is kept on flask.g"),
    "g when it is needed": (
        'def store():\n    if "store" not in g:\n        g.store = redis.Redis()\n    return g.store',
        GET.format("store()"),
        "store() gives it, and does more than make it anew",
    ),
    "g with a default": ("", GET.format('g.setdefault("store", redis.Redis())'), "it is handed to g.setdefault()"),
    "local proxy": (
        "from werkzeug.local import LocalProxy\n\n\ndef _store():\n    if 'store' not in g:\n        g.store = redis.Redis()\n    return g.store\n\n\nstore = LocalProxy(_store)",
        GET.format("store"),
        "it may be another client later",
    ),
    "extensions": ('app.extensions["store"] = redis.Redis()', GET.format('current_app.extensions["store"]'), "it is kept on the application"),
    "extensions, asked": ('app.extensions["store"] = redis.Redis()', GET.format('current_app.extensions.get("store")'), "it is kept on the application"),
    "extensions of a factory": (
        'def create_app():\n    made = Flask(__name__)\n    made.extensions["store"] = redis.Redis()\n    return made',
        GET.format('current_app.extensions["store"]'),
        "it is kept on the application",
    ),
    "config": ('app.config["STORE"] = redis.Redis()', GET.format('current_app.config["STORE"]'), "it is kept on the application"),
    "attribute of the application": ("app.store = redis.Redis()", GET.format("current_app.store"), "it is kept on flask.Flask"),
    "class attribute": ("class Box:\n    store = redis.Redis()", GET.format("Box.store"), "it is kept on Box"),
    "made in __init__": (
        "class Box:\n    def __init__(self):\n        self.store = redis.Redis()\n\n    def read(self, key):\n        return self.store.get(key)\n\n\nbox = Box()",
        'return box.read("k")',
        "each async view has an event loop of its own",
    ),
    "init_app": (
        'class Box:\n    store = None\n\n    def init_app(self, app):\n        self.store = redis.Redis.from_url(app.config["U"])\n\n\nbox = Box()\nbox.init_app(app)',
        GET.format("box.store"),
        "is set in several places",
    ),
    "handed on by __getattr__": (
        "class Box:\n    def __init__(self):\n        self.store = redis.Redis()\n\n    def __getattr__(self, name):\n        return getattr(self.store, name)\n\n\nbox = Box()",
        GET.format("box"),
        "redis.Redis.get blocks",
    ),
    "given to __init__": (
        "class Box:\n    def __init__(self, store):\n        self.store = store\n\n    def read(self, key):\n        return self.store.get(key)\n\n\nbox = Box(redis.Redis())",
        'return box.read("k")',
        "Box does not make it there",
    ),
    "dataclass": (
        "from dataclasses import dataclass\n\n\n@dataclass\nclass Box:\n    store: redis.Redis\n\n\nbox = Box(redis.Redis())",
        GET.format("box.store"),
        "it is kept on Box",
    ),
    "property": (
        "class Box:\n    @property\n    def store(self):\n        return redis.Redis()\n\n\nbox = Box()",
        GET.format("box.store"),
        "it is kept on Box",
    ),
    "cached property": (
        "from functools import cached_property\n\n\nclass Box:\n    @cached_property\n    def store(self):\n        return redis.Redis()\n\n\nbox = Box()",
        GET.format("box.store"),
        "it is kept on Box",
    ),
    "cached factory": (
        "import functools\n\n\n@functools.lru_cache\ndef store():\n    return redis.Redis()",
        GET.format("store()"),
        "store() gives it, and does more than make it anew",
    ),
    "global factory": (
        "client = None\n\n\ndef store():\n    global client\n    if client is None:\n        client = redis.Redis()\n    return client",
        GET.format("store()"),
        "store() gives it, and does more than make it anew",
    ),
    "factory that sets it up": (
        'def store():\n    made = redis.Redis()\n    made.set_response_callback("GET", str)\n    return made',
        "with store() as r:\n    " + GET.format("r"),
        "store() gives it, and does more than make it anew",
    ),
    "factory, nothing closes": ("def store():\n    return redis.Redis()", GET.format("store()"), "nothing closes it"),
    "annotated factory": ("def store() -> redis.Redis:\n    return request.environ['x']", GET.format("store()"), "store() gives it"),
    "parameter": (
        "def read(client):\n    return client.get('k')",
        "with redis.Redis() as r:\n    return read(r)",
        "it is handed to read(), which takes the synchronous client",
    ),
    "parameter, two deep": (
        "def inner(client):\n    return client.get('k')\n\n\ndef read(client):\n    return inner(client)",
        "with redis.Redis() as r:\n    return read(r)",
        "the client is handed in by the callers",
    ),
    "closure": (
        "def make():\n    client = redis.Redis()\n\n    def read():\n        return client.get('k')\n\n    return read\n\n\nread = make()",
        "return read()",
        "the client is made in the function around this one",
    ),
    "subclass": ("class Mine(redis.Redis):\n    pass\n\n\nstore = Mine()", GET.format("store"), "redis.Redis.get blocks"),
}
STUB = """import grpc


class GreeterStub(object):
    def __init__(self, channel):
        self.SayHello = channel.unary_unary("/Greeter/SayHello", request_serializer=str.encode, _registered_method=True)
        self.Many = channel.unary_stream("/Greeter/Many", request_serializer=str.encode, _registered_method=True)
"""
GRPC = "import grpc\nimport hello_pb2_grpc\n"
GENERATED = {
    "in a block": (GRPC, 'with grpc.insecure_channel("a:1") as channel:\n    return hello_pb2_grpc.GreeterStub(channel).SayHello("x")', "asyncio.to_thread("),
    "kept": (f'{GRPC}stub = hello_pb2_grpc.GreeterStub(grpc.insecure_channel("a:1"))', 'return stub.SayHello("x", timeout=3)', 'asyncio.to_thread(stub.SayHello, "x", timeout=3)'),
    "answers one by one": (f'{GRPC}stub = hello_pb2_grpc.GreeterStub(grpc.insecure_channel("a:1"))', 'return ",".join(stub.Many("x"))', "    return \",\".join(stub.Many"),
}  # fmt: skip
NOT_FOLLOWED = {
    "g of two kinds": ("@app.before_request\ndef start():\n    g.store = {} if request.args else redis.Redis()", GET.format("g.store")),
    "extensions of something else": ('other.extensions["store"] = redis.Redis()', GET.format('current_app.extensions["store"]')),
    "extensions of two kinds": ('app.extensions["store"] = redis.Redis()\napp.extensions["store"] = {}', GET.format('current_app.extensions["store"]')),
    "given by two kinds of callers": (
        "class Box:\n    def __init__(self, store):\n        self.store = store\n\n\nbox = Box(redis.Redis())\nother = Box({})",
        GET.format("box.store"),
    ),
    "class handed out": (
        "class Box:\n    def __init__(self, store):\n        self.store = store\n\n\nbox = Box(redis.Redis())\nKINDS = [Box]",
        GET.format("box.store"),
    ),
    "dict of clients": ('stores = {"a": redis.Redis()}', GET.format('stores["a"]')),
    "list of clients": ("stores = [redis.Redis()]", GET.format("stores[0]")),
    "partial": ('import functools\nstore = redis.Redis()\nread = functools.partial(store.get, "k")', "return read()"),
    "table of functions": ("def read(client):\n    return client.get('k')\n\n\nTABLE = {'r': read}", "with redis.Redis() as r:\n    return TABLE['r'](r)"),
}
HELD = {
    "context manager of the project": (
        "import contextlib\n\n\n@contextlib.contextmanager\ndef store():\n    client = redis.Redis()\n    yield client\n    client.close()",
        "with store() as r:\n    " + GET.format("r"),
    ),
}


def migrated(before, body, files=(), host=False):
    """The files after all stages, and all reasons in one text."""
    lines = "".join(f"    {line}\n" for line in body.split("\n"))
    text = f'{HEAD}\n\n{before}\n\n\n@app.route("/")\ndef view():\n{lines}'
    if host:
        text = text.replace("app = Flask(__name__)\n", "app = Flask(__name__)\none_loop(app)\n", 1).replace(
            "import redis\n", "import redis\nfrom async_support import one_loop\n", 1
        )
    python = {
        "app.py": text.encode(),
        **{path: item.encode() for path, item in dict(files).items()},
        **({"async_support.py": source().encode()} if host else {}),
    }
    project = Project(python, frozenset(python), {})
    said = []
    for stage in ("routes", "clients", "executor"):
        staged = run_stage(stage, project, CATALOGUE, Settings())
        project = staged.project
        said += [f"{item.code} {item.reason}" for item in staged.outcome.decisions]
    return {path: data.decode() for path, data in project.python.items()}, " · ".join(said)


@pytest.mark.parametrize("shape", MOVED)
def test_it_moves_to_a_thread_and_says_why(shape):
    before, body, reason = MOVED[shape]
    files, said = migrated(before, body)
    assert "asyncio.to_thread(" in files["app.py"], said
    assert "redis.asyncio" not in files["app.py"]
    assert reason in said


@pytest.mark.parametrize("shape", NOT_FOLLOWED)
def test_what_cannot_be_followed_is_named(shape):
    before, body = NOT_FOLLOWED[shape]
    files, said = migrated(before, body)
    assert "await" not in files["app.py"]
    assert UNKNOWN in said


@pytest.mark.parametrize("shape", HELD)
def test_what_would_be_held_is_left(shape):
    files, said = migrated(*HELD[shape])
    assert "await" not in files["app.py"]
    assert "R111" in said
    assert "which would be held across the await" in said


@pytest.mark.parametrize("case", GENERATED)
def test_stubs_that_grpc_generates(case):
    before, body, wanted = GENERATED[case]
    files, said = migrated(before, body, {"hello_pb2_grpc.py": STUB})
    assert wanted in files["app.py"], (files["app.py"], said)
    assert "grpc." in said


# Factories

PLAIN = "def store():\n    return redis.Redis()"
USE = 'with store() as r:\n    return r.get("k")'
SWAPPED = {
    "plain": (PLAIN, USE, {}, ["def store_async():\n    return redis.asyncio.Redis()", 'async with store_async() as r:\n        return await r.get("k")']),
    "with a name": ('def store(db):\n    """One."""\n    made = redis.Redis("h", db=db)\n    return made', USE.replace("()", "(2)", 1), {}, ['def store_async(db):\n    return redis.asyncio.Redis(host="h", db=db)', "async with store_async(2) as r:"]),
    "closed where its use ends": (PLAIN, 'r = store()\nreturn r.get("k")', {}, ["async with store_async() as r:"]),
    "of another module": ("from stores import store", USE, {"stores.py": "import redis\n\n\ndef store():\n    return redis.Redis()\n"}, ["from stores import store_async", "async with store_async() as r:"]),
    "by its module": ("import stores", USE.replace("store()", "stores.store()"), {"stores.py": "import redis\n\n\ndef store():\n    return redis.Redis()\n"}, ["async with stores.store_async() as r:"]),
    "for others too": (f"{PLAIN}\n\n\n@app.cli.command()\ndef job():\n    store().set('a', 1)", USE, {}, ["def store():\n    return redis.Redis()\n", "store().set('a', 1)", "async with store_async() as r:"]),
    "awaited": ('import psycopg\n\n\ndef store():\n    return psycopg.connect("x")', 'with store() as c:\n    return str(c.execute("SELECT 1").fetchone())', {}, ['async def store_async():\n    return await psycopg.AsyncConnection.connect("x")', "async with await store_async() as c:"]),
    "there already": (f"import redis.asyncio\n\n\n{PLAIN}\n\n\ndef store_async():\n    return redis.asyncio.Redis()", USE, {}, ["async with store_async() as r:"]),
}  # fmt: skip
KEPT = {
    "patched by a test": (PLAIN, USE, {"tests/test_a.py": "import app\n\n\ndef test_it(monkeypatch):\n    monkeypatch.setattr(app, 'store', dict)\n"}, "is named in a string or set anew"),
    "patched by path": (PLAIN, USE, {"tests/test_a.py": "from unittest import mock\n\n\n@mock.patch('app.store')\ndef test_it(fake):\n    pass\n"}, "is named in a string or set anew"),
    "set anew": (PLAIN, USE, {"other.py": "import app\n\napp.store = dict\n"}, "is named in a string or set anew"),
    "another argument": ("def store():\n    return redis.Redis(retry=request.args)", USE, {}, "its argument retry is not proved"),
    "any arguments": ("def store(**more):\n    return redis.Redis(**more)", USE, {}, "`**` may hand it arguments"),
    "a default that is called": ("def store(db=int()):\n    return redis.Redis(db=db)", USE, {}, "cannot be evaluated twice"),
    "the name is taken": (f"{PLAIN}\n\n\ndef store_async():\n    return 5", USE, {}, "the name store_async means something else"),
    "a use that differs": (PLAIN, 'with store() as r:\n    r.set("a", 1)\n    return r["k"]', {}, "works on the synchronous client only"),
    "imported in the function": ("", 'from stores import store\nwith store() as r:\n    return r.get("k")', {"stores.py": "import redis\n\n\ndef store():\n    return redis.Redis()\n"}, "not imported at the top of the module"),
}  # fmt: skip


@pytest.mark.parametrize("case", SWAPPED)
def test_a_factory_gets_a_second_function(case):
    before, body, files, wanted = SWAPPED[case]
    after, said = migrated(before, body, files)
    whole = "\n".join(after.values())
    assert [item for item in wanted if item not in whole] == [], (whole, said)
    assert whole.count("def store_async(") == 1
    again = {path: data.encode() for path, data in after.items()}
    assert not run_stage("clients", Project(again, frozenset(again), {}), CATALOGUE, Settings()).outcome.changes


@pytest.mark.parametrize("case", KEPT)
def test_a_factory_is_left(case):
    before, body, files, reason = KEPT[case]
    after, said = migrated(before, body, files)
    assert "redis.asyncio" not in "\n".join(after.values())
    assert reason in said


def test_two_views_share_the_second_function():
    other = '@app.route("/b")\ndef other():\n    with store() as r:\n        return r.get("b")'
    after, said = migrated(f"{PLAIN}\n\n\n{other}", USE)
    assert after["app.py"].count("def store_async(") == 1, said
    assert after["app.py"].count("async with store_async() as r:") == 2
