"""The terminal: colour, output of the user's bytes as they are, and errors as sentences."""

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import typer

from codemods.config_file import ConfigError
from codemods.journal import JournalError
from codemods.options import plain_value
from codemods.project import Loaded, ProjectError, find_root, load
from codemods.recovery import recover
from codemods.report import Paint, plain
from codemods.seen import TraceFileError, read_seen
from codemods.settings import Effective, effective
from codemods.stage_names import QueryError
from transforms.catalogue import CatalogueError

_Result = TypeVar("_Result")


def load_or_fail(path: Path, traces: Sequence[Path] = ()) -> Loaded:
    """Read the project around `path`, and what traces saw; ends the program with a sentence when there is nothing to read."""
    recover_or_fail(path)
    try:
        loaded = load(path)
        if traces:
            loaded = replace(loaded, project=replace(loaded.project, seen=read_seen(traces)))
    except (ProjectError, TraceFileError, OSError) as error:
        fail(str(error))
    for name, reason in sorted(loaded.unreadable.items()):
        typer.echo(f"not read  F001  {name}: {reason}", err=True)
    for name in sorted(loaded.apart):
        typer.echo(f"left  {name}: a git repository of its own; it is read and not changed (name that folder to migrate it)", err=True)
    return loaded


def settings_or_fail(root: Path, **given: Any) -> Effective:
    """The settings of this run: `given` on the command line, by name; ends the program with a sentence when one is wrong."""
    try:
        return effective(root, {name.replace("_", "-"): plain_value(value) for name, value in given.items()})
    except ConfigError as error:
        fail(str(error))


def recover_or_fail(path: Path, leave_edited: bool = False) -> None:
    """Finish what a killed run left in the project around `path`, and say so on standard error."""
    try:
        for line in recover(find_root(path.resolve()), leave_edited) if path.exists() else ():
            typer.echo(f"flask-to-async: {line}", err=True)
    except JournalError as error:
        fail(str(error))
    except OSError as error:
        fail(f"a killed run left files half-written, and they cannot be taken back: {error.filename}: {error.strerror}")


def guarded(work: Callable[[], _Result]) -> _Result:
    """The result of that work; a broken catalogue, or a query that cannot be run, ends the program with a sentence."""
    try:
        return work()
    except (CatalogueError, QueryError) as error:
        fail(str(error))
    except RecursionError:
        fail("an expression in the project is nested too deeply to be looked through; split it up, or name a folder without it")


def paint() -> Paint:
    """Colour on a terminal only, and not where NO_COLOR asks for none."""
    return (lambda text, colour: typer.style(text, bold=True) if colour == "bold" else typer.style(text, fg=colour or None)) if sys.stdout.isatty() else plain


def print_lines(lines: Iterable[str]) -> None:
    """Write UTF-8, and bytes of the user's files as they are: a diff that is piped into a file must apply."""
    try:
        for line in lines:
            typer.echo(f"{line}\n".encode("utf-8", "surrogateescape"), nl=False)
        sys.stdout.flush()
    except BrokenPipeError:
        sys.stderr.close()
        raise typer.Exit(2) from None
    except OSError as error:
        fail(f"the output could not be written: {error.strerror}")


def fail(message: str) -> NoReturn:
    """End the program: the tool could not do its job."""
    typer.echo(f"flask-to-async: {message}", err=True)
    raise typer.Exit(2)
