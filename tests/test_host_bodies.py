"""What a client sends reaches an async view as it reaches a plain one, and a slow client holds nobody up; over real connections."""

import contextlib
import http.client
import socket
import threading
from importlib.metadata import version

import pytest
from flask import Flask, request
from werkzeug.serving import make_server

from transforms.host import async_support as host

CHUNKED = {"Transfer-Encoding": "chunked"}
LARGE = bytes(range(256)) * 12_000
LIMIT = 8_000_000
FORM = b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\nmine\r\n--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nabc\r\n--x--\r\n'
MULTIPART = {"Content-Type": "multipart/form-data; boundary=x"}


def whole():
    return request.get_data()


def parts():
    """As a view does that reads what comes, line by line or in pieces."""
    first = request.stream.readline()
    pieces = [first]
    while data := request.stream.read(70_000):
        pieces.append(data)
    return b"".join(pieces)


def form():
    return {**request.form, **{name: item.read().decode() for name, item in request.files.items()}}


def nothing():
    return "not read"


def raised():
    """Takes more than the application does."""
    request.max_content_length = 10**9
    return str(len(request.get_data()))


def begun():
    """After a hook that has read the beginning."""
    return request.headers.get("X-Begun", "") + request.stream.read().decode("latin-1")


VIEWS = [whole, parts, form, nothing, raised, begun]


def application(is_async):
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = LIMIT
    if is_async:
        host.one_loop(app)
    for view in VIEWS:
        app.add_url_rule(f"/{view.__name__}", view.__name__, asynchronous(view) if is_async else view, methods=["GET", "POST"])

    @app.before_request
    def begin():
        if request.path == "/begun":
            request.environ["HTTP_X_BEGUN"] = request.stream.read(3).decode("latin-1")

    return app


def asynchronous(view):
    async def run():
        return view()

    return run


@pytest.fixture(scope="module")
def ports():
    """Of two servers: the plain application, and the one with the same views written as `async def`."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(serving(application(is_async))) for is_async in (False, True)]


@contextlib.contextmanager
def serving(app):
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.port
    server.shutdown()
    thread.join()


def ask(port, path, body=None, headers=None):
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        with contextlib.suppress(ConnectionError):  # refused before all of it was sent: the answer is there
            connection.request("POST", path, body, headers or {}, encode_chunked="Transfer-Encoding" in (headers or {}))
        try:
            answer = connection.getresponse()
            return answer.status, answer.read()
        except ConnectionError:
            return "the connection was closed"


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (None, {}), (b"", {}), (b"one\ntwo\n", {}), (LARGE, {}), (FORM, MULTIPART), (b"a=1&b=2", {"Content-Type": "application/x-www-form-urlencoded"}),
        ([b"one\n", b"two"], CHUNKED), ([LARGE, b"more"], CHUNKED), ([FORM], {**CHUNKED, **MULTIPART}), (b"abc", {"Content-Length": "nonsense"}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("view", [view.__name__ for view in VIEWS])
def test_a_body_reaches_an_async_view_as_a_plain_one(ports, view, body, headers):
    plain, asynchronous_ = (ask(port, f"/{view}", body, headers) for port in ports)
    assert plain == asynchronous_


@pytest.mark.parametrize("view", ["whole", "form", "nothing"])
def test_a_body_that_is_too_large_is_refused_as_before(ports, view):
    """By its header; the server may close the connection, so nothing is sent after it."""
    for port in ports:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
            connection.putrequest("POST", f"/{view}")
            connection.putheader("Content-Length", str(LIMIT + 1))
            connection.endheaders()
            assert connection.getresponse().status == (200 if view == "nothing" else 413)


@pytest.mark.skipif(version("flask") < "3.1", reason="a view takes more than its application since Flask 3.1")
def test_a_body_of_unknown_length_that_only_the_view_takes(ports):
    assert {ask(port, "/raised", [LARGE] * 4, CHUNKED) for port in ports} == {(200, str(4 * len(LARGE)).encode())}


def test_a_slow_client_holds_nobody_up(ports):
    with socket.create_connection(("127.0.0.1", ports[1]), timeout=20) as slow:
        slow.sendall(b"POST /whole HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\nConnection: close\r\n\r\nabc")
        for _ in range(20):
            assert ask(ports[1], "/nothing") == (200, b"not read")
        slow.sendall(b"def")
        answer = b"".join(iter(lambda: slow.recv(1000), b""))
    assert answer.startswith(b"HTTP/1.1 200") and answer.endswith(b"abcdef")


def test_a_client_that_goes_away_in_the_middle(ports):
    for port in ports:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as gone:
            gone.sendall(b"POST /whole HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\nConnection: close\r\n\r\nabc")
            gone.shutdown(socket.SHUT_WR)
            assert b" 400 " in gone.recv(1000)
