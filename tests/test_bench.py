"""`bench`, end to end: real servers of a small application, loaded by wrk; and what it says when it cannot measure."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

import pytest

pytest.importorskip("psutil")
needs_wrk = pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk makes the load and is not installed (apt install wrk)")
TOOL = [sys.executable, "-m", "flask_to_async", "bench"]
QUICK = ["--connections", "4", "--duration", "1", "--rounds", "1"]
APP = """
import os, time
import urllib.request
from flask import Flask

app = Flask(__name__)


@app.get("/")
def index():
    time.sleep(0.001)
    return "here"


@app.get("/far")
def far():
    with urllib.request.urlopen(os.environ["FAR_URL"] + "/x") as answer:
        return answer.read().decode()


@app.get("/broken")
def broken():
    time.sleep(0.001)
    raise ValueError("this view is broken")
"""


@pytest.fixture
def app(tmp_path):
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "requirements.txt").write_text("flask\n")
    (folder / "app.py").write_text(APP)
    return folder


def environment(folder):
    scratch = folder.parent / "tmp"
    scratch.mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return {**kept, "TMPDIR": str(scratch), "PYTHONDONTWRITEBYTECODE": "1"}


def bench(folder, *options):
    return subprocess.run([*TOOL, str(folder), *options], capture_output=True, text=True, timeout=300, env=environment(folder), cwd=folder.parent)


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def serving(folder):
    """Processes that run in a copy that this test's bench made."""
    import psutil

    mark = str(folder.parent / "tmp")
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.cwd().startswith(mark) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()))
    return found


@needs_wrk
def test_before_and_after_side_by_side(app):
    original = contents(app)
    picture = app.parent / "picture.svg"
    done = bench(
        app, "--route", "/", "--route", "/far", "--upstream", "20", "--upstream-env", "FAR_URL", *QUICK, "--format", "json", "--plot", str(picture), "--lag"
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [(cell["server"], cell["route"]) for cell in found["results"]] == [("before", "/"), ("after", "/"), ("before", "/far"), ("after", "/far")]
    for cell in found["results"]:
        assert cell["errors"] == {} and cell["requests"] > 0
        assert min(cell[name]["median"] for name in ("rate", "p50", "p95", "p99", "cpu", "memory", "threads")) > 0
    assert found["notes"] == ["after: all async views run on one event loop per process"]
    after = [cell for cell in found["results"] if cell["server"] == "after"]
    assert all(cell["lag"]["looks"] > 10 and cell["lag"]["max"] >= cell["lag"]["p99"] for cell in after)
    assert contents(app) == original
    texts = {item.text for item in ElementTree.parse(picture).iter("{http://www.w3.org/2000/svg}text")}
    assert {"before", "after", "/far", "requests a second (more is better)"} <= texts
    assert serving(app) == [] and list((app.parent / "tmp").iterdir()) == []


@needs_wrk
def test_an_asgi_host_has_asynchronous_workers(app):
    done = bench(app, "--route", "/", "--host", "asgi", *QUICK, "--format", "json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [item["command"].partition("-k ")[2].split()[0] for item in found["servers"]] == ["gthread", "asgi"]
    assert found["servers"][1]["command"].endswith("asgi:application") and all(cell["errors"] == {} for cell in found["results"])


@needs_wrk
def test_own_commands_and_tables(app):
    (app / "serve.py").write_text("import os\nfrom app import app\nprint('side', os.environ['SIDE'])\napp.run(port=int(os.environ['PORT']), threaded=True)\n")
    command = f"env SIDE=x {sys.executable} serve.py"
    done = bench(app, "--route", "/", "--before", command, "--after", command, *QUICK, "--format", "markdown")
    assert done.returncode == 0, done.stderr
    rows = [line for line in done.stdout.splitlines() if line.startswith("| 4 |")]
    assert [row.split(" | ")[1] for row in rows] == ["requests/s", "p50 ms", "p95 ms", "p99 ms", "CPU ms/request", "threads", "memory MiB", "errors"]
    assert "SIDE=x" in done.stdout


@needs_wrk
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--route", "/nothing"], "'before' answers 404 to /nothing"),
        (["--route", "/broken"], "this view is broken"),
        (["--route", "/", "--app", "app:missing"], "Failed to find attribute 'missing'"),
        (["--route", "/", "--before", "no-such-program {port}"], "no-such-program cannot be run"),
        (["--route", "/", "--before", "echo 'half"], "cannot be split"),
        (["--route", "/", "--interpreter", "/no/python"], "/no/python cannot be run"),
        (["--route", "/", "--copy", "/usr/lib/python3"], "does not hold the project"),
    ],
)
def test_what_cannot_be_measured_is_said(app, options, said):
    done = bench(app, *options, *QUICK)
    assert done.returncode == 2 and said in done.stderr, done.stderr
    assert "Traceback" not in done.stderr.partition("said:")[0]
    assert serving(app) == [] and list((app.parent / "tmp").iterdir()) == []


@needs_wrk
def test_a_server_that_serves_the_original_is_no_after(app):
    command = f"{sys.executable} -m gunicorn --chdir {app} -b {{host}}:{{port}} app:app"
    done = bench(app, "--route", "/", "--after", command, *QUICK)
    assert done.returncode == 2 and f"loads {app}/app.py instead of the copy" in done.stderr, done.stderr


@needs_wrk
def test_nothing_to_compare_is_said(app):
    (app / "app.py").write_text('from flask import Flask\napp = Flask(__name__)\n\n@app.get("/")\ndef index():\n    return "here"\n')
    done = bench(app, "--route", "/", *QUICK)
    assert done.returncode == 2 and "changes nothing here" in done.stderr, done.stderr


@needs_wrk
def test_an_application_that_is_not_found_is_asked_for(app):
    (app / "app.py").write_text(
        APP.replace("app = Flask(__name__)", "def make(name):\n    app = Flask(name)\n    app.get('/')(index)\n    return app\n").replace("@app.", "# ")
    )
    done = bench(app, "--route", "/", *QUICK)
    assert done.returncode == 2 and "--app MODULE:NAME" in done.stderr, done.stderr


def test_without_wrk_it_says_how_to_get_it(app):
    done = subprocess.run([*TOOL, str(app), "--route", "/"], capture_output=True, text=True, env={**environment(app), "PATH": "/nowhere"}, cwd=app.parent)
    assert done.returncode == 2 and "apt install wrk" in done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "at least one path"),
        (["--route", "x"], "at least one path"),
        (["--route", "/", "--upstream", "9"], "belong together"),
        (["--route", "/", "--connections", "0"], "no list of numbers"),
        (["--route", "/", "--plot", "a.pdf"], "an .svg or a .png"),
    ],
)
def test_options_are_checked_first(app, options, said):
    done = bench(app, *options)
    assert done.returncode == 2 and said in " ".join(done.stderr.split()), done.stderr


@needs_wrk
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_servers_end_with_the_tool(app, number):
    process = subprocess.Popen(
        [*TOOL, str(app), "--route", "/", "--duration", "60"], env=environment(app), cwd=app.parent, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert process.stderr.readline().startswith("2 servers start and answer")
        wait_until(lambda: len(serving(app)) >= 6)  # two of gunicorn's masters with two workers each
        os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)
        told = process.stderr.read()
        assert process.wait(60) == (2 if number != signal.SIGKILL else -9)
        wait_until(lambda: not serving(app))
        assert number == signal.SIGKILL or ("ended by you" in told and list((app.parent / "tmp").iterdir()) == [])
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_until(ready, seconds=30):
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)
