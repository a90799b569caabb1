#!/usr/bin/env python3
"""Requests per second and CPU per request of `requests` in plain views and of the bridge in async ones, on the same server.

gunicorn with threads serves a view that asks a slow upstream on loopback; a load tool (wrk, oha or hey, or threads of this
program without one) asks the view. CPU is that of gunicorn's processes alone, as the kernel accounts it, so that other load
disturbs it little. All ways run in turn, round by round. Figures are medians; nothing is asserted.
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GOAL = 0.8  # of the CPU per request of the first way
WAYS = {
    "get": "plain view, requests.get",
    "session": "plain view, one requests.Session",
    "one-loop": "bridge, one loop",
    "own-loops": "bridge, Flask's own loops",
    "to-thread": "to_thread(requests.get), Flask's own loops",
    "one-loop-session": "bridge with one requests.Session, one loop",
    "aiohttp": "aiohttp itself, one loop",
    "nothing": "plain view, no upstream",
    "nothing-one-loop": "async view, no upstream, one loop",
}
UPSTREAM = """
import asyncio, json, sys
DELAY = float(sys.argv[1])
BODY = json.dumps({"rate": 1.0, "names": ["a", "b"]}).encode()
ANSWER = b"HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(BODY) + BODY
class Slow(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.data = transport, b""
    def data_received(self, data):
        self.data += data
        while b"\\r\\n\\r\\n" in self.data:
            self.data = self.data.partition(b"\\r\\n\\r\\n")[2]
            asyncio.get_running_loop().call_later(DELAY, self.answer)
    def answer(self):
        if not self.transport.is_closing():
            self.transport.write(ANSWER)
async def main():
    server = await asyncio.get_running_loop().create_server(Slow, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""
APP = """
import asyncio, os
import requests
from flask import Flask
app = Flask(__name__)
WAY, URL = os.environ["WAY"], os.environ["UPSTREAM"]
session = requests.Session()
if WAY == "get":
    @app.get("/")
    def view():
        return requests.get(URL, timeout=10).json()
elif WAY == "session":
    session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=256))
    @app.get("/")
    def view():
        return session.get(URL, timeout=10).json()
elif WAY == "to-thread":
    @app.get("/")
    async def view():
        return (await asyncio.to_thread(requests.get, URL, timeout=10)).json()
elif WAY in ("one-loop", "own-loops"):
    import async_requests
    @app.get("/")
    async def view():
        return (await async_requests.get(URL, timeout=10)).json()
elif WAY == "one-loop-session":
    import async_requests
    @app.get("/")
    async def view():
        return (await async_requests.call(session.get, URL, timeout=10)).json()
elif WAY == "aiohttp":
    import aiohttp
    from async_support import shared
    def http():
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
    @app.get("/")
    async def view():
        async with shared(http).get(URL) as found:
            return await found.json()
elif WAY == "nothing":
    @app.get("/")
    def view():
        return {}
elif WAY == "nothing-one-loop":
    @app.get("/")
    async def view():
        return {}
if "one-loop" in WAY or WAY == "aiohttp":
    from async_support import one_loop
    one_loop(app)
"""


def main() -> None:
    """Print a table and the ratio that the goal is about."""
    args = _arguments()
    with tempfile.TemporaryDirectory() as folder, _upstream(args.delay) as upstream:
        _write_app(Path(folder))
        rounds: dict[str, list[tuple[float, float, int]]] = {name: [] for name in args.way or WAYS}
        for _ in range(args.rounds):
            for name, found in rounds.items():
                found.append(_measure(name, Path(folder), upstream, args))
    _print(rounds, args)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("way", nargs="*", choices=[*WAYS, []], help=f"ways; all for none: {', '.join(WAYS)}")
    parser.add_argument("--delay", type=float, default=0.05, help="seconds until the upstream answers")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int, default=64)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


@contextlib.contextmanager
def _upstream(delay):
    process = subprocess.Popen([sys.executable, "-c", UPSTREAM, str(delay)], stdout=subprocess.PIPE, text=True)
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/rate"
    finally:
        process.terminate()
        process.wait()


def _write_app(folder):
    (folder / "app.py").write_text(APP)
    for name in ("bridge/async_requests.py", "host/async_support.py"):
        shutil.copy(ROOT / "transforms" / name, folder)


def _measure(name, folder, upstream, args):
    """Requests per second, CPU milliseconds per request, failed requests."""
    with _served(name, folder, upstream, args) as (address, group):
        _load(address, args.connections, 1)
        before = _cpu(group)
        answered, failed, seconds = _load(address, args.connections, args.seconds)
        return answered / seconds, 1000 * (_cpu(group) - before) / max(answered, 1), failed


@contextlib.contextmanager
def _served(name, folder, upstream, args):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "-k", "gthread", "-w", str(args.workers), "--threads", str(args.threads), "-b", f"127.0.0.1:{port}", "app:app"]
    environment = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")} | {"WAY": name, "UPSTREAM": upstream}
    process = subprocess.Popen(
        [*command, "--log-level", "error", "--keep-alive", "30"], cwd=folder, env=environment, start_new_session=True, stderr=subprocess.PIPE
    )
    try:
        _wait(f"http://127.0.0.1:{port}/", process)
        yield f"http://127.0.0.1:{port}/", process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate()


def _wait(address, process):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for _ in range(200):
        with contextlib.suppress(OSError):
            return opener.open(address, timeout=5).read()
        if process.poll() is not None:
            sys.exit(f"gunicorn ended: {process.stderr.read().decode()}")
        time.sleep(0.05)
    sys.exit("gunicorn does not answer")


def _cpu(group):
    """CPU seconds of all processes of that process group."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[2]) == group:
                ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _load(address, connections, seconds):
    """Answered and failed requests, and how long it took; by the first load tool that is installed."""
    if shutil.which("wrk"):
        text = _run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s", address])
        failed = sum(int(number) for number in re.findall(r"(?:connect|read|write|timeout|responses:) (\d+)", text))
        count, took = re.search(r"(\d+) requests in ([\d.]+)s", text).groups()
        return int(count), failed, float(took)
    if shutil.which("oha"):
        found = json.loads(_run(["oha", "--no-tui", "--output-format", "json", "-c", str(connections), "-z", f"{seconds}s", address]))
        counts = found["statusCodeDistribution"]
        return counts.get("200", 0), sum(counts.values()) - counts.get("200", 0), found["summary"]["total"]
    if shutil.which("hey"):
        text = _run(["hey", "-c", str(connections), "-z", f"{seconds}s", address])
        counts = {status: int(count) for status, count in re.findall(r"\[(\d+)\]\s+(\d+) responses", text)}
        return counts.get("200", 0), sum(counts.values()) - counts.get("200", 0), float(re.search(r"Total:\s+([\d.]+)", text)[1])
    return _load_by_threads(address, connections, seconds)


def _run(command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _load_by_threads(address, connections, seconds):
    import http.client

    host, start = address.split("/")[2], time.perf_counter()

    def ask(_):
        done = failed = 0
        connection = http.client.HTTPConnection(host, timeout=20)
        while time.perf_counter() - start < seconds:
            connection.request("GET", "/")
            answer = connection.getresponse()
            answer.read()
            done, failed = done + (answer.status == 200), failed + (answer.status != 200)
        return done, failed

    with ThreadPoolExecutor(connections) as pool:
        counts = list(pool.map(ask, range(connections)))
    return sum(done for done, _ in counts), sum(failed for _, failed in counts), time.perf_counter() - start


def _print(rounds, args):
    tool = next((name for name in ("wrk", "oha", "hey") if shutil.which(name)), "threads of this program")
    print(f"{args.workers} x {args.threads} threads, upstream {args.delay * 1000:.0f} ms, {args.connections} connections of {tool}, {args.rounds} rounds\n")
    first = statistics.median(cpu for _, cpu, _ in rounds["get"]) if "get" in rounds else None
    print(f"| way | requests/s | CPU ms/request | CPU / that of {WAYS['get']} | failed |\n|---|---|---|---|---|")
    for name, found in rounds.items():
        rate, cpu = (sorted(item[place] for item in found) for place in (0, 1))
        ratio = f"{statistics.median(cpu) / first:.2f}" if first else ""
        spread = f"{statistics.median(rate):.0f} [{rate[0]:.0f}-{rate[-1]:.0f}] | {statistics.median(cpu):.2f} [{cpu[0]:.2f}-{cpu[-1]:.2f}]"
        print(f"| {WAYS[name]} | {spread} | {ratio} | {sum(item[2] for item in found)} |")
    print(f"\nGoal: at most {GOAL} for the bridge on one loop.")


if __name__ == "__main__":
    main()
