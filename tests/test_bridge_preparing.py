"""The bridge's short way to prepare a request gives what requests' own way gives, or does not take the request."""

import asyncio
import itertools
from unittest.mock import patch

import pytest

pytest.importorskip("aiohttp")

import requests  # noqa: E402
from bridge_server import recording  # noqa: E402
from requests.models import Request  # noqa: E402

from transforms.bridge import async_requests  # noqa: E402

SCHEMES = ("http://", "https://", "HTTP://", "ftp://", "")
HOSTS = ("shop", "shop.example", "127.0.0.1", "SHOP.example", ".shop", "*.shop", "-shop", "shop.", "user:word@shop", "[::1]", "bücher.example", "a b", "")
PORTS = ("", ":1", ":80", ":0080", ":59999", ":65535", ":70000", ":", ":x")
PATHS = (
    "",
    "/",
    "/a",
    "/a/b.json",
    "/a/",
    "//a",
    "/a//b",
    "/./a",
    "/a/../b",
    "/.a",
    "/a;b",
    "/a b",
    "/%7Ea",
    "/%2f",
    "/%zz",
    "/ä",
    "/a@b:c",
    "/(a),'b'!*$&+=~-_",
    "/[a]",
    "/a|b",
    "/a\\b",
)
QUERIES = ("", "?", "?a=b", "?a=b&c=/d?e", "?a=%20", "?a b", "?ä", "?a={b}", "?a=b:c,d(e)", "#f", "?a#f", "?a#")
HEADERS = (
    None,
    {},
    {"X-One": "1"},
    {"user-agent": "mine"},
    {"Accept": None},
    {"X-Bad": "a\nb"},
    {"X-Number": 1},
    {b"X-Bytes": b"1"},
    {" X": "1"},
    [("X-Two", "2")],
)


def prepared(prepare, request):
    """All of a prepared request that can be seen, or the error."""
    try:
        made = prepare(request)
    except Exception as error:
        return type(error), str(error)
    if made is None:
        return None
    seen = {**vars(made), "headers": list(made.headers.items()), "_cookies": (type(made._cookies), list(made._cookies))}
    return seen, made.path_url


def check(session, request):
    """Whether the short way took the request; what it gives is then as it must be."""
    ours = prepared(lambda item: async_requests._prepared_simply(session, item), request)
    if ours is not None:
        assert ours == prepared(session.prepare_request, request), request.url
    return ours is not None


def test_addresses():
    session = requests.Session()
    addresses = [
        "".join(parts)
        for parts in itertools.product(SCHEMES, HOSTS, PORTS, PATHS, QUERIES)
        if sum(part not in ("http://", "shop", "", "/a") for part in parts) <= 2
    ]
    taken = [address for address in addresses if check(session, Request("GET", address))]
    assert len(addresses) > 500 and 50 < len(taken) < len(addresses) / 2
    assert {"http://shop/a", "https://shop:80/a", "http://127.0.0.1/a/b.json", "http://shop.example/a?a=b&c=/d?e"} <= set(taken)


def test_the_rest_of_a_request():
    plain, url = requests.Session(), "http://shop/a?b=c"
    for method, headers in itertools.product(("GET", "HEAD", "POST", "OPTIONS"), HEADERS):
        assert check(plain, Request(method, url, headers)) <= (method in ("GET", "HEAD"))
    others = ({"params": {"d": "e"}}, {"data": "x"}, {"json": {}}, {"json": []}, {"cookies": {"c": "d"}}, {"auth": ("u", "p")}, {"files": {"f": b"x"}})
    assert not any(check(plain, Request("GET", url, **other)) for other in others)
    assert check(plain, Request("GET", url)) and check(plain, Request("HEAD", url, {"X-One": "1"}))


def changed(**attributes):
    session = requests.Session()
    vars(session).update(attributes)
    return session


def test_what_a_session_adds(tmp_path, monkeypatch):
    request = Request("GET", "http://shop/a", {"X-One": "1"})
    cookie = requests.Session()
    cookie.cookies.set("c", "d")
    assert not any(
        check(item, request) for item in (cookie, changed(auth=("u", "p")), changed(params={"a": "b"}), changed(headers={"A": "b"}), changed(cookies={}))
    )
    agent = requests.Session()
    agent.headers.update({"User-Agent": "mine", "X-One": "2", "X-Two": "3"})
    assert check(agent, request)
    agent.headers["Accept"] = None
    assert not check(agent, request)
    (tmp_path / "netrc").write_text("machine shop login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert not check(requests.Session(), request) and check(changed(trust_env=False), request)


def test_passwords_that_are_written_down_later(tmp_path, monkeypatch):
    """The environment stays as it is; the file is looked for each time, as requests does."""
    monkeypatch.delenv("NETRC", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    request = Request("GET", "http://shop/a")
    assert check(requests.Session(), request)
    (tmp_path / "_netrc").write_text("machine shop login me password secret\n")
    assert not check(requests.Session(), request) and check(requests.Session(), Request("GET", "http://other/a"))


@pytest.mark.parametrize(
    ("name", "value", "carried"),
    [
        ("X-One", "a b", True),
        ("X-Host", "a", True),
        ("Connection", "keep-alive", True),
        (b"X-One", b"1", True),
        ("X-One", "", True),
        ("Connection", "Keep-Alive", False),
        ("connection", "close", False),
        ("HOST", "other", False),
        ("Te", "trailers", False),
        ("Expect", "100-continue", False),
        ("Transfer-Encoding", "chunked", False),
        ("X-One", " a", False),
        ("X-One", "a ", False),
        ("X-One", "ä", False),
        ("X-One", "a\nX-Two: b", False),
        ("X-One", "a\n", False),
        ("X One", "a", False),
        ("", "a", False),
    ],
)
def test_headers_that_aiohttp_would_write_as_they_are(name, value, carried):
    request = requests.Session().prepare_request(Request("GET", "http://shop/a"))
    before = async_requests._headers(request)
    request.headers[name] = value
    found = async_requests._headers(request)
    assert (found is not None) is carried
    assert not carried or dict(found).items() >= {async_requests._text(name): async_requests._text(value)}.items()
    assert [item[0] for item in before] == ["User-Agent", "Accept-Encoding", "Accept", "Connection"]


def test_a_requests_that_prepares_otherwise_is_noticed():
    """Then every request goes requests' own way."""
    original = requests.Session.prepare_request

    def other(self, request):
        made = original(self, request)
        made.headers["X-New"] = "1"
        return made

    async_requests._is_simple_as_known.cache_clear()
    try:
        with patch.object(requests.Session, "prepare_request", other):
            assert not async_requests._is_simple_as_known()
            assert async_requests._Preparing(requests.Session()).prepare_request(Request("GET", "http://shop/a")).headers["X-New"] == "1"
    finally:
        async_requests._is_simple_as_known.cache_clear()
    assert async_requests._is_simple_as_known()


@pytest.mark.parametrize(
    "name", ["requests.models.PreparedRequest.prepare", "requests.models.PreparedRequest.prepare_headers", "requests.sessions.get_netrc_auth"]
)
def test_what_replaces_the_preparing_is_honoured(name):
    with recording() as server, patch(name, side_effect=KeyError("replaced")), pytest.raises(KeyError, match="replaced"):
        asyncio.run(async_requests.get(server.url + "/text"))
