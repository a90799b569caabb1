"""What the application puts in a library's place itself: the call stays what it is."""

import pytest
from small_cases import run_all

from transforms.model import Project, Settings

APP = """import requests
import time
from flask import Flask
{head}
app = Flask(__name__)


@app.route("/")
def index():
    time.sleep(0.1)
    answer = requests.get("https://api.example.org/news", timeout=5)
    return answer.json()
"""
BOTH = {"requests.get", "time.sleep"}
HEADS = {
    "nothing": ("", BOTH),
    "partialmethod": (
        "from functools import partialmethod\nrequests.Session.request = partialmethod(requests.Session.request, headers={'A': 'b'})",
        {"time.sleep"},
    ),
    "sleep": ("time.sleep = print", {"requests.get"}),
    "below": ("import urllib3.util.connection as c\nc.HAS_IPV6 = False", {"time.sleep"}),
    "setattr": ("import socket\ndef install(made):\n    setattr(socket, 'socket', made)", {"time.sleep"}),
    "any name": ("def install(names):\n    for name in names:\n        setattr(time, name, print)", {"requests.get"}),
    "wrapped": ("import wrapt\nwrapt.wrap_function_wrapper('requests', 'Session.send', print)", {"time.sleep"}),
    "cache": ("import requests_cache\nrequests_cache.install_cache('x')", {"time.sleep"}),
    "instrumented": ("def boot():\n    import opentelemetry.instrumentation.requests as i\n    i.RequestsInstrumentor().instrument()", {"time.sleep"}),
    "only read": ("fetch = requests.get\nDELAY = time.time", BOTH),
    "an object": ("session = requests.Session()\nsession.trust_env = False", BOTH),
    "own object": ("class Time:\n    pass\nclock = Time()\nclock.sleep = print\nsetattr(clock, 'sleep', print)", BOTH),
    "other library": ("import logging\nlogging.raiseExceptions = False\nsetattr(logging, 'x', 1)", BOTH),
    "urllib only": ("import ssl\nssl._create_default_https_context = ssl._create_unverified_context", BOTH),
    "names alike": ("from responses_of_mine import vcr", BOTH),
}


@pytest.mark.parametrize("head", HEADS)
def test_replaced_by_the_application(head):
    source, swapped = HEADS[head]
    app = APP.format(head=source).encode()
    _, decisions = run_all(Project({"app.py": app}, frozenset({"app.py"})), Settings())
    assert {item.subject for item in decisions if item.code == "C200"} == swapped
