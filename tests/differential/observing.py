"""Run by the tests in a process of its own, in the folder of an app: calls its views and prints as JSON what they did.

    python observing.py [http|smtp HOST PORT]

Every view is called in the order of the file: what it answers, and the exception that it ended with, with its chain. Views
named in the app's `AT_ONCE` are then called together from several threads. With a server named it
is told before each view, so that what arrives can be told apart. The files that are left are part of the result.
"""

import http.client
import json
import os
import re
import smtplib
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TIMES = 4  # how often each view of AT_ONCE is called, all at the same time


def main(*address):
    result, sys.stdout = sys.stdout, sys.stderr  # an app may print
    warnings.simplefilter("error", RuntimeWarning)
    lost = []
    sys.unraisablehook = lambda item: lost.append(f"{item.exc_value!r}")
    sys.path.insert(0, str(Path.cwd()))
    import app as module

    Path("run").mkdir()
    os.chdir("run")
    errors = []
    from flask import got_request_exception

    got_request_exception.connect(lambda sender, exception: errors.append(chain(exception)), module.app, weak=False)
    answers = {name: one(module.app, rule, errors, address, name) for name, rule in views(module.app)}
    together = at_once(module, errors, address)
    json.dump({"answers": answers, "at_once": together, "files": files(Path()), "lost": lost}, result)


def views(app):
    """Endpoints with their rule, in the order in which they were added."""
    return [(rule.endpoint, rule) for rule in app.url_map.iter_rules() if rule.endpoint != "static"]


def one(app, rule, errors, address, name):
    tell(address, name)
    errors.clear()
    answer = ask(app, rule)
    return [*answer, *[list(item) for item in errors]]


def ask(app, rule):
    method = next(name for name in ("POST", "GET") if name in rule.methods)
    try:
        answer = app.test_client().open(rule.rule, method=method)
    except Exception as error:  # raised while the body was read
        return 0, " | ".join(chain(error))
    return answer.status_code, plain(answer.get_data().decode("latin-1"))


def at_once(module, errors, address):
    names = getattr(module, "AT_ONCE", ())
    if not names:
        return []
    tell(address, "at once")
    errors.clear()
    work = [(name, rule) for name, rule in views(module.app) if name in names for _ in range(TIMES)]
    gate = threading.Barrier(len(work))

    def call(item):
        gate.wait(60)
        return [item[0], *ask(module.app, item[1])]

    with ThreadPoolExecutor(len(work)) as pool:
        answers = sorted(pool.map(call, work))
    return [answers, sorted(map(str, errors))]


def chain(error):
    """The exception and those that it came from."""
    found = []
    while error is not None and len(found) < 10:
        found.append(f"{type(error).__module__}.{type(error).__qualname__}: {plain(repr(error.args))}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return found


def plain(text):
    """Without what differs from run to run: addresses in memory, names of temporary files, what is left of a timeout."""
    for pattern, instead in ((r"0x[0-9a-f]{6,}", "0x"), (r"tmp[a-z0-9_]{8}\b", "tmp"), (r"\b0\.\d{9,}", "0.")):
        text = re.sub(pattern, instead, text)
    return text


def tell(address, name):
    """A request or a letter that marks where the view begins, in what the server keeps."""
    if address and address[0] == "http":
        connection = http.client.HTTPConnection(address[1], int(address[2]))
        connection.request("GET", f"/-/{name.replace(' ', '-')}")
        connection.getresponse().read()
        connection.close()
    elif address:
        with smtplib.SMTP(address[1], int(address[2])) as server:
            server.sendmail("-", [name.replace(" ", "-")], "")


def files(folder):
    return {
        path.as_posix(): path.read_bytes().decode("latin-1")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix not in (".db", ".zip", ".gz")
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
