"""`requests` in async code: requests prepares a request and builds the response, aiohttp carries it on the event loop.

    response = await async_requests.get(url, timeout=5)           # for requests.get(url, timeout=5)
    response = await async_requests.call(session.get, url)        # for session.get(url), with that very session

The response is a `requests.Response` and errors are those of requests, because requests' own code makes them. Whatever
cannot be carried here (a test or a library put something in requests' place, a mounted adapter, retries, a proxy,
a client certificate, files, streams, hooks, other authentication than a name and a password) is handed, as the very same
call, to requests itself in a worker thread, with the context variables of the caller.
"""

import asyncio
import contextvars
import dataclasses
import datetime
import functools
import http.client
import io
import operator
import os
import re
import socket
import ssl
import sys
import time
import types
import urllib.request
import warnings
import weakref

import aiohttp
import requests
import urllib3
import yarl
from aiohttp import ClientConnectorDNSError, ConnectionTimeoutError, SocketTimeoutError  # aiohttp 3.12 or later
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth
from requests.cookies import RequestsCookieJar
from requests.models import REDIRECT_STATI, PreparedRequest, Request
from requests.sessions import merge_setting
from requests.structures import CaseInsensitiveDict
from requests.utils import extract_zipped_paths, select_proxy
from urllib3.util.ssl_ import create_urllib3_context

VERBS = ("get", "options", "head", "post", "put", "patch", "delete", "request")
IS_KNOWN = hasattr(urllib3, "HTTPHeaderDict")  # urllib3 2 and later; with an older one every call goes to a thread
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
    given = _arguments(function, args, kwargs) if IS_KNOWN and _is_untouched() else None
    session = getattr(function, "__self__", None)
    if given is None or not _is_plain(session, given):
        return await asyncio.to_thread(function, *args, **kwargs)
    if session is not None:
        return await _request(session, given, is_single=False)
    with requests.sessions.Session() as own:  # as requests does for each call
        return await _request(own, given, is_single=True)


# What can be carried on the loop, and what goes to a thread


def _parts():
    """Everything of requests, urllib3 and below that mocks, recorders and instruments put their own in place of, and its home."""
    methods = ("__init__", "send", "get_adapter", "mount", "prepare_request", "merge_environment_settings", "resolve_redirects", "rebuild_auth")
    building = ("build_connection_pool_key_attributes", "add_headers", "request_url", "proxy_headers", "proxy_manager_for", "init_poolmanager")
    adapter = ("send", "build_response", "cert_verify", "get_connection_with_tls_context", "get_connection", *building)
    yield requests, VERBS, requests.api
    yield requests.api, ("request",), requests.api
    yield requests, ("Session",), requests.sessions
    yield requests.sessions, ("Session",), requests.sessions
    yield requests.sessions.Session, (*VERBS, *methods), requests.sessions
    yield requests.sessions, ("Request", "PreparedRequest"), requests.models
    yield PreparedRequest, tuple(name for name in vars(PreparedRequest) if name.startswith("prepare")), requests.models
    yield requests.sessions, ("get_environ_proxies", "get_netrc_auth"), requests.utils
    yield requests.utils, ("getproxies",), urllib.request
    yield HTTPAdapter, adapter, requests.adapters
    yield urllib3.HTTPConnectionPool, ("urlopen", "_make_request", "_get_conn", "_new_conn"), urllib3.connectionpool
    yield urllib3.HTTPConnectionPool, ("ConnectionCls",), urllib3.connection
    yield urllib3.HTTPSConnectionPool, ("ConnectionCls",), urllib3.connection
    yield urllib3.connection.HTTPConnection, ("connect", "request", "getresponse", "_new_conn"), urllib3.connection
    yield urllib3.connection.HTTPSConnection, ("connect",), urllib3.connection
    yield urllib3.util.connection, ("create_connection",), urllib3.util.connection
    yield http.client, ("HTTPConnection",), http.client
    yield http.client.HTTPConnection, ("connect", "request", "getresponse", "putrequest", "send"), http.client
    yield socket, ("socket", "create_connection", "getaddrinfo"), socket


_PARTS = [(owner, name, home) for owner, names, home in _parts() for name in names if hasattr(owner, name)]
_GETTERS = [
    (owner, operator.attrgetter(*[name for other, name, _ in _PARTS if other is owner])) for owner in {id(item[0]): item[0] for item in _PARTS}.values()
]
_untouched = None  # what the getters gave when all of it was found to be the libraries' own


def _is_untouched():
    """Whether requests would really go to the network by its own code."""
    global _untouched
    now = [getter(owner) for owner, getter in _GETTERS]
    if now != _untouched:
        if not all(_is_own(getattr(owner, name), home) for owner, name, home in _PARTS) or _Preparing.__base__ is not requests.sessions.Session:
            return False
        _untouched = now
    return True


def _is_own(part, home):
    """Whether a function or class was defined in that module: what imitates one (a wrapper, a mock) was not."""
    return part.__module__ == home.__name__ if type(part) is type else type(part) is types.FunctionType and part.__globals__ is vars(home)


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


def _way(adapter, request, settings):
    """What aiohttp needs to send the very bytes that requests would send, and to wait as long; None when it cannot."""
    plain = type(adapter) is HTTPAdapter and _ADAPTER.isdisjoint(vars(adapter)) and vars(adapter.max_retries) == _RETRIES
    if not plain or adapter.poolmanager.connection_pool_kw != _POOL or settings.get("cert") or settings.get("stream"):
        return None
    proxies, body = settings.get("proxies"), request.body
    if (proxies and select_proxy(request.url, proxies)) or not (body is None or type(body) is bytes or (type(body) is str and body.isascii())):
        return None
    if not (_ADDRESS.match(request.url) and _TARGET.fullmatch(request.path_url) and _METHOD.fullmatch(request.method)):
        return None
    timeout, headers = _timeout(settings.get("timeout")), _headers(request)
    tls = _tls_for(request, settings) if timeout and headers else None
    if tls is None:
        return None
    return {"headers": headers, "data": body.encode() if type(body) is str else body, "ssl": tls, "timeout": timeout}


def _timeout(timeout):
    """The same for aiohttp; None for an object of urllib3, or a mistake: requests sees to it."""
    both = timeout if isinstance(timeout, tuple) else (timeout, timeout)
    if len(both) != 2 or not all(item is None or (type(item) in (int, float) and item > 0) for item in both):
        return None
    return aiohttp.ClientTimeout(total=None, sock_connect=both[0], sock_read=both[1])


def _headers(request):
    """The headers as text; None where aiohttp would write other ones."""
    headers = request.headers
    if "User-Agent" not in headers or "Accept-Encoding" not in headers:  # urllib3 adds its own
        return None
    if "Content-Length" not in headers and (request.body is not None or request.method not in _WITHOUT_LENGTH):
        return None
    pairs = [(_text(name), _text(value)) for name, value in headers.items()]
    return pairs if all(map(_HEADER.fullmatch, [f"{name}: {value}" for name, value in pairs])) else None


def _text(value):
    return value.decode("latin-1") if isinstance(value, bytes) else value


_SESSION = {name for name in dir(requests.sessions.Session) if callable(getattr(requests.sessions.Session, name))}
_ADAPTER = {name for name in dir(HTTPAdapter) if callable(getattr(HTTPAdapter, name))}
_RETRIES = vars(HTTPAdapter().max_retries)
_POOL = HTTPAdapter().poolmanager.connection_pool_kw
_TARGET = re.compile(r"/(?!/)(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-F]{2})*")  # what urllib3 sends as it is
_ADDRESS = re.compile(r"https?://(?:[^/?#@]*@)?(?:(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?(?:[/?#]|$)", re.I)
_METHOD = re.compile(r"(?!CONNECT$)[A-Z]+")
_WITHOUT_LENGTH = ("GET", "HEAD", "OPTIONS", "TRACE")
_OF_THE_CONNECTION = r"(?i:expect|upgrade|te|transfer-encoding|host|keep-alive|connection(?!: (?-i:keep-alive)$)): "
_HEADER = re.compile(rf"(?!{_OF_THE_CONNECTION})[A-Za-z0-9!#$%&'*+.^_`|~-]+: (?:[!-~](?:[\t -~]*[!-~])?)?")


# One call


async def _request(session, given, is_single):
    """What `session.request(**given)` does, with requests' own code before and after each exchange."""
    request, settings = _Preparing(session).request(**given)
    relay = _Relay(session, is_single)
    follow = settings.pop("allow_redirects")

    def first():
        response = relay.answered(request) or relay.send(request, allow_redirects=False, **{**settings, "stream": follow})
        if response.next is None or not follow:
            response.content  # noqa: B018  a broken body of a response that is followed does no harm
        return response

    response = await relay.exchange(request, settings, first)
    if not follow or response.next is None:
        return response
    history, following = [], relay.resolve_redirects(response, request, **settings)
    while response.next is not None:
        history.append(response)
        step = functools.partial(next, following)
        if len(history) > session.max_redirects:
            step()  # raises TooManyRedirects
        response = await relay.exchange(response.next, settings, step)
    history[0]._next = None
    response.history = history
    return response


class _Preparing(requests.sessions.Session):
    """The session in all but name, up to where requests would send."""

    def __init__(self, session):
        self.__dict__ = vars(session)

    def prepare_request(self, request):
        return (_prepared_simply(self, request) if _is_simple_as_known() else None) or super().prepare_request(request)

    def merge_environment_settings(self, url, proxies, stream, verify, cert):
        if not self.trust_env or _may_name_proxies():
            return super().merge_environment_settings(url, proxies, stream, verify, cert)
        if verify is True or verify is None:
            verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or verify
        return {
            "proxies": merge_setting(proxies, self.proxies) if proxies or self.proxies else {},
            "stream": self.stream if stream is None else stream,
            "verify": self.verify if verify is None else verify,
            "cert": self.cert if cert is None else cert,
        }

    def send(self, request, **settings):
        return request, settings


def _prepared_simply(session, request):
    """The same as `session.prepare_request(request)`, in a quarter of the time, where only headers are to be prepared.

    That is GET or HEAD of an address that requests leaves as it is; None for all others.
    """
    if (
        request.method not in ("GET", "HEAD")
        or type(request.url) is not str
        or not _PLAIN_ADDRESS.fullmatch(request.url)
        or (request.files or request.data or request.json is not None or request.params or request.auth or request.cookies)
        or (session.params or session.auth or type(session.cookies) is not RequestsCookieJar or len(session.cookies))
        or (type(session.headers) is not CaseInsensitiveDict or type(request.headers) is not dict)
        or (session.trust_env and _may_name_passwords() and requests.sessions.get_netrc_auth(request.url))
    ):
        return None
    headers = session.headers
    if request.headers:
        headers = headers.copy()
        headers.update(request.headers)
    if None in [value for _, value in headers.lower_items()]:  # this one is not to be sent
        return None
    made = PreparedRequest()
    made.method, made.url, made._cookies = request.method, request.url, RequestsCookieJar()
    made.prepare_headers(headers)
    return made


_PLAIN_ADDRESS = re.compile(
    r"https?://[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}))?"
    r"(?:/(?![./])[A-Za-z0-9._~!$&'()*+,=:-]*)+(?:\?[A-Za-z0-9._~!$&'()*+,=:/?-]+)?"
)


@functools.cache
def _is_simple_as_known():
    """Whether the installed requests prepares such a request as it did when this was written."""
    session, request = requests.sessions.Session(), Request("GET", "http://127.0.0.1:1/a?b=c", {"X-One": "1"})
    session.trust_env = False
    ours, theirs = vars(_prepared_simply(session, request)).copy(), vars(session.prepare_request(request)).copy()
    jars = ours.pop("_cookies"), theirs.pop("_cookies")
    return ours == theirs and type(jars[0]) is type(jars[1]) and not len(jars[1])


_without_proxies = None, ()


def _may_name_proxies():
    """Whether the environment may name a proxy; it is searched, a fifth of the work of a request, only when it has changed."""
    global _without_proxies
    now = getattr(os.environ, "_data", None)
    if now is None or sys.platform in ("darwin", "win32"):
        return True  # where the settings of the system count as well
    if now != _without_proxies[0]:
        if requests.utils.getproxies():
            return True
        named = os.environ.get("NETRC")
        files = [f"~/{name}" for name in requests.utils.NETRC_FILES] if named is None else [named]
        _without_proxies = dict(now), [os.path.expanduser(name) for name in files]
    return False


def _may_name_passwords():
    """Whether there may be a `.netrc`."""
    return _may_name_proxies() or any(map(os.path.exists, _without_proxies[1]))


class _Relay(requests.sessions.Session):
    """The session in all but name; what aiohttp brought stands in place of a connection."""

    __slots__ = ("brought", "is_single")

    def __init__(self, session, is_single):
        self.__dict__ = vars(session)
        self.is_single = is_single

    def get_adapter(self, url):
        adapter = super().get_adapter(url)
        return adapter if self.brought is None else _Answered(adapter, self.brought.answer)

    def answered(self, request):
        """The response when that is all there is to it: not where another request follows, with cookies, or an error."""
        if self.brought is None or not self.brought.is_all:
            return None
        return super().get_adapter(request.url).build_response(request, self.brought.answer)

    async def exchange(self, request, settings, step):
        """Send the request, then let requests' own code (`step`) make the response; in a thread, all of it, where need be."""
        self.brought = None
        self.brought = await self.bring(request, settings)
        if self.brought is None:
            return await asyncio.to_thread(step)
        response = await asyncio.to_thread(step) if self.brought.size > LARGE else step()
        response.elapsed = self.brought.elapsed
        return response

    async def bring(self, request, settings):
        """What aiohttp brings; None for a request that goes to a thread."""
        way = _way(self.get_adapter(request.url), request, settings)
        if way is None:
            return None
        kept, new = await _clients()
        is_repeatable = request.method in _REPEATABLE
        found = await _send(kept if is_repeatable or not self.is_single else new, request, way)
        return await _send(new, request, way) if found.is_stale and is_repeatable else found


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

    def request_url(self, *args):
        return ""

    def urlopen(self, **kwargs):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def build_response(self, request, answer):
        response = super().build_response(request, answer)
        response.connection = self.adapter
        return response


# The transport

_REPEATABLE = ("GET", "HEAD", "OPTIONS")


@dataclasses.dataclass
class _Brought:
    """What came back, as urllib3 would give it: a response (`size`: bytes of its body as it was sent) or an error.

    `is_stale`: nothing came, over a connection that was kept from an earlier request. `is_all`: a whole response, that sets
    no cookie and leads to no other address.
    """

    answer: object
    elapsed: datetime.timedelta = datetime.timedelta()
    size: int = 0
    is_stale: bool = False
    is_all: bool = False


async def _send(client, request, way):
    started = time.perf_counter()
    try:
        async with client.request(request.method, _url(request), allow_redirects=False, **way) as found:
            elapsed = datetime.timedelta(seconds=time.perf_counter() - started)
            data, error = await _read(found)
            answer = _response(request, found, data, error)
            is_all = error is None and found.status not in REDIRECT_STATI and "Set-Cookie" not in found.headers
            return _Brought(answer, elapsed, len(data), is_all=is_all and "Set-Cookie2" not in found.headers)
    except _Broken as broken:
        return _Brought(_as_of_urllib3(broken.__cause__, request, way["timeout"]), is_stale=broken.is_old)
    except (aiohttp.ClientError, OSError, asyncio.TimeoutError) as error:
        return _Brought(_as_of_urllib3(error, request, way["timeout"]))


class _Broken(Exception):
    """The connection broke before an answer; `is_old`: it had served another request before."""

    def __init__(self, is_old):
        self.is_old = is_old


_is_new = contextvars.ContextVar("is_new")


async def _once(request, send):
    """aiohttp would send a request again when its connection breaks, and requests does not."""
    before = _is_new.set(False)
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
        raise _Broken(not _is_new.get()) from error
    finally:
        _is_new.reset(before)


class _Connector(aiohttp.TCPConnector):
    """Says which connections are new, and can end all of them at once."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.transports = weakref.WeakSet()

    async def _create_connection(self, *args, **kwargs):
        _is_new.set(True)
        made = await super()._create_connection(*args, **kwargs)
        self.transports.add(made.transport)
        return made

    def abort(self):
        """TLS connections take their time to be closed, and the loop ends now."""
        for transport in list(self.transports):
            transport.abort()


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
    except SocketTimeoutError:
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


def _response(request, found, data, error):
    """The response of urllib3, made from what aiohttp brought."""
    pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in found.raw_headers]
    body = _Body(data)
    body.error = error
    return urllib3.HTTPResponse(
        body=body,
        headers=urllib3.HTTPHeaderDict(pairs),
        status=found.status,
        version=found.version.major * 10 + found.version.minor,
        reason=(found.reason or "").encode("utf-8", "surrogateescape").decode("latin-1"),
        preload_content=False,
        decode_content=False,
        original_response=_cookies(pairs),
        pool=urllib3.connectionpool.connection_from_url(request.url) if error else None,
        enforce_content_length=True,
        request_method=request.method,
        request_url=request.path_url,
    )


def _cookies(pairs):
    """What requests takes cookies from; None where there are none to take."""
    given = [(name, value) for name, value in pairs if name.lower() in ("set-cookie", "set-cookie2")]
    if not given:
        return None
    message = http.client.HTTPMessage()
    for name, value in given:
        message[name] = value
    return types.SimpleNamespace(msg=message, isclosed=lambda: True, close=lambda: None)


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
    if isinstance(error, ConnectionTimeoutError):
        return raised.ConnectTimeoutError(connection, f"Connection to {connection.host} timed out. (connect timeout={timeout.sock_connect})")
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return raised.SSLError(error.certificate_error)
    if isinstance(error, aiohttp.ClientSSLError):
        return raised.SSLError(error.os_error)
    if isinstance(error, ClientConnectorDNSError) and hasattr(raised, "NameResolutionError"):
        return raised.NameResolutionError(connection.host, connection, error.os_error)
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, ConnectionResetError):  # while TLS was agreed on
        return None if error.errno else raised.SSLError(ssl.SSLEOFError(8, "[SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred in violation of protocol"))
    if isinstance(error, aiohttp.ClientConnectorError):
        cause = OSError(error.errno, os.strerror(error.errno)) if error.errno else error.os_error
        return raised.NewConnectionError(connection, f"Failed to establish a new connection: {cause}")
    return None


def _tls_for(request, settings):
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
        return None  # something else stands in its place
    if path:
        try:
            context.load_verify_locations(**({"capath": path} if os.path.isdir(path) else {"cafile": path}))
        except OSError:
            return None  # no certificates: requests says so
        context.check_hostname = True
    context.set_alpn_protocols(["http/1.1"])
    return context


_of_loops = {}


async def _clients():
    """The clients of the running loop, closed when it ends: one that keeps connections, and one that makes one for each request.

    requests makes a connection for each `requests.post(…)`, so that none breaks under it that the server has just closed.
    What may be sent twice (GET, HEAD, OPTIONS) goes over kept ones, and again over a new one when that breaks.
    """
    loop = asyncio.get_running_loop()
    if loop not in _of_loops:
        for ended in [item for item in list(_of_loops) if item.is_closed()]:
            _of_loops.pop(ended, None)
        both = [_new_client(force_close) for force_close in (False, True)]
        _of_loops[loop] = both, _until_the_end(loop, both)
        await _of_loops[loop][1].__anext__()
    return _of_loops[loop][0]


def _new_client(force_close):
    return aiohttp.ClientSession(
        connector=_Connector(limit=0, force_close=force_close, use_dns_cache=False, resolver=aiohttp.ThreadedResolver()),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
        max_line_size=65536,
        max_field_size=65536,
        middlewares=(_once,),
    )


async def _until_the_end(loop, clients):
    """Whoever ends a loop first closes its asynchronous generators: `asyncio.run`, Flask, and `one_loop`."""
    try:
        yield
    finally:
        _of_loops.pop(loop, None)
        for client in clients:
            client.connector.abort()
            await client.close()
        await asyncio.sleep(0)
