"""The support module where processes fork, reload and end: each has a loop and clients of its own, and closes them."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest

SUPPORT = Path(__file__).resolve().parent.parent / "transforms" / "host" / "async_support.py"
APP = """
import asyncio, os, sys
from flask import Flask
from async_support import one_loop, shared

class Client:
    def __init__(self):
        self.pid, self.lock = os.getpid(), asyncio.Lock()
        self.loop = asyncio.get_running_loop()
        note("opened")
    async def get(self):
        assert asyncio.get_running_loop() is self.loop
        async with self.lock:
            await asyncio.sleep(0.001)
        return self.pid
    async def aclose(self):
        assert asyncio.get_running_loop() is self.loop
        note("closed")

def note(what):
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "notes"), "a") as file:
        file.write(f"{what} {os.getpid()}\\n")

def client():
    return Client()

app = one_loop(Flask(__name__))

@app.get("/")
async def view():
    return f"{os.getpid()} {await shared(client).get()}"

@app.get("/slow")
async def slow():
    note("slow")
    await asyncio.sleep(0.5)
    return f"{await asyncio.to_thread(os.getpid)}"

def ask():
    return app.test_client().get("/").text
"""
FORK = """
import os, sys, threading
from app import app, ask, note

assert ask() == f"{os.getpid()} {os.getpid()}"
slow = threading.Thread(target=app.test_client().get, args=("/slow",))
slow.start()
child = os.fork()
for _ in range(50):
    assert ask() == f"{os.getpid()} {os.getpid()}", ask()
if not child:
    sys.exit()
slow.join(20)
assert not slow.is_alive()
assert os.waitpid(child, 0)[1] == 0
assert ask() == f"{os.getpid()} {os.getpid()}"
note("parent went on")
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "async_support.py").write_bytes(SUPPORT.read_bytes())
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


def notes(folder):
    found = re.findall(r"(\w.*) (\d+)", (folder / "notes").read_text())
    return {what: [pid for name, pid in found if name == what] for what, _ in found}


def run(folder, source):
    return subprocess.run([sys.executable, "-W", "error::RuntimeWarning", "-c", source], cwd=folder, capture_output=True, text=True, timeout=60)


def fetch(port, path="/"):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{port}{path}", timeout=20) as answer:
        return answer.read().decode()


def wait_for(ready, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if ready():
                return
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


@contextlib.contextmanager
def served(folder, *command):
    """That server on a free port, stopped as a service is; `{port}` in the command stands for the port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (folder / "log").open("wb")
    process = subprocess.Popen([sys.executable, "-m", *(item.format(port=port) for item in command)], cwd=folder, stdout=log, stderr=log)
    try:
        wait_for(lambda: fetch(port) and True)
        yield port, process
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    finally:
        process.kill()
        process.wait()
        log.close()


def test_a_process_that_ends_closes_its_clients(folder):
    done = run(folder, "from app import ask; ask(); ask()")
    assert (done.returncode, done.stderr) == (0, "")
    assert [len(pids) for pids in notes(folder).values()] == [1, 1] and "closed" in notes(folder)


def test_a_process_that_asks_nothing_starts_no_thread(folder):
    done = run(folder, "import threading, app; assert threading.active_count() == 1")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_client_that_does_not_close_does_not_hold_the_process(folder):
    slow = (folder / "app.py").read_text().replace('note("closed")', 'note("closing"); await asyncio.sleep(600)')
    (folder / "app.py").write_text(slow)
    support = (folder / "async_support.py").read_text()
    (folder / "async_support.py").write_text(support.replace("PATIENCE = 5 ", "PATIENCE = 0.2 "))
    done = run(folder, "from app import ask; ask()")
    assert (done.returncode, done.stderr) == (0, "") and "closing" in notes(folder)


def test_a_client_whose_close_fails_does_not_keep_the_others_open(folder):
    done = run(
        folder,
        "import app\nfrom async_support import on_loop, shared\nclass Bad:\n    def close(self): raise OSError('broken')\n"
        "async def use(): shared(Bad); shared(app.client)\non_loop(use)()",
    )
    assert (done.returncode, done.stderr) == (0, "") and "closed" in notes(folder)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_fork_after_the_loop_was_started(folder):
    (folder / "main.py").write_text(FORK)
    done = subprocess.run([sys.executable, "main.py"], cwd=folder, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    seen = notes(folder)
    assert len(seen["opened"]) == 2 and sorted(seen["opened"]) == sorted(seen["closed"]) and "parent went on" in seen


GUNICORN = ("gunicorn", "-k", "gthread", "-w", "2", "--threads", "8", "-b", "127.0.0.1:{port}", "app:app")


@pytest.mark.parametrize("preload", [False, True])
def test_gunicorn(folder, preload):
    """With --preload the loop is started in the parent too, before it forks."""
    if preload:
        with (folder / "app.py").open("a") as file:
            file.write("\nask()\n")
    with served(folder, *GUNICORN, *["--preload"] * preload) as (port, process):
        for _ in range(60):
            pid, made_by = fetch(port).split()
            assert pid == made_by != str(process.pid)
        slow = []
        waiting = threading.Thread(target=lambda: slow.append(fetch(port, "/slow")))
        waiting.start()
        wait_for(lambda: "slow" in notes(folder))
    waiting.join(20)
    assert slow, "the request that was under way when the server was stopped was lost"
    seen = notes(folder)
    assert sorted(seen["opened"]) == sorted(seen["closed"])
    assert (str(process.pid) in seen["opened"]) == preload


def test_gunicorn_reloads(folder):
    with served(folder, *GUNICORN) as (port, process):
        old = set(notes(folder)["opened"])
        process.send_signal(signal.SIGHUP)
        wait_for(lambda: fetch(port).split()[0] not in old)
        wait_for(lambda: old <= set(notes(folder).get("closed", [])))
    seen = notes(folder)
    assert sorted(seen["opened"]) == sorted(seen["closed"])


def test_workers_that_are_renewed(folder):
    with served(folder, *GUNICORN, "--max-requests", "20") as (port, _process):
        pids = set()
        for _ in range(120):
            pid, made_by = fetch(port).split()
            assert pid == made_by
            pids.add(pid)
    assert len(pids) > 2
    seen = notes(folder)
    assert sorted(seen["opened"]) == sorted(seen["closed"])


def test_the_reloader_of_flask(folder):
    with served(folder, "flask", "run", "--port", "{port}", "--reload") as (port, _process):
        old = fetch(port).split()[0]
        os.utime(folder / "app.py")
        wait_for(lambda: fetch(port).split()[0] != old)
        assert len(set(fetch(port).split())) == 1
    assert old in notes(folder)["closed"]
