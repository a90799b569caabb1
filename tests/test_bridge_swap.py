"""Which calls go over the requests bridge, in which form, and which are left alone."""

import pytest
from small_cases import run_all

from codemods.catalogue_files import load_catalogue
from transforms.bridge.source import source
from transforms.model import Project, Settings, Verdict
from transforms.stages import run_stage

SETTINGS = Settings(http="bridge")
HEAD = "import requests\nfrom flask import Flask\n{more}\nERRORS = requests.RequestException\napp = Flask(__name__)\n\n\n@app.get('/')\ndef view():\n"


def migrated(body, more="", **files):
    """The app after all stages, with what was decided about clients."""
    app = HEAD.format(more=more) + "".join(f"    {line}\n" for line in body.splitlines())
    python = {"app.py": app.encode(), **{f"{name}.py": text.encode() for name, text in files.items() if name != "metadata"}}
    project = Project(python, frozenset(python), files.get("metadata", {}))
    after, decisions = run_all(project, SETTINGS)
    return after, {(item.code, item.verdict, item.reason) for item in decisions if item.code in ("C206", "C207", "C208")}


@pytest.mark.parametrize(
    ("call", "becomes"),
    [
        ("requests.get('http://x', timeout=5)", "await async_requests.get('http://x', timeout=5)"),
        ("requests.request(*args, **options)", "await async_requests.request(*args, **options)"),
        ("requests.put(url, data=open(name))", "await async_requests.put(url, data=open(name))"),
        ("requests.api.post(url)", "await async_requests.call(requests.api.post, url)"),
        ("requests.Session().get(url)", "await async_requests.call(requests.Session().get, url)"),
        ("requests.get(url, stream=False).text", "(await async_requests.get(url, stream=False)).text"),
        ("[requests.head(item).ok for item in urls]", "[(await async_requests.head(item)).ok for item in urls]"),
    ],
)
def test_forms(call, becomes):
    after, decisions = migrated(f"return str({call})", more="from settings import args, options, url, urls, name")
    assert f"return str({becomes})" in after.python["app.py"].decode().replace('"', "'")
    assert {code for code, _, _ in decisions} == {"C206"}
    assert after.python["async_requests.py"].decode() == source()


@pytest.mark.parametrize(
    "before",
    [
        "requests.get('http://x', stream=True)",
        "requests.get('http://x', stream=flag)",
        "requests.Session().send(prepared)",
        "OAuth2Session('id').get('http://x')",
        "(lambda: requests.get('http://x'))()",
        "f\"{requests.get('http://x').text}\"",
        "list(requests.get(item) for item in urls)",
    ],
)
def test_left(before):
    more = "from requests_oauthlib import OAuth2Session\nfrom settings import flag, prepared, urls"
    after, decisions = migrated(f"{before}\nreturn 'x'", more=more)
    assert "async_requests.py" not in after.python and b"async_requests" not in after.python["app.py"]
    assert {verdict for _, verdict, _ in decisions} <= {Verdict.LEAVE}


@pytest.mark.parametrize(
    ("test", "form"),
    [
        ("from unittest.mock import patch\n\n\n@patch('requests.get')\ndef test(mock): ...\n", "async_requests.get('http://x')"),
        ("from unittest.mock import patch\n\n\n@patch('app.requests.get')\ndef test(mock): ...\n", "async_requests.get('http://x')"),
        ("import responses\n\n\n@responses.activate\ndef test(): ...\n", "async_requests.get('http://x')"),
        ("def test(requests_mock): ...\n", "async_requests.get('http://x')"),
        ("import httpretty\nimport vcr\n", "async_requests.get('http://x')"),
        (
            "from unittest.mock import patch\n\n\n@patch('urllib3.connectionpool.HTTPConnectionPool.urlopen')\ndef test(mock): ...\n",
            "async_requests.get('http://x')",
        ),
        ("from unittest.mock import patch\n\n\n@patch('app.requests')\ndef test(mock): ...\n", "async_requests.call(requests.get, 'http://x')"),
        ("import app\n\n\ndef test(monkeypatch):\n    monkeypatch.setattr(app, 'requests', None)\n", "async_requests.call(requests.get, 'http://x')"),
        ("import app\n\napp.requests = None\n", "async_requests.call(requests.get, 'http://x')"),
    ],
)
def test_mocked_and_still_bridged(test, form):
    after, decisions = migrated("return requests.get('http://x').text", test_app=test)
    assert form in after.python["app.py"].decode().replace('"', "'")
    assert {code for code, _, _ in decisions} == {"C206"}


@pytest.mark.parametrize(
    ("test", "reason"),
    [
        ("import mocket\n", "the tests use mocket (test_app.py:1)"),
        ("import pook\n", "the tests use pook (test_app.py:1)"),
        ("from aioresponses import aioresponses\n", "the tests use aioresponses (test_app.py:1)"),
        (
            "from unittest.mock import patch\n\npatch('urllib3.poolmanager.PoolManager.urlopen')\n",
            "name 'urllib3.poolmanager.PoolManager.urlopen' (test_app.py:3)",
        ),
        ("import sys\n\nsys.modules['requests'] = None\n", "put something in the place of the whole library (test_app.py:3)"),
    ],
)
def test_mocked_and_left(test, reason):
    after, decisions = migrated("return requests.get('http://x').text", test_app=test)
    assert "async_requests.py" not in after.python
    [(code, verdict, said)] = decisions
    assert (code, verdict) == ("C207", Verdict.LEAVE) and reason in said


@pytest.mark.parametrize(
    ("more", "files", "reason"),
    [
        ("async_requests = 1", {}, "the name async_requests means something else here"),
        ("from other import async_requests", {}, "the name async_requests means something else here"),
        ("", {"async_requests": "def get(): ...\n"}, "async_requests.py exists already and holds something else"),
        ("", {"metadata": {"requirements.txt": "flask\naiohttp==3.9.5\n"}}, "requirements.txt asks for an aiohttp below 3.12"),
        ("", {"metadata": {"requirements.txt": "flask\naiohttp<3.12\n"}}, "requirements.txt asks for an aiohttp below 3.12"),
    ],
)
def test_no_place(more, files, reason):
    after, decisions = migrated("return requests.get('http://x').text", more=more, **files)
    assert "await async_requests" not in after.python["app.py"].decode()
    [(code, verdict, said)] = decisions
    assert (code, verdict) == ("C208", Verdict.LEAVE) and reason in said


def test_what_its_owner_changed_in_the_module_stays():
    own = source() + "\n\ndef mine():\n    return requests.get('http://x')\n"
    after, decisions = migrated("return requests.get('http://x').text", async_requests=own)
    assert after.python["async_requests.py"].decode() == own
    assert {code for code, _, _ in decisions} == {"C206"} and b"await async_requests.get" in after.python["app.py"]


def test_one_more_call_in_a_file_that_has_the_module():
    after, _ = migrated("try:\n    return requests.get('http://x').text\nexcept requests.Timeout:\n    return 'late'")
    more = after.python["app.py"] + b"\n\n@app.post('/')\nasync def again():\n    return requests.post('http://x').text\n"
    project = after.replace_python({**after.python, "app.py": more})
    outcome = run_stage("clients", project, load_catalogue(), SETTINGS).outcome
    assert [change.path for change in outcome.changes] == ["app.py"]
    assert outcome.changes[0].after.count(b"import async_requests") == 1 and b"await async_requests.post" in outcome.changes[0].after


def test_the_import_stays_in_use():
    """`patch("app.requests.get")` in a test that is not seen needs the name."""
    files = {
        "app.py": b"import requests\nfrom flask import Flask\n\napp = Flask(__name__)\n\n\n@app.get('/')\ndef view():\n    return requests.get('http://x').text\n"
    }
    after, _ = run_all(Project(files, frozenset(files)), SETTINGS)
    assert b"import requests\n" in after.python["app.py"] and b"(await async_requests.call(requests.get, 'http://x')).text" in after.python["app.py"]


def test_a_package_that_imports_relatively():
    files = {"shop/__init__.py": b"from flask import Flask\nfrom . import deep\napp = Flask(__name__)\n", "shop/deep/__init__.py": b"", "shop/deep/views.py": (
        b"import requests\nfrom .. import app\n\n\n@app.get('/')\ndef view():\n    return requests.get('http://x').text\n"
    )}  # fmt: skip
    after, _ = run_all(Project(files, frozenset(files)), SETTINGS)
    assert b"from .. import app, async_requests" in after.python["shop/deep/views.py"]
    assert "shop/async_requests.py" in after.python


def test_another_setting_leaves_the_bridge_out():
    files = {"app.py": (HEAD.format(more="") + "    return requests.put('http://x').text\n").encode()}
    after, _ = run_all(Project(files, frozenset(files)), Settings())
    assert b"async_requests" not in after.python["app.py"]


LATE = """import sqlite3
import time

import requests
from flask import Flask, g

app = Flask(__name__)


def log(text):
    g.db.execute("insert into log values (?)", (text,))
    sqlite3.connect("log.db").execute("select 1")
    requests.get("http://audit")


@app.get("/")
def view():
    try:
        text = requests.get("http://x", timeout=5).text
    except requests.RequestException:
        text = ""
    log(text)
    time.sleep(1)
    return text
"""


def late(text, settings=SETTINGS):
    """An app whose view becomes async only in the stage executor, after all stages: its code, and the codes of its decisions."""
    after, decisions = run_all(Project({"app.py": text.encode()}, frozenset({"app.py"}), {}), settings)
    again, more = run_all(after, settings)
    assert again.python == after.python and not any(item.verdict is Verdict.CHANGE for item in more)
    return after.python, {(item.code, item.subject, item.group) for item in decisions if item.verdict is Verdict.CHANGE}


def test_a_handler_that_becomes_async_in_the_stage_executor():
    """Its own call is carried; the helper that is tied to the request's thread stays whole."""
    python, changes = late(LATE)
    assert b'text = (await async_requests.get("http://x", timeout=5)).text' in python["app.py"]
    assert b"await sync_to_async(log)(text)" in python["app.py"] and b'    requests.get("http://audit")' in python["app.py"]
    assert b"await asyncio.to_thread(time.sleep, 1)" in python["app.py"] and python["async_requests.py"].decode() == source()
    group = "executor:app.py:view"
    assert changes == {("R100", "", group), ("C206", "requests.get", group), ("E300", "time.sleep", group), ("E302", "log", group)}


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        (LATE, Settings()),
        (LATE.replace("timeout=5)", "timeout=5)  # async: leave[C206]"), SETTINGS),
        (LATE.replace("timeout=5", "stream=flag"), SETTINGS),
        (LATE.replace("def view():\n", "def view():\n    async_requests = 1\n"), SETTINGS),
    ],
)
def test_a_late_handler_without_the_bridge(text, settings):
    python, changes = late(text, settings)
    assert "async_requests.py" not in python and "C206" not in {code for code, _, _ in changes}


def test_a_late_call_inside_database_work_moves_along():
    """The whole expression would run on the request's thread, where nothing can be awaited: requests itself asks there."""
    text = (
        "import requests\nfrom flask import Flask\nfrom flask_sqlalchemy import SQLAlchemy\n\napp = Flask(__name__)\ndb = SQLAlchemy(app)\n\n\n"
        "class User(db.Model):\n    id = db.Column(db.Integer, primary_key=True)\n\n\n"
        '@app.get("/")\ndef view():\n    found = requests.get("http://x").text\n'
        '    return User.query.filter_by(id=requests.get("http://y").text).first().id + found\n'
    )
    python, _ = late(text, Settings(http="bridge", orm="executor"))
    moved = python["app.py"].decode()
    assert "await async_requests" in moved.partition("found = ")[2].partition("\n")[0]
    assert 'sync_to_async(lambda: User.query.filter_by(id=requests.get("http://y").text).first())()' in moved
