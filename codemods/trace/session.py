"""One run of trace, from the command to what is printed and saved."""

import shlex
import subprocess
import tempfile
from pathlib import Path

import typer

from codemods.catalogue_files import catalogue_for
from codemods.console import fail, paint, print_lines
from codemods.opening import guarded
from codemods.project import Loaded
from codemods.seen import save_seen
from codemods.trace.events import Event, gather
from codemods.trace.match import Matched, balance
from codemods.trace.report import trace_lines
from codemods.trace.static import settled
from codemods.verify.prepare import inside_for
from codemods.verify.run import environment_for, events
from transforms.model import Settings


def session(loaded: Loaded, command: list[str], to: Path | None, stall: float) -> None:
    """Run the command, print what was seen, save what static analysis could not type."""
    seen, code = _run(loaded, command, stall)
    index, decisions, matched = guarded(lambda: settled(loaded.project, Settings(), catalogue_for(loaded), seen))
    typer.echo("")
    print_lines(trace_lines(matched, seen, balance(index, decisions, seen), stall, paint()))
    if code:
        typer.echo(f"the command ended with exit status {code}", err=True)
    if to:
        _save(to, matched)


def _run(loaded: Loaded, command: list[str], stall: float) -> tuple[list[Event], int]:
    with tempfile.TemporaryDirectory(prefix="flask-to-async-") as name:
        folder = Path(name)
        inside = inside_for(loaded, loaded.root, loaded.root, (), {"stall": stall})
        environment = environment_for(inside, folder / "inside.json", folder / "events")
        code = _wait(command, environment)
        rows = events(folder / "events")
    if not any(row["event"] in ("loaded", "trace") for row in rows):
        fail(
            f"nothing was seen: `{shlex.join(command)}` loaded no file of {loaded.root} in a Python that reads PYTHONPATH (not `python -I`, nor another machine or container)"
        )
    return gather(rows), code


def _wait(command: list[str], environment: dict[str, str]) -> int:
    try:
        process = subprocess.Popen(command, env=environment)
    except OSError as error:
        fail(f"{command[0]} cannot be run: {error.strerror}")
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue  # the command got it too, and ends in its own way


def _save(path: Path, matched: list[Matched]) -> None:
    try:
        number = save_seen(path, (item.seen for item in matched if item.seen))
    except OSError as error:
        fail(f"{path}: {error.strerror}; the trace was not saved")
    typer.echo(f"{path}: {number} calls that static analysis could not type; `flask-to-async migrate --trace {path}` takes them into account")
