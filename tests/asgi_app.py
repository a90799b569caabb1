"""The application of test_asgi.py: what a response can be, with hooks, sessions and streams. Names match `ON_LOOP` there."""

import asyncio
import contextvars
import io
import sys
import threading
import time

from async_support import iterate, one_loop, run_async, shared
from flask import (
    Flask,
    Response,
    abort,
    after_this_request,
    flash,
    g,
    get_flashed_messages,
    jsonify,
    redirect,
    request,
    send_file,
    session,
    stream_with_context,
)

variable = contextvars.ContextVar("variable", default="unset")
closed = []
app = Flask(__name__)
app.secret_key = "secret"
app.config["MAX_CONTENT_LENGTH"] = 8_000_000
one_loop(app)


class Client:
    def __init__(self):
        self.loop = asyncio.get_running_loop()

    async def get(self):
        assert asyncio.get_running_loop() is self.loop
        await asyncio.sleep(0.001)
        return "got"

    async def aclose(self):
        assert asyncio.get_running_loop() is self.loop
        print("client closed", file=sys.stderr, flush=True)


def client():
    return Client()


@app.before_request
def before():
    g.number = request.args.get("number")
    if g.number:
        variable.set(g.number)
    return ("short-circuit", 202) if request.path == "/short" else None


@app.before_request
async def before_async():
    await asyncio.sleep(0)
    g.again = g.number


@app.after_request
def after(response):
    response.headers.add("X-After", str(g.number))
    return response


@app.teardown_request
def teardown(error):
    g.pop("again", None)


@app.errorhandler(404)
def missing(error):
    return jsonify(error="missing"), 404


@app.errorhandler(KeyError)
async def key_error(error):
    await asyncio.sleep(0)
    return f"{error!r} {sys.exc_info()[1]!r}", 400


@app.get("/")
async def index():
    await asyncio.sleep(0)
    return "<h1>index</h1>"


@app.get("/plain")
def plain():
    return "plain"


@app.get("/sleep")
def sleep():
    time.sleep(1)
    return "slept"


@app.get("/where")
async def where():
    await asyncio.sleep(0)
    return threading.current_thread().name


@app.get("/plain-where")
def plain_where():
    return threading.current_thread().name


@app.route("/echo", methods=["POST", "PUT"])
async def echo():
    await asyncio.sleep(0)
    return Response(request.get_data(), headers={"X-Length": str(request.content_length)})


@app.post("/echo-plain")
def echo_plain():
    return Response(request.get_data(), headers={"X-Length": str(request.content_length)})


@app.post("/form")
async def form():
    await asyncio.sleep(0)
    file = request.files["file"]
    return jsonify(name=request.form["name"], file=file.filename, size=len(file.read()))


@app.get("/headers")
async def headers():
    await asyncio.sleep(0)
    response = jsonify({name: value for name, value in request.headers.items() if name.startswith("X-")}, agent=str(request.user_agent))
    response.set_cookie("one", "1")
    response.set_cookie("two", "2", httponly=True)
    response.headers.add("X-Twice", "a")
    response.headers.add("X-Twice", "b")
    return response


@app.get("/path/<path:rest>")
async def path(rest):
    await asyncio.sleep(0)
    return jsonify(rest=rest, path=request.path, full=request.full_path, url=request.url, query=request.query_string.decode("latin-1"))


@app.get("/slash/")
async def slash():
    await asyncio.sleep(0)
    return "slash"


@app.get("/empty")
async def empty():
    await asyncio.sleep(0)
    return "", 204


@app.get("/cached")
async def cached():
    await asyncio.sleep(0)
    response = Response("cached")
    response.set_etag("tag")
    return response.make_conditional(request)


@app.get("/away")
async def away():
    await asyncio.sleep(0)
    return redirect("/?number=5")


@app.get("/abort")
async def abort_():
    await asyncio.sleep(0)
    abort(418)


@app.get("/key")
async def key():
    await asyncio.sleep(0)
    return {}["mine"]


@app.get("/boom")
async def boom():
    await asyncio.sleep(0)
    raise ZeroDivisionError


@app.get("/stream")
async def stream():
    await asyncio.sleep(0)

    def items():
        for count in range(3):
            yield f"{count} {request.args.get('number')}\n"

    return Response(stream_with_context(items()), mimetype="text/plain")


@app.get("/stream-async")
async def stream_async():
    async def items():
        for count in range(3):
            await asyncio.sleep(0.001)
            yield f"{count}\n"

    return Response(iterate(items()))


@app.get("/endless")
async def endless():
    await asyncio.sleep(0)

    def items():
        try:
            while True:
                yield b"x" * 1000
                time.sleep(0.01)
        finally:
            print("stream closed", file=sys.stderr, flush=True)

    return Response(items())


@app.get("/file")
async def file():
    await asyncio.sleep(0)
    return send_file(io.BytesIO(b"0123456789" * 10_000), mimetype="application/x-test", conditional=True, etag="file")


@app.get("/flash")
async def flash_():
    await asyncio.sleep(0)
    flash("hello")
    session["seen"] = session.get("seen", 0) + 1
    return jsonify(get_flashed_messages(), session["seen"])


@app.get("/later")
async def later():
    @after_this_request
    def add(response):
        response.headers["X-Later"] = "yes"
        return response

    await asyncio.sleep(0)
    return "later"


@app.get("/shared")
async def shared_():
    return await shared(client).get()


@app.get("/adapted")
@run_async
async def adapted():
    await asyncio.sleep(0)
    return "adapted"


@app.get("/isolated")
async def isolated():
    await asyncio.sleep(0.02)
    seen = {request.args["number"], g.number, g.again, variable.get(), await asyncio.to_thread(lambda: g.number)}
    session["number"] = g.number
    await asyncio.sleep(0.02)
    return ",".join(sorted(seen | {variable.get(), session["number"], request.args["number"]}))


@app.get("/variable")
async def seen():
    await asyncio.sleep(0)
    return str(variable.get())


@app.get("/slow")
async def slow():
    await asyncio.sleep(1)
    return "slow"


together_now = []


@app.get("/together")
async def together():
    """How many requests for this view are in work at once."""
    together_now.append(1)
    most = len(together_now)
    await asyncio.sleep(0.2)
    together_now.pop()
    return str(most)


@app.get("/waiting")
async def waiting():
    print("waiting", file=sys.stderr, flush=True)
    await asyncio.sleep(1)
    return "done"
