"""A Flask application on an ASGI server: `application = Application(app)`.

Each request has a thread of a pool while Flask works on it, as on a WSGI server with threads. Requests for the views that
`on_loop` names need none: Flask runs in a greenlet on the server's own event loop, and the loop goes on with others while
an async view waits. That is done only where everything that Flask runs around the view is named too.
"""

import asyncio
import contextvars
import inspect
import io
import itertools
import logging
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote_to_bytes

import flask
from flask.sessions import SecureCookieSessionInterface
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

try:
    import blinker  # noqa: F401
    from asgiref.sync import ThreadSensitiveContext
    from flask.json.provider import DefaultJSONProvider
    from greenlet import getcurrent, greenlet
except ImportError:  # then every request has a thread, as it has on a Flask below 2.2
    greenlet = None

THREADS = 64
AT_ONCE = 64  # requests in work; pools of connections are made for about as many, whatever number of clients waits
SMALL = 1024 * 1024  # bytes of a body that are kept in memory; a larger one is a file on disk

_log = logging.getLogger(__name__)
_OF_THE_CONNECTION = {b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade"}


class Application:
    """The ASGI application around a Flask object.

    `support` is the module async_support of an application whose async views run on one loop: here on that of the server.
    `on_loop` names functions as `module.function`: async views, and what may run around them, in which nothing blocks.
    `at_once` limits the requests in work. Where many of them only wait it may be far above the threads, as far as the pools of clients go.
    """

    def __init__(self, app, support=None, threads=THREADS, on_loop=(), at_once=AT_ONCE):
        self.app, self.support = app, support
        self._threads, self._pool = threads, None
        self._at_once, self._places = at_once, None
        self._loop = self._ready = None
        self._routes = _Routes(app, support, frozenset(on_loop)) if on_loop and support and greenlet else None

    async def __call__(self, scope, receive, send):
        """What the server calls for each request, and once for its own life."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000, "reason": "Flask serves no WebSockets"})
        else:
            await self._begin()
            # in a context of its own: a server's still has what an earlier request of the connection left in it
            await contextvars.Context().run(asyncio.ensure_future, self._request(scope, receive, send))

    async def _lifespan(self, receive, send):
        await receive()
        try:
            await self._begin()
        except Exception as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            raise
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._end()
        await send({"type": "lifespan.shutdown.complete"})

    async def _begin(self):
        """Once for each loop: with the server, or with the first request where the server has no lifespan events."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._pool = loop, ThreadPoolExecutor(self._threads, "request")
            self._places = asyncio.Semaphore(self._at_once)
            self._ready = asyncio.ensure_future(self.support.serve_here(_waiter if greenlet else None)) if self.support else None
        if self._ready is not None and not self._ready.done():
            await asyncio.shield(self._ready)

    async def _end(self):
        if self.support:
            await self.support.leave()
        self._pool.shutdown(wait=False)
        self._loop = None

    async def _request(self, scope, receive, send):
        environ = environ_of(scope)
        body = _Body(receive, self.app.config.get("MAX_CONTENT_LENGTH"))
        environ["wsgi.input"] = await body.whole(self.in_thread)
        if body.gone:
            return
        exchange = _Exchange(self, environ, body, send)
        try:
            async with self._places:
                await self._respond(exchange)
        finally:
            exchange.end()

    async def _respond(self, exchange):
        if self._routes and exchange.body.is_small and self._routes.stay(exchange.environ):
            async with ThreadSensitiveContext():  # should it ask for a thread of the request
                await _in_greenlet(exchange.respond_here)
        else:
            await self.in_thread(exchange.respond)

    def in_thread(self, function, *args):
        """Run it in a thread of the pool, with the variables of the caller's context."""
        return self._loop.run_in_executor(self._pool, contextvars.copy_context().run, function, *args)


class _Body:
    """What the client sends; `gone` when it has left before the answer was complete.

    It is there as a whole when Flask begins: an async view that reads it stands on the loop, where nothing can be waited for.
    """

    def __init__(self, receive, limit):
        self.receive, self.limit = receive, limit
        self.ended = self.gone = False
        self.is_small = True

    async def whole(self, in_thread):
        """All of it as a file, which is one on disk when it is large; no more than Flask takes."""
        parts, held, size, file = [], 0, 0, None
        while not self.ended and (self.limit is None or size <= self.limit):
            parts.append(await self.more())
            held, size = held + len(parts[-1]), size + len(parts[-1])
            if held > SMALL:
                file = file or tempfile.TemporaryFile()  # noqa: SIM115
                await in_thread(file.writelines, parts)
                parts, held = [], 0
        self.is_small = file is None
        if file:
            await in_thread(file.writelines, parts)
            file.seek(0)
        start = file or io.BytesIO(b"".join(parts))
        return start if self.ended else io.BufferedReader(_Cut(start))

    async def more(self):
        """The next bytes; none at the end."""
        message = await self.receive()
        self.gone = message["type"] == "http.disconnect"
        self.ended = self.gone or not message.get("more_body", False)
        return message.get("body", b"")

    async def watch(self):
        """Wait until the client is gone; not where it may still be sending."""
        while self.ended and not self.gone:
            self.gone = (await self.receive())["type"] == "http.disconnect"


class _Cut(io.RawIOBase):
    """The beginning of a body that is larger than MAX_CONTENT_LENGTH: Flask refuses it, and nobody reads on in silence."""

    def __init__(self, start):
        self.start = start

    def readable(self):
        return True

    def readinto(self, buffer):
        size = self.start.readinto(buffer)
        if not size:
            raise OSError("the rest of the body was not received, because it is larger than MAX_CONTENT_LENGTH")
        return size


class _Exchange:
    """One request: what Flask is given, and what it answers."""

    def __init__(self, application, environ, body, send):
        self.application, self.environ, self.body, self.send = application, environ, body, send
        self.head = self.left = self.watching = None
        self.early, self.is_sent, self.is_stream = [], False, True
        environ[_EXCHANGE] = self

    def wait_in_thread(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.application._loop).result()

    def respond(self):
        """In a thread: call Flask, and send what it answers piece by piece."""
        self.forward(self.application.app(self.environ, self.start_response), self.wait_in_thread)

    def respond_here(self):
        """In a greenlet on the loop: the same, but what is made while it is sent (files, generators) is made in a thread."""
        wait = getcurrent().wait
        items = self.application.app(self.environ, self.start_response)
        if self.is_stream:
            wait(self.application.in_thread(self.forward, items, self.wait_in_thread))
        else:
            self.forward(items, wait)

    def start_response(self, status, headers, exc_info=None):
        if exc_info and self.is_sent:
            raise exc_info[1].with_traceback(exc_info[2])
        found = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        self.head = int(status.split(" ", 1)[0]), [item for item in found if item[0] not in _OF_THE_CONNECTION]
        self.left = next((int(value) for name, value in found if name == b"content-length"), None)
        return self.early.append

    def forward(self, items, wait):
        try:
            is_complete = False
            for data in itertools.chain(self.early, items):
                if self.body.gone:
                    return
                if data and not is_complete:
                    if self.left is not None:
                        data = data[: self.left]
                        self.left -= len(data)
                    is_complete = self.left == 0
                    wait(self.pass_on(data, not is_complete))
            if not is_complete:
                wait(self.pass_on(b"", False))
        finally:
            if hasattr(items, "close"):
                items.close()

    async def pass_on(self, data, more):
        try:
            if not self.is_sent:
                self.is_sent = True
                await self.send({"type": "http.response.start", "status": self.head[0], "headers": self.head[1]})
                if more:
                    self.watching = asyncio.ensure_future(self.body.watch())
            await self.send({"type": "http.response.body", "body": data, "more_body": more})
        except OSError:  # as some servers say that the client is gone
            self.body.gone = True

    def end(self):
        """What is still being made is for nobody."""
        self.body.gone = True
        if self.watching:
            self.watching.cancel()


def environ_of(scope):
    """The request as WSGI (PEP 3333) describes it, as gunicorn would."""
    raw, root = unquote_to_bytes(scope.get("raw_path") or b""), scope.get("root_path", "").rstrip("/").encode()
    path = raw if raw.decode(errors="replace") == scope["path"] else scope["path"].encode()
    host, port = scope.get("server") or ("localhost", None)
    client = scope.get("client") or ("", "")
    environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": root.decode("latin-1"),
        "PATH_INFO": (path[len(root) :] if root and (path + b"/").startswith(root + b"/") else path).decode("latin-1"),
        "QUERY_STRING": scope.get("query_string", b"").decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": str(port or (443 if scope.get("scheme") == "https" else 80)),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": client[0],
        "REMOTE_PORT": str(client[1]),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.errors": sys.stderr,
        "wsgi.input_terminated": True,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "async_support.received": True,
    }
    for name, value in scope["headers"]:
        if b"_" not in name:  # it would be taken for the name with a hyphen, which a proxy in front may have made safe
            key = name.decode("latin-1").upper().replace("-", "_")
            key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
            between = "; " if key == "HTTP_COOKIE" else ","
            environ[key] = f"{environ[key]}{between}{value.decode('latin-1')}" if key in environ else value.decode("latin-1")
    return environ


class _Routes:
    """Which requests run on the loop: those for a view that is named, with nothing around it that is not."""

    def __init__(self, app, support, names):
        self.app, self.names = app, names
        self.own = support.on_loop, support.run_async(environ_of).__code__
        self.matcher, self.known = None, {}
        flask.request_finished.connect(_note, app)

    def stay(self, environ):
        """Whether the request may run on the loop."""
        self.matcher = self.matcher or self.app.url_map.bind("localhost")
        try:
            endpoint, _ = self.matcher.match(environ["PATH_INFO"].encode("latin-1").decode(errors="replace"), environ["REQUEST_METHOD"])
        except HTTPException:
            return False
        if endpoint not in self.known:
            obstacle = self.obstacle(endpoint)
            self.known[endpoint] = not obstacle
            _log.info("requests for %s %s", endpoint, f"have a thread each, because of {obstacle}" if obstacle else "run on the event loop")
        return self.known[endpoint]

    def obstacle(self, endpoint):
        """The first thing about the application, the view or what runs around it for which a thread is needed."""
        view = self.app.view_functions.get(endpoint)
        view = view.__wrapped__ if getattr(view, "__code__", None) is self.own[1] else view
        if not inspect.iscoroutinefunction(view):
            return "the view, which is no coroutine function"
        around = [item for scope in (None, *_blueprints(endpoint)) for item in _around(self.app, scope)]
        functions = [view, *around, *self.app.teardown_appcontext_funcs, *self.replaced()]
        return self.unusual() or next((name for name in map(_name, functions) if name not in self.names and not name.startswith("flask.")), "")

    def replaced(self):
        """Methods of Flask that were exchanged on the object or on the class, WSGI middleware among them."""
        for name, value in vars(self.app).items():
            if callable(getattr(flask.Flask, name, None)) and value is not self.own[0]:
                while type(value) is ProxyFix:
                    value = value.app
                yield value
        yield from (value for value in vars(flask.Flask).values() if callable(value) and not isinstance(value, type))
        yield from (
            item for signal in vars(flask.signals).values() if hasattr(signal, "receivers_for") for item in signal.receivers_for(self.app) if item is not _note
        )

    def unusual(self):
        """The part of the application that is not Flask's own, and may do anything."""
        app = self.app
        parts = ((app, flask.Flask), (app.session_interface, SecureCookieSessionInterface), (app.json, DefaultJSONProvider))
        found = [type(part).__name__ for part, kind in parts if type(part) is not kind]
        found += [kind.__name__ for kind in (app.request_class, app.response_class) if kind not in (flask.Request, flask.Response)]
        found += [kind.__name__ for kind in app.url_map.converters.values() if not kind.__module__.startswith("werkzeug.")]
        found += ["routing by host name"] if app.url_map.host_matching or app.subdomain_matching else []
        return next(iter(found), "") or next((name for name in ("gevent.monkey", "eventlet.patcher") if name in sys.modules), "")


def _around(app, scope):
    """What Flask runs around a view of the application (None) or of a blueprint."""
    tables = app.before_request_funcs, app.after_request_funcs, app.teardown_request_funcs, app.url_value_preprocessors, app.url_default_functions
    for table in (*tables, app.template_context_processors):
        yield from table.get(scope, ())
    for handlers in app.error_handler_spec.get(scope, {}).values():
        yield from handlers.values()


def _blueprints(endpoint):
    """`a.b` and `a` for `a.b.view`."""
    parts = endpoint.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]


def _name(function):
    """Where the code of a function was written, which no decorator imitates."""
    code = getattr(function, "__code__", None)
    return f"{function.__globals__['__name__']}.{code.co_name}" if code else f"{type(function).__module__}.{type(function).__name__}()"


def _note(app, response, **extra):
    """A receiver of Flask's signal `request_finished`: whether the answer is complete, or made while it is sent."""
    exchange = flask.request.environ.get(_EXCHANGE)
    if exchange:
        exchange.is_stream = type(response) is not flask.Response or response.is_streamed or response.direct_passthrough


class _Greenlet(greenlet or object):
    """Code that runs on the loop; what it waits for is awaited by the task in which it began."""

    def wait(self, coroutine):
        error = sys.exc_info()[1]
        return self.parent.switch(coroutine if error is None else _while_handled(error, coroutine))


def _waiter():
    here = getcurrent()
    return here.wait if isinstance(here, _Greenlet) else None


async def _in_greenlet(function):
    here = _Greenlet(function)
    here.gr_context = getcurrent().gr_context
    found = here.switch()
    while not here.dead:
        try:
            result = await found
        except BaseException:
            found = here.throw(*sys.exc_info())
        else:
            found = here.switch(result)
    return found


async def _while_handled(error, coroutine):
    """Await it where `sys.exc_info()` is that error, as it is for a plain error handler."""
    try:
        raise error
    except BaseException:
        return await coroutine


_EXCHANGE = "asgi_support.exchange"
