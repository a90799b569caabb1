"""Clients that a module keeps (requests, redis, httpx2), migrated with every stage: one of each goes on serving all requests of a process.

Counted at the other end: connections, and requests that come without the cookie that the first answer has set. Over
thousands of requests, in a process that forks, and under gunicorn with workers that are renewed.
"""

import contextlib
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import loopback
import pytest

from codemods.bench.migrating import migrated
from codemods.project import load
from transforms.model import Settings

for needed in ("aiohttp", "redis", "httpx2"):
    pytest.importorskip(needed)
from test_host_processes import fetch, served  # noqa: E402

APP = """
import os

import httpx2
import redis
import requests
from flask import Flask, jsonify

app = Flask(__name__)
SESSION = requests.Session()
STORE = redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)
RATES = httpx2.Client(timeout=10)


def stock(number):
    return SESSION.get(os.environ["UPSTREAM"] + "/stock", timeout=10).json()["value"]


def noted(number):
    return STORE.get("note") or "none"


@app.get("/<int:number>")
def view(number):
    rate = RATES.get(os.environ["UPSTREAM"] + "/rate").json()["value"]
    return jsonify(stock=stock(number), note=noted(number), rate=rate, process=os.getpid())


@app.get("/pair/<int:number>")
def pair(number):
    return jsonify(stock=stock(number), note=noted(number), rate="/rate", process=os.getpid())


@app.get("/")
def index():
    return "ready"
"""
DRIVE = """
import os, sys
from concurrent.futures import ThreadPoolExecutor
from app import app

def ask(number, path=""):
    found = app.test_client().get(f"{path}/{number}").json
    return (found["stock"], found["note"], found["rate"], found["process"]) == ("/stock", "none", "/rate", os.getpid())

def ask_all(count, at_once, path=""):
    with ThreadPoolExecutor(at_once) as pool:
        assert all(pool.map(lambda number: ask(number, path), range(count)))

"""
WRITTEN = """

def http():
    return httpx2.AsyncClient(timeout=10)


@app.get("/written/<int:number>")
async def written(number):
    rate = (await shared(http).get(os.environ["UPSTREAM"] + "/rate")).json()["value"]
    return jsonify(stock="/stock", note="none", rate=rate, process=os.getpid())
"""
FORK = """
ask_all(50, 4, "/pair")
ask_all(50, 4, "/written")
child = os.fork()
ask_all(100, 4, "/pair")
ask_all(100, 4, "/written")
if not child:
    sys.exit()
assert os.waitpid(child, 0)[1] == 0
ask_all(50, 4, "/pair")
ask_all(50, 4, "/written")
"""
AT_ONCE = 8


class Upstream(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.server.connections += 1

    def do_GET(self):
        if self.path == "/stock":
            self.server.strangers += "visited=1" not in self.headers.get("Cookie", "")
        body = f'{{"value": "{self.path}"}}'.encode()
        self.send_response(200)
        if self.path == "/stock":
            self.send_header("Set-Cookie", "visited=1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Quiet(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """A client that ends may leave a connection in the middle."""


@contextlib.contextmanager
def counted_redis():
    with loopback.redis_service(0) as server:
        server.connections, accept = 0, server.get_request

        def get_request():
            server.connections += 1
            return accept()

        server.get_request = get_request
        yield server


@pytest.fixture
def services(monkeypatch):
    with Quiet(("127.0.0.1", 0), Upstream) as upstream, counted_redis() as store:
        upstream.connections = upstream.strangers = 0
        thread = threading.Thread(target=upstream.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        monkeypatch.setenv("UPSTREAM", f"http://127.0.0.1:{upstream.server_address[1]}")
        monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{store.server_address[1]}/0")
        for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
            monkeypatch.delenv(name)
        yield upstream, store
        upstream.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def after():
    """The migrated files, once for all tests."""
    return {}


@pytest.fixture
def folder(tmp_path, after):
    """The app after all stages, those that one loop allows included."""
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "requirements.txt").write_text("flask[async]>=3\nredis\nrequests\nhttpx2\n")
    if not after:
        after |= {item.path: item.after for item in migrated(load(tmp_path), ("routes", "clients", "executor", "server"), Settings(http="bridge")).changes}
    for path, data in after.items():
        (tmp_path / path).write_bytes(data)
    return tmp_path


def drive(folder, source):
    (folder / "drive.py").write_text(DRIVE + source)
    done = subprocess.run([sys.executable, "-W", "error::RuntimeWarning", "drive.py"], cwd=folder, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_is_served(folder):
    """Each of the three in its own way: over the bridge with its session, as one asynchronous client, and in threads."""
    text = (folder / "app.py").read_text()
    assert "await async_requests.call(SESSION.get, " in text
    assert "await shared(make_store).get(" in text
    assert "await asyncio.to_thread(RATES.get, " in text and "one_loop(app)" in text


def test_thousands_of_requests(folder, services):
    upstream, store = services
    drive(folder, f"ask_all(2000, {AT_ONCE})")
    assert 1 <= upstream.strangers <= AT_ONCE, "requests that did not know the session's cookie"
    assert 2 <= upstream.connections <= 4 * AT_ONCE, "two clients keep at most as many connections as requests run at once; the server may close some"
    assert 1 <= store.connections <= AT_ONCE


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_fork(folder, services):
    """The original does not survive this: both processes then write to the same connections, with requests as with httpx2.

    A synchronous httpx2 client, which stays in threads, still does not; one that is written for the loop does.
    """
    upstream, store = services
    with (folder / "app.py").open("a") as file:
        file.write(WRITTEN)
    drive(folder, FORK)
    assert upstream.strangers <= 4, "the child has the session with its cookie"
    assert upstream.connections <= 2 * 2 * 4 and store.connections <= 2 * 4, "each of the two processes has one client of each kind"


@pytest.mark.parametrize("preload", [False, True])
def test_workers_that_are_renewed(folder, services, preload):
    """gunicorn starts a worker anew after 25 requests; with --preload the clients are made before the fork."""
    upstream, store = services
    command = ("gunicorn", "-k", "gthread", "-w", "2", "--threads", "8", "--max-requests", "25", "-b", "127.0.0.1:{port}", "app:app")
    with served(folder, *command, *["--preload"] * preload) as (port, _process):
        answers = [fetch(port, f"/{number}") for number in range(120)]
    processes = {answer.split('"process":')[1].split(",")[0] for answer in answers}
    assert len(processes) > 2 and all('"note":"none"' in answer and '"stock":"/stock"' in answer and '"rate":"/rate"' in answer for answer in answers)
    assert upstream.strangers <= len(processes) and upstream.connections <= 2 * len(processes) and store.connections <= len(processes)
