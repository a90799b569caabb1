"""What a command begins with: a killed run is finished, the project and its settings are read; errors end the program as sentences."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import typer

from codemods.config_file import ConfigError
from codemods.console import fail
from codemods.journal import JournalError
from codemods.options import plain_value
from codemods.project import Loaded, ProjectError, find_root, load
from codemods.recovery import recover
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


def recover_or_fail(path: Path, leave_edited: bool = False) -> bool:
    """Finish what a killed run left in the project around `path`, and say so on standard error; whether there was anything."""
    root = find_root(path.resolve())
    try:
        told = recover(root, leave_edited) if path.exists() else []
    except JournalError as error:
        fail(str(error))
    except OSError as error:
        fail(f"a killed run left files half-written, and they cannot be taken back: {error.filename}: {error.strerror}")
    for line in told:
        typer.echo(f"flask-to-async: {line}", err=True)
    return bool(told)


def guarded(work: Callable[[], _Result]) -> _Result:
    """The result of that work; a broken catalogue, or a query that cannot be run, ends the program with a sentence."""
    try:
        return work()
    except (CatalogueError, QueryError) as error:
        fail(str(error))
    except RecursionError:
        fail("an expression in the project is nested too deeply to be looked through; split it up, or name a folder without it")
