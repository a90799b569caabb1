"""One run of bench, from the options to what is printed."""

import contextlib
import json
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import typer

from codemods.bench.contenders import AFTER, BEFORE, THREADED, Commands, application, copies, environment, require_modules, server, try_out, with_after
from codemods.bench.document import document
from codemods.bench.lag import lags
from codemods.bench.load import BenchError, require_wrk
from codemods.bench.migrating import migrated
from codemods.bench.rounds import Scope, measure
from codemods.bench.serving import Server, running, upstream
from codemods.bench.tables import markdown_lines, text_lines
from codemods.console import fail, print_lines
from codemods.opening import guarded
from codemods.pipeline import Migration
from codemods.project import Loaded
from codemods.verify.scratch import Scratch, ScratchError, make, top_of
from transforms.model import Settings
from transforms.server.application import Application


@dataclass(frozen=True)
class Wish:
    """What the user asked for, by the names of the options."""

    scope: Scope
    commands: Commands
    settings: Settings
    stages: tuple[str, ...] = ()
    upstream: float = 0.0
    upstream_env: str = ""
    lag: bool = False
    copy: Path | None = None
    format: str = "text"
    plot: Path | None = None
    variables: dict[str, str] = field(default_factory=dict)


def session(loaded: Loaded, wish: Wish) -> NoReturn:
    """Measure and print; ends the program with its exit status."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ended as by Ctrl-C: the servers end, the copies go
    try:
        with _folder() as folder:
            found = measured(loaded, wish, folder, _say)
    except (BenchError, ScratchError) as error:
        fail(str(error))
    except KeyboardInterrupt:
        fail("ended by you; the servers were ended, your files were not touched")
    except OSError as error:
        fail(f"{error.filename or error}: {error.strerror}; your files were not touched")
    _show(found, wish)
    raise typer.Exit(0)


def measured(loaded: Loaded, wish: Wish, folder: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """The document of a whole run; everything is written below `folder`. Raises BenchError, ScratchError or OSError."""
    require_wrk()
    app = application(loaded, wish.commands.app) if "{app}" in wish.commands.before + (wish.commands.after or THREADED) else None
    result = _migrated(loaded, wish)
    wish = replace(wish, commands=with_after(wish.commands, loaded, result))
    scratch = make(wish.copy.resolve() if wish.copy else top_of(loaded.root), folder / "copies", False)
    if not loaded.root.is_relative_to(scratch.top):
        raise BenchError(f"--copy {scratch.top} does not hold the project, {loaded.root}")
    with contextlib.ExitStack() as stack:
        variables, ours = dict(wish.variables), []
        if wish.upstream:
            service = stack.enter_context(upstream(wish.upstream, folder / "upstream.log"))
            variables[wish.upstream_env], ours = service.url(""), [service.pid]
        servers, watched = _servers(loaded, wish, app, scratch, result, folder, variables)
        answers = [try_out(item, wish.scope.routes, folder / item.name, result.needs if item.name == AFTER else ()) for item in servers]
        say(f"{len(servers)} servers start and answer; {_minutes(wish.scope, len(servers))}")
        with contextlib.ExitStack() as both:
            cells = measure([both.enter_context(running(item, folder / f"{item.name}.log")) for item in servers], wish.scope, say, ours)
        late = lags(watched, wish.scope, folder / watched.name, say) if wish.lag else None
    found = document(servers, cells, wish.scope, {"upstream": wish.upstream or None, "notes": [*_hosted(result), *_differing(wish, answers)]})
    return found if late is None else _with_lag(found, late)


def _migrated(loaded: Loaded, wish: Wish) -> Migration:
    """Raises BenchError when there would be nothing to compare."""
    result = guarded(lambda: migrated(loaded, wish.stages, wish.settings))
    if not result.changes and wish.commands.after in ("", wish.commands.before):
        raise BenchError("the migration changes nothing here, so before and after are the same; `flask-to-async audit` says why")
    return result


def _servers(
    loaded: Loaded, wish: Wish, app: Application | None, scratch: Scratch, result: Migration, folder: Path, variables: dict[str, str]
) -> tuple[list[Server], Server]:
    """Both servers, and the migrated one with its loop watched."""
    commands = wish.commands
    interpreter = commands.interpreter or sys.executable
    used = [name for name in (BEFORE, AFTER) if "{python}" in getattr(commands, name)]
    if used:
        require_modules(interpreter, ["flask", *(["gunicorn"] if "{python} -m gunicorn " in commands.before + commands.after else [])])
    roots = copies(loaded, scratch, result)
    found = []
    for name, lag in ((BEFORE, False), (AFTER, False), (AFTER, True)):
        root = roots[name]
        copy = scratch.base if name == BEFORE else scratch.folder / AFTER
        own_name = f"{name} watched" if lag else name
        values = environment(loaded, scratch, copy, root / (app.folder if app else ""), result.needs if name == AFTER else (), folder / own_name, lag)
        found.append(server(own_name, getattr(commands, name), root, app, interpreter, {**values, **variables}))
    return found[:2], found[2]


def _with_lag(found: dict[str, Any], late: Mapping[tuple[str, int], dict[str, Any]]) -> dict[str, Any]:
    for cell in found["results"]:
        if cell["server"] == AFTER:
            cell["lag"] = late.get((cell["route"], cell["connections"]))
    return found


def _hosted(result: Migration) -> list[str]:
    """Whether the migrated application is on one loop, which decides what async views cost."""
    hosting = [outcome for outcome in result.outcomes if outcome.stage == "server"]
    if any(decision.code == "S400" and decision.group for outcome in hosting for decision in outcome.decisions):
        return ["after: all async views run on one event loop per process"]
    decisions = hosting[-1].decisions if hosting else ()
    left = [decision for decision in decisions if decision.code == "S401"]
    return [f"after: Flask's own loops, one for each view; {len(left)} sites may block a shared one (`migrate --stage server` names them)"] if left else []


def _differing(wish: Wish, answers: list[list[bytes]]) -> list[str]:
    first, second = answers
    routes = [route for route, one, two in zip(wish.scope.routes, first, second, strict=True) if one != two]
    return [f"before and after do not answer the same bytes to {', '.join(routes)}: look whether they may differ from request to request"] if routes else []


def _minutes(scope: Scope, servers: int) -> str:
    seconds = len(scope.routes) * len(scope.connections) * scope.rounds * servers * (scope.seconds + 0.3)
    return f"measuring for about {seconds:.0f} s" if seconds < 120 else f"measuring for about {seconds / 60:.0f} minutes"


def _show(found: dict[str, Any], wish: Wish) -> None:
    if wish.plot:
        try:
            from codemods.bench.plot import plot  # matplotlib takes a second to load

            plot(found, wish.plot)
        except OSError as error:
            fail(f"{wish.plot}: {error.strerror}; the picture was not written")
    if wish.format == "json":
        print_lines(json.dumps(found, indent=2).splitlines())
    else:
        print_lines(markdown_lines(found) if wish.format == "markdown" else text_lines(found))


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    name = tempfile.mkdtemp(prefix="flask-to-async-bench-")
    try:
        yield Path(name).resolve()
    finally:
        shutil.rmtree(name, ignore_errors=True)


_say = partial(typer.echo, err=True)
