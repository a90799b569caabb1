"""Run by the tests under any interpreter that has Flask: what applications answer, as JSON on standard output.

Standard input: a list of {"folder", "asks", "modules"}. Each application is loaded in a fork of this process, asked through
the test client and then through a threaded server. An ask is `METHOD PATH`, then, two spaces apart, headers (`Name: value`)
and a body (JSON when it begins with a brace, else a form); or `CLI arguments`, `CALL function`, `SHELL`.
"""

import gc
import http.client
import importlib
import json
import logging
import os
import sys
import threading
import traceback
import warnings

OWN = ("Date", "Server", "Connection")


def main(jobs):
    import flask  # noqa: F401  loaded once, before the forks

    for name in sorted({name for job in jobs for name in job["modules"]}):
        try:
            importlib.import_module(name)
        except Exception:
            traceback.print_exc()
    json.dump([forked(job) for job in jobs], sys.stdout)


def forked(job):
    """One application in a process of its own."""
    here, there = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(here)
            with os.fdopen(there, "w") as out:
                json.dump(observe(**job), out)
        finally:
            os._exit(0)
    os.close(there)
    with os.fdopen(here) as back:
        text = back.read()
    os.waitpid(child, 0)
    return json.loads(text) if text else {"failed": "the process ended without an answer"}


def observe(folder, asks, modules):
    lost = [name for name in modules if name not in sys.modules]
    if lost:
        return {"skipped": "not importable here: " + ", ".join(lost)}
    warnings.simplefilter("error", RuntimeWarning)
    unraisable = []
    sys.unraisablehook = lambda item: unraisable.append(f"{item.exc_value!r} in {item.object!r}")
    os.chdir(folder)
    sys.path.insert(0, folder)
    records = listen()
    try:
        module = importlib.import_module("app")
        app, events = module.app, getattr(module, "events", [])
        client = app.test_client()
        answers = []
        for ask in asks:
            answer = asked(ask, module, app, client)
            answers.append({"ask": ask, "answer": answer, "events": list(events), "logged": list(records)})
            del events[:], records[:]
        served = list(through_server(app, [ask for ask in asks if ask.split()[0] not in ("CLI", "CALL", "SHELL")]))
    except BaseException:
        return {"failed": traceback.format_exc()}
    gc.collect()
    return {"answers": answers, "served": served, "unraisable": unraisable}


def listen():
    records = []

    class Keep(logging.Handler):
        def emit(self, record):
            if record.name != "werkzeug":
                error = f"{type(record.exc_info[1]).__name__}: {record.exc_info[1]}" if record.exc_info else ""
                records.append([record.name, record.levelname, record.getMessage(), error])

    logging.getLogger().addHandler(Keep())
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    return records


def asked(ask, module, app, client):
    kind, _, rest = ask.partition(" ")
    if kind == "CLI":
        result = app.test_cli_runner().invoke(args=rest.split())
        return [result.exit_code, result.output]
    if kind == "CALL":
        return repr(getattr(module, rest)())
    if kind == "SHELL":
        return sorted(app.make_shell_context())
    path, headers, body = parts(rest)
    response = client.open(path, method=kind, headers=headers, data=body)
    found = [response.status_code, kept(response.headers.items()), response.get_data().decode("latin-1")]
    response.close()
    return found


def parts(rest):
    path, *more = rest.split("  ")
    headers = [tuple(item.split(": ", 1)) for item in more if not item.startswith("{") and ": " in item]
    body = next((item for item in more if item.startswith("{") or ": " not in item), None)
    if body is not None:
        headers.append(("Content-Type", "application/json" if body.startswith("{") else "application/x-www-form-urlencoded"))
    return path, headers, body


def kept(headers):
    """Headers that may not differ; of cookies their names, because the values are signed with the time."""
    return sorted([name, value.split("=")[0] if name == "Set-Cookie" else value] for name, value in headers if name not in OWN)


def through_server(app, asks):
    from werkzeug.serving import make_server

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        for ask in asks:
            method, _, rest = ask.partition(" ")
            path, headers, body = parts(rest)
            connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
            connection.request(method, path, body=body, headers=dict(headers))
            response = connection.getresponse()
            yield [ask, response.status, kept(response.getheaders()), response.read().decode("latin-1")]
            connection.close()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


if __name__ == "__main__":
    main(json.load(sys.stdin))
