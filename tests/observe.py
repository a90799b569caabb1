"""Run by the tests in a process of its own: what one stage of a fixture app answers, as JSON on standard output.

    python observe.py FIXTURE_FOLDER STAGE_FOLDER [served]

A coroutine that is never awaited, or any other RuntimeWarning, makes it fail. With `served` the app stands behind a
threaded server and gets 20 requests at once.
"""

import importlib.util
import json
import os
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = str(Path(__file__).resolve().parent)


def main(folder, stage, served=False):
    warnings.simplefilter("error", RuntimeWarning)
    unraisable = []
    sys.unraisablehook = lambda item: unraisable.append(f"{item.exc_value!r} in {item.object!r}")
    sys.path[:] = [str(stage), HERE, *(path for path in sys.path if Path(path).resolve() != Path(HERE))]
    os.chdir(stage)
    spec = importlib.util.spec_from_file_location("check", folder / "check.py")
    check = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(check)
    with check.services():
        app = check.make()
        seen = list(parallel(app, check)) if served else list(check.check(app))
    if unraisable:
        sys.exit("\n".join(unraisable))
    json.dump(seen, sys.stdout)


def parallel(app, check):
    """Every request of the app 20 times over, 20 at once, through real sockets."""
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log_request(self, *args):
            pass

    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    work = [item for item in check.requests() for _ in range(20)]
    gate = threading.Barrier(20)
    try:
        with ThreadPoolExecutor(20) as pool:
            return sorted(pool.map(lambda item: ask(server.server_port, gate, *item), work), key=repr)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def ask(port, gate, method, path, more=None):
    more = more or {}
    data = urllib.parse.urlencode(more["data"]).encode() if "data" in more else (b"" if method == "POST" else None)
    if "json" in more:
        data = json.dumps(more["json"]).encode()
    headers = {**more.get("headers", {}), **({"Content-Type": "application/json"} if "json" in more else {})}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=data, method=method, headers=headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    gate.wait(60)
    try:
        with opener.open(request, timeout=60) as answer:
            return method, path, answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return method, path, error.code, error.read().decode()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve(), "served" in sys.argv[3:])
