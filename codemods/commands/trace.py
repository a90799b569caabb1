"""`flask-to-async trace`."""

from pathlib import Path
from typing import Annotated

import typer

from codemods.console import check_place
from codemods.options import Target

Command = Annotated[list[str], typer.Argument(metavar="-- COMMAND...", help="What to run: the tests, or a server, which you end with Ctrl-C.")]


def trace(
    path: Target,
    command: Command,
    to: Annotated[
        Path | None, typer.Option("--save", metavar="FILE", help="Write what static analysis could not type, for --trace of audit and migrate.")
    ] = None,
    stall: Annotated[float, typer.Option("--stall", min=0.001, help="Seconds after which a callback of the loop counts as a stall.")] = 0.05,
) -> None:
    """Run a command and watch its event loops: what blocks them, with the stack down to your own line."""
    from codemods.opening import load_or_fail  # here, so that the other commands start without it
    from codemods.trace.session import session

    if to:
        check_place(to)

    session(load_or_fail(path), command, to, stall)
