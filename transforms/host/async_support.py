"""Support for views written as `async def`: one event loop per process, on which all of them run.

`one_loop(app)` is the only line an application needs. Without it Flask starts a new event loop for every async view,
and whatever belongs to a loop (HTTP clients, connection pools, locks) cannot be kept from one request to the next.

A request keeps its thread, which receives what the client sends and waits while the view runs on the loop; `sync_to_async`
runs code on that thread.
Nothing on the loop may block: use `await asyncio.to_thread(…)`.
"""

import asyncio
import atexit
import contextlib
import functools
import inspect
import io
import os
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor

from asgiref.sync import AsyncToSync, SyncToAsync
from flask import Flask, current_app, has_request_context, request

THREADS = 64  # worker threads per process for `asyncio.to_thread`: at least as many as the server has
SMALL = 1024 * 1024  # bytes of a body that are kept in memory; a larger one is a file on disk
PATIENCE = 5  # seconds that closing may take when the process ends

_RECEIVED = "async_support.received"  # in the environment of a request: its body is there as a whole
_UNKNOWN = "this version of asgiref looks for its event loop elsewhere; take one from 3.6 to 3.13"
_host = None
_waiter = None  # on an ASGI server: how a request that runs on the loop itself waits for a coroutine; None elsewhere
_lock = threading.Lock()
_thread = threading.local()


def one_loop(app: Flask) -> Flask:
    """Run all async views, hooks and handlers of the application on the event loop of this process."""
    app.async_to_sync = on_loop  # type: ignore[method-assign]
    return app


def run_async(view):
    """Let decorators that call a view directly go on doing so once the view is `async def`.

    It stands directly above the view, below all other decorators: they see a plain function and its real result.
    """

    @functools.wraps(view)
    def run(*args, **kwargs):
        return current_app.ensure_sync(view)(*args, **kwargs)

    return run


def shared(make):
    """The object that `make()` makes, the same one for every request; to be called in async code.

    It is made on the loop when it is first asked for, and closed when the process ends. `make` must be a function at
    module level, for instance `def http(): return httpx.AsyncClient()`, or a `functools.partial` that an object keeps for as
    long as the process runs.
    """
    if not isinstance(make, functools.partial) and "<locals>" in getattr(make, "__qualname__", "<locals>"):
        raise TypeError("shared() needs a function at module level: one that each request makes anew is never the same")
    running = asyncio.get_running_loop()
    host = _host if _host is not None and _host.loop is running else None
    kept = host.kept if host else running.__dict__.setdefault("_shared_objects", {})
    if make not in kept:
        kept[make] = make()
    return kept[make]


def iterate(items):
    """What an async generator yields, as the plain generator that a Flask response needs."""
    iterator = items.__aiter__()

    async def step():
        try:
            return (await iterator.__anext__(),)
        except StopAsyncIteration:
            return ()

    async def end():
        if hasattr(iterator, "aclose"):
            await iterator.aclose()

    try:
        while found := on_loop(step)():
            yield found[0]
    finally:
        on_loop(end)()


def on_loop(function):
    """A plain function that runs the async one on the event loop of this process and waits for its result."""

    @functools.wraps(function)
    def run(*args, **kwargs):
        wait = _waiter() if _waiter else None
        if wait:
            return wait(function(*args, **kwargs))
        if getattr(_thread, "is_worker", False):  # it would hold one worker and might wait for another for ever
            return AsyncToSync(function, force_new_loop=True)(*args, **kwargs)
        if has_request_context() and "stream" not in vars(request._get_current_object()):
            _receive(request.environ, request.content_length, request.max_content_length)
        return _call(_running().loop, function, *args, **kwargs)

    return run


async def serve_here(waiter=None):
    """Let the loop on which this runs, that of an ASGI server, be the one for all async views of this process."""
    global _host, _waiter
    host = _Host(None, asyncio.get_running_loop())
    if await host.loop.run_in_executor(None, _call, host.loop, _its_loop) is not host.loop:
        raise RuntimeError(_UNKNOWN)
    _host, _waiter = host, waiter


async def leave():
    """Close what is kept for the loop of the ASGI server on which this runs; the server is about to end."""
    global _host, _waiter
    if _host is not None and _host.loop is asyncio.get_running_loop():
        host, _host, _waiter = _host, None, None
        await host.close_kept()


def _receive(environ, size, limit):
    """Take the body in before the view runs: reading it on the loop would let one slow client stop every other request."""
    source, is_open = environ["wsgi.input"], size is None and environ.get("wsgi.input_terminated") and "HTTP_TRANSFER_ENCODING" in environ
    if environ.get(_RECEIVED) or isinstance(source, io.BytesIO) or not (size or is_open) or (size and limit is not None and size > limit):
        return
    file, left = tempfile.SpooledTemporaryFile(SMALL), float("inf") if limit is None else limit + 1  # noqa: SIM115
    left = size or left
    with contextlib.suppress(OSError):  # the client is gone: Flask sees that something is missing
        while left and (data := source.read(min(left, SMALL))):
            file.write(data)
            left -= len(data)
    file.seek(0)
    environ.update({"wsgi.input": file if size or left else io.BufferedReader(_Joined(file, source)), _RECEIVED: True})


class _Joined(io.RawIOBase):
    """One file after another."""

    def __init__(self, *files):
        self.files = files

    def readable(self):
        return True

    def readinto(self, buffer):
        data = next((data for file in self.files if (data := file.read(len(buffer)))), b"")
        buffer[: len(data)] = data
        return len(data)


def _call(loop, function, *args, **kwargs):
    """Run the async function on that loop; asgiref sees to context variables, errors and the request's thread."""
    local = SyncToAsync.threadlocal  # where asgiref looks for a loop
    before = getattr(local, "main_event_loop", None), getattr(local, "main_event_loop_pid", None)
    local.main_event_loop, local.main_event_loop_pid = loop, os.getpid()
    try:
        return AsyncToSync(function)(*args, **kwargs)
    finally:
        local.main_event_loop, local.main_event_loop_pid = before


class _Host:
    """The event loop of one process and the objects that are kept for it: a server's, or one in a thread of its own."""

    def __init__(self, parent, loop=None):
        self.parent = parent  # that of the process we were forked from: never used again, never cleaned up here
        self.pid = os.getpid()
        self.kept = {}
        self.loop = loop or asyncio.new_event_loop()
        self.loop.set_default_executor(ThreadPoolExecutor(THREADS, "async-worker", _mark_worker))
        if loop is None:
            self.start()

    def start(self):
        self.thread = threading.Thread(target=self.loop.run_forever, name="async-loop", daemon=True)
        self.thread.start()
        atexit.register(self.close)

    def close(self):
        """Cancel what still runs, close what is kept, end the loop."""
        if self.pid != os.getpid() or self.loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(self._finish(), self.loop)
        self.thread.join(PATIENCE)
        if not self.thread.is_alive():
            self.loop.close()

    async def _finish(self):
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, self.loop.shutdown_asyncgens(), return_exceptions=True)
        await self.close_kept()
        self.loop.stop()

    async def close_kept(self):
        await asyncio.gather(*map(_close, self.kept.values()), return_exceptions=True)


def _running():
    global _host
    if not _is_usable(_host):
        with _lock:
            if not _is_usable(_host):
                host = _Host(_host)
                if _call(host.loop, _its_loop) is not host.loop:
                    host.close()
                    raise RuntimeError(_UNKNOWN)
                _host = host
    return _host


def _is_usable(host):
    return host is not None and host.pid == os.getpid() and not host.loop.is_closed()


async def _its_loop():
    return asyncio.get_running_loop()


async def _close(item):
    close = next((getattr(item, name) for name in ("aclose", "close", "dispose") if hasattr(item, name)), None)
    result = close() if close else None
    if inspect.isawaitable(result):
        await result


def _mark_worker():
    _thread.is_worker = True


def _after_fork():
    global _lock
    _lock = threading.Lock()  # another thread of the parent may have held it


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
