"""What is measured: copies of the project as it is and as it would be after the migration, and the commands that serve them."""

import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from codemods.bench.load import BenchError
from codemods.bench.serving import Server, ask, expect_answer, running
from codemods.catalogue_files import catalogue_for
from codemods.pipeline import Migration
from codemods.project import Loaded
from codemods.verify.prepare import dotted, imported, inside_for, prefix_of, split
from codemods.verify.run import CommandError, environment_for, read_run
from codemods.verify.scratch import Scratch, copy_tree
from transforms.index import build_index
from transforms.server.application import Application, applications
from transforms.server.asgi import FILE, NAME

BEFORE, AFTER = "before", "after"
THREADED = "{python} -m gunicorn -w 2 -k gthread --threads 64 -b {host}:{port} {app}"
ASGI = "{python} -m gunicorn -w 2 -k asgi -b {host}:{port} {asgi}"  # gunicorn 25 or later


@dataclass(frozen=True)
class Commands:
    """How both are served, in the user's words; `{python}` and `{app}` are filled in too. `app` is MODULE:NAME or empty.

    An empty `after` is what the migration is made for: see `with_after`.
    """

    before: str = THREADED
    after: str = ""
    app: str = ""
    interpreter: str = ""


def application(loaded: Loaded, wanted: str) -> Application:
    """The application to serve. Raises BenchError when it is not named and not found."""
    found = applications(build_index(loaded.project, catalogue_for(loaded)))
    if wanted:
        return next((item for item in found if item.name == wanted), Application(wanted, ""))
    if not found:
        raise BenchError(
            "the Flask object of the project is not found; name it with --app MODULE:NAME (or --app 'MODULE:FACTORY()'), or say how to serve it with --before and --after"
        )
    return found[0]


def with_after(commands: Commands, loaded: Loaded, result: Migration) -> Commands:
    """The same with a command for the migrated copy: where an `asgi.py` is written, asynchronous workers serve that; else threads do."""
    written = [change.path for change in result.changes if change.path.rpartition("/")[2] == FILE]
    default = ASGI.replace("{asgi}", f"{dotted(loaded, written[0])}:{NAME}") if written else THREADED
    return commands if commands.after else replace(commands, after=default)


def copies(loaded: Loaded, scratch: Scratch, result: Migration) -> dict[str, Path]:
    """The folder of the project in each copy: as it is, and migrated."""
    after = scratch.folder / AFTER
    copy_tree(scratch.base, after, scratch.folder / "none")
    prefix = prefix_of(scratch.top, loaded.root)
    for change in result.changes:
        (after / prefix / change.path).write_bytes(change.after)
    return {BEFORE: scratch.base / prefix, AFTER: after / prefix}


def server(name: str, command: str, root: Path, app: Application | None, interpreter: str, environment: dict[str, str]) -> Server:
    """The server of one copy. Raises BenchError when the command cannot be split into words."""
    try:
        words = split(command)
    except CommandError as error:
        raise BenchError(str(error).replace("--test", f"--{name}")) from None
    filled = [word.replace("{python}", interpreter).replace("{app}", app.name if app else "{app}") for word in words]
    return Server(name, filled, root, environment)


def environment(loaded: Loaded, scratch: Scratch, copy: Path, folder: Path, needs: Sequence[str], stem: Path, lag: bool = False) -> dict[str, str]:
    """What leads imports of the project to that copy (also of an editable install), and reports which files were loaded.

    `folder` is what must be on `sys.path`.
    """
    inside = inside_for(loaded, scratch.top, copy, needs, lag=lag)
    values = environment_for(inside, stem.with_suffix(".json"), stem.with_suffix(".events"))
    first, *rest = values["PYTHONPATH"].split(":")
    return {"FLASK_TO_ASYNC_INSIDE": values["FLASK_TO_ASYNC_INSIDE"], "PYTHONPATH": ":".join([first, str(folder), *rest])}


def try_out(found: Server, routes: Sequence[str], stem: Path, needs: Sequence[str]) -> list[bytes]:
    """Start it, ask each route once, end it; the answers. Raises BenchError when it serves other files than its copy."""
    with running(found, stem.with_suffix(".log")) as up:
        bodies = [expect_answer(up, route).body for route in routes]
        ask(up, routes[0])
    run = read_run(stem.with_suffix(".events"), "ended", 0, 0.0, "")
    if run.wrong or run.elsewhere:
        files = ", ".join(sorted(run.wrong | run.elsewhere)[:3])
        raise BenchError(
            f"the server {found.name!r} loads {files} instead of the copy: `{shlex.join(found.command)}` must run in the folder where it is started"
        )
    lacking = [need for need in needs if imported([need]) & run.missing]
    if lacking:
        raise BenchError(
            f"the migrated application needs {', '.join(lacking)}: run `{run.executable} -m pip install {shlex.join(lacking)}`, then measure again"
        )
    return bodies


def require_modules(interpreter: str, names: Sequence[str]) -> None:
    """Raises BenchError with what to install when that Python lacks one of the modules or cannot be run."""
    code = "import importlib.util, sys; print(*[name for name in sys.argv[1:] if not importlib.util.find_spec(name)])"
    try:
        done = subprocess.run([interpreter, "-c", code, *names], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BenchError(f"{interpreter} cannot be run: {error}; name the Python of your application with --interpreter") from None
    if done.returncode:
        raise BenchError(f"{interpreter} is no Python that works: {done.stderr.strip()[-300:]}")
    if lacking := done.stdout.split():
        raise BenchError(
            f"{interpreter} lacks {', '.join(lacking)}: run `{interpreter} -m pip install {shlex.join(lacking)}`, or name the Python of your application with --interpreter"
        )
