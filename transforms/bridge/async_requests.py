"""`requests` in async code: requests prepares a request and builds the response, aiohttp carries it on the event loop.

    response = await async_requests.get(url, timeout=5)           # for requests.get(url, timeout=5)
    response = await async_requests.call(session.get, url)        # for session.get(url), with that very session

The response is a `requests.Response` and errors are those of requests, because requests' own code makes them. Whatever
cannot be carried here (a test or a library put something in requests' place, a mounted adapter, retries, a proxy,
a client certificate, files, streams, hooks, other authentication than a name and a password) is handed, as the very same
call, to requests itself in a worker thread, with the context variables of the caller.
"""

import asyncio
import datetime
import functools
import http.client
import io
import os
import re
import socket
import ssl
import time
import types
import warnings

import aiohttp
import requests
import urllib3
import yarl
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth
from requests.utils import extract_zipped_paths, select_proxy
from urllib3.util.ssl_ import create_urllib3_context

VERBS = ("get", "options", "head", "post", "put", "patch", "delete", "request")
LARGE = 256 * 1024  # bytes of a body above which it is decoded in a worker thread


async def get(*args, **kwargs) -> requests.Response:
    """`requests.get(…)`."""
    return await call(requests.get, *args, **kwargs)


async def options(*args, **kwargs) -> requests.Response:
    """`requests.options(…)`."""
    return await call(requests.options, *args, **kwargs)


async def head(*args, **kwargs) -> requests.Response:
    """`requests.head(…)`."""
    return await call(requests.head, *args, **kwargs)


async def post(*args, **kwargs) -> requests.Response:
    """`requests.post(…)`."""
    return await call(requests.post, *args, **kwargs)


async def put(*args, **kwargs) -> requests.Response:
    """`requests.put(…)`."""
    return await call(requests.put, *args, **kwargs)


async def patch(*args, **kwargs) -> requests.Response:
    """`requests.patch(…)`."""
    return await call(requests.patch, *args, **kwargs)


async def delete(*args, **kwargs) -> requests.Response:
    """`requests.delete(…)`."""
    return await call(requests.delete, *args, **kwargs)


async def request(*args, **kwargs) -> requests.Response:
    """`requests.request(…)`."""
    return await call(requests.request, *args, **kwargs)


async def call(function, /, *args, **kwargs) -> requests.Response:
    """What `function(*args, **kwargs)` returns, for a function of requests or a method of a session of requests."""
    given = _arguments(function, args, kwargs) if _is_untouched() else None
    session = getattr(function, "__self__", None)
    if given is None or not _is_plain(session, given):
        return await asyncio.to_thread(function, *args, **kwargs)
    if session is not None:
        return await _request(session, given, fresh=False)
    with requests.sessions.Session() as own:  # as requests does for each call
        return await _request(own, given, fresh=True)


# What can be carried on the loop, and what goes to a thread


def _parts():
    """Everything of requests, urllib3 and below that mocks, recorders and instruments put their own in place of."""
    yield requests, VERBS, requests.api
    methods = (*VERBS, "__init__", "send", "get_adapter", "mount", "prepare_request", "merge_environment_settings", "resolve_redirects")
    yield requests.sessions.Session, methods, requests.sessions
    yield HTTPAdapter, ("send", "build_response", "cert_verify", "get_connection_with_tls_context"), requests.adapters
    yield urllib3.HTTPConnectionPool, ("urlopen",), urllib3.connectionpool
    yield urllib3.connection.HTTPConnection, ("connect", "getresponse"), urllib3.connection
    yield urllib3.connection.HTTPSConnection, ("connect",), urllib3.connection
    yield urllib3.util.connection, ("create_connection",), urllib3.util.connection
    yield http.client.HTTPConnection, ("connect", "request", "getresponse", "putrequest", "send"), http.client
    yield socket, ("create_connection", "getaddrinfo"), socket


_PARTS = [(owner, name, vars(home)) for owner, names, home in _parts() for name in names if hasattr(owner, name)]
_CLASSES = (
    (requests, "Session", "requests.sessions"),
    (requests.sessions, "Session", "requests.sessions"),
    (urllib3.HTTPConnectionPool, "ConnectionCls", "urllib3.connection"),
    (urllib3.HTTPSConnectionPool, "ConnectionCls", "urllib3.connection"),
    (http.client, "HTTPConnection", "http.client"),
    (socket, "socket", "socket"),
)


def _is_untouched():
    """Whether requests would really go to the network by its own code."""
    for owner, name, home in _PARTS:
        part = getattr(owner, name, None)
        if type(part) is not types.FunctionType or part.__globals__ is not home:
            return False
    return all(getattr(owner, name).__module__ == home for owner, name, home in _CLASSES) and _Preparing.__base__ is requests.sessions.Session


def _arguments(function, args, kwargs):
    """The arguments of a verb by name, `method` among them; None when it is no verb of requests, or does not take them."""
    plain = function.__func__ if type(function) is types.MethodType else function
    session = getattr(function, "__self__", None)
    home = requests.api if session is None else requests.sessions
    if type(plain) is not types.FunctionType or plain.__globals__ is not vars(home) or plain.__name__ not in VERBS:
        return None
    names = plain.__code__.co_varnames[session is not None : plain.__code__.co_argcount]
    given = {**dict(zip(names, args)), **kwargs}
    if len(given) != len(args) + len(kwargs) or "url" not in given or not given.keys() <= _NAMES:
        return None
    if plain.__name__ == "request":
        return given if isinstance(given.get("method"), str) else None
    if "method" in given:
        return None
    return {"method": plain.__name__, **({"allow_redirects": False} if plain.__name__ == "head" else {}), **given}


_NAMES = set(requests.sessions.Session.request.__code__.co_varnames[1 : requests.sessions.Session.request.__code__.co_argcount])


def _is_plain(session, given):
    """Whether preparing the request and using the response runs nobody else's code and reads no file or stream."""
    if session is not None and not _is_plain_session(session):
        return False
    auth = given.get("auth") or getattr(session, "auth", None)
    return (
        type(auth) in (type(None), tuple, HTTPBasicAuth)
        and type(given.get("data")) in (type(None), str, bytes, dict, list, tuple)
        and not (given.get("files") or given.get("hooks") or given.get("stream"))
    )


def _is_plain_session(session):
    own = type(session) is requests.sessions.Session and _SESSION.isdisjoint(vars(session))
    return own and not session.stream and not session.hooks.get("response")


def _timeout(adapter, request, settings):
    """The timeouts for aiohttp when it can carry the request with these settings; None when it cannot."""
    plain = type(adapter) is HTTPAdapter and _ADAPTER.isdisjoint(vars(adapter)) and vars(adapter.max_retries) == _RETRIES
    if not plain or adapter.poolmanager.connection_pool_kw != _POOL or settings.get("cert") or settings.get("stream"):
        return None
    if select_proxy(request.url, settings.get("proxies")) or not _is_sendable(request):
        return None
    timeout = settings.get("timeout")
    both = timeout if isinstance(timeout, tuple) else (timeout, timeout)
    if len(both) != 2 or not all(item is None or (type(item) in (int, float) and item > 0) for item in both):
        return None  # an object of urllib3, or a mistake: requests sees to it
    return aiohttp.ClientTimeout(total=None, sock_connect=both[0], sock_read=both[1])


def _is_sendable(request):
    """Whether aiohttp sends the very bytes that requests would send."""
    headers = {_text(name).lower(): _text(value) for name, value in request.headers.items()}
    return (
        request.url.lower().startswith(("http://", "https://"))
        and bool(_TARGET.fullmatch(request.path_url) and _METHOD.fullmatch(request.method))
        and all(_NAME.fullmatch(name) and _VALUE.fullmatch(value) for name, value in headers.items())
        and headers.keys() >= _ADDED
        and headers.keys().isdisjoint(_OF_THE_CONNECTION)
        and headers.get("connection", "keep-alive") == "keep-alive"
        and (request.body is None or type(request.body) is bytes or (type(request.body) is str and request.body.isascii()))
    )


def _text(value):
    return value.decode("latin-1") if isinstance(value, bytes) else value


_SESSION = {name for name in dir(requests.sessions.Session) if callable(getattr(requests.sessions.Session, name))}
_ADAPTER = {name for name in dir(HTTPAdapter) if callable(getattr(HTTPAdapter, name))}
_RETRIES = vars(HTTPAdapter().max_retries)
_POOL = HTTPAdapter().poolmanager.connection_pool_kw
_TARGET = re.compile(r"/(?!/)(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-F]{2})*")  # what urllib3 sends as it is
_METHOD = re.compile(r"(?!CONNECT$)[A-Z]+")
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"(?:[!-~](?:[\t -~]*[!-~])?)?")
_ADDED = {"user-agent", "accept-encoding"}  # urllib3 adds its own where they are taken out
_OF_THE_CONNECTION = {"expect", "upgrade", "te", "transfer-encoding", "host", "keep-alive"}


# One call


async def _request(session, given, fresh):
    """What `session.request(**given)` does, with requests' own code before and after each exchange."""
    request, settings = _Preparing(session).request(**given)
    relay = _Relay(session, fresh)
    follow = settings.pop("allow_redirects")
    response = await relay.exchange(request, settings, functools.partial(relay.send, request, allow_redirects=False, **settings))
    if not follow:
        return response
    history, following = [], relay.resolve_redirects(response, request, **settings)
    while response.next is not None:
        history.append(response)
        step = functools.partial(next, following)
        if len(history) > session.max_redirects:
            step()  # raises TooManyRedirects
        response = await relay.exchange(response.next, settings, step)
    if history:
        history[0]._next = None
        response.history = history
    return response


class _Preparing(requests.sessions.Session):
    """The session in all but name, up to where requests would send."""

    def __init__(self, session):
        self.__dict__ = vars(session)

    def send(self, request, **settings):
        return request, settings


class _Relay(requests.sessions.Session):
    """The session in all but name; what aiohttp brought stands in place of a connection."""

    __slots__ = ("answer", "elapsed", "fresh")

    def __init__(self, session, fresh):
        self.__dict__ = vars(session)
        self.fresh = fresh

    def get_adapter(self, url):
        adapter = super().get_adapter(url)
        return adapter if self.answer is None else _Answered(adapter, self.answer)

    async def exchange(self, request, settings, step):
        """Send the request, then let requests' own code (`step`) make the response; in a thread, all of it, where need be."""
        self.answer = None
        self.answer = await self.carry(request, settings)
        if self.answer is None:
            return await asyncio.to_thread(step)
        is_large = not isinstance(self.answer, Exception) and self.answer.size > LARGE
        response = await asyncio.to_thread(step) if is_large else step()
        response.elapsed = self.elapsed
        return response

    async def carry(self, request, settings):
        """What came back, as urllib3 would give it: a response or an error; None for a request that goes to a thread."""
        timeout = _timeout(self.get_adapter(request.url), request, settings)
        tls = await _tls_for(request, settings) if timeout else None
        if tls is None:
            return None
        started = time.perf_counter()
        headers = [(_text(name), _text(value)) for name, value in request.headers.items()]
        body = request.body.encode() if isinstance(request.body, str) else request.body
        http = await _client(self.fresh and request.method not in ("GET", "HEAD", "OPTIONS"))
        try:
            async with http.request(request.method, _url(request), headers=headers, data=body, ssl=tls, timeout=timeout, allow_redirects=False) as found:
                self.elapsed = datetime.timedelta(seconds=time.perf_counter() - started)
                return _Raw(request, found, *await _read(found))
        except aiohttp.InvalidURL:
            return None
        except (aiohttp.ClientError, OSError, asyncio.TimeoutError) as error:
            return _as_of_urllib3(error, request, timeout)


class _Answered(HTTPAdapter):
    """requests' own adapter, over what came back."""

    max_retries = 0

    def __init__(self, adapter, answer):
        self.adapter, self.answer = adapter, answer

    def get_connection_with_tls_context(self, *args, **kwargs):
        return self

    get_connection = _get_connection = get_connection_with_tls_context  # in older versions of requests

    def cert_verify(self, *args):
        pass

    def urlopen(self, **kwargs):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def build_response(self, request, answer):
        response = super().build_response(request, answer)
        response.connection = self.adapter
        return response


# The transport


def _url(request):
    scheme, netloc = request.url.split("://", 1)
    host = re.split("[/?#]", netloc, maxsplit=1)[0].rpartition("@")[2]
    return yarl.URL(f"{scheme.lower()}://{host}{request.path_url}", encoded=True)


async def _read(found):
    """The body as far as it came, and what ended it before its time."""
    chunks = []
    try:
        async for chunk in found.content.iter_any():
            chunks.append(chunk)
    except aiohttp.SocketTimeoutError:
        return b"".join(chunks), TimeoutError("timed out")
    except aiohttp.ClientPayloadError:
        return b"".join(chunks), None if "Content-Length" in found.headers else http.client.IncompleteRead(b"")
    except OSError as error:
        return b"".join(chunks), error
    return b"".join(chunks), None


class _Body(io.BytesIO):
    """A body that ends as the connection did."""

    error = None

    def read(self, amount=-1):
        data = super().read(amount)
        if not data and amount != 0 and self.error:
            raise self.error
        return data


class _Raw(urllib3.HTTPResponse):
    """The response of urllib3, made from what aiohttp brought; `size` is that of the body as it was sent."""

    def __init__(self, request, found, data, error):
        pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in found.raw_headers]
        body = _Body(data)
        body.error = error
        self.size = len(data)
        super().__init__(
            body=body,
            headers=urllib3.HTTPHeaderDict(pairs),
            status=found.status,
            version=found.version.major * 10 + found.version.minor,
            reason=(found.reason or "").encode("utf-8", "surrogateescape").decode("latin-1"),
            preload_content=False,
            decode_content=False,
            original_response=_cookies(pairs),
            enforce_content_length=True,
            request_method=request.method,
            request_url=request.path_url,
        )


def _cookies(pairs):
    """What requests takes cookies from; None where there are none to take."""
    message = http.client.HTTPMessage()
    for name, value in pairs:
        if name.lower() in ("set-cookie", "set-cookie2"):
            message[name] = value
    return types.SimpleNamespace(msg=message, isclosed=lambda: True, close=lambda: None) if message else None


def _as_of_urllib3(error, request, timeout):
    """The error that urllib3 would raise."""
    pool = urllib3.connectionpool.connection_from_url(request.url)
    connection = pool.ConnectionCls(pool.host, pool.port)
    reason = _reason(error, connection, timeout)
    if reason is not None:
        return urllib3.exceptions.MaxRetryError(pool, request.path_url, reason)
    if isinstance(error, asyncio.TimeoutError):
        return urllib3.exceptions.ReadTimeoutError(pool, request.path_url, f"Read timed out. (read timeout={timeout.sock_read})")
    if isinstance(error, aiohttp.ServerDisconnectedError):
        cause = http.client.RemoteDisconnected("Remote end closed connection without response")
    elif isinstance(error, OSError) and error.errno:
        cause = OSError(error.errno, os.strerror(error.errno))
    else:
        cause = http.client.BadStatusLine(getattr(error, "message", "") or str(error))
    return urllib3.exceptions.ProtocolError("Connection aborted.", cause)


def _reason(error, connection, timeout):
    """Why there was no connection; None when there was one."""
    raised = urllib3.exceptions
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return raised.ConnectTimeoutError(connection, f"Connection to {connection.host} timed out. (connect timeout={timeout.sock_connect})")
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return raised.SSLError(error.certificate_error)
    if isinstance(error, aiohttp.ClientSSLError):
        return raised.SSLError(error.os_error)
    if isinstance(error, aiohttp.ClientConnectorDNSError) and hasattr(raised, "NameResolutionError"):
        return raised.NameResolutionError(connection.host, connection, error.os_error)
    if isinstance(error, aiohttp.ClientConnectorError):
        cause = OSError(error.errno, os.strerror(error.errno)) if error.errno else error.os_error
        return raised.NewConnectionError(connection, f"Failed to establish a new connection: {cause}")
    return None


async def _tls_for(request, settings):
    """The TLS settings for aiohttp, as requests has them; None when requests has to see to them."""
    verify = settings.get("verify")
    if not request.url.lower().startswith("https:"):
        return True  # not used
    if verify is False:
        host = yarl.URL(request.url).raw_host
        warnings.warn(_UNVERIFIED.format(host), urllib3.exceptions.InsecureRequestWarning, stacklevel=2)
        return _context("", None)
    path = requests.adapters.DEFAULT_CA_BUNDLE_PATH if verify is True else verify
    if type(path) is not str or not os.path.exists(extract_zipped_paths(path)):
        return None
    path = extract_zipped_paths(path)
    return _context(path, os.stat(path).st_mtime_ns)


_UNVERIFIED = (
    "Unverified HTTPS request is being made to host '{}'. Adding certificate verification is strongly advised. "
    "See: https://urllib3.readthedocs.io/en/latest/advanced-usage.html#tls-warnings"
)


@functools.lru_cache(maxsize=16)
def _context(path, changed):
    """urllib3's own TLS settings with those certificates of authorities; without a path nothing is verified."""
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED if path else ssl.CERT_NONE)
    if type(context).__module__ != "ssl":
        return None
    if path:
        context.load_verify_locations(**({"capath": path} if os.path.isdir(path) else {"cafile": path}))
        context.check_hostname = True
    context.set_alpn_protocols(["http/1.1"])
    return context


_clients = {}


async def _client(fresh):
    """The client of the running loop, which is closed when the loop ends; `fresh`: the one that makes a connection for each request.

    On a loop that lasts connections are kept from one request to the next. requests never sends a POST over a connection
    that the server may be about to close, so `fresh` is for what must not be sent twice.
    """
    loop = asyncio.get_running_loop()
    if loop not in _clients:
        for ended in [item for item in list(_clients) if item.is_closed()]:
            _clients.pop(ended, None)
        both = [_new_client(force_close) for force_close in (False, True)]
        _clients[loop] = both, _until_the_end(loop, both)
        await _clients[loop][1].__anext__()
    return _clients[loop][0][fresh]


def _new_client(force_close):
    connector = aiohttp.TCPConnector(limit=0, force_close=force_close, use_dns_cache=False, resolver=aiohttp.ThreadedResolver())
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
        max_line_size=65536,
        max_field_size=65536,
    )


async def _until_the_end(loop, clients):
    """Whoever ends a loop first closes its asynchronous generators: `asyncio.run`, Flask, and `one_loop`."""
    try:
        yield
    finally:
        _clients.pop(loop, None)
        for client in clients:
            await client.close()
