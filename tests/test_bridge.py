"""The requests bridge against requests: the same calls, all that the server saw, and all that can be seen of the responses."""

import asyncio
import contextlib
import os
import re
import ssl
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

pytest.importorskip("aiohttp")

import requests  # noqa: E402
from bridge_cases import CASES, IN_A_THREAD  # noqa: E402
from bridge_server import recording  # noqa: E402

from transforms.bridge import async_requests  # noqa: E402

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "explanation" / "bridge.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def server():
    with recording() as running:
        yield running


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    """No proxy, no bundle of certificates; a .netrc with a password for `localhost`, which is the server under another name."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            monkeypatch.delenv(name)
    (tmp_path / "netrc").write_text("machine localhost login nora password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


def by_bridge(function, *args, **kwargs):
    """As the migrated code calls it: `async_requests.get(…)` for `requests.get(…)`, `call(session.get, …)` for a session."""
    short = getattr(async_requests, function.__name__, None) if getattr(requests, function.__name__, None) is function else None
    return short(*args, **kwargs) if short else async_requests.call(function, *args, **kwargs)


async def by_requests(function, *args, **kwargs):
    return function(*args, **kwargs)


async def outcome(case, ask, url):
    try:
        return described(await case(ask, url))
    except Exception as error:
        carried = getattr(error, "response", None), getattr(getattr(error, "request", None), "url", None)
        return {"error": type(error), "parents": type(error).__mro__, "text": str(error), "response": described(carried[0]), "request": carried[1]}


def described(value):
    if isinstance(value, requests.Response):
        return seen_of(value)
    if isinstance(value, dict):
        return {key: described(item) for key, item in value.items()}
    return [described(item) for item in value] if isinstance(value, list | tuple) else value


def seen_of(response):
    """Whatever code may look at."""
    names = ("status_code", "reason", "url", "encoding", "apparent_encoding", "ok", "is_redirect", "is_permanent_redirect", "links", "content", "text")
    sent = response.request
    return {
        **{name: getattr(response, name) for name in names},
        "headers": list(response.headers.items()),
        "json": _tried(response.json),
        "raise_for_status": _tried(response.raise_for_status),
        "cookies": [(item.name, item.value, item.path, item.domain) for item in response.cookies],
        "history": [(item.status_code, item.url, item.content, list(item.headers.items())) for item in response.history],
        "next": response.next and (response.next.method, response.next.url, dict(response.next.headers)),
        "request": (sent.method, sent.url, list(sent.headers.items()), sent.body if isinstance(sent.body, str | bytes | None) else "stream"),
        "elapsed": response.elapsed.total_seconds() >= 0,
    }


def _tried(function):
    try:
        return function()
    except Exception as error:
        return type(error), str(error)


def normal(value, port):
    """Without what differs from one request to the next: ports, addresses in memory, boundaries."""
    text = repr(value).replace(str(port), "PORT")
    return re.sub(r"at 0x[0-9a-f]+", "at 0x", re.sub(r"\b(?:[0-9a-f]{32}|[0-9a-f]{16})\b", "RANDOM", text))


def both(name, server):
    """What requests gave and what arrived, then the same by the bridge, and whether a thread was used for it."""
    port, found = server.server_address[1], []
    threads = []

    async def watched(function, /, *args, **kwargs):
        threads.append(function)
        return await real(function, *args, **kwargs)

    real, async_requests.asyncio.to_thread = asyncio.to_thread, watched
    try:
        for ask in (by_requests, by_bridge):
            server.seen.clear()
            result = asyncio.run(outcome(CASES[name], ask, server.url))
            found.append((normal(result, port), normal(server.seen, port)))
    finally:
        async_requests.asyncio.to_thread = real
    return found[0], found[1], bool(threads)


DIFFERENT = {
    "response: many-headers", "response: 103-first", "response: 130-headers", "response: two-lengths", "use: raw cookies", "broken: chunked-cut",
    "broken: chunked-cut-between", "broken: chunked-bad", "broken: garbage",
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
@pytest.mark.parametrize("name", CASES)
def test_equal(name, server):
    """What the server saw and all that can be seen of the result is the same, except in the cases that the page lists."""
    first, second, in_a_thread = both(name, server)
    assert in_a_thread == (name in IN_A_THREAD)
    assert (first != second) == (name in DIFFERENT), f"requests: {first}\nbridge: {second}"


def test_enough_is_equal_and_the_page_tells_the_rest():
    assert len(CASES) - len(DIFFERENT) >= 160
    assert len(CASES.keys() - IN_A_THREAD - DIFFERENT) >= 160, "compared with aiohttp, not with requests itself in a thread"
    assert set(re.findall(r"^\| `([a-z]+: [^`]+)` \|", PAGE, re.M)) == DIFFERENT
    assert f"{len(CASES) - len(DIFFERENT)} of {len(CASES)}" in PAGE and f"{len(CASES.keys() - IN_A_THREAD)} of them" in PAGE


def test_the_comparison_sees_a_difference(server, monkeypatch):
    monkeypatch.setattr(async_requests, "_url", lambda request: async_requests.yarl.URL(request.url.replace("/echo", "/text")))
    first, second, _ = both("get", server)
    assert first != second


# Certificates


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1 that signs itself."""
    folder = tmp_path_factory.mktemp("tls")
    names = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=here", "-addext", "subjectAltName=IP:127.0.0.1"]
    try:
        subprocess.run([*command, *names], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("needs the program openssl, to make a certificate")
    return folder / "cert.pem"


@pytest.fixture(scope="module")
def secure(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    with recording(context) as running:
        yield running


TLS = {
    "verified by certifi": lambda ask, url, cert: ask(requests.get, url + "/echo"),
    "verified by a file": lambda ask, url, cert: ask(requests.get, url + "/echo", verify=cert),
    "another name": lambda ask, url, cert: ask(requests.get, url.replace("127.0.0.1", "localhost") + "/echo", verify=cert),
    "not verified": lambda ask, url, cert: ask(requests.get, url + "/echo", verify=False),
    "no such file": lambda ask, url, cert: ask(requests.get, url + "/echo", verify="/nowhere.pem"),
    "not a certificate": lambda ask, url, cert: ask(requests.get, url + "/echo", verify=__file__),
    "http to an https port": lambda ask, url, cert: ask(requests.get, url.replace("https", "http") + "/echo"),
    "https to an http port": lambda ask, url, cert: ask(requests.get, f"https://127.0.0.1:{cert.port}/echo"),
}


@pytest.mark.parametrize("name", TLS)
def test_certificates(name, secure, server, certificate):
    class Path(str):
        port = server.server_address[1]

    found = []
    for ask in (by_requests, by_bridge):
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            result = asyncio.run(outcome(lambda ask, url: TLS[name](ask, url, Path(certificate)), ask, secure.url))
        texts = sorted(str(item.message) for item in warned if item.category.__name__ == "InsecureRequestWarning")
        found.append(re.sub(r" ?\(_ssl.c:\d+\)", "", normal((result, texts), secure.server_address[1])))
    assert found[0] == found[1]


def test_a_session_that_does_not_verify_later(secure, certificate):
    """`session.verify = False` set after the session was made, and the connection is not used again by one that verifies."""

    async def run():
        session = requests.Session()
        session.verify = str(certificate)
        seen = [(await async_requests.call(session.get, secure.url + "/text")).status_code]
        session.verify = False
        seen.append((await async_requests.call(session.get, secure.url + "/text")).status_code)
        session.verify = True
        with pytest.raises(requests.exceptions.SSLError):
            await async_requests.call(session.get, secure.url + "/text")
        return seen

    with pytest.warns(Warning, match="Unverified HTTPS"):
        assert asyncio.run(run()) == [200, 200]


def test_bundles_of_the_environment(secure, certificate, monkeypatch):
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(certificate))
        assert asyncio.run(by_bridge(requests.get, secure.url + "/text")).status_code == 200
        monkeypatch.delenv(name)
        with pytest.raises(requests.exceptions.SSLError):
            asyncio.run(by_bridge(requests.get, secure.url + "/text"))


# The environment, loops, threads


def test_a_proxy_of_the_environment_is_honoured(server, monkeypatch):
    """Also one that is named after the first request, and not for hosts that it is not for."""

    async def run():
        found = [(await async_requests.get(server.url + "/text")).status_code]
        monkeypatch.setenv("http_proxy", server.url)
        found.append((await async_requests.get("http://elsewhere.invalid/echo")).json()["request"].partition("\r\n")[0])
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        server.seen.clear()
        found.append((await async_requests.get(server.url + "/text")).status_code)
        monkeypatch.delenv("http_proxy")
        return [*found, server.seen[0].partition(b"\r\n")[0]]

    assert asyncio.run(run()) == [200, "GET http://elsewhere.invalid/echo HTTP/1.1", 200, b"GET /text HTTP/1.1"]


def test_the_loop_goes_on_meanwhile(server):
    async def run():
        waiting = [asyncio.ensure_future(async_requests.get(server.url + "/slow")) for _ in range(20)]
        steps = 0
        while not all(item.done() for item in waiting):
            await asyncio.sleep(0.02)
            steps += 1
        return steps, {item.result().text for item in waiting}

    steps, texts = asyncio.run(run())
    assert steps >= 5 and texts == {"late"}


def test_the_thread_has_the_context_of_the_caller(server):
    import contextvars

    name = contextvars.ContextVar("name")

    class Auth(requests.auth.AuthBase):
        def __call__(self, request):
            request.headers["X-Name"] = name.get()
            return request

    async def run():
        name.set("nora")
        return (await async_requests.get(server.url + "/echo", auth=Auth())).json()

    assert "X-Name: nora" in asyncio.run(run())["request"]


def test_connections_are_kept_for_what_may_be_sent_twice(server):
    """A POST of a single call never goes over a connection that the server may be about to close."""
    ports = []

    def watch(connection, address):
        ports.append(address[1])

    async def run(function, times):
        for _ in range(times):
            await async_requests.call(function, server.url + "/text")

    original, server.process_request = server.process_request, lambda connection, address: (watch(connection, address), original(connection, address))
    try:
        counts = []
        for function in (requests.get, requests.post, requests.Session().post):
            ports.clear()
            asyncio.run(run(function, 3))
            counts.append(len(ports))
    finally:
        server.process_request = original
    assert counts == [1, 3, 1]


def test_a_kept_connection_that_was_closed():
    """The server closes after each answer without saying so: a GET is sent again over a new connection, and never twice to one that is new."""
    seen = []

    async def serve(reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            for number in range(2):
                seen.append((number, (await reader.readuntil(b"\r\n\r\n")).split(b" ")[0]))
                if number or b"/never" in seen[-1][1]:
                    break
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async def run():
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as running:
            url = f"http://127.0.0.1:{running.sockets[0].getsockname()[1]}/"
            session = requests.Session()
            assert [(await async_requests.get(url)).status_code for _ in range(2)] == [200, 200]
            first = list(seen)
            with pytest.raises(requests.exceptions.ConnectionError, match="RemoteDisconnected"):
                await async_requests.call(session.post, url)
                await async_requests.call(session.post, url)
            return first

    assert asyncio.run(run()) == [(0, b"GET"), (1, b"GET"), (0, b"GET")]


def test_a_cancelled_request_leaves_nothing(server):
    async def run():
        task = asyncio.ensure_future(async_requests.get(server.url + "/slow"))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return (await async_requests.get(server.url + "/text")).text

    assert asyncio.run(run()) == "Grüße"


HOSTED = """
import sys, warnings, gc, asyncio
warnings.simplefilter("error")
sys.path[:0] = {folders}
import requests, async_requests, async_support
from flask import Flask
app = Flask(__name__)
if {one_loop}:
    async_support.one_loop(app)
@app.get("/")
async def view():
    found = await asyncio.gather(*(async_requests.get({url!r}) for _ in range(3)))
    posted = await async_requests.post({url!r}, data=b"x")
    return [item.status_code for item in [*found, posted]]
client = app.test_client()
def ask():
    answer = client.get("/")
    assert answer.json == [200] * 4, answer.text
if {forked}:
    import os
    ask()
    if os.fork() == 0:
        ask()
        os._exit(0)
    assert os.wait()[1] == 0
for _ in range(5):
    ask()
gc.collect()
print(len(async_requests._of_loops))
"""


@pytest.mark.parametrize("secured", [False, True])
@pytest.mark.parametrize(("one_loop", "forked"), [(False, False), (True, False), (True, True)])
def test_hosts(one_loop, forked, secured, server, secure, certificate):
    """On Flask's own loops and on one for the process, after a fork too: nothing is left open, and nothing warns."""
    folders = [str(Path(async_requests.__file__).parent), str(Path(async_requests.__file__).parents[1] / "host")]
    code = HOSTED.format(folders=folders, one_loop=one_loop, forked=forked, url=(secure if secured else server).url + "/text")
    environment = {**os.environ, "REQUESTS_CA_BUNDLE": str(certificate)}
    result = subprocess.run([sys.executable, "-W", "error", "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stdout.strip(), result.stderr) == (0, "1" if one_loop else "0", "")
