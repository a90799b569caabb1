"""The terminal: colour, output of the user's bytes as they are, and errors as sentences."""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NoReturn, TypeVar

import typer

from codemods.project import Loaded, ProjectError, load
from codemods.report import Paint, plain
from codemods.stage_names import QueryError
from transforms.catalogue import CatalogueError

_Result = TypeVar("_Result")


def load_or_fail(path: Path) -> Loaded:
    """Read the project around `path`; ends the program with a sentence when there is nothing to read."""
    try:
        loaded = load(path)
    except (ProjectError, OSError) as error:
        fail(str(error))
    for name, reason in sorted(loaded.unreadable.items()):
        typer.echo(f"not read  F001  {name}: {reason}", err=True)
    return loaded


def guarded(work: Callable[[], _Result]) -> _Result:
    """The result of that work; a broken catalogue, or a query that cannot be run, ends the program with a sentence."""
    try:
        return work()
    except (CatalogueError, QueryError) as error:
        fail(str(error))


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
