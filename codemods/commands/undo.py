"""`flask-to-async undo`."""

from pathlib import Path
from typing import Annotated

import typer

from codemods.console import fail, print_lines
from codemods.options import Target


def undo_command(
    path: Target = Path(),
    recover: Annotated[bool, typer.Option("--recover", help="Only finish what a killed run left; files that were changed since stay as they are.")] = False,
    listing: Annotated[bool, typer.Option("--list", help="Show the passes that can be undone, the last one first.")] = False,
) -> None:
    """Take the last pass that was written back, byte for byte. Run it again for the pass before."""
    from codemods.journal import JournalError  # here, so that the other commands start without it
    from codemods.opening import recover_or_fail
    from codemods.project import find_root
    from codemods.undo import UndoError, recorded, undo

    if not path.exists():
        fail(f"{path} does not exist; name the folder that was migrated")
    root = find_root(path.resolve())
    told = recover_or_fail(path, leave_edited=recover)
    try:
        if listing:
            print_lines([item.title for item in reversed(recorded(root))] or [f"no pass is recorded in {root}"])
        elif recover:
            print_lines([] if told else [f"no killed run left anything in {root}"])
        else:
            item = undo(root)
            print_lines([f"undone: {item.title}", *(f"  {'removed' if file.before is None else 'restored'} {file.path}" for file in item.files)])
    except (UndoError, JournalError) as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename or root}: {error.strerror}; run it again when that is mended: nothing is lost")
