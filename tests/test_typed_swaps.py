"""Swaps of typed clients from data: what is swapped, and every planted use that must be refused with its reason."""

import subprocess
import sys

import pytest

from codemods.catalogue_files import load_catalogue
from transforms.catalogue import parse_library
from transforms.host.source import source
from transforms.model import Project, Settings, Verdict
from transforms.stages import run_stage

CATALOGUE = load_catalogue()
HEAD = """
import os
import redis
from flask import Flask, jsonify, request
from pymongo import MongoClient

app = Flask(__name__)
"""
HOOKED = """
from async_support import one_loop

one_loop(app)
store = redis.Redis.from_url(os.environ["REDIS_URL"])
mongo = MongoClient("mongodb://db")
"""


def project(text, files=(), metadata=None):
    python = {"app.py": text.encode(), "async_support.py": source().encode(), **{path: item.encode() for path, item in dict(files).items()}}
    return Project(python, frozenset(python), metadata or {})


def clients(text, files=(), metadata=None, catalogue=CATALOGUE):
    """The stage clients alone: the app afterwards, and its decisions as (code, verdict, reason)."""
    staged = run_stage("clients", project(text, files, metadata), catalogue, Settings())
    found = [(item.code, item.verdict, item.reason) for item in staged.outcome.decisions if not item.code.startswith("S")]
    return staged.project.python["app.py"].decode(), found, staged


def view(body, head=HEAD):
    lines = "".join(f"    {line}\n" for line in body.strip("\n").split("\n"))
    return f'{head}\n\n@app.route("/")\nasync def view():\n{lines}'


# One function

SWAPPED = [
    ("with redis.Redis() as r:\n    return r.get('k')", "async with redis.asyncio.Redis() as r:\n        return await r.get('k')"),
    ("with redis.Redis('h', 1) as r:\n    return r.get('k')", "async with redis.asyncio.Redis(host='h', port=1) as r:"),
    (
        "r = redis.Redis()\nr.set('k', 1)\nreturn r.get('k')",
        "async with redis.asyncio.Redis() as r:\n        await r.set('k', 1)\n        return await r.get('k')",
    ),
    ("r = redis.Redis()\nx = r.get('k')\nreturn str(x)", "async with redis.asyncio.Redis() as r:\n        x = await r.get('k')\n    return str(x)"),
    ("r = redis.Redis()\nx = r.get('k')\nr.close()\nreturn str(x)", "r = redis.asyncio.Redis()\n    x = await r.get('k')\n    await r.aclose()"),
    ("with redis.Redis() as r:\n    if r.get('k'):\n        return 'x'", "if await r.get('k'):"),
    ("with redis.Redis() as r:\n    return jsonify([k for k in r.scan_iter()])", "[k async for k in r.scan_iter()]"),
    ("with redis.Redis() as r:\n    return jsonify(list(r.scan_iter()))", "jsonify([item async for item in r.scan_iter()])"),
    ("with redis.Redis() as r:\n    item = sorted(r.scan_iter(), key=len)\n    return item[0]", "sorted([item_2 async for item_2 in r.scan_iter()], key=len)"),
    (
        "with redis.Redis() as r:\n    for k in r.scan_iter():\n        r.delete(k)\n    return ''",
        "async for k in r.scan_iter():\n            await r.delete(k)",
    ),
    (
        "with redis.Redis() as r:\n    p = r.pipeline()\n    p.set('a', 1).get('a')\n    return str(p.execute()[0]) + str(len(p))",
        "p.set('a', 1).get('a')\n        return str((await p.execute())[0]) + str(len(p))",
    ),
    (
        "with redis.Redis() as r, r.pipeline() as p:\n    p.get('a')\n    return p.execute()",
        "async with redis.asyncio.Redis() as r, r.pipeline() as p:\n        p.get('a')\n        return await p.execute()",
    ),
    ("with redis.Redis() as r:\n    s = r.register_script('x')\n    return s(keys=['a'])", "s = r.register_script('x')\n        return await s(keys=['a'])"),
    ("with MongoClient() as m:\n    return jsonify(list(m.a.b.find()))", "jsonify([item async for item in m.a.b.find()])"),
    ("with MongoClient() as m:\n    for d in m.a['b'].find().sort('x'):\n        print(d)\n    return ''", "async for d in m.a['b'].find().sort('x'):"),
    ("with MongoClient() as m:\n    for d in m.a.b.aggregate([]):\n        print(d)\n    return ''", "async for d in await m.a.b.aggregate([]):"),
    ("with MongoClient() as m:\n    return str(m.primary)", "str(await m.primary)"),
    ("with MongoClient() as m:\n    c = m.a.b.find()\n    c = c.limit(1)\n    return jsonify([d for d in c])", "jsonify([d async for d in c])"),
    ("import dns.resolver\nreturn str(dns.resolver.resolve('a.b', 'MX'))", "str(await dns.asyncresolver.resolve('a.b', 'MX'))"),
]


@pytest.mark.parametrize(("body", "wanted"), SWAPPED)
def test_made_in_one_function(body, wanted):
    head = HEAD if "import dns" not in body else HEAD + "import dns.resolver\n"
    after, found, staged = clients(view(body.removeprefix("import dns.resolver\n"), head))
    assert wanted in after, found
    again = run_stage("clients", staged.project, CATALOGUE, Settings())
    assert not again.outcome.changes


REFUSED = [
    ("r = redis.Redis()\np = r.pipeline()\np.watch('a')\np.multi()\nreturn p.execute()", "C213", "after WATCH commands are sent at once"),
    ("with redis.Redis() as r:\n    r.set('a', 1)\n    return r['k']", "C213", "`r[key]` works on the synchronous client only"),
    ("with redis.Redis() as r:\n    r.set('a', 1)\n    return 'k' in r", "C213", "`key in r` works on the synchronous client only"),
    (
        "with redis.Redis() as r:\n    r.set('a', 1)\n    return getattr(r, request.args['x'])('k')",
        "C213",
        "looked up by a name that is only known at run time",
    ),
    ("r = redis.Redis()\nbox = [r]\nreturn r.get('k')", "C214", "it is kept in a container"),
    ("r = redis.Redis()\nreturn r", "C214", "it is returned, and its callers are not followed"),
    ("r = redis.Redis()\nsave(r)\nreturn r.get('k')", "C214", "it is handed to save()"),
    ("r = redis.Redis(connection_pool=redis.ConnectionPool())\nreturn r.get('k')", "C215", "its argument connection_pool is not proved"),
    ("r = redis.Redis(**request.args)\nreturn r.get('k')", "C215", "`**` may hand it arguments"),
    ("if redis.Redis().get('k'):\n    return 'x'", "C219", "nothing closes it"),
    ("r = redis.Redis()\nwith r.lock('x'):\n    r.get('k')\nreturn ''", "C213", ".lock(): its asynchronous form keeps the token"),
    ("with redis.Redis() as r:\n    return r.transaction(work, 'k')", "C213", ".transaction(): the function that it is given"),
    ("with redis.Redis() as r:\n    r.pubsub().run_in_thread()\n    return r.get('k')", "C213", ".run_in_thread(): the asynchronous object has no threads"),
    ("with redis.Redis() as r:\n    def inner():\n        return r.get('k')\n    return inner()", "C214", "r is used in a nested function"),
    ("with redis.Redis() as r:\n    return ''.join(k for k in r.scan_iter())", "C213", "a generator expression would become"),
    ("with redis.Redis() as r:\n    return (lambda: r.get('k'))()", "C214", "r is used in a nested function"),
    ("with redis.Redis() as r, open('x') as f:\n    return r.get(f.read())", "C213", "`with` enters something else at once"),
    ("with redis.Redis() as r:\n    return f\"{r.get('k')}\"", "C202", "inside an f-string"),
    ("r = redis.Redis() if request.args else None\nreturn r.get('k')", "C214", "it is one of several values"),
    ("r = redis.Redis()\nr = redis.Redis()\nreturn r.get('k')", "C213", "r stands for different things"),
    ("if request.args:\n    r = redis.Redis()\n    r.set('k', 1)\nreturn ''", "", ""),
    ("for k in (1, 2):\n    r = redis.Redis()\n    r.set('k', k)\nreturn r.get('k')", "C219", "used in several blocks"),
    ("with MongoClient() as m:\n    return str(m.a.b.find()[0])", "C213", "an asynchronous cursor cannot be indexed"),
    ("with MongoClient() as m:\n    return render(m.a.b.find())", "C214", "it is handed to render()"),
    (
        "with MongoClient() as m:\n    with m.start_session() as s:\n        return str(m.a.b.find_one(session=s))",
        "C213",
        ".start_session(): a session is handed",
    ),
    ("with MongoClient() as m:\n    if m.a.b.find():\n        return 'x'", "C213", "whether it is true is asked"),
    ("with MongoClient() as m:\n    return str(m.a.b.count())", "C213", ".count() is not proved"),
]


@pytest.mark.parametrize(("body", "code", "reason"), REFUSED)
def test_what_differs_is_left(body, code, reason):
    text = view(body) + "\n\ndef save(client):\n    client.hello = 1\n"
    after, found, _ = clients(text)
    if not code:  # the counterpart: the same in one block is swapped
        assert [item[0] for item in found] == ["C210"]
        return
    assert after == text
    assert {item[1] for item in found} == {Verdict.LEAVE}
    assert any(reason in item[2] for item in found if item[0] == code), found


def test_a_transaction_is_not_committed_by_closing():
    """`with psycopg.connect()` commits: a connection that nothing closes is rolled back when it is collected."""
    head = HEAD + "import psycopg\n"
    after, found, _ = clients(view("conn = psycopg.connect('x')\nconn.execute('INSERT')\nreturn ''", head))
    assert "AsyncConnection" not in after
    assert ("C219", Verdict.LEAVE) in [item[:2] for item in found]
    after, _, _ = clients(view("conn = psycopg.connect('x')\nconn.execute('INSERT')\nconn.close()\nreturn ''", head))
    assert "conn = await psycopg.AsyncConnection.connect('x')\n    await conn.execute('INSERT')\n    await conn.close()" in after
    after, found, _ = clients(view("with psycopg.connect('x') as conn:\n    conn.autocommit = True\n    return ''", head))
    assert "AsyncConnection" not in after and "`.autocommit` is set on it" in found[0][2]


def test_other_awaits_in_a_block_that_is_entered_asynchronously():
    """`time.sleep` under an open transaction: awaited only because the connection is asynchronous as well."""
    head = HEAD + "import time\nimport psycopg\n"
    after, _, staged = clients(view("with psycopg.connect('x') as conn:\n    time.sleep(1)\n    conn.execute('A')\nreturn ''", head))
    assert "await asyncio.sleep(1)\n        await conn.execute('A')" in after
    assert not run_stage("clients", staged.project, CATALOGUE, Settings()).outcome.changes
    after, _, _ = clients(view("with psycopg.connect('x') as conn:\n    time.sleep(1)\n    conn.autocommit = True\nreturn ''", head))
    assert "time.sleep(1)" in after


# The project around it


def test_floor():
    text = view("with redis.Redis() as r:\n    return r.get('k')")
    for asked in ("redis==4.6.0", "redis~=4.1", "redis<5", "redis>=3,<5.0.1", "redis==5.0.0"):
        after, found, _ = clients(text, metadata={"requirements.txt": f"flask\n{asked}\n"})
        assert after == text and found[0][0] == "C216" and found[0][2].endswith("needs 5.0.1 or later"), asked
    for asked in ("redis", "redis>=4", "redis==5.0.1", "redis~=5.1", "redis>=3,<7"):
        assert "redis.asyncio" in clients(text, metadata={"requirements.txt": f"flask\n{asked}\n"})[0], asked


DOUBLES = [
    ("import fakeredis\n", "tests/test_app.py:1"),
    ("\nfrom unittest import mock\n\ndef test():\n    with mock.patch('redis.Redis'):\n        pass\n", "tests/test_app.py:5"),
    ("\n\ndef test(monkeypatch):\n    monkeypatch.setattr('app.redis', None)\n", "tests/test_app.py:4"),
]


@pytest.mark.parametrize(("test", "place"), DOUBLES)
def test_doubles(test, place):
    text = view("with redis.Redis() as r:\n    return r.get('k')")
    after, found, _ = clients(text, {"tests/test_app.py": test})
    assert after == text
    assert found[0][0] == "C217" and place in found[0][2]


def test_mongomock():
    text = view("with MongoClient() as m:\n    return str(m.a.b.find_one())")
    assert clients(text, {"tests/test_app.py": "import mongomock\n"})[1][0][0] == "C217"


def test_a_class_of_its_own():
    text = HEAD + "\n\nclass Own(redis.Redis):\n    pass\n" + view("r = Own()\nr.set('k', 1)\nreturn r.get('k')", "")
    after, found, _ = clients(text)
    assert after == text
    assert found[0][0] == "C214" and "derived from the client's" in found[0][2]


def test_handed_in_by_callers():
    text = HEAD + "store = redis.Redis()\n\n\ndef count(client):\n    return client.incr('n')\n" + view("return str(count(store))", "")
    after, found, _ = clients(text)
    assert after == text
    assert any(item[0] == "C214" and "handed in by the callers" in item[2] for item in found)


# Kept over requests


def test_kept_without_one_loop():
    text = view("return store.get('k')", HEAD + "store = redis.Redis()\n")
    after, found, _ = clients(text)
    assert after == text
    assert found == [
        ("C212", Verdict.LEAVE, "it is kept from one request to the next, and each async view has an event loop of its own (stage server gives one)")
    ]


KEPT = [
    ("return store.get('k')", "return await shared(make_store).get('k')"),
    ("return await asyncio.to_thread(store.set, 'k', 1, ex=2)", "return await shared(make_store).set('k', 1, ex=2)"),
    (
        "p = store.pipeline()\np.get('a')\nreturn await asyncio.to_thread(p.execute)",
        "p = shared(make_store).pipeline()\n    p.get('a')\n    return await p.execute()",
    ),
    ("return str(mongo.shop['users'].find_one())", "return str(await shared(make_mongo).shop['users'].find_one())"),
    (
        "users = mongo.shop.users\nreturn jsonify([d for d in users.find()])",
        "users = shared(make_mongo).shop.users\n    return jsonify([d async for d in users.find()])",
    ),
]


@pytest.mark.parametrize(("body", "wanted"), KEPT)
def test_kept_on_one_loop(body, wanted):
    head = "import asyncio\n" + HEAD + HOOKED
    after, found, staged = clients(view(body, head))
    assert wanted in after, found
    assert {item[0] for item in found} == {"C211"}
    if "make_store" in wanted:
        assert 'def make_store(url=os.environ["REDIS_URL"]):' in after
        assert "return redis.asyncio.from_url(url)" in after
    again = run_stage("clients", staged.project, CATALOGUE, Settings())
    assert not again.outcome.changes
    server = run_stage("server", staged.project, CATALOGUE, Settings())
    assert not [item for item in server.outcome.decisions if item.code in ("S401", "S402")]


def test_kept_and_not_swapped_blocks_the_loop():
    """Stage server still sees what was left."""
    text = view("return store['k'] + store.get('x')", HEAD + HOOKED)
    _, found, staged = clients(text)
    assert [item[0] for item in found] == ["C211", "C213"]
    text = view("return ''.join(store.scan_iter())", HEAD + HOOKED)
    after, found, staged = clients(text)
    assert after == text and found[0][0] == "C214"
    server = run_stage("server", staged.project, CATALOGUE, Settings())
    assert [item.code for item in server.outcome.decisions] == ["S402"]


CHANGING = [
    ("store = redis.Redis()\nstore = redis.Redis()", "", "C218", "bound in several places"),
    ("store = redis.Redis()\n\n\ndef reset():\n    global store\n    store = redis.Redis()", "", "C218", "bound in several places"),
    ("store = redis.Redis()\nstore.response_callbacks = {}", "", "C218", "sets store.response_callbacks"),
    ("store = redis.Redis()\nstore.set_response_callback('GET', str)", "", "C218", "calls store.set_response_callback()"),
    ("store = redis.Redis()\nstore.response_callbacks['GET'] = str", "", "C218", "reaches into store.response_callbacks"),
    ("store = redis.Redis()\nstore.connection_pool.connection_kwargs.update(db=1)", "", "C218", "reaches into store.connection_pool"),
    ("def setup(client):\n    client.set_response_callback('GET', str)\n\n\nstore = redis.Redis()\nsetup(store)", "", "C218", "hands it to setup()"),
    ("store = redis.Redis(host=find_host())", "", "C215", "its argument host calls find_host()"),
    ("if os.environ.get('X'):\n    store = redis.Redis()", "", "C218", "by a statement of its own at the top level"),
    ("store = redis.Redis()", "import app\n\n\ndef test():\n    app.store = None\n", "C218", "test_app.py:5 sets app.store anew"),
    ("store = redis.Redis()", "\n\ndef test(monkeypatch):\n    monkeypatch.setattr('app.store', 1)\n", "C218", "test_app.py:4 names store in a string"),
    ("store = redis.Redis(retry=1)", "", "C215", "its argument retry is not proved"),
    ("class Box:\n    store = redis.Redis()\n\n\nstore = Box.store", "", "", ""),
]


@pytest.mark.parametrize(("made", "test", "code", "reason"), CHANGING)
def test_kept_and_may_change(made, test, code, reason):
    head = HEAD + "from async_support import one_loop\n\none_loop(app)\n\n\ndef find_host():\n    return 'x'\n\n\n" + made + "\n"
    text = view("return store.get('k')", head)
    after, found, _ = clients(text, {"tests/test_app.py": test} if test else ())
    assert after == text
    if code:
        assert [item[0] for item in found] == [code] and reason in found[0][2], found
    else:
        assert {item[1] for item in found} == {Verdict.LEAVE}


def test_what_asks_the_server_does_not_change_a_kept_client():
    """Nor does a library that is handed the client, an alias, or a comparison."""
    made = "from flask_caching import Cache\nstore = redis.Redis()\nstore.ping()\ncache = Cache(app, config={'C': store})\nlimits = Cache(store)\nother = store is None"
    text, found, _ = clients(view("return store.get('k')", f"{HEAD}\nfrom async_support import one_loop\n\none_loop(app)\n{made}\n"))
    assert "await shared(make_store).get('k')" in text and [code for code, _, _ in found] == ["C211"]


def test_kept_and_closed():
    text = view("x = store.get('k')\nstore.close()\nreturn x", HEAD + HOOKED)
    after, found, _ = clients(text)
    assert "aclose" not in after
    assert ("C214", "it is closed here, and other requests go on using it") in [(item[0], item[2]) for item in found]


def test_kept_in_another_module():
    """The maker stands beside the client, and is imported from there."""
    head = (
        "from flask import Flask\nfrom async_support import one_loop\nfrom extensions import store\nimport extensions\n\napp = Flask(__name__)\none_loop(app)\n"
    )
    made = "from redis import Redis\n\nPORT = 6379\nstore = Redis(port=PORT)\nNAME = 'x'\n"
    after, found, staged = clients(view("extensions.store.incr('x')\nreturn store.get('k')", head), {"extensions.py": made})
    assert "await shared(extensions.make_store).incr('x')\n    return await shared(make_store).get('k')" in after, found
    assert "from extensions import make_store\n" in after or "from extensions import make_store, store" in after or "store, make_store" in after
    text = staged.project.python["extensions.py"].decode()
    assert "def make_store(port=PORT):" in text
    assert "return redis.asyncio.Redis(port=port)\n\n\nNAME = 'x'\n" in text


def test_stripe_has_second_names_on_one_loop():
    text = view("return stripe.Customer.create(email='a').id", HEAD + "import stripe\n")
    assert clients(text)[1][0][0] == "C212"
    hooked = view("return stripe.Customer.create(email='a').id", HEAD + "import stripe\n" + HOOKED)
    assert "(await stripe.Customer.create_async(email='a')).id" in clients(hooked)[0]
    watched = view("return stripe.Customer.create(email='a').id", HEAD + "import stripe\nimport sentry_sdk\n" + HOOKED)
    assert clients(watched)[1][0][0] == "C217"  # stripe sends with requests, and its asynchronous form with httpx
    custom = view("return stripe.Customer.create(email='a').id", HEAD + "import stripe\n\nstripe.default_http_client = None\n" + HOOKED)
    assert clients(custom)[1][0][0] == "C213"


def test_streams_of_openai():
    head = HEAD + "from openai import OpenAI\n"
    body = "with OpenAI() as c:\n    return jsonify([x for x in c.responses.create(input='x', stream={})])"
    assert "[x async for x in await c.responses.create(input='x', stream=True)]" in clients(view(body.format("True"), head))[0]
    for stream, reason in (("False", "`for` does not work on"), ("flag", "the kind of the result depends on stream")):
        after, found, _ = clients(view(body.format(stream), head))
        if stream == "False":
            assert "await c.responses.create" in after
        else:
            assert reason in found[0][2]


# Users' own data

OWN = """
[library]
id = "postbox"
modules = ["postbox"]

[async]
floor = "2.0"
loop = "per-loop"

[[type]]
names = ["postbox.Client"]
made_by = ["postbox.connect"]
blocks = ["fetch", "letters"]

[[call]]
names = ["postbox.connect"]
target = "postbox.aio.connect"
module = "postbox.aio"
arguments = ["host"]
awaited = true

[[swap]]
type = "postbox.Client"
target = "postbox.aio.Client"
module = "postbox.aio"
methods = ["fetch"]
iterators = ["letters"]
rename = { fetch = "afetch" }
closes = ["quit"]
context = ""

[swap.refused]
peek = "it reads another's letters"
"""


def test_own_data():
    own = CATALOGUE.merge(parse_library(OWN, "own.toml"))
    body = "c = postbox.connect(host='x')\nfor letter in c.letters():\n    print(letter)\nx = c.fetch(1)\n"
    after, found, _ = clients(view(body + "return x", HEAD + "import postbox\n"), catalogue=own)
    assert found[0][0] == "C219"
    own = CATALOGUE.merge(parse_library(OWN.replace('methods = ["fetch"]', 'methods = ["fetch", "quit"]'), "own.toml"))
    after, found, _ = clients(view(body + "c.quit()\nreturn x", HEAD + "import postbox\n"), catalogue=own)
    assert "c = await postbox.aio.connect(host='x')\n    async for letter in c.letters():" in after, found
    assert "x = await c.afetch(1)\n    await c.quit()" in after


# As the command does it


def test_installed_command(tmp_path):
    """A hooked app that an earlier run moved to threads: one more run of the stage, and nothing is left to do."""
    (tmp_path / "app.py").write_text("import asyncio\n" + view("return str(await asyncio.to_thread(store.incr, 'n'))", HEAD + HOOKED))
    (tmp_path / "async_support.py").write_text(source())
    (tmp_path / "requirements.txt").write_text("flask[async]\nredis>=5.0.1\npymongo\n")
    for stage in ("clients", "server"):
        done = subprocess.run([sys.executable, "-m", "flask_to_async", "migrate", str(tmp_path), "--stage", stage, "--write"], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
    assert "await shared(make_store).incr('n')" in (tmp_path / "app.py").read_text()
    check = subprocess.run([sys.executable, "-m", "flask_to_async", "migrate", str(tmp_path), "--check"], capture_output=True, text=True)
    assert check.returncode == 0
