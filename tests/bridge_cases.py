"""What is asked of requests, and of the bridge in the same words: one behaviour a case, all that can be seen of it is compared.

A case is called with `ask`, which makes the call (and is awaited), and the server's address. `IN_A_THREAD` names those that the
bridge hands to requests as a whole, so that they are equal by construction.
"""

import io
import json

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase, HTTPBasicAuth, HTTPDigestAuth
from urllib3.util import Retry, Timeout

CASES = {}
IN_A_THREAD = set()


def case(name, function, thread=False):
    assert name not in CASES, name
    CASES[name] = function
    if thread:
        IN_A_THREAD.add(name)


def verb(name, method, path, *args, thread=False, **kwargs):
    """A call of a function of requests on a path of the server."""
    case(name, lambda ask, url: ask(getattr(requests, method), url + path, *args, **kwargs), thread)


def look(name, path, see, **kwargs):
    """A GET, and one use of its response."""

    async def run(ask, url):
        return see(await ask(requests.get, url + path, **kwargs))

    case(name, run)


def session(name, prepare, *paths, thread=False, **kwargs):
    """A session that is prepared in a way, and GETs over it."""

    async def run(ask, url):
        with requests.Session() as own:
            prepare(own)
            return [await ask(own.get, url + path, **kwargs) for path in paths], own.cookies.get_dict(), dict(own.headers)

    case(name, run, thread)


class Token(AuthBase):
    def __call__(self, request):
        request.headers["Authorization"] = "Token x"
        return request


class Adapter(HTTPAdapter):
    def send(self, request, *args, **kwargs):
        request.headers["X-Adapter"] = "1"
        return super().send(request, *args, **kwargs)


def lines():
    yield b"one"
    yield b"two"


# Verbs and arguments
for _method in ("get", "options", "head", "delete"):
    verb(f"{_method}", _method, "/echo")
for _method in ("post", "put", "patch"):
    verb(f"{_method}", _method, "/echo", data={"a": "1"})
case("request", lambda ask, url: ask(requests.request, "get", url + "/echo"))
case("request, named", lambda ask, url: ask(requests.request, method="PATCH", url=url + "/echo", data=b"x"))
case("request, odd method", lambda ask, url: ask(requests.request, "PROPFIND", url + "/echo"))
case("request, bad method", lambda ask, url: ask(requests.request, "BAD METHOD", url + "/echo"), True)
verb("get, params by position", "get", "/echo", {"a": "b"})
verb("post, json by position", "post", "/echo", None, {"a": 1})
verb("unknown argument", "get", "/echo", nonsense=1, thread=True)
verb("too many arguments", "get", "/echo", {}, {}, {}, thread=True)
verb("an argument twice", "get", "/echo", {}, params={}, thread=True)
case("no URL", lambda ask, url: ask(requests.get), True)

# params and URL
for _name, _value in {
    "dict": {"a": "1", "b": "x y&z"}, "list in a dict": {"a": ["1", 2]}, "pairs": [("a", "1"), ("a", "2")], "text": "a=b&c", "bytes": b"a=b", "None in a dict": {"a": None},
    "only None": {"a": None, "b": 1}, "None in a list": {"a": [None, 1]}, "bool": {"a": True}, "number": {"a": 1.5}, "umlaut": {"ä": "ö"}, "empty": {}, "empty value": {"a": ""},
    "empty text": "", "tuple": (("a", "b"),), "with brackets": {"a[]": ["1", "2"]}, "with a plus": {"a": "1+1"}, "with a percent": {"a": "100%"},
}.items():  # fmt: skip
    verb(f"params: {_name}", "get", "/echo", params=_value)
verb("params and a query in the URL", "get", "/echo?x=1", params={"a": "2"})
verb("params and a fragment", "get", "/echo#top", params={"a": "2"})
case("params: generator", lambda ask, url: ask(requests.get, url + "/echo", params=(pair for pair in [("a", "1")])))
for _name, _path in {
    "space": "/echo?a=b c", "umlaut": "/echo?ü=ß", "quoted": "/echo?a=%2F%c3%bc", "bad percent": "/echo?a=%zz", "unreserved": "/echo?%7Ea", "brackets": "/echo?a[0]=1",
    "dots": "/x/../echo", "double slash": "//echo", "empty query": "/echo?", "fragment": "/echo#x?y", "semicolon": "/echo;v=1", "pipe": "/echo?a|b", "backslash": "/echo?a\\b",
    "quote": '/echo?a="b"', "no path": "", "colon": "/a:b", "braces": "/{x}", "at": "/a@b",
}.items():  # fmt: skip
    verb(f"URL: {_name}", "get", _path, thread=_name == "double slash")
case("URL: upper case", lambda ask, url: ask(requests.get, url.replace("http", "HTTP") + "/Echo"))
case("URL: leading space", lambda ask, url: ask(requests.get, "  " + url + "/echo"))
case("URL: bytes", lambda ask, url: ask(requests.get, (url + "/echo").encode()))
case("URL: userinfo", lambda ask, url: ask(requests.get, url.replace("//", "//u:p@") + "/basic"))
case("URL: quoted userinfo", lambda ask, url: ask(requests.get, url.replace("//", "//u%40x:p%3A@") + "/echo"))
case("URL: localhost", lambda ask, url: ask(requests.get, url.replace("127.0.0.1", "localhost") + "/echo"))
for _name, _url in {
    "no scheme": "127.0.0.1/x", "unknown scheme": "foo://x/", "ftp": "ftp://127.0.0.1/", "no host": "http:///x", "empty": "", "bad port": "http://127.0.0.1:99999/", "star": "http://*/",
    "bad IPv6": "http://[::1/", "dot": "http://.example.com/", "not resolved": "http://nowhere.invalid/",
    "nobody listens": "http://127.0.0.1:1/x?y=1", "IPv6, nobody listens": "http://[::1]:1/",
}.items():  # fmt: skip
    case(f"bad URL: {_name}", lambda ask, url, found=_url: ask(requests.get, found))
case("bad URL: long label", lambda ask, url: ask(requests.get, "http://" + "a" * 70 + ".com/"), True)
case("bad URL: None", lambda ask, url: ask(requests.get, None))

# Bodies
for _name, _value in {
    "dict": {"a": "1", "b": "ü"}, "list in a dict": {"a": [1, 2]}, "pairs": [("a", 1), ("a", 2)], "text": "plain", "bytes": b"\x00\xff", "None in a dict": {"a": None},
    "bool in a dict": {"a": True}, "empty dict": {}, "empty text": "", "tuple of pairs": (("a", "1"),), "empty bytes": b"",
}.items():  # fmt: skip
    verb(f"data: {_name}", "post", "/echo", data=_value, thread=_name == "None in a dict")  # chunked, and nothing in it
verb("data: text with umlaut", "post", "/echo", data="ü", thread=True)
verb("data: bytearray", "post", "/echo", data=bytearray(b"abc"), thread=True)
case("data: file", lambda ask, url: ask(requests.post, url + "/echo", data=io.BytesIO(b"from a file")), True)
case("data: generator", lambda ask, url: ask(requests.post, url + "/echo", data=lines()), True)
verb("data in a GET", "get", "/echo", data={"a": "1"})
verb("data in a DELETE", "delete", "/echo", data={"a": "1"})
verb("data with a Content-Type", "post", "/echo", data={"a": "1"}, headers={"Content-Type": "text/plain"})
for _name, _value in {
    "dict": {"a": 1, "b": "é"},
    "list": [1, None],
    "empty dict": {},
    "empty list": [],
    "zero": 0,
    "text": "x",
    "None": None,
    "true": True,
}.items():
    verb(f"json: {_name}", "post", "/echo", json=_value)
verb("json: NaN", "post", "/echo", json={"a": float("nan")})
verb("json: not serializable", "post", "/echo", json={"a": object})
verb("json in a GET", "get", "/echo", json={"a": 1})
verb("json and data", "post", "/echo", json={"a": 1}, data={"b": 2})
verb("files: bytes", "post", "/echo", files={"f": b"abc"}, thread=True)
case("files: file", lambda ask, url: ask(requests.post, url + "/echo", files={"f": io.BytesIO(b"abc")}), True)
verb("files: name and type", "post", "/echo", files={"f": ("n.txt", b"abc", "text/plain", {"X": "1"})}, data={"a": "1"}, thread=True)

# Headers
for _name, _value in {
    "own": {"X-Own": "1", "x-lower": "2"}, "None takes away": {"Accept": None}, "bytes": {"X": b"abc"}, "user agent": {"User-Agent": "me"}, "empty": {"X": ""}, "inner space": {"X": "a  b"},
    "cookie": {"Cookie": "a=1"}, "authorization": {"Authorization": "Bearer x"}, "identity": {"Accept-Encoding": "identity"}, "number": {"X": 1}, "newline": {"X": "a\nb"},
    "leading space": {"X": " a"}, "referer": {"Referer": "http://x/"}, "if-none-match": {"If-None-Match": '"x"'},
}.items():  # fmt: skip
    verb(f"header: {_name}", "get", "/echo", headers=_value)
for _name, _value in {
    "latin": {"X": "é"}, "not latin": {"X": "€"}, "no user agent": {"User-Agent": None}, "no accept-encoding": {"Accept-Encoding": None}, "host": {"Host": "example.org"},
    "close": {"Connection": "close"}, "trailing space": {"X": "a "}, "transfer-encoding": {"Transfer-Encoding": "chunked"}, "expect": {"Expect": "100-continue"},
    "bad name": {"a b": "1"},
}.items():  # fmt: skip
    verb(f"header: {_name}", "post" if _name == "expect" else "get", "/100-first" if _name == "expect" else "/echo", headers=_value, thread=True)

# Authentication, cookies
verb("auth: pair", "get", "/basic", auth=("u", "p"))
verb("auth: wrong pair", "get", "/basic", auth=("u", "x"))
verb("auth: latin", "get", "/echo", auth=("ü", "ß"))
verb("auth: bytes", "get", "/echo", auth=(b"u", b"p"))
verb("auth: HTTPBasicAuth", "get", "/basic", auth=HTTPBasicAuth("u", "p"))
verb("auth: digest", "get", "/digest", auth=HTTPDigestAuth("u", "p"), thread=True)
verb("auth: own class", "get", "/echo", auth=Token(), thread=True)
verb("auth: function", "get", "/echo", auth=lambda request: request, thread=True)
verb("auth: over a header", "get", "/echo", auth=("u", "p"), headers={"Authorization": "Bearer x"})
case("auth: from .netrc", lambda ask, url: ask(requests.get, url.replace("127.0.0.1", "localhost") + "/echo"))
case("auth: .netrc over a header", lambda ask, url: ask(requests.get, url.replace("127.0.0.1", "localhost") + "/echo", headers={"Authorization": "Bearer x"}))
verb("cookies: dict", "get", "/echo", cookies={"a": "1", "b": "x y"})
case("cookies: jar", lambda ask, url: ask(requests.get, url + "/echo", cookies=requests.cookies.cookiejar_from_dict({"a": "1"})))
for _path in ("two-cookies", "expired-cookie", "other-path-cookie", "foreign-cookie", "quoted-cookie", "cookie-then-moved"):
    verb(f"cookies: {_path}", "get", f"/{_path}")

# Redirects
for _status in (301, 302, 303, 307, 308):
    for _method in ("get", "post", "put", "head", "delete"):
        _thread = _method in ("put", "delete") and _status == 301  # the second one has no Content-Length
        verb(f"redirect: {_status} of {_method}", _method, f"/{_status}", thread=_thread, **({"data": {"a": "1"}} if _method in ("post", "put") else {}))
verb("redirect: HEAD that follows", "head", "/301", allow_redirects=True)
verb("redirect: not followed", "get", "/302", allow_redirects=False)
verb("redirect: POST not followed", "post", "/307", data=b"x", allow_redirects=False)
for _path in (
    "to-relative", "to-slashes", "to-fragment", "to-query", "to-umlaut", "to-other-host", "to-userinfo", "to-ftp", "to-nowhere", "to-empty", "to-bad-url", "moved-cut",
    "moved-gzip-bad", "without-location", "refresh-200", "304-location",
):  # fmt: skip
    verb(f"redirect: {_path}", "get", f"/{_path}")
verb("redirect: with a fragment", "get", "/302#here")
verb("redirect: authorization to another host", "get", "/to-other-host", headers={"Authorization": "Bearer x", "Cookie": "a=1"})
verb("redirect: pair to another host", "get", "/to-other-host", auth=("u", "p"))
verb("redirect: own header to another host", "get", "/to-other-host", headers={"X": "1"}, cookies={"a": "1"})
verb("redirect: ten hops", "get", "/hop/10")
verb("redirect: thirty hops", "get", "/hop/30")
verb("redirect: one too many", "get", "/hop/31")
verb("redirect: a loop", "get", "/loop")
session("redirect: at most two", lambda own: setattr(own, "max_redirects", 2), "/hop/2")
session("redirect: more than two", lambda own: setattr(own, "max_redirects", 2), "/hop/3")
session("redirect: none at all", lambda own: setattr(own, "max_redirects", 0), "/hop/1")
look("redirect: history of history", "/hop/4", lambda r: [[past.url for past in item.history] for item in [*r.history, r]])
look("redirect: elapsed of each", "/hop/3", lambda r: [item.elapsed.total_seconds() > 0 for item in [*r.history, r]])
look("redirect: next", "/302", lambda r: (r.next.url, r.next.method, dict(r.next.headers)), allow_redirects=False)

# Responses
for _path in (
    "text", "text-without-charset", "unknown-charset", "quoted-charset", "no-type", "latin", "empty", "json", "json-bom", "json-utf16", "json-latin", "json-bad", "lines", "links", "many-headers",
    "gzip", "gzip-bad", "gzip-cut", "deflate", "deflate-raw", "gzip-twice", "unknown-coding", "gzip-empty", "large", "large-gzip", "chunked", "chunked-gzip", "chunked-trailer", "until-close",
    "http10", "no-reason", "odd-reason", "odd-status", "204", "304", "100-first", "103-first", "folded", "long-header", "100-headers", "130-headers", "two-lengths", "401-basic",
    "status/201", "status/400", "status/404", "status/410", "status/418", "status/500", "status/503",
):  # fmt: skip
    verb(f"response: {_path}", "get", f"/{_path}", thread=_path in ("large", "large-gzip"))
for _path in ("gzip", "chunked", "204", "status/404"):
    verb(f"response to HEAD: {_path}", "head", f"/{_path}")
for _name, _see in {
    "iter_content": lambda r: list(r.iter_content(2)), "iter_content by None": lambda r: list(r.iter_content(None)), "iter_content of text": lambda r: list(r.iter_content(3, True)),
    "iter_lines": lambda r: list(r.iter_lines()), "iter": list, "bool": bool, "len of content": lambda r: len(r.content), "text after encoding": lambda r: (setattr(r, "encoding", "latin-1"), r.text),
    "close": lambda r: r.close(), "with": lambda r: r.__enter__() is r, "repr": repr, "raw.read": lambda r: r.raw.read(), "raw.status": lambda r: (r.raw.status, r.raw.version, r.raw.reason),
    "raw.headers": lambda r: list(r.raw.headers.items()), "raw.getheader": lambda r: r.raw.headers.get("content-type"), "raw.closed": lambda r: r.raw.closed,
    "headers, any case": lambda r: (r.headers["CONTENT-type"], "content-TYPE" in r.headers, dict(r.headers)), "pickle": lambda r: __import__("pickle").loads(__import__("pickle").dumps(r)).text,
    "connection": lambda r: type(r.connection), "request body": lambda r: r.request.body, "class": type, "state": lambda r: sorted(vars(r)), "raw class": lambda r: type(r.raw).__mro__[-6:],
    "raw cookies": lambda r: r.raw._original_response is not None, "elapsed": lambda r: 0 < r.elapsed.total_seconds() < 5,
}.items():  # fmt: skip
    look(f"use: {_name}", "/text", _see)
look("use: json with object_hook", "/json", lambda r: r.json(object_hook=lambda item: sorted(item)))
look("use: raise_for_status of a 404", "/status/404", lambda r: r.raise_for_status())
look("use: raise_for_status of a 304", "/304", lambda r: r.raise_for_status())
look("use: bool of a 404", "/status/404", bool)

# Time and broken connections
for _path in ("chunked-cut", "chunked-cut-between", "chunked-bad", "cut", "cut-at-once", "no-answer", "garbage"):
    verb(f"broken: {_path}", "get", f"/{_path}")
verb("timeout: enough", "get", "/slow", timeout=5)
verb("timeout: read", "get", "/slow", timeout=0.2)
verb("timeout: pair", "get", "/slow", timeout=(3, 0.2))
verb("timeout: pair of None", "get", "/text", timeout=(None, None))
verb("timeout: in the body", "get", "/slow-body", timeout=0.2)
verb("timeout: each part in time", "get", "/slow-body", timeout=2)
case("timeout: connect", lambda ask, url: ask(requests.get, "http://10.255.255.1:81/", timeout=(0.2, 5)))
verb("timeout: zero", "get", "/text", timeout=0, thread=True)
verb("timeout: negative", "get", "/text", timeout=-1, thread=True)
verb("timeout: text", "get", "/text", timeout="1", thread=True)
verb("timeout: triple", "get", "/text", timeout=(1, 2, 3), thread=True)
verb("timeout: object of urllib3", "get", "/text", timeout=Timeout(5), thread=True)

# Sessions
session("session: cookies are kept", lambda own: None, "/two-cookies", "/echo")
session("session: own headers", lambda own: own.headers.update({"X": "1", "User-Agent": "me"}), "/echo", headers={"X": None})
session("session: auth", lambda own: setattr(own, "auth", ("u", "p")), "/basic", "/to-other-host")
session("session: params", lambda own: own.params.update({"a": "1"}), "/echo?b=2", params={"c": "3"})
session("session: cookies set by hand", lambda own: own.cookies.set("a", "1"), "/echo", cookies={"b": "2"})
session("session: no environment", lambda own: setattr(own, "trust_env", False), "/echo")
session("session: verify set later", lambda own: setattr(own, "verify", False), "/echo")
session("session: base of its own", lambda own: setattr(own, "base_url", "x"), "/echo")
session("session: proxies for others", lambda own: own.proxies.update({"https": "http://127.0.0.1:1"}), "/echo")
session("session: proxy", lambda own: own.proxies.update({"http": "http://127.0.0.1:1"}), "/echo", thread=True)
session("session: mounted adapter", lambda own: own.mount("http://", Adapter()), "/echo", "/302", thread=True)
session(
    "session: retries",
    lambda own: own.mount("http://", HTTPAdapter(max_retries=Retry(2, status_forcelist=[503], backoff_factor=0))),
    "/status/503",
    thread=True,
)
session("session: plain adapter mounted", lambda own: own.mount("http://127", HTTPAdapter(pool_maxsize=3)), "/echo", thread=True)
session("session: hooks", lambda own: own.hooks["response"].append(lambda r, **_: setattr(r, "seen", 1)), "/302", thread=True)
session("session: streams", lambda own: setattr(own, "stream", True), "/text", thread=True)
session("session: certificate", lambda own: setattr(own, "cert", "/nowhere.pem"), "/echo", thread=True)
verb("hooks of a call", "get", "/text", hooks={"response": lambda r, **_: setattr(r, "encoding", "latin-1")}, thread=True)
verb("stream", "get", "/text", stream=True, thread=True)
verb("proxies of a call", "get", "/text", proxies={"http": "http://127.0.0.1:1"}, thread=True)
verb("verify of an http URL", "get", "/text", verify="/nowhere.pem")
case("session.request by position", lambda ask, url: ask(requests.Session().request, "POST", url + "/echo", {"a": "1"}, b"body", {"X": "1"}))
case("session.head", lambda ask, url: ask(requests.Session().head, url + "/301"))
case("session.post", lambda ask, url: ask(requests.Session().post, url + "/echo", b"x", headers={"Content-Type": "a/b"}))
case("session.get by position", lambda ask, url: ask(requests.Session().get, url + "/echo", {"a": "1"}))


async def sub(ask, url):
    class Own(requests.Session):
        def request(self, method, url, **kwargs):
            return super().request(method, url + "/echo", **kwargs)

    return await ask(Own().get, url)


async def patched(ask, url):
    own = requests.Session()
    own.request = lambda method, url, **kwargs: json.dumps([method, url.rpartition("/")[2]])
    return await ask(own.get, url + "/x")


case("session: subclass", sub, True)
case("session: method put in its place", patched, True)
