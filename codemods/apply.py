"""Writing a migration: all files or none, modes kept, nothing overwritten that changed since it was read.

What is needed to take the pass back is on the disk before the first file is touched (see `journal`). N renames cannot be
one: a run that is killed between the first and the last leaves some files written, and the next run of any command takes
them back first and says so.
"""

import atexit
import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from codemods.journal import FOLDER, JournalError, Pass, begin, content, forget, locked, moved, passes, prune
from codemods.recovery import Edited, restore
from codemods.replacing import flush_folder, prepare, temporary
from transforms.model import FileChange


class ApplyError(Exception):
    """Nothing was written; the message says why and what to do."""


def apply(root: Path, changes: Sequence[FileChange], command: str = "migrate") -> None:
    """Write the changes below `root`; raises ApplyError, and then every file is as it was."""
    if not changes:
        return
    try:
        with locked(root):
            _apply(root, changes, command)
    except JournalError as error:
        raise ApplyError(str(error)) from None
    except OSError as error:
        raise ApplyError(f"{error.filename or root}: {error.strerror}; nothing was written") from None


def _apply(root: Path, changes: Sequence[FileChange], command: str) -> None:
    if passes(root, "writing", "undoing"):
        raise ApplyError(f"another run was ended while it wrote in {root}; nothing was written, run this again")
    for change in changes:
        _check_unchanged(root / change.path, change)
    item = begin(root, changes, command)
    try:
        _write(root, changes)
        written = moved(item, "written")
    except BaseException as error:
        _take_back(item, error)
        raise
    atexit.register(_acknowledge, written)
    prune(root)


def _write(root: Path, changes: Sequence[FileChange]) -> None:
    for change in changes:
        prepare(root / change.path, change.after)
    for change in changes:
        _check_unchanged(root / change.path, change)
    for change in changes:
        os.replace(temporary(root / change.path), root / change.path)
    for folder in {(root / change.path).parent for change in changes}:
        flush_folder(folder)


def _take_back(item: Pass, cause: BaseException) -> None:
    try:
        restore(item)
        forget(item)
    except (Edited, JournalError, OSError) as error:
        why = "files were changed meanwhile" if isinstance(error, Edited) else str(error)
        raise ApplyError(
            f"writing failed ({cause}) and could not be taken back ({why}); run `flask-to-async undo --recover`: the old content is in {item.root / FOLDER}"
        ) from None


def _acknowledge(item: Pass) -> None:
    """At the end of the program: whoever ran it has been told that the pass was written."""
    with contextlib.suppress(OSError):
        moved(item, "done")


def _check_unchanged(path: Path, change: FileChange) -> None:
    if content(path) != change.before:
        what = "was changed" if change.before is not None else "appeared"
        raise ApplyError(f"{path} {what} while the tool was at work; nothing was written, run it again")
