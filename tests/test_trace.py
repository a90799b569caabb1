"""Trace: what blocks an event loop while a command runs, seen from inside the target's interpreter, and what becomes of it."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest
from test_cli import ROOT, contents
from test_cli import run as command

from codemods.catalogue_files import load_catalogue
from codemods.seen import TraceFileError, read_seen
from codemods.trace.events import gather
from transforms.index import build_index
from transforms.model import Project, Seen, Settings, Verdict
from transforms.runtime import traced
from transforms.stages import run_stage

APP = """
import asyncio
import select
import selectors
import socket
import sqlite3
import time

from flask import Flask, current_app

from parts import TABLE

app = Flask(__name__)


def helper():
    time.sleep(0.001)


@app.route('/helper')
async def uses_helper():
    await asyncio.sleep(0)
    helper()
    return 'x'


@app.route('/table')
async def uses_table():
    await asyncio.sleep(0)
    TABLE['x'].pause()
    return 'x'


@app.route('/sockets')
async def uses_sockets():
    await asyncio.sleep(0)
    one, two = socket.socketpair()
    one.sendall(b'x')
    two.recv(1)
    sqlite3.connect(':memory:').execute('select 1')
    with open(__file__) as file:
        file.read()
    two.setblocking(False)
    select.select([two], [], [], 0.001)
    with selectors.DefaultSelector() as chooser:
        chooser.register(two, selectors.EVENT_READ)
        chooser.select(0.001)
        chooser.select(0)
    one.close(), two.close()
    return 'x'


@app.route('/slow')
async def computes():
    await asyncio.sleep(0)
    until = time.perf_counter() + 0.15
    while time.perf_counter() < until:
        pass
    return 'x'


async def lost():
    return 1


@app.route('/lost')
async def loses():
    await asyncio.sleep(0)
    lost()
    return 'x'


@app.route('/context')
async def leaves_the_context():
    import contextvars

    await asyncio.sleep(0)
    return contextvars.Context().run(lambda: current_app.name)


@app.route('/moved')
async def moves():
    await asyncio.to_thread(time.sleep, 0.001)
    return 'x'


@app.route('/synchronous')
def synchronous():
    time.sleep(0.001)
    return 'x'


@app.route('/never')
def never():
    return 'x'
"""
PARTS = "import functools\nimport time\nimport types\n\n\ndef build():\n    return {'x': types.SimpleNamespace(pause=functools.partial(time.sleep, 0.001))}\n\n\nTABLE = build()\n"
HIDDEN = """
import time

from flask import Flask, render_template

import own

app = Flask(__name__)


@app.route('/read')
async def reads():
    from_ = own.MADE['slow']
    return str(from_.size)


@app.route('/held')
async def holds():
    from_ = own.MADE['slow']
    with from_:
        return 'x'


@app.route('/page')
async def renders():
    return render_template('page.html', thing=own.MADE['slow'].ask)


@app.route('/plain')
async def renders_plain():
    return render_template('plain.html')
"""
OWN = """
import time


class Slow:
    @property
    def size(self):
        return self.ask()

    def ask(self):
        time.sleep(0.001)

    def __enter__(self):
        self.ask()

    def __exit__(self, *error):
        pass


MADE = {'slow': Slow()}
"""
DRIVE = "import logging, sys\nlogging.disable()  # the error that one view raises\nfrom app import app\nclient = app.test_client()\nfor path in sys.argv[1:]:\n    for _ in range(2):\n        client.get(path)\n"
PATHS = ["/helper", "/table", "/sockets", "/slow", "/lost", "/context", "/moved", "/synchronous"]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("traced") / "site"
    folder.mkdir()
    for name, text in {"requirements.txt": "flask>=3\n", "app.py": APP, "parts.py": PARTS, "drive.py": DRIVE}.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="module")
def traced_run(project):
    result = command("trace", project, "--save", project.parent / "seen.json", "--", sys.executable, "drive.py", *PATHS, cwd=project, code=0)
    result.seen = json.loads((project.parent / "seen.json").read_text())["seen"]
    return result


def line_of(text):
    return APP.split(text)[0].count("\n") + 1


SEEN = {
    "a helper's call, with the way to it": ("helper [time.sleep]: 2 times", f"called from app.py:{line_of('    helper()') } uses_helper"),
    "a verdict": ("would change C200",),
    "sockets": ("uses_sockets [socket.socket.recv]", "uses_sockets [socket.socket.sendall]"),
    "sqlite3": ("uses_sockets [sqlite3.Connection.execute]", "uses_sockets [sqlite3.connect]"),
    "waiting for sockets": ("uses_sockets [select.select]", "uses_sockets [selectors.select]: 2 times"),
    "files": ("uses_sockets [builtins.open]",),
    "what no name gives away": ("stalls of 50 ms", "computes ["),
    "coroutines": (f"never awaited  app.py:{line_of('    lost()')} loses: coroutine lost",),
    "contexts": ("context error  app.py", "Working outside of application context"),
    "what did not run": ("1 of 9: never (app.py",),
    "free handlers": ("9 handlers, 7 of them async",),
}


@pytest.mark.parametrize("what", SEEN)
def test_is_seen(traced_run, what):
    assert all(words in traced_run.out for words in SEEN[what]), traced_run.out


def test_what_does_not_block_a_loop_is_not_reported(traced_run):
    blocked = [line for line in traced_run.out.splitlines() if line.startswith("blocked")]
    assert not any(f" {name} " in line for line in blocked for name in ("synchronous", "moves", "loses", "computes", "never"))


def test_a_call_that_static_analysis_cannot_type_gets_a_decision(project, traced_run):
    assert [(row["function"], row["call"], row["blocks"]) for row in traced_run.seen if row["function"] == "uses_table"] == [
        ("uses_table", "TABLE['x'].pause", "time.sleep")
    ]
    assert "uses_table" not in command("migrate", project, code=0).out
    out = command("migrate", project, "--trace", project.parent / "seen.json", code=0).out
    assert "+    await asyncio.to_thread(TABLE['x'].pause)" in out
    command("audit", project, "--trace", project.parent / "seen.json", code=0)


def test_the_project_is_not_touched(project):
    before = contents(project)
    command("trace", project, "--", sys.executable, "-B", "drive.py", "/moved", cwd=project, code=0)
    assert contents(project) == before


def test_what_counts_as_a_stall_is_for_the_user_to_say(project, traced_run):
    assert "stalls of 50 ms and more" in traced_run.out
    patient = command("trace", project, "--stall", "60", "--", sys.executable, "drive.py", "/slow", cwd=project, code=0)
    assert "stalls of" not in patient.out


def test_the_command_sees_its_own_world(project, tmp_path):
    """Its output, its exit status, its own sitecustomize, and warnings at their own lines."""
    (tmp_path / "sitecustomize.py").write_text("print('the user''s own sitecustomize')\n")
    out = command("trace", project, "--", sys.executable, "drive.py", "/lost", cwd=project, env={"PYTHONPATH": str(tmp_path)}, code=0)
    assert "users own sitecustomize" in out.out
    assert f"app.py:{line_of('    lost()')}: RuntimeWarning: coroutine 'lost' was never awaited" in out.err
    failed = command("trace", project, "--", sys.executable, "-c", "import app, sys; sys.exit(3)", cwd=project, code=0)
    assert "exit status 3" in failed.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["no-such-program"], "cannot be run"),
        ([sys.executable, "-I", "-c", "pass"], "nothing was seen"),
        ([sys.executable, "-c", "pass"], "nothing was seen"),
    ],
)
def test_a_command_that_shows_nothing(project, arguments, words):
    assert words in command("trace", project, "--", *arguments, cwd=project, code=2).err


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"format": "flask-to-async trace", "version": 9, "seen": []}', '{"format": "flask-to-async trace", "version": 1, "seen": [1]}']
)
def test_a_file_that_is_no_trace(project, tmp_path, text):
    (tmp_path / "seen.json").write_text(text)
    with pytest.raises(TraceFileError):
        read_seen([tmp_path / "seen.json"])
    assert "Traceback" not in command("audit", project, "--trace", tmp_path / "seen.json", code=2).err


def test_totals_of_a_process_count_once():
    row = {
        "event": "trace",
        "kind": "blocked",
        "call": "a",
        "via": "v",
        "process": 1,
        "count": 1,
        "total": 1.0,
        "longest": 1.0,
        "chain": [["p.py", 1, "f"]],
        "text": "",
    }
    rows = [row, row | {"count": 5, "total": 7.0, "longest": 3.0}, row | {"process": 2}, row | {"call": "b"}]
    (event,) = gather(rows)
    assert (event.calls, event.total, event.longest) == (("a", "b"), 9.0, 3.0)


def test_every_place_that_was_seen_gets_a_decision(tmp_path):
    """A property, a `with`, a template: no call that static analysis knows to block is written there."""
    site, seen = tmp_path / "site", tmp_path / "seen.json"
    (site / "templates").mkdir(parents=True)
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/own.py").write_text(OWN)
    files = {"requirements.txt": "flask>=3\n", "app.py": HIDDEN, "drive.py": DRIVE, "templates/page.html": "{{ thing() }}", "templates/plain.html": "plain"}
    for name, text in files.items():
        (site / name).write_text(text)
    arguments = ["--save", seen, "--", sys.executable, "drive.py", "/read", "/held", "/page", "/plain"]
    out = command("trace", site, *arguments, cwd=site, env={"PYTHONPATH": str(tmp_path / "lib")}, code=0).out
    rows = out.splitlines()
    said = {line.split()[2]: rows[number + 1] for number, line in enumerate(rows) if line.startswith("blocked")}
    assert set(said) == {"reads", "holds", "renders", "renders_plain"}
    assert "refused E304" in said["reads"] and "own.Slow.size" in said["reads"]
    assert "refused V401" in said["holds"] and "refused E304" in said["renders"] and "left E303" in said["renders_plain"]
    found = json.loads(command("migrate", site, "--trace", seen, "--format", "json", code=0).out)
    codes = {(row["symbol"], row["code"], row["line"]) for stage in found["stages"] for row in stage["decisions"] if row["code"] in ("E303", "E304", "V401")}
    places = {
        ("reads", "E304", "from_.size"),
        ("holds", "V401", "with from_:"),
        ("renders", "E304", "'page.html'"),
        ("renders_plain", "E303", "'plain.html'"),
    }
    assert codes == {(symbol, code, HIDDEN.split(text)[0].count("\n") + 1) for symbol, code, text in places}
    assert "V401" not in command("migrate", site, code=0).out


@pytest.mark.skipif(not hasattr(os, "killpg") or not shutil.which("gunicorn", path=Path(sys.executable).parent), reason="gunicorn is not installed")
def test_a_server_that_is_ended_with_control_c(project, tmp_path):
    """Requests are made from outside meanwhile; the terminal sends the signal to everybody, and the report comes all the same."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serve = [str(Path(sys.executable).with_name("gunicorn")), "-k", "gthread", "--threads", "2", "-w", "2", "-b", f"127.0.0.1:{port}", "app:app"]
    words = [sys.executable, str(ROOT / "flask_to_async.py"), "trace", str(project), "--save", str(tmp_path / "seen.json"), "--", *serve]
    child = subprocess.Popen(words, cwd=project, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert all(_get(f"http://127.0.0.1:{port}{path}") == "x" for path in ["/helper", "/table", "/moved", "/helper"])
    finally:
        os.killpg(child.pid, signal.SIGINT)
        out, err = child.communicate(timeout=60)
    assert child.returncode == 0 and "Traceback" not in err.partition("[INFO]")[0], err
    assert "helper [time.sleep]" in out and "6 of 9: " in out and (tmp_path / "seen.json").exists()


def _get(url):
    for _ in range(300):
        with contextlib.suppress(OSError):
            return urllib.request.urlopen(url, timeout=30).read().decode()
        time.sleep(0.1)
    return "no answer"


# The facts, purely

VIEW = "from flask import Flask\n\nfrom somewhere import thing\n\napp = Flask(__name__)\n\n\n@app.route('/')\nasync def index():\n    return thing.get('x')\n"


def decisions(*seen):
    project = Project({"app.py": VIEW.encode()}, frozenset({"app.py"}), seen=frozenset(seen))
    staged = run_stage("executor", project, load_catalogue(), Settings())
    return staged, [(item.code, item.verdict) for item in staged.outcome.decisions]


def test_a_type_that_the_catalogue_knows_is_moved():
    staged, found = decisions(Seen("app.py", "index", "thing.get", "requests.sessions.Session.get", "socket.socket.recv"))
    assert found == [("E300", Verdict.CHANGE)] and b"to_thread(thing.get, 'x')" in staged.project.python["app.py"]
    assert staged.project.seen, "the next stage knows it too"


def test_a_type_that_it_does_not_know_is_refused():
    assert decisions(Seen("app.py", "index", "thing.get", "own.Client.get", "socket.socket.recv"))[1] == [("E304", Verdict.REFUSE)]


def test_two_things_in_one_call_are_refused():
    one = Seen("app.py", "index", "thing.get", "requests.sessions.Session.get", "socket.socket.recv")
    assert decisions(one, replace(one, name="own.Client.get"))[1] == [("E304", Verdict.REFUSE)]
    assert "own.Client.get, requests" in traced([one, replace(one, name="own.Client.get")], load_catalogue()).reason


@pytest.mark.parametrize(
    "other",
    [
        Seen("app.py", "other", "thing.get", "requests.get", ""),
        Seen("b.py", "index", "thing.get", "requests.get", ""),
        Seen("app.py", "index", "thing.post", "requests.get", ""),
    ],
)
def test_another_place_is_left_alone(other):
    staged, found = decisions(other)
    assert found == [] and staged.project.python["app.py"] == VIEW.encode()


def test_an_index_with_other_facts_is_another_index():
    from transforms.index import ParseCache

    project = Project({"app.py": VIEW.encode()}, frozenset({"app.py"}))
    cache, catalogue = ParseCache(), load_catalogue()
    one = build_index(project, catalogue, cache)
    assert build_index(replace(project, seen=frozenset({Seen("app.py", "index", "thing.get", "x.y", "")})), catalogue, cache) is not one


def test_the_code_inside_runs_on_old_interpreters():
    """What runs in the target's Python may use no syntax newer than 3.8, and is silent where nobody asked for it."""
    import ast

    from codemods.verify.run import INSIDE

    for path in INSIDE.glob("*.py"):
        ast.parse(path.read_text(), feature_version=(3, 8))
    assert subprocess.run([sys.executable, "-S", "-c", "import sitecustomize"], env={"PYTHONPATH": str(INSIDE)}, capture_output=True).returncode == 0


def test_a_method_that_a_library_calls_back_gets_a_decision():
    """`form.validate()` calls `validate_name` of the project: seen in it, the call there is named, also where it could move by itself."""
    text = VIEW.replace("return thing.get('x')", "return thing.validate(Form())") + "\n\nclass Form:\n    def validate_name(self):\n        requests.get('x')\n"
    seen = Seen("app.py", "Form.validate_name", "requests.get", "requests.get", "socket.socket.recv")
    for known, codes in ((frozenset(), []), (frozenset({seen}), [("Form.validate_name", "E307")])):
        project = Project({"app.py": f"import requests\n{text}".encode()}, frozenset({"app.py"}), seen=known)
        found = run_stage("executor", project, load_catalogue(), Settings()).outcome.decisions
        assert [(item.symbol, item.code) for item in found] == codes
