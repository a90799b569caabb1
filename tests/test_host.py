"""The support module of the host, as an application uses it: one loop, the request's own thread, shared clients.

    python test_host.py        # runs all of it without pytest: also under old versions of Flask and asgiref

What happens when processes fork, reload and end is in test_host_processes.py.
"""

import asyncio
import contextvars
import random
import sqlite3
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

if __name__ == "__main__":
    import sys

    sys.path[:0] = [str(Path(__file__).resolve().parent.parent / "transforms" / "host")]
    import async_support as host
else:
    from transforms.host import async_support as host

from asgiref.sync import async_to_sync, sync_to_async
from flask import Flask, Response, abort, current_app, g, jsonify, render_template_string, request, session, stream_with_context

PATIENCE = 20  # seconds until a test counts as deadlocked


def make(**routes):
    """An application on the loop, its routes named after their views."""
    app = host.one_loop(Flask(__name__))
    app.secret_key = "x"
    for name, view in routes.items():
        app.add_url_rule(f"/{name}", name, view)
    return app


def get(app, path, count=1, at_once=1, headers=None):
    """Answers of that many requests; fails instead of waiting for ever."""

    def ask(number):
        return app.test_client().get(path.format(number), headers=headers).get_data(as_text=True)

    with ThreadPoolExecutor(at_once) as pool:
        work = [pool.submit(ask, number) for number in range(count)]
        return [item.result(PATIENCE) for item in work]


async def where():
    await asyncio.sleep(0)
    return str(id(asyncio.get_running_loop()))


def test_all_async_parts_of_all_requests_run_on_one_loop():
    app = make(view=where)
    seen = []

    @app.before_request
    async def before():
        seen.append(await where())

    @app.after_request
    async def after(response):
        seen.append(await where())
        return response

    @app.teardown_request
    async def teardown(error):
        seen.append(await where())

    answers = get(app, "/view", 8, 4)
    assert len(set(answers + seen)) == 1 and len(seen) == 24


def test_another_application_shares_the_loop():
    assert get(make(view=where), "/view") == get(make(view=where), "/view")


def test_an_application_that_is_not_told_keeps_the_loops_of_flask():
    plain = Flask(__name__)
    plain.add_url_rule("/view", "view", where)
    assert get(plain, "/view")[0] not in get(make(view=where), "/view")
    assert get(plain, "/view") != get(make(view=where), "/view")


def test_an_application_keeps_flasks_loops_where_it_does_not_ask():
    """Code that calls asgiref itself in a plain view of the same thread is not touched."""
    app = make(view=where, plain=lambda: async_to_sync(where)())
    client = app.test_client()
    loop = client.get("/view").text
    assert client.get("/plain").text != loop


def test_sync_to_async_runs_on_the_thread_of_the_request():
    def local():
        return threading.get_ident()

    async def view():
        mine = await sync_to_async(local)()
        return jsonify(before=g.thread, inside=mine, loop=threading.get_ident())

    app = make(view=view)
    app.before_request(lambda: setattr(g, "thread", threading.get_ident()))
    for answer in get(app, "/view", 6, 3):
        values = app.json.loads(answer)
        assert values["before"] == values["inside"] != values["loop"]


def test_requests_do_not_wait_for_each_others_threads():
    gate = threading.Barrier(4)

    async def view():
        await sync_to_async(gate.wait)(PATIENCE)  # on one thread for all it would wait for ever
        return "met"

    assert get(make(view=view), "/view", 4, 4) == ["met"] * 4


def test_a_sqlite_connection_in_g():
    async def view():
        def work():
            return g.db.execute("select 42").fetchone()

        return jsonify(await sync_to_async(work)())

    app = make(view=view)
    app.before_request(lambda: setattr(g, "db", sqlite3.connect(":memory:")))
    app.teardown_appcontext(lambda error: g.db.close())
    assert get(app, "/view", 4, 2) == ["[42]\n"] * 4


def test_context_variables_go_both_ways():
    variable = contextvars.ContextVar("variable", default="unset")

    async def view():
        seen = variable.get()
        await asyncio.sleep(0)
        variable.set("view")
        return seen

    app = make(view=view)
    app.before_request(lambda: variable.set("before") and None)

    @app.after_request
    async def after(response):
        response.set_data(response.get_data() + variable.get().encode())
        return response

    assert get(app, "/view") == ["beforeview"]
    assert variable.get() == "unset"


def test_request_g_and_session_belong_to_the_request():
    async def view(number):
        g.number = session["number"] = number
        await asyncio.sleep(random.random() / 50)
        seen = {request.view_args["number"], request.headers["X-Number"], g.number, session["number"]}
        seen.add(await asyncio.to_thread(lambda: g.number))
        seen.add(await sync_to_async(lambda: request.view_args["number"])())
        return ",".join(seen)

    app = make()
    app.add_url_rule("/<number>", "view", view)

    def ask(number):
        with app.test_client() as client:
            answer = client.get(f"/{number}", headers={"X-Number": str(number)})
            return answer.text == session["number"] == str(number) and f"{number}" == g.number

    with ThreadPoolExecutor(50) as pool:
        assert all(item.result(PATIENCE) for item in [pool.submit(ask, number) for number in range(500)])


def test_five_hundred_requests_at_once():
    """All of them wait at the same time: none could go on if one held the loop."""
    inside, everyone = [], threading.Event()

    async def view():
        inside.append(1)
        if len(inside) == 500:
            everyone.set()
        while not everyone.is_set():
            await asyncio.sleep(0.01)
        return "ok"

    assert get(make(view=view), "/view", 500, 500) == ["ok"] * 500


def test_exceptions_reach_flask():
    async def view():
        await asyncio.sleep(0)
        raise KeyError("mine")

    async def gone():
        await asyncio.sleep(0)
        abort(410)

    app = make(view=view, gone=gone)

    @app.errorhandler(KeyError)
    async def handler(error):
        await asyncio.sleep(0)
        return repr(error), 400

    assert get(app, "/view") == ["KeyError('mine')"]
    assert app.test_client().get("/gone").status_code == 410


def test_the_traceback_shows_the_view():
    async def view():
        raise KeyError("mine")

    app = make(view=view)
    app.testing = True
    try:
        app.test_client().get("/view")
    except KeyError as error:
        assert any(frame.name == "view" for frame in traceback.extract_tb(error.__traceback__))
    else:
        raise AssertionError("no exception")


def test_cancellation_reaches_the_caller_as_without_the_loop():
    async def view():
        asyncio.current_task().cancel()
        await asyncio.sleep(PATIENCE)

    for wrap in (host.one_loop, lambda app: app):
        app = wrap(Flask(__name__))
        app.add_url_rule("/view", "view", view)
        try:
            get(app, "/view")
        except asyncio.CancelledError:
            continue
        raise AssertionError("no cancellation")


def test_time_outs_and_cancelled_children():
    async def view():
        child = asyncio.ensure_future(asyncio.sleep(PATIENCE))
        try:
            await asyncio.wait_for(child, 0.01)
        except asyncio.TimeoutError:  # noqa: UP041 (another class before Python 3.11)
            return str(child.cancelled())

    assert get(make(view=view), "/view") == ["True"]


def test_a_view_in_a_view_over_the_thread_of_the_request():
    async def inner():
        await asyncio.sleep(0.01)
        return await sync_to_async(threading.get_ident)()

    async def view():
        def outer():
            return current_app.ensure_sync(inner)() == threading.get_ident()

        return str(await sync_to_async(outer)())

    assert get(make(view=view), "/view", 12, 4) == ["True"] * 12


def test_a_view_in_a_view_over_worker_threads_never_waits_for_ever():
    """More of them than there are workers, and each needs a second worker to go on."""

    async def inner():
        return await asyncio.to_thread(lambda: request.path)

    async def view():
        return await asyncio.to_thread(lambda: (time.sleep(0.01), current_app.ensure_sync(inner)())[1])

    count = host.THREADS + 6
    assert get(make(view=view), "/view", count, count) == ["/view"] * count


def test_a_view_called_on_the_loop_itself_fails_as_without_the_loop():
    async def inner():
        return "never"

    async def view():
        return current_app.ensure_sync(inner)()

    app = make(view=view)
    app.testing = True
    try:
        get(app, "/view")
    except RuntimeError as error:
        assert "same thread as an async event loop" in str(error)
    else:
        raise AssertionError("no error")


def test_the_adapter_gives_decorators_a_plain_function():
    @host.run_async
    async def view():
        """Mine."""
        await asyncio.sleep(0)
        return "x" * 3

    assert view.__name__ == "view" and view.__doc__ == "Mine."
    app = make(view=lambda: f"<{view()}>", loop=host.run_async(where), other=where)
    assert get(app, "/view") == ["<xxx>"]
    assert get(app, "/loop") == get(app, "/other")


def test_a_task_outlives_its_request():
    done = threading.Event()

    async def later():
        await asyncio.sleep(0.05)
        done.set()

    async def view():
        view.task = asyncio.ensure_future(later())
        return "ok"

    get(make(view=view), "/view")
    assert done.wait(PATIENCE)


def test_to_thread_uses_as_many_threads_as_chosen():
    gate = threading.Barrier(host.THREADS)

    async def view():
        return str(await asyncio.to_thread(gate.wait, PATIENCE))

    assert len(set(get(make(view=view), "/view", host.THREADS, host.THREADS))) == host.THREADS


def module_level(function):
    """As if it stood at module level, where `shared()` wants it."""
    function.__qualname__ = function.__name__
    return function


class Client:
    """Bound to its loop, as HTTP clients and connection pools are."""

    made = 0

    def __init__(self):
        type(self).made += 1
        self.loop = asyncio.get_running_loop()
        self.lock = asyncio.Lock()

    async def get(self):
        assert asyncio.get_running_loop() is self.loop
        async with self.lock:
            await asyncio.sleep(0)
        return "answer"


def test_a_client_is_shared_by_thousands_of_requests():
    class Mine(Client):
        made = 0

    @module_level
    def client():
        return Mine()

    async def view():
        return await host.shared(client).get()

    assert set(get(make(view=view), "/view", 3000, 20)) == {"answer"}
    assert Mine.made == 1


def test_each_kind_of_client_is_its_own():
    @module_level
    def one():
        return Client()

    @module_level
    def two():
        return Client()

    async def view():
        return str((host.shared(one) is host.shared(one), host.shared(one) is host.shared(two)))

    assert get(make(view=view), "/view") == ["(True, False)"]


def test_a_client_that_each_request_would_make_anew_is_refused():
    async def view():
        try:
            host.shared(lambda: Client())
        except TypeError as error:
            return str(error)

    assert "module level" in get(make(view=view), "/view")[0]


def test_a_client_that_cannot_be_made_is_tried_again():
    tries = []

    @module_level
    def client():
        tries.append(1)
        if len(tries) == 1:
            raise OSError("no network")
        return Client()

    async def view():
        return await host.shared(client).get()

    app = make(view=view)
    app.register_error_handler(OSError, lambda error: "failed")
    assert get(app, "/view", 2) == ["failed", "answer"]


def test_another_loop_gets_a_client_of_its_own():
    """Commands and tests that start a loop themselves."""

    class Mine(Client):
        made = 0

    @module_level
    def client():
        return Mine()

    async def main():
        return await host.shared(client).get(), host.shared(client) is host.shared(client)

    assert asyncio.run(main()) == asyncio.run(main()) == ("answer", True)
    assert Mine.made == 2


def test_streaming_from_an_async_generator():
    closed = []

    async def lines(count):
        try:
            for number in range(count):
                await asyncio.sleep(0)
                yield f"{request.args['q']}{number},{await where()};"
        finally:
            await asyncio.sleep(0)
            closed.append(1)

    app = make(view=lambda: Response(stream_with_context(host.iterate(lines(3)))), loop=where)
    loop = get(app, "/loop")[0]
    assert get(app, "/view?q=n") == [f"n0,{loop};n1,{loop};n2,{loop};"] and closed == [1]


def test_a_stream_that_nobody_reads_to_its_end_is_closed():
    closed = threading.Event()

    async def numbers():
        try:
            for number in range(10):
                yield str(number)
        finally:
            closed.set()

    stream = host.iterate(numbers())
    assert next(stream) == "0"
    stream.close()
    assert closed.is_set()


def test_an_error_in_a_stream_reaches_the_server():
    async def numbers():
        yield "1"
        raise KeyError("mine")

    stream = host.iterate(numbers())
    assert next(stream) == "1"
    try:
        next(stream)
    except KeyError:
        assert list(stream) == []
        return
    raise AssertionError("no error")


def test_an_asgiref_that_works_in_another_way_is_noticed():
    """Better no answer than clients that fail in half of the requests."""

    class Elsewhere:
        threadlocal = threading.local()

    known, loop = (host.SyncToAsync, host._host), get(make(view=where), "/view")
    host.SyncToAsync, host._host = Elsewhere, None
    try:
        app = make(view=where)
        app.testing = True
        get(app, "/view")
    except RuntimeError as error:
        assert "version of asgiref" in str(error)
    else:
        raise AssertionError("no error")
    finally:
        host.SyncToAsync, host._host = known[0], known[1] or host._host
    assert get(make(view=where), "/view") == loop


def test_rendering_with_an_async_context_processor_works_from_a_plain_view():
    if version("flask") < "3":
        return  # it calls no async context processors
    app = make(view=lambda: render_template_string("{{ loop_id }}"), loop=where)

    @app.context_processor
    async def values():
        return {"loop_id": await where()}

    assert get(app, "/view") == get(app, "/loop")


if __name__ == "__main__":
    tests = [item for name, item in sorted(globals().items()) if name.startswith("test_")]
    for test in tests:
        test()
    print(f"{len(tests)} passed")
