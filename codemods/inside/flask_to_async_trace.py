"""Inside the target's interpreter: records what blocks an event loop, with the stack down to the application's line.

Three observers, because none sees everything:
* the standard library's waiting calls (sleep, sockets, TLS, processes, sqlite3, opening files) are timed while a loop runs
  in their thread;
* each callback of an asyncio loop is timed, and a watching thread looks at the stack of one that takes long: so calls
  inside C extensions are seen too;
* Flask says which handlers it calls and which errors they raise, Python which coroutines were never awaited.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import re
import select
import sys
import threading
import time
import warnings
from typing import Any, Callable  # noqa: UP035

import flask_to_async_inside as inside

_CLOCK = (time.perf_counter,)  # in a tuple, where tests that freeze the time do not find it
_SLEEP = (time.sleep,)
_CONTEXT = re.compile(r"outside of (application|request) context|event loop|from (a sync|an async) context", re.IGNORECASE)
_SOCKET = ("accept", "connect", "recv", "recv_into", "recvfrom", "recvfrom_into", "send", "sendall", "sendto", "sendfile")
_TLS = ("read", "write", "do_handshake", "connect")
_SQLITE = ("execute", "executemany", "executescript", "commit", "rollback", "backup")


def begin(config: dict[str, Any]) -> None:
    """Start all observers; each begins when the module that it looks at is imported."""
    record = Record(os.path.realpath(config["copy"]), float(config["trace"]["stall"]))
    after: dict[str, Callable[[Any], None]] = {
        "socket": record.watch_sockets,
        "ssl": record.watch_tls,
        "selectors": record.watch_selectors,
        "subprocess": record.watch_processes,
        "sqlite3.dbapi2": record.watch_sqlite,
        "asyncio.events": record.watch_loops,
        "flask.app": record.watch_flask,
    }
    select.select = Select(record.timed(select.select, "select.select"), select.select)
    time.sleep = record.timed(time.sleep, "time.sleep")
    os.system = record.timed(os.system, "os.system")
    sys.addaudithook(record.audited)
    record.watch_coroutines()
    for name in [name for name in after if name in sys.modules]:
        after.pop(name)(sys.modules[name])
    sys.meta_path.insert(0, AfterImport(after))
    atexit.register(record.totals)


class Select:
    """`select.select`, as database drivers wait with it. An object, because `selectors` keeps it as a class's attribute."""

    def __init__(self, timed: Any, real: Any) -> None:
        self.timed, self.real = timed, real

    def __call__(self, *args: Any) -> Any:
        """Timed where it may wait."""
        return self.real(*args) if len(args) > 3 and args[3] is not None and args[3] <= 0 else self.timed(*args)


class AfterImport:
    """Calls a function on a module as soon as it is imported."""

    def __init__(self, after: dict[str, Callable[[Any], None]]) -> None:
        self.after = after

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Let the others find it, and put the call behind its loading."""
        if name not in self.after:
            return None
        then = self.after.pop(name)
        finders = [finder for finder in sys.meta_path if finder is not self and hasattr(finder, "find_spec")]
        spec = next((found for found in (finder.find_spec(name, path, target) for finder in finders) if found), None)
        loader: Any = spec and spec.loader
        load = getattr(loader, "exec_module", None)
        if load:

            def exec_module(module: Any) -> None:
                load(module)
                then(module)

            with contextlib.suppress(AttributeError):
                loader.exec_module = exec_module
        return spec


class Record:
    """What was seen. Each thing is sent when it is seen first, and again with its totals at the end of the process."""

    def __init__(self, root: str, stall: float) -> None:
        self.root, self.stall = root + os.sep, stall
        self.own: dict[str, str] = {}
        self.seen: dict[tuple[Any, ...], list[Any]] = {}
        self.running: dict[int, float] = {}
        self.samples: dict[int, tuple[float, Any]] = {}
        self.watcher = 0

    # What is recorded

    def file(self, name: str) -> str:
        """The Python file's path relative to the project; empty for what is not the project's, and for templates."""
        found = self.own.get(name)
        if found is None:
            real = os.path.realpath(name)
            mine = name.endswith(".py") and real.startswith(self.root) and "site-packages" not in real and "dist-packages" not in real
            found = self.own[name] = real[len(self.root) :].replace(os.sep, "/") if mine else ""
        return found

    def stack(self, frame: Any) -> tuple[list[list[Any]], str]:
        """The project's frames from the innermost on, and what the innermost one called."""
        chain: list[list[Any]] = []
        below = None
        via = ""
        while frame is not None and len(chain) < 8:
            path = self.file(frame.f_code.co_filename)
            if frame.f_code.co_filename == __file__:
                via = via or frame.f_locals.get("name", "")
            elif path:
                via = via if chain else via or _called(below)
                chain.append([path, frame.f_lineno, frame.f_code.co_name])
            elif not chain and (frame.f_code.co_filename.startswith("<frozen importlib") or frame.f_globals.get("__name__") == "linecache"):
                return [], ""  # importing a module waits for files once, and printing an error reads the source
            below, frame = (frame if frame.f_code.co_filename != __file__ else below), frame.f_back
        return chain, via

    def note(self, kind: str, call: str, seconds: float, chain: list[list[Any]], via: str = "", text: str = "") -> None:
        """Count it, and send it when it is new."""
        key = (kind, call, tuple(chain[0][:2]) if chain else (), via)
        known = self.seen.get(key)
        if known:
            known[0] += 1
            known[1] += seconds
            known[2] = max(known[2], seconds)
            return
        self.seen[key] = [1, seconds, seconds, chain, text]
        self.tell(key)

    def tell(self, key: tuple[Any, ...]) -> None:
        """Send what is known of it."""
        kind, call, _, via = key
        count, total, longest, chain, text = self.seen[key]
        inside.send(event="trace", kind=kind, call=call, via=via, process=os.getpid(), count=count, total=total, longest=longest, chain=chain, text=text)

    def totals(self) -> None:
        """At the end of the process."""
        for key, known in list(self.seen.items()):
            if known[0] > 1:
                self.tell(key)

    # Waiting calls

    def on_loop(self) -> bool:
        """Whether an event loop runs in this thread."""
        events = sys.modules.get("asyncio.events")
        return events is not None and getattr(events, "_get_running_loop", _nothing)() is not None

    def timed(self, real: Any, name: str, waits: Callable[[Any], bool] | None = None) -> Any:
        """The function, timed when it is called on a loop. `waits`: whether the object's call can wait at all."""

        @functools.wraps(real)
        def call(*args: Any, **options: Any) -> Any:
            if not self.on_loop() or (waits and not waits(args[0])):
                return real(*args, **options)
            began = _CLOCK[0]()
            try:
                return real(*args, **options)
            finally:
                seconds = _CLOCK[0]() - began
                chain, via = self.stack(sys._getframe(1))
                if chain:
                    self.note("blocked", name, seconds, chain, via or name)

        return call

    def methods(self, cls: Any, name: str, names: tuple[str, ...], waits: Callable[[Any], bool] | None = None) -> None:
        """Time these methods of a class that is written in Python."""
        for method in names:
            if hasattr(cls, method):
                setattr(cls, method, self.timed(getattr(cls, method), f"{name}.{method}", waits))

    def watch_sockets(self, module: Any) -> None:
        """Blocking sockets and name look-ups."""
        self.methods(module.socket, "socket.socket", _SOCKET, _waits)
        for name in ("getaddrinfo", "gethostbyname", "create_connection"):
            setattr(module, name, self.timed(getattr(module, name), f"socket.{name}"))

    def watch_tls(self, module: Any) -> None:
        """Blocking TLS; asyncio's own does not use this class."""
        self.methods(module.SSLSocket, "ssl.SSLSocket", _TLS, _waits)

    def watch_selectors(self, module: Any) -> None:
        """Waiting for sockets that do not block themselves, as dnspython does; the loop's own waiting is none."""
        classes: set[Any] = {item for item in vars(module).values() if isinstance(item, type) and "select" in vars(item)}
        for cls in classes:
            if not getattr(cls.select, "__isabstractmethod__", False):
                cls.select = self.unless_loop(cls.select)

    def unless_loop(self, real: Any) -> Any:
        """The method, timed when something else than asyncio calls it and it may wait."""
        timed = self.timed(real, "selectors.select")

        @functools.wraps(real)
        def select(selector: Any, timeout: Any = None) -> Any:
            own = sys._getframe(1).f_globals.get("__name__") in ("asyncio.base_events", "asyncio.selector_events")
            return real(selector, timeout) if own or timeout is not None and timeout <= 0 else timed(selector, timeout)

        return select

    def watch_processes(self, module: Any) -> None:
        """Waiting for another program."""
        self.methods(module.Popen, "subprocess.Popen", ("wait", "communicate"))

    def watch_sqlite(self, module: Any) -> None:
        """sqlite3 is C: connections and cursors that nobody specialised become a subclass that is timed."""
        cursor = type("Cursor", (module.Cursor,), {})
        self.methods(cursor, "sqlite3.Cursor", (*_SQLITE[:3], "fetchall", "fetchone", "fetchmany"))

        def own_cursor(connection: Any, factory: Any = cursor) -> Any:
            return module.Connection.cursor(connection, factory)

        connection = type("Connection", (module.Connection,), {"cursor": own_cursor})
        self.methods(connection, "sqlite3.Connection", _SQLITE)
        real = module.connect

        @functools.wraps(real)
        def connect(*args: Any, **options: Any) -> Any:
            if len(args) < 6:
                options.setdefault("factory", connection)
            return real(*args, **options)

        module.connect = self.timed(connect, "sqlite3.connect")

    def audited(self, event: str, args: Any) -> None:
        """Opening files, which cannot be timed, and starting programs."""
        if event == "open" and args[0] != inside.CONFIG["stream"] and self.on_loop():
            chain, via = self.stack(sys._getframe(1))
            if chain:
                self.note("blocked", "builtins.open", 0.0, chain, via or "builtins.open")

    # Loops

    def watch_loops(self, module: Any) -> None:
        """Time every callback of asyncio's loops."""
        real = module.Handle._run
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.forked)

        def _run(handle: Any) -> Any:
            ident = threading.get_ident()
            if not self.watcher:
                self.watch()
            sys.set_coroutine_origin_tracking_depth(8)  # each thread has its own
            began = self.running[ident] = _CLOCK[0]()
            try:
                return real(handle)
            finally:
                self.running.pop(ident, None)
                seconds = _CLOCK[0]() - began
                if seconds >= self.stall:
                    self.stalled(ident, began, seconds)

        module.Handle._run = _run

    def forked(self) -> None:
        """Threads do not live on in a child."""
        self.watcher = 0
        self.running.clear()

    def stalled(self, ident: int, began: float, seconds: float) -> None:
        """A callback took long; the watching thread has seen where it was."""
        sample = self.samples.pop(ident, None)
        chain, via = sample[1] if sample and sample[0] == began else ([], "")
        self.note("stall", "", seconds, chain, via)

    def watch(self) -> None:
        """Start the watching thread."""
        self.watcher = os.getpid()
        threading.Thread(target=self.look, name="flask-to-async-watch", daemon=True).start()

    def look(self) -> None:
        """Take the stack of each callback that takes long, once."""
        while True:
            _SLEEP[0](self.stall / 4)
            now = _CLOCK[0]()
            late = [(ident, began) for ident, began in list(self.running.items()) if now - began >= self.stall / 2]
            frames = sys._current_frames() if late else {}
            for ident, began in late:
                if ident in frames and self.samples.get(ident, (0.0,))[0] != began:
                    self.samples[ident] = (began, self.stack(frames[ident]))

    # Coroutines and Flask

    def watch_coroutines(self) -> None:
        """Python reports a coroutine that was thrown away without being awaited; only where it was made is added."""
        sys.set_coroutine_origin_tracking_depth(8)

        def warn(coroutine: Any) -> None:
            code = coroutine.cr_code
            origin = [[self.file(name), line, function] for name, line, function in coroutine.cr_origin or () if self.file(name)]
            place = [[self.file(code.co_filename), code.co_firstlineno, code.co_name]] if self.file(code.co_filename) else []
            if origin or place:
                self.note("never awaited", code.co_name, 0.0, [*origin, *place])
            # As Python's own does without origins; calling that would make our line the place of the warning.
            warnings.warn(f"coroutine '{coroutine.__qualname__}' was never awaited", RuntimeWarning, stacklevel=2, source=coroutine)

        warnings._warn_unawaited_coroutine = warn  # type: ignore[attr-defined]

    def watch_flask(self, module: Any) -> None:
        """Which functions Flask calls, and errors about contexts and loops."""
        real = module.Flask.ensure_sync

        def ensure_sync(app: Any, function: Any) -> Any:
            self.entered(function)
            return real(app, function)

        module.Flask.ensure_sync = functools.wraps(real)(ensure_sync)
        with contextlib.suppress(AttributeError, RuntimeError):  # Flask before 2.3 without blinker has no signals
            module.got_request_exception.connect(self.failed, weak=False)

    def entered(self, function: Any, depth: int = 0) -> None:
        """The function, and those that it wraps: Flask was about to run them."""
        function = getattr(function, "__func__", function)
        code = getattr(function, "__code__", None)
        if code is not None and self.file(code.co_filename):
            self.note("entered", code.co_name, 0.0, [[self.file(code.co_filename), code.co_firstlineno, code.co_name]])
        inner = getattr(function, "__wrapped__", None)
        if inner is not None and depth < 8:
            self.entered(inner, depth + 1)

    def failed(self, sender: Any, exception: Any = None, **more: Any) -> None:
        """An exception that a handler raised."""
        if isinstance(exception, (RuntimeError, LookupError)) and _CONTEXT.search(str(exception)):
            chain: list[list[Any]] = []
            trace = exception.__traceback__
            while trace is not None:
                code = trace.tb_frame.f_code
                if self.file(code.co_filename):
                    chain.insert(0, [self.file(code.co_filename), trace.tb_lineno, code.co_name])
                trace = trace.tb_next
            self.note("context error", type(exception).__name__, 0.0, chain, text=str(exception).partition("\n")[0])


def _nothing() -> None:
    return None


def _waits(connection: Any) -> bool:
    return bool(connection.gettimeout() != 0)


def _called(frame: Any) -> str:
    """The dotted name of the function that runs in the frame, with its class where it is a method."""
    if frame is None:
        return ""
    module = frame.f_globals.get("__name__", "")
    if os.sep in module:  # a template: Jinja compiles it under the name of its file
        return f"template {module.rpartition(os.sep)[2]}"
    owner = frame.f_locals.get("self") if frame.f_code.co_varnames[:1] == ("self",) else None
    cls = type(owner)
    if owner is not None and not hasattr(cls, "_mock_return_value"):
        return f"{cls.__module__}.{cls.__qualname__}.{frame.f_code.co_name}"
    return f"{module}.{frame.f_code.co_name}"
