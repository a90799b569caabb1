"""Helpers that an earlier stage moved to a thread: on one loop they come back when their clients can be awaited, and else stay."""

import pytest

from codemods.catalogue_files import load_catalogue
from transforms.host.source import source
from transforms.model import Project, Settings, Verdict
from transforms.stages import run_stage

CATALOGUE = load_catalogue()
APP = """
import asyncio
import threading

import redis
import requests
from flask import Flask

from async_support import one_loop

app = Flask(__name__)
one_loop(app)
STORE = redis.Redis.from_url("redis://db")
SESSION = requests.Session()


def noted(number):
    return STORE.get(f"note:{number}") or ""


@app.get("/<int:number>")
async def view(number):
    return await asyncio.to_thread(noted, number)
"""


def clients(text, settings=None, tests=""):
    """The app after stage clients, and its decisions."""
    files = {"app.py": text.encode(), "async_support.py": source().encode(), **({"tests/test_app.py": tests.encode()} if tests else {})}
    staged = run_stage("clients", Project(files, frozenset(files), {}), CATALOGUE, settings or Settings())
    return staged.project.python["app.py"].decode(), staged.outcome.decisions


def test_it_comes_back():
    after, decisions = clients(APP)
    assert "async def noted(number):\n    return await shared(make_store).get(" in after
    assert "    return await noted(number)\n" in after and "to_thread" not in after and "import asyncio\nimport threading" not in after
    changed = {item.symbol: item.group for item in decisions if item.verdict is Verdict.CHANGE}
    assert set(changed) == {"noted", "view"} and len(set(changed.values())) == 1
    again, rest = clients(after)
    assert again == after and not any(item.verdict is Verdict.CHANGE for item in rest)


def test_over_the_bridge():
    text = APP.replace('return STORE.get(f"note:{number}") or ""', 'return SESSION.get(f"http://notes/{number}").text')
    after, _ = clients(text, Settings(http="bridge"))
    assert "await async_requests.call(SESSION.get, " in after and "return await noted(number)" in after


def test_several_calls_of_it():
    """Both views change in one group, with the helper."""
    more = (
        '\n\n@app.get("/all")\nasync def both():\n    first = await asyncio.to_thread(noted, 1)\n    return first + await asyncio.to_thread(noted, number=2)\n'
    )
    after, _ = clients(APP + more)
    assert "first = await noted(1)" in after and "return first + await noted(number=2)" in after


def test_several_at_once():
    after, _ = clients(APP.replace("await asyncio.to_thread(noted, number)", "await asyncio.gather(asyncio.to_thread(noted, 1), asyncio.to_thread(noted, 2))"))
    assert "return await asyncio.gather(noted(1), noted(2))" in after


LEFT = {
    "no one loop": (APP.replace("one_loop(app)\n", "pass\n"), ""),
    "it opens a file too": (APP.replace("    return STORE", '    open("log").read()\n    return STORE'), ""),
    "it calls something unknown": (APP.replace("    return STORE", "    number.wait()\n    return STORE"), ""),
    "a helper of its own reads a file": (
        APP.replace("def noted", 'def log():\n    return open("log").read()\n\n\ndef noted').replace("    return STORE", "    log()\n    return STORE"),
        "",
    ),
    "a thread runs it": (APP + "\n\nthreading.Thread(target=noted, args=(1,)).start()\n", "C203"),
    "a plain view calls it": (APP + '\n\n@app.get("/plain")\ndef plain():\n    yield noted(1)\n', "C203"),
    "it is not awaited at once": (
        APP.replace("return await asyncio.to_thread(noted, number)", "work = asyncio.to_thread(noted, number)\n    return await work"),
        "",
    ),
    "run_in_executor": (APP.replace("asyncio.to_thread(noted, number)", "asyncio.get_running_loop().run_in_executor(None, noted, number)"), ""),
    "it is a generator": (APP.replace("    return STORE.get(", "    yield STORE.get("), ""),
    "the client may change": (APP + "\n\ndef reset():\n    global STORE\n    STORE = redis.Redis()\n", ""),
}


@pytest.mark.parametrize("name", LEFT)
def test_it_stays(name):
    text, code = LEFT[name]
    after, decisions = clients(text)
    assert after == text
    assert not code or code in {item.code for item in decisions if item.symbol == "noted"}


def test_tests_that_replace_the_client_keep_it():
    assert clients(APP, tests="import fakeredis\n\ndef test_one():\n    fakeredis.FakeRedis()\n")[0] == APP


def test_a_user_who_wants_it_left():
    text = APP.replace("asyncio.to_thread(noted, number)", "asyncio.to_thread(noted, number)  # async: leave[C201] the pool limits it")
    assert clients(text)[0] == text
