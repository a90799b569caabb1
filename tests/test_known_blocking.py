"""What 20 other tools call blocking: in an async view each of these calls gets a decision, whatever it is."""

from pathlib import Path

import pytest
from pure import project

from codemods.catalogue_files import load_catalogue
from transforms.model import Settings
from transforms.stages import run_stage

NAMES = (Path(__file__).parent / "data" / "known-blocking.txt").read_text().split("\n")[:-1]
CALLABLE = [name for name in NAMES if "*" not in name and "<" not in name]

# Silent, and rightly so.
NOT_BLOCKING = {
    **dict.fromkeys(("httpx.connect", "httpx.trace", "requests.connect", "requests.trace"), "does not exist"),
    **{name: "does not exist under this name" for name in CALLABLE if name.startswith(("redis.Pipeline.", "redis.PubSub."))},
    **dict.fromkeys(("queue.LifoQueue", "queue.PriorityQueue", "queue.Queue", "queue.SimpleQueue"), "making a queue waits for nothing"),
    **dict.fromkeys(("threading.Lock", "threading.Thread", "threading.Timer", "threading.local"), "making one waits for nothing"),
    **dict.fromkeys(("select.poll", "selectors.DefaultSelector", "socket.socket", "socket.socket.bind"), "making and binding wait for nothing"),
    **dict.fromkeys(("urllib3.PoolManager", "ssl.SSLSocket", "tenacity.BaseRetrying.wraps"), "waits only when it is used"),
}


def view(number: int, name: str) -> str:
    """An async view that calls it: a function by its full name, a method on a parameter of that type."""
    owner, _, last = name.rpartition(".")
    is_method = owner.rpartition(".")[2][:1].isupper() and owner.count(".") or owner in ("netrc.netrc", "socket.socket")
    module = owner.rpartition(".")[0] if is_method else owner
    if last == "__init__":
        return f"import {module}\n\n\n@app.route('/{number}')\nasync def view{number}():\n    {owner}()\n"
    if last in ("__enter__", "__exit__"):
        return f"import {module}\n\n\n@app.route('/{number}')\nasync def view{number}(item: {owner}):\n    with item:\n        pass\n"
    if last == "__iter__":
        return f"import {module}\n\n\n@app.route('/{number}')\nasync def view{number}(item: {owner}):\n    for one in item:\n        pass\n"
    if last == "__call__":
        return f"import {module}\n\n\n@app.route('/{number}')\nasync def view{number}(item: {owner}):\n    item(print)\n"
    if is_method:
        return f"import {module}\n\n\n@app.route('/{number}')\nasync def view{number}(item: {owner}):\n    item.{last}()\n"
    call = last if owner == "builtins" else name
    return f"{'' if owner == 'builtins' else f'import {owner}'}\n\n\n@app.route('/{number}')\nasync def view{number}():\n    {call}()\n"


def silent_names() -> set[str]:
    parts = [view(number, name) for number, name in enumerate(CALLABLE)]
    source = "from flask import Flask\n\napp = Flask(__name__)\n" + "\n\n".join(parts)
    outcome = run_stage("executor", project(source), load_catalogue(), Settings()).outcome
    explained = {decision.symbol for decision in outcome.decisions}
    return {name for number, name in enumerate(CALLABLE) if f"view{number}" not in explained}


@pytest.fixture(scope="module")
def silent():
    return silent_names()


@pytest.mark.parametrize("name", CALLABLE)
def test_a_known_blocking_call_is_never_silent(name, silent):
    if name in NOT_BLOCKING:
        assert name in silent, "it is known now: take it out of the table"
    else:
        assert name not in silent
