#!/usr/bin/env python3
"""What the migration of the bundled I/O-bound application (`fixtures/depot`) brings, measured with the parts of `bench`.

Five servers in turn, in front of an upstream that answers after 100 ms and a Redis of their own: the application as it
is on two synchronous workers and on two workers with 64 threads, the migrated one on the same threads with one event loop
per process, that with the stage `gather`, and the migrated one with `asgi.py` on two of gunicorn's asynchronous workers.
Prints the ratios of the goals and tables in Markdown; writes the picture.
Nothing is asserted: a loaded machine must not fail a build.
"""

import argparse
import contextlib
import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from codemods.bench.contenders import THREADED, application, server  # noqa: E402
from codemods.bench.document import document, result  # noqa: E402
from codemods.bench.load import BenchError, require_wrk  # noqa: E402
from codemods.bench.migrating import migrated  # noqa: E402
from codemods.bench.plot import plot  # noqa: E402
from codemods.bench.rounds import Scope, measure  # noqa: E402
from codemods.bench.serving import Server, expect_answer, running, upstream  # noqa: E402
from codemods.bench.tables import markdown_lines  # noqa: E402
from codemods.project import load  # noqa: E402
from transforms.model import Settings  # noqa: E402

APP = ROOT / "fixtures" / "depot" / "0-original"
PICTURE = ROOT / "docs" / "images" / "serving.svg"
SYNC, THREADS, MIGRATED, GATHER, ASGI = "sync workers", "threads", "migrated", "migrated, gather", "migrated, asgi"
ON_ASGI = "{python} -m gunicorn -w 2 -k asgi -b {host}:{port} asgi:application"
COMMANDS = {SYNC: "{python} -m gunicorn -w 2 -b {host}:{port} {app}", THREADS: THREADED, MIGRATED: THREADED, GATHER: THREADED, ASGI: ON_ASGI}
STAGES = {MIGRATED: ("routes", "clients", "executor", "server"), GATHER: ("routes", "clients", "executor", "gather", "server")}
STAGES[ASGI] = STAGES[MIGRATED]
ROUTES = {"/parcels/7": "an upstream of 100 ms, Redis, a file", "/labels/7": "the upstream, then a program", "/offers/250": "three calls of the upstream"}
CHEAPER, FASTER = "CPU per request over threads, 0.8 or less", "requests/s over threads, 1 or more"
GOALS = [
    *((name, "requests/s over sync workers, 10 or more", "rate", SYNC, lambda value: value >= 10) for name in (MIGRATED, ASGI)),
    *((name, CHEAPER, "cpu", THREADS, lambda value: value < 0.805) for name in (MIGRATED, ASGI)),
    *((name, FASTER, "rate", THREADS, lambda value: value >= 0.98) for name in (MIGRATED, ASGI)),
    (GATHER, "median latency over threads, below 1 where calls are independent", "p50", THREADS, lambda value: value < 0.95),
]
MOST_SYNC = 100  # connections: two synchronous workers need minutes to work off what 500 leave behind


def main() -> None:
    """Measure, print, write the picture."""
    args = _arguments()
    try:
        require_wrk()
        with tempfile.TemporaryDirectory(prefix="serving-") as name:
            found = measured(Path(name).resolve(), args)
    except BenchError as error:
        sys.exit(f"serving: {error}")
    if args.picture:
        args.picture.parent.mkdir(parents=True, exist_ok=True)
        plot(found, args.picture)
    if args.json:
        args.json.write_text(json.dumps(found, indent=2) + "\n")
    print(*goals(found), "", *(markdown_lines(found) if args.all else summary(found)), sep="\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--route", action="append", choices=list(ROUTES), help="only this route; may be given more than once")
    parser.add_argument("--connections", default="10,100,500")
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--http", default="auto", help="what requests becomes, as in `migrate --http`")
    parser.add_argument("--all", action="store_true", help="every measure, in place of the summary")
    parser.add_argument("--picture", type=Path, default=PICTURE)
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser.parse_args()


def measured(folder: Path, args: argparse.Namespace) -> dict:
    """The document of all servers."""
    levels = [int(item) for item in args.connections.split(",")]
    routes = args.route or list(ROUTES)
    with contextlib.ExitStack() as stack:
        service = stack.enter_context(upstream(100, folder / "upstream.log"))
        store = stack.enter_context(running(_redis(folder), folder / "redis.log"))
        variables = {"CARRIERS_URL": service.url(""), "REDIS_URL": f"redis://127.0.0.1:{store.port}/0"}
        servers = [_server(name, folder, variables, args.http) for name in COMMANDS]
        up = [stack.enter_context(running(item, folder / f"{item.name}.log")) for item in servers]
        for found in up:
            answers = [expect_answer(found, route).body for route in routes]
            print(f"{found.server.name}: {answers[0].decode().strip()}", file=sys.stderr)
        ours = [service.pid, store.pid]
        few, many = [item for item in levels if item <= MOST_SYNC], [item for item in levels if item > MOST_SYNC]
        cells = measure(up, Scope(routes, few, args.seconds, args.rounds), _say, ours) if few else []
        cells += measure(up[1:], Scope(routes, many, args.seconds, args.rounds), _say, ours) if many else []
    notes = [f"`{route}`: {ROUTES[route]}" for route in routes]
    return document(servers, cells, Scope(routes, levels, args.seconds, args.rounds), {"upstream": 100, "notes": notes})


def _redis(folder: Path) -> Server:
    program = shutil.which("redis-server")
    if program is None:
        raise BenchError("the application needs Redis, and there is no redis-server: `apt install redis-server`")
    return Server("redis", [program, "--port", "{port}", "--save", "", "--appendonly", "no"], folder)


def _server(name: str, folder: Path, variables: dict[str, str], http: str) -> Server:
    """A copy of the application, migrated where the name says so, and the command that serves it."""
    copy = folder / name.replace(", ", "-").replace(" ", "-")
    shutil.copytree(APP, copy, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))
    loaded = load(copy)
    app = application(loaded, "")
    if name in STAGES:
        for change in migrated(loaded, STAGES[name], Settings(http=http, host="asgi" if name == ASGI else "threads")).changes:
            (copy / change.path).write_bytes(change.after)
    return server(name, COMMANDS[name], copy, app, sys.executable, variables)


def goals(found: dict) -> list[str]:
    """The ratios that the project asks for, of each route and of all of them asked equally often, and whether each is reached."""
    routes = found["scope"]["routes"]
    columns = [(f"`{route}`", [route]) for route in routes] + [("all, asked equally often", routes)]
    lines = ["| goal | connections | " + " | ".join(title for title, _ in columns) + " |", "|---|---|" + "---|" * len(columns)]
    for above, title, measure_name, below, reached in GOALS:
        for count in [item for item in found["scope"]["connections"] if below != SYNC or item == MOST_SYNC]:
            values = [of_all(found, measure_name, above, below, asked, count) for _, asked in columns]
            if any(values):
                lines.append(f"| {above}: {title} | {count} | " + " | ".join(_said(value, reached) for value in values) + " |")
    errors = {name: sum(sum(cell["errors"].values()) for cell in found["results"] if cell["server"] == name) for name in COMMANDS}
    return [*lines, "", "Errors of requests: " + ", ".join(f"{name} {count}" for name, count in errors.items()) + "."]


def of_all(found: dict, measure_name: str, above: str, below: str, routes: list[str], count: int) -> float | None:
    """One server's CPU or rate over another's for the same number of requests to each of these routes."""
    cells = [[result(found, name, route, count) for route in routes] for name in (above, below)]
    if not all(cell and cell[measure_name]["median"] for row in cells for cell in row):
        return None
    first, second = ([cell[measure_name]["median"] for cell in row] for row in cells)
    if measure_name == "rate":  # the seconds that all of them need
        return sum(1 / value for value in second) / sum(1 / value for value in first)
    return sum(first) / sum(second)


def summary(found: dict) -> list[str]:
    """Requests a second and CPU per request: the table of the README."""
    names = [item["name"] for item in found["servers"]]
    lines = ["| route | connections | " + " | ".join(names) + " |", "|---|---|" + "---|" * len(names)]
    for route in found["scope"]["routes"]:
        for count in found["scope"]["connections"]:
            cells = [result(found, name, route, count) for name in names]
            said = ["-" if cell is None else f"{cell['rate']['median']:.0f}/s, {cell['cpu']['median']:.1f} ms" for cell in cells]
            lines.append(f"| `{route}` | {count} | " + " | ".join(said) + " |")
    low, high = found["machine"]["others"]
    scope = found["scope"]
    return [*lines, "", f"Median of {scope['rounds']} rounds of {scope['seconds']} s; other programs used {low} to {high} % of the processors meanwhile."]


def _said(value: float | None, reached: Callable[[float], bool]) -> str:
    return "-" if value is None else f"{value:.2f} {'✓' if reached(value) else '✗'}"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
