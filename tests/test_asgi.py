"""The application on ASGI servers: it answers as on gunicorn, runs on the server's loop only where it may, and ends in order."""

import concurrent.futures
import contextlib
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
HOST = HERE.parent / "transforms" / "host"
VIEWS = "index where echo form headers path slash empty cached away abort_ key boom stream stream_async endless file flash_ later shared_ adapted isolated seen slow waiting together"
HOOKS = "before before_async after teardown missing key_error"
ASGI = """
import logging
logging.basicConfig(level="INFO")
import async_support
from asgi_app import app
from asgi_support import Application

application = Application(app, async_support, threads=8, on_loop={names})
few = Application(app, async_support, threads=8, on_loop={names}, at_once=5)
"""
SERVERS = {
    "gunicorn": "gunicorn -k gthread --threads 8 -b 127.0.0.1:{port} asgi_app:app",
    "uvicorn": "uvicorn asgi:application --port {port}",
    "hypercorn": "hypercorn asgi:application -b 127.0.0.1:{port} --graceful-timeout 5",
    "worker": "gunicorn -k asgi --threads 8 -b 127.0.0.1:{port} asgi:application",
    "threads": "uvicorn threads:application --port {port} --http h11",
    "few": "uvicorn asgi:few --port {port}",
}


class Served:
    """A server on 127.0.0.1 with the application, and what it wrote."""

    def __init__(self, folder, name, command):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.log = folder / f"{name}.log"
        words = [sys.executable, "-m", *command.format(port=self.port).split()]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(words, cwd=folder, stdout=log, stderr=log, env={**os.environ, "PYTHONHASHSEED": "0"})
        self.expect(lambda: self.ask("GET", "/plain")[0] == 200)

    def expect(self, ready, seconds=30):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert self.process.poll() is None, self.said
            with contextlib.suppress(OSError):
                if ready():
                    return
            time.sleep(0.05)
        raise AssertionError(f"it did not happen in time: {self.said}")

    @property
    def said(self):
        return self.log.read_text()

    def connection(self):
        return contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20))

    def ask(self, method, path, body=None, headers=None):
        with self.connection() as connection:
            connection.request(method, path, body, headers or {}, encode_chunked=(headers or {}).get("Transfer-Encoding") == "chunked")
            answer = connection.getresponse()
            return answer.status, _level(answer.getheaders(), self.port), answer.read().replace(b":%d" % self.port, b":PORT")

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


def _level(headers, port):
    """Without what belongs to server and connection; the session's cookie without its time."""
    own = {"date", "server", "connection", "transfer-encoding"}
    return sorted(
        (name.lower(), re.sub(r"session=[^;]+", "session=*", value).replace(f":{port}", ":PORT")) for name, value in headers if name.lower() not in own
    )


def folder_at(place):
    names = tuple(f"asgi_app.{name}" for name in f"{VIEWS} {HOOKS}".split())
    for source in (HOST / "async_support.py", HOST / "asgi_support.py", HERE / "asgi_app.py"):
        shutil.copy(source, place)
    (place / "asgi.py").write_text(ASGI.format(names=names))
    (place / "threads.py").write_text(
        "from asgi_app import app\nfrom asgi_support import Application\nimport async_support\n\napplication = Application(app, async_support)\n"
    )
    return place


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    folder = folder_at(tmp_path_factory.mktemp("served"))
    found = {name: Served(folder, name, command) for name, command in SERVERS.items()}
    yield found
    for item in found.values():
        item.end()  # in order: a server that is killed leaves its workers behind


def _form():
    parts = [
        '--x\r\nContent-Disposition: form-data; name="name"\r\n\r\nmine\r\n',
        '--x\r\nContent-Disposition: form-data; name="file"; filename="f.txt"\r\n\r\nabc\r\n--x--\r\n',
    ]
    return "POST", "/form", "".join(parts).encode(), {"Content-Type": "multipart/form-data; boundary=x"}


STREAMS = tuple(map(int, version("flask").split(".")[:3])) >= (3, 1, 2)  # with the request's context, from an async view
LARGE = bytes(range(256)) * 12_000
CHUNKED = {"Transfer-Encoding": "chunked"}
REQUESTS = [
    ("GET", "/"), ("GET", "/?number=7"), ("HEAD", "/"), ("OPTIONS", "/"), ("POST", "/"), ("GET", "/plain"), ("GET", "/nothing"), ("GET", "/short"), ("GET", "/empty"), ("HEAD", "/empty"),
    ("GET", "/cached"), ("GET", "/cached", None, {"If-None-Match": '"tag"'}), ("GET", "/away"), ("GET", "/slash"), ("GET", "/slash/"), ("GET", "/abort"), ("GET", "/key"), ("GET", "/stream?number=3"),
    ("GET", "/stream-async"), ("GET", "/file"), ("HEAD", "/file"), ("GET", "/file", None, {"Range": "bytes=5-14"}), ("GET", "/flash"), ("GET", "/later"), ("GET", "/shared"), ("GET", "/adapted"),
    ("GET", "/headers", None, {"X-One": "a, b", "X-Umlaut": "\xfc", "User-Agent": "mine/1"}), ("GET", "/path/a%20b/%C3%BC/%2F/c?x=%20y&z", None, {"Host": "example.org:81"}),
    ("GET", "/path/%FF", None, {"Host": "localhost"}), ("GET", "//path/x"), ("POST", "/echo", b"abc"), ("PUT", "/echo", b""), ("POST", "/echo", LARGE), ("POST", "/echo-plain", LARGE),
    ("POST", "/echo", [b"abc", b"def"], CHUNKED), ("POST", "/echo-plain", [LARGE, b"more"], CHUNKED), ("POST", "/echo", [LARGE[:1000]] * 1200, CHUNKED), _form(), ("TRACE", "/"), ("PATCH", "/nothing"),
]  # fmt: skip


@pytest.mark.parametrize("name", ["uvicorn", "hypercorn", "worker", "threads"])
def test_answers_are_those_of_gunicorn(servers, name):
    differing = []
    for request in REQUESTS if STREAMS else [item for item in REQUESTS if not item[1].startswith("/stream?")]:
        theirs, ours = (servers[item].ask(*request) for item in ("gunicorn", name))
        if theirs != ours:
            differing.append((request[:2], theirs[:2], ours[:2], theirs[2][:80], ours[2][:80]))
    assert not differing, "\n".join(map(str, differing))


@pytest.mark.parametrize("name", ["uvicorn", "hypercorn", "worker", "threads"])
def test_a_body_that_flask_does_not_take(servers, name):
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # refused before all was sent
        assert servers[name].ask("POST", "/echo", b"x" * 9_000_000)[0] == 413
    theirs, ours = (servers[item].ask("POST", "/echo-plain", [b"x" * 1_000_000] * 9, CHUNKED) for item in ("gunicorn", name))
    assert (theirs[0], len(theirs[2])) == (ours[0], len(ours[2]))


def test_an_error_that_nobody_handles(servers):
    assert [servers[name].ask("GET", "/boom")[0] for name in SERVERS] == [500] * len(SERVERS)
    assert servers["uvicorn"].ask("GET", "/")[0] == 200


def test_where_requests_run(servers):
    for name in ("uvicorn", "hypercorn", "worker"):
        assert servers[name].ask("GET", "/where")[2] == b"MainThread"
        assert servers[name].ask("GET", "/plain-where")[2].startswith(b"request")
    assert "requests for where run on the event loop" in servers["uvicorn"].said
    assert "requests for plain have a thread each, because of the view" in servers["uvicorn"].said


def test_a_plain_view_that_blocks_does_not_stop_the_loop(servers):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        slow = [pool.submit(servers["uvicorn"].ask, "GET", "/sleep") for _ in range(4)]
        time.sleep(0.3)
        assert servers["uvicorn"].ask("GET", "/")[0] == 200
        assert not any(item.done() for item in slow)
        assert [item.result()[2] for item in slow] == [b"slept"] * 4


@pytest.mark.parametrize("name", ["uvicorn", "hypercorn", "worker", "threads"])
def test_hundreds_of_requests_at_once_keep_apart(servers, name):
    count = 300 if name != "threads" else 40
    with concurrent.futures.ThreadPoolExecutor(100) as pool:
        found = list(pool.map(lambda number: servers[name].ask("GET", f"/isolated?number={number}"), range(count)))
    assert [item[2].decode() for item in found] == [str(number) for number in range(count)]
    assert all(("x-after", str(number)) in item[1] for number, item in enumerate(found))


def test_many_more_wait_at_once_than_there_are_threads(servers):
    with concurrent.futures.ThreadPoolExecutor(60) as pool:
        found = [pool.submit(servers["uvicorn"].ask, "GET", "/slow") for _ in range(60)]
        time.sleep(0.5)
        assert servers["uvicorn"].ask("GET", "/plain")[2] == b"plain"
        assert {item.result()[2] for item in found} == {b"slow"}


def test_no_more_are_in_work_than_the_pools_of_clients_expect(servers):
    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        most = [pool.submit(servers["few"].ask, "GET", "/together") for _ in range(40)]
        assert max(int(item.result()[2]) for item in most) == 5
    with concurrent.futures.ThreadPoolExecutor(90) as pool:
        most = [pool.submit(servers["uvicorn"].ask, "GET", "/together") for _ in range(90)]
        assert 32 < max(int(item.result()[2]) for item in most) <= 64


@pytest.mark.parametrize("name", ["uvicorn", "hypercorn", "worker", "threads"])
def test_a_connection_carries_no_variables_to_its_next_request(servers, name):
    with servers[name].connection() as connection:
        seen = []
        for path in ("/variable?number=5", "/variable", "/variable"):
            connection.request("GET", path)
            seen.append(connection.getresponse().read())
    assert seen == [b"5", b"unset", b"unset"]


@pytest.mark.parametrize("name", ["uvicorn", "hypercorn", "worker", "threads"])
def test_a_client_that_goes_away_ends_the_stream(servers, name):
    with servers[name].connection() as connection:
        connection.request("GET", "/endless")
        assert connection.getresponse().read(5000) == b"x" * 5000
        assert "stream closed" not in servers[name].said
    servers[name].expect(lambda: "stream closed" in servers[name].said)


def test_headers_with_underscores_are_dropped(servers):
    for item in servers.values():
        assert b"evil" not in item.ask("GET", "/headers", headers={"X_Forwarded_For": "evil", "X-Good": "1"})[2]


def test_a_websocket_is_refused(servers):
    key = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    assert servers["hypercorn"].ask("GET", "/", headers=key)[0] in (200, 403)


@pytest.mark.parametrize("name", ["uvicorn", "hypercorn", "worker"])
def test_the_end_waits_for_a_request_and_closes_clients(tmp_path, name):
    server = Served(folder_at(tmp_path), name, SERVERS[name])
    assert server.ask("GET", "/shared")[2] == b"got"
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        slow = pool.submit(server.ask, "GET", "/waiting")
        server.expect(lambda: "waiting" in server.said)
        server.end()
        assert slow.result()[2] == b"done"
    assert "client closed" in server.said


def test_two_workers(tmp_path):
    server = Served(folder_at(tmp_path), "workers", f"{SERVERS['uvicorn']} --workers 2")
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        assert {item[2] for item in pool.map(lambda _: server.ask("GET", "/shared"), range(100))} == {b"got"}
    server.end()
    assert server.said.count("client closed") >= 1


UNKNOWN = {
    "a hook": "app.before_request(lambda: None)",
    "a hook of a library": "def other(response):\n    return response\nother.__globals__\napp.after_request(other)",
    "a teardown": "app.teardown_appcontext(lambda error: None)",
    "a context processor": "app.context_processor(lambda: {})",
    "a URL processor": "app.url_value_preprocessor(lambda endpoint, values: None)",
    "an error handler": "app.register_error_handler(ValueError, lambda error: 'x')",
    "a signal": "import flask\ndef receive(sender, **extra):\n    pass\nflask.request_started.connect(receive, app)",
    "middleware": "inner = app.wsgi_app\napp.wsgi_app = lambda environ, start: inner(environ, start)",
    "a method of Flask": "inner = app.handle_exception\napp.handle_exception = lambda error: inner(error)",
    "a patched class": "import flask\ninner = flask.Flask.full_dispatch_request\nflask.Flask.full_dispatch_request = lambda self, *a: inner(self, *a)",
    "a session interface": "from flask.sessions import SecureCookieSessionInterface\nclass Mine(SecureCookieSessionInterface):\n    pass\napp.session_interface = Mine()",
    "a class of requests": "import flask\nclass Mine(flask.Request):\n    pass\napp.request_class = Mine",
    "a JSON provider": "from flask.json.provider import DefaultJSONProvider\nclass Mine(DefaultJSONProvider):\n    pass\napp.json = Mine(app)",
    "a converter": "from werkzeug.routing import BaseConverter\nclass Mine(BaseConverter):\n    pass\napp.url_map.converters['mine'] = Mine",
    "a wrapped view": "import functools\nview = app.view_functions['where']\n@functools.wraps(view)\ndef index(*args):\n    return app.ensure_sync(view)(*args)\napp.view_functions['where'] = index",
    "a subclass": "class Mine(type(app)):\n    pass\napp.__class__ = Mine",
}
KNOWN = {
    "nothing": "",
    "a proxy in front": "from werkzeug.middleware.proxy_fix import ProxyFix\napp.wsgi_app = ProxyFix(ProxyFix(app.wsgi_app), x_for=2)",
    "a hook of a blueprint that the view is not of": "from flask import Blueprint\npage = Blueprint('page', __name__)\npage.before_request(lambda: None)\napp.register_blueprint(page)",
}
TRY = """
import asyncio, logging, sys
logging.basicConfig(level='INFO')
sys.path.insert(0, {host!r})
import async_support, asgi_support
from asgi_app import app
{change}

def run(application):
    sent = []
    async def receive():
        return {{"type": "http.request"}}
    async def send(message):
        sent.append(message)
    scope = {{"type": "http", "method": "GET", "path": "/where", "headers": [(b"host", b"x")], "http_version": "1.1"}}
    asyncio.run(application(scope, receive, send))
    return sent[-1]["body"].decode()

print(run(asgi_support.Application(app, async_support, on_loop={names})))
"""


@pytest.mark.parametrize("name", [*UNKNOWN, *KNOWN])
def test_a_request_needs_a_thread_where_something_around_it_is_not_named(tmp_path, name):
    names = tuple(f"asgi_app.{item}" for item in f"{VIEWS} {HOOKS}".split())
    folder_at(tmp_path)
    code = TRY.format(host=str(tmp_path), change={**UNKNOWN, **KNOWN}[name], names=names)
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stdout.strip() == "MainThread", done.stderr  # an async view is on the loop in any case
    assert ("run on the event loop" in done.stderr) == (name in KNOWN), done.stderr
