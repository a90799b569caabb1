"""Tests that put something in the place of requests see the bridged calls too: measured with each of the usual ways."""

import asyncio
import contextlib
import json
import socket
import time
from unittest.mock import MagicMock, patch

import pytest

pytest.importorskip("aiohttp")

import requests  # noqa: E402
from bridge_server import recording  # noqa: E402
from requests.adapters import HTTPAdapter  # noqa: E402

from transforms.bridge import async_requests  # noqa: E402

session = requests.Session()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


async def fetch(url):
    """Migrated code: a function of requests, and a session at module level."""
    return [(await async_requests.get(url, timeout=5)).text, (await async_requests.call(session.get, url)).text]


def answered():
    found = requests.Response()
    found.status_code, found._content = 200, b"mocked"
    return found


URL = "http://mocked.invalid/x"
PATCHES = {
    "requests.get and Session.get": ("requests.get", "requests.Session.get"),
    "requests.sessions.Session.request": ("requests.sessions.Session.request",),
    "requests.Session.request": ("requests.Session.request",),
    "requests.Session.send": ("requests.Session.send",),
    "requests.adapters.HTTPAdapter.send": ("requests.adapters.HTTPAdapter.send",),
    "requests.api.request and the session": ("requests.api.request", f"{__name__}.session"),
}


@pytest.mark.parametrize("names", PATCHES.values(), ids=PATCHES)
def test_patch(names):
    with contextlib.ExitStack() as stack:
        for name in names:
            mock = stack.enter_context(patch(name, return_value=answered()))
            mock.get = MagicMock(return_value=answered())
        assert asyncio.run(fetch(URL)) == ["mocked", "mocked"]


def test_patch_of_the_class():
    with patch("requests.sessions.Session") as made:
        made.return_value.__enter__.return_value.request.return_value = answered()
        assert asyncio.run(async_requests.get(URL)).text == "mocked"


def test_patch_object_with_autospec():
    with patch.object(requests.Session, "request", autospec=True, return_value=answered()) as request:
        assert asyncio.run(fetch(URL)) == ["mocked", "mocked"]
    assert request.call_args_list[0].kwargs["url"] == URL


def test_side_effects_are_raised_and_calls_are_recorded():
    with patch("requests.get", side_effect=requests.Timeout("late")) as get, pytest.raises(requests.Timeout, match="late"):
        asyncio.run(async_requests.get(URL, timeout=5))
    get.assert_called_once_with(URL, timeout=5)


def test_patch_of_one_session():
    own = requests.Session()
    for name in ("get", "request", "send"):
        with patch.object(own, name, return_value=answered()):
            assert asyncio.run(async_requests.call(own.get, URL)).text == "mocked"


def test_a_replaced_name():
    """`call(requests.get, …)`, which is written where tests replace the name in a module of the app."""
    replaced = MagicMock()
    replaced.get.return_value = answered()
    assert asyncio.run(async_requests.call(replaced.get, URL, timeout=1)).text == "mocked"
    replaced.get.assert_called_once_with(URL, timeout=1)


def test_monkeypatch(monkeypatch):
    monkeypatch.setattr(requests, "get", lambda url, **kwargs: answered())
    monkeypatch.setattr(HTTPAdapter, "get_connection_with_tls_context", lambda *args, **kwargs: pytest.fail("not here"))
    assert asyncio.run(async_requests.get(URL)).text == "mocked"


BELOW = (
    "urllib3.connectionpool.HTTPConnectionPool.urlopen", "urllib3.connectionpool.HTTPConnectionPool._make_request", "urllib3.util.connection.create_connection",
    "urllib3.connection.HTTPConnection.connect", "urllib3.connection.HTTPConnection.getresponse", "http.client.HTTPConnection.putrequest", "socket.getaddrinfo",
    "requests.utils.getproxies",
)  # fmt: skip


@pytest.mark.parametrize("name", BELOW)
def test_below_requests(name):
    """An error from there reaches the caller as requests makes it, and no request is sent by other ways."""
    with recording() as server:
        with patch(name, side_effect=OSError("no network in tests")), pytest.raises(OSError, match="no network in tests"):
            asyncio.run(async_requests.get(server.url + "/text"))
        end = time.monotonic() + 10
        while name.endswith("getresponse") and not server.seen and time.monotonic() < end:
            time.sleep(0.01)  # it was sent, and nobody waited until the server had read it
        assert len(server.seen) == name.endswith("getresponse")


def test_sockets_that_are_forbidden(monkeypatch):
    class Guarded(socket.socket):
        def connect(self, address):
            raise RuntimeError("no sockets in tests")

    with recording() as server:
        monkeypatch.setattr(socket, "socket", Guarded)
        with pytest.raises(RuntimeError, match="no sockets in tests"):
            asyncio.run(async_requests.get(server.url + "/text"))
        monkeypatch.undo()
        assert server.seen == []


def test_after_the_patch_the_network_is_back():
    with recording() as server:
        with patch("requests.get", return_value=answered()):
            assert asyncio.run(async_requests.get(server.url + "/text")).text == "mocked"
        assert asyncio.run(fetch(server.url + "/text")) == ["Grüße", "Grüße"]


def test_imported_while_patched():
    """The module may be loaded for the first time while a test has its mock in place."""
    import importlib.util

    with patch("requests.adapters.HTTPAdapter.send", return_value=answered()):
        spec = importlib.util.spec_from_file_location("loaded_late", async_requests.__file__)
        late = importlib.util.module_from_spec(spec)
        import sys

        sys.modules["loaded_late"] = late  # dataclasses look there
        try:
            spec.loader.exec_module(late)
        finally:
            del sys.modules["loaded_late"]
        assert asyncio.run(late.get(URL)).text == "mocked"


def test_responses():
    responses = pytest.importorskip("responses")
    with responses.RequestsMock() as mock:
        mock.get(URL, body="mocked")
        assert asyncio.run(fetch(URL)) == ["mocked", "mocked"]
        assert [call.request.url for call in mock.calls] == [URL, URL]
        with pytest.raises(requests.ConnectionError, match="Connection refused by Responses"):
            asyncio.run(async_requests.post(URL))


def test_requests_mock():
    requests_mock = pytest.importorskip("requests_mock")
    with requests_mock.Mocker() as mock:
        mock.get(URL, text="mocked")
        assert asyncio.run(fetch(URL)) == ["mocked", "mocked"]
        with pytest.raises(requests_mock.exceptions.NoMockAddress):
            asyncio.run(async_requests.post(URL))
        assert mock.call_count == 3


def test_requests_mock_on_one_session():
    requests_mock = pytest.importorskip("requests_mock")
    own = requests.Session()
    adapter = requests_mock.Adapter()
    adapter.register_uri("GET", URL, text="mocked")
    own.mount("http://", adapter)
    assert asyncio.run(async_requests.call(own.get, URL)).text == "mocked"


def test_httpretty():
    httpretty = pytest.importorskip("httpretty")
    with httpretty.enabled():
        httpretty.register_uri(httpretty.GET, URL, body="mocked")
        assert asyncio.run(asyncio.wait_for(fetch(URL), 20)) == ["mocked", "mocked"]
        assert httpretty.last_request().path == "/x"


def test_vcr(tmp_path):
    vcr = pytest.importorskip("vcr")
    cassette = tmp_path / "cassette.json"
    with recording() as server:
        with vcr.use_cassette(str(cassette), serializer="json"):
            assert requests.get(server.url + "/text").text == "Grüße"
        server.seen.clear()
        with vcr.use_cassette(str(cassette), serializer="json", record_mode="none"):
            assert asyncio.run(async_requests.get(server.url + "/text")).text == "Grüße"
        assert server.seen == []
    assert json.loads(cassette.read_text())["interactions"][0]["request"]["method"] == "GET"
