"""Undoing the last pass, byte for byte; one more time undoes the one before."""

from pathlib import Path

from codemods.journal import KEPT, Pass, content, digest, forget, locked, moved, passes
from codemods.recovery import Edited, restore


class UndoError(Exception):
    """Nothing was undone; the message says why and what to do."""


def undo(root: Path) -> Pass:
    """Take the last pass back. Raises UndoError, JournalError or OSError; then no file was touched, or the next run goes on."""
    if not recorded(root):
        raise UndoError(f"there is nothing to undo: no pass is recorded in {root} (the last {KEPT} are kept)")
    with locked(root):
        item = recorded(root)[-1]
        changed = [file.path for file in item.files if digest(content(root / file.path)) != file.after]
        if changed:
            raise UndoError("\n".join([f"nothing was undone: these files were changed since {item.title}:", *(f"  {path}" for path in changed)]))
        _restore(moved(item, "undoing"))
    return item


def recorded(root: Path) -> list[Pass]:
    """The passes that can be undone, the last one last."""
    return passes(root, "done", "written")


def _restore(item: Pass) -> None:
    try:
        restore(item)
    except Edited as error:
        moved(item, "done")
        raise UndoError(f"nothing was undone: {', '.join(error.files)} changed at this moment; run it again") from None
    except OSError:
        if all(digest(content(item.root / file.path)) == file.after for file in item.files):
            moved(item, "done")
        raise
    forget(item)
