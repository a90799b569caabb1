"""The migrated fixtures run as the originals do: against redis, PostgreSQL, and an HTTP server that shows what arrived."""

import http.server
import importlib.util
import json
import shutil
import socket
import subprocess
import sys
import threading
import time
import warnings

import pytest
from small_cases import swap_cases

from transforms.host.source import source

CASES = {case.library: case.folder for case in swap_cases()}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def redis_port(tmp_path_factory):
    if not shutil.which("redis-server"):
        pytest.skip("redis-server is not installed")
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path_factory.mktemp("redis"))]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    yield port
    server.terminate()
    server.wait(10)


class Recorder(http.server.BaseHTTPRequestHandler):
    """Answers as the service would, and keeps what arrived."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.seen.append((self.command, self.path, body, self.headers.get("Authorization"), self.headers.get("Content-Type")))
        kind, answer = _answer(self.path, body)
        self.send_response(404 if b"nobody" in body else 200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *arguments):
        pass


def _answer(path, body):
    if b'"stream":true' in body.replace(b" ", b""):
        if "messages" in path:
            return "text/event-stream", b'event: message_stop\ndata: {"type": "message_stop"}\n\n'
        chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        parts = [{**chunk, "choices": [{"index": 0, "delta": {"content": text}}]} for text in "abc"]
        return "text/event-stream", b"".join(b"data: " + json.dumps(part).encode() + b"\n\n" for part in parts) + b"data: [DONE]\n\n"
    if "chat" in path:
        message = {"role": "assistant", "content": "hello"}
        answer = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [{"index": 0, "finish_reason": "stop", "message": message}]}
    elif "messages" in path:
        usage = {"input_tokens": 1, "output_tokens": 1}
        answer = {"id": "1", "type": "message", "role": "assistant", "model": "m", "content": [{"type": "text", "text": "hey"}], "usage": usage}
    else:
        answer = {"id": "cus_1", "object": "customer"}
    return "application/json", json.dumps(answer).encode()


@pytest.fixture
def recorder():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    server.seen = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def answers(folder, which, changes, routes, tmp_path, monkeypatch, port=None):
    """Status and text of each route, in turn, of the fixture before or after the migration; `port`: of its redis."""
    text = (folder / f"{which}.py").read_text()
    if port:
        text = text.replace("6379", str(port)).replace('://127.0.0.1"', f'://127.0.0.1:{port}"').replace("Redis()", f"Redis(port={port})")
        text = text.replace('Redis(host="127.0.0.1", d', f'Redis(host="127.0.0.1", port={port}, d')
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "async_support.py").write_text(source())
    (tmp_path / f"{which}_app.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop("async_support", None)
    spec = importlib.util.spec_from_file_location(f"{folder.name}_{which}", tmp_path / f"{which}_app.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)  # a coroutine that nobody awaits
        for route in routes:
            response = module.app.test_client().get(route)
            found.append((route, response.status_code, response.text))
    return found


REDIS = ["/count", "/both", "/batch", "/scan", "/block", "/names/a", "/names/b", "/visit/x", "/visit/x", "/forget", "/once", "/once"]


@pytest.mark.parametrize(
    ("library", "routes"),
    [
        ("redis", REDIS),
        ("redis_shared", ["/count", "/batch", "/keys", "/names/a", "/names/a", "/current"]),
        ("redis_objects", ["/count", "/count", "/count/seen", "/log/a", "/count/lines"]),
    ],
)
def test_redis(library, routes, redis_port, tmp_path, monkeypatch):
    redis = pytest.importorskip("redis")
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{redis_port}")
    found = {}
    for which in ("before", "after"):
        redis.Redis(port=redis_port).flushall()
        redis.Redis(port=redis_port).sadd("all", "1")
        found[which] = answers(CASES[library], which, [], routes, tmp_path, monkeypatch, redis_port)
    assert found["after"] == found["before"]
    assert {status for _, status, _ in found["before"]} == {200}


WIRE = [
    ("openai", ["/ask/x", "/ask/nobody", "/stream"], "http://127.0.0.1:8123"),
    ("anthropic", ["/ask/x", "/stream"], "http://127.0.0.1:8123"),
]


@pytest.mark.parametrize(("library", "routes", "address"), WIRE)
def test_same_bytes(library, routes, address, recorder, tmp_path, monkeypatch):
    pytest.importorskip(library)
    found = {}
    for which in ("before", "after"):
        recorder.seen.clear()
        here = f"http://127.0.0.1:{recorder.server_port}"
        found[which] = answers(CASES[library], which, [(address, here)], routes, tmp_path, monkeypatch), list(recorder.seen)
    assert found["after"] == found["before"]
    assert len(found["before"][1]) == len(routes)


def test_stripe(recorder, tmp_path, monkeypatch):
    pytest.importorskip("stripe")
    found = {}
    for which in ("before", "after"):
        recorder.seen.clear()
        here = ('"sk_test"', f'"sk_test"\nstripe.api_base = "http://127.0.0.1:{recorder.server_port}"')
        found[which] = answers(CASES["stripe"], which, [here], ["/pay/a@b.c", "/pay/x", "/pay/nobody"], tmp_path, monkeypatch), list(recorder.seen)
    assert found["after"] == found["before"]
    assert len(found["before"][1]) == 5


@pytest.fixture
def dsn():
    psycopg = pytest.importorskip("psycopg")
    dsn = "host=127.0.0.1 user=postgres dbname=postgres connect_timeout=2"
    try:
        with psycopg.connect(dsn, autocommit=True) as conn:
            conn.execute("CREATE SCHEMA typed_swaps")
    except psycopg.Error as error:
        pytest.skip(f"no PostgreSQL that lets us in: {error}")
    yield f"{dsn} options='-c search_path=typed_swaps'"
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute("DROP SCHEMA typed_swaps CASCADE")


def test_psycopg(dsn, tmp_path, monkeypatch):
    import psycopg

    found = {}
    for which in ("before", "after"):
        with psycopg.connect(dsn) as conn:
            conn.execute("DROP TABLE IF EXISTS notes")
            conn.execute("CREATE TABLE notes (id serial PRIMARY KEY, text text)")
        changes = [('"host=127.0.0.1 user=postgres dbname=postgres"', repr(dsn))]
        routes = ["/notes/old", "/notes/x", "/count", "/load", "/count", "/lost", "/count"]
        found[which] = answers(CASES["psycopg"], which, changes, routes, tmp_path, monkeypatch)
    assert found["after"] == found["before"]
    assert {status for _, status, _ in found["before"]} == {200}
