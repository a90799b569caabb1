"""The terminal: colour, output of the user's bytes as they are, and errors as sentences. Every command loads it: it is light."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

import typer

from codemods.report import Paint, plain


def paint() -> Paint:
    """Colour on a terminal only, and not where NO_COLOR (https://no-color.org) or a dumb terminal asks for none."""
    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return _styled if coloured else plain


def _styled(text: str, colour: str) -> str:
    return typer.style(text, bold=True) if colour == "bold" else typer.style(text, fg=colour or None)


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


def check_place(path: Path) -> None:
    """End the program now, and not when the work is done, if no file can be written there."""
    if path.is_dir():
        fail(f"{path} is a folder; name a file in it")
    if (path.is_file() or not path.exists()) and not os.access(path.parent, os.W_OK):
        fail(f"{path} cannot be written: its folder does not exist or may not be written to")
