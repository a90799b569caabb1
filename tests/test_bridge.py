"""The requests bridge against requests: the same calls, all that the server saw, and all that can be seen of the responses."""

import asyncio
import gc
import os
import re
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
    """No proxy; a .netrc that names the server's host for nobody but `localhost`'s neighbours in the cases."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            monkeypatch.delenv(name)
    (tmp_path / "netrc").write_text("")
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
