"""Taking a pass back: for `undo`, after an error, and after a run that was killed while it wrote."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from codemods.journal import FOLDER, JournalError, Kept, Pass, content, digest, forget, leftovers, locked, moved, old_content, passes
from codemods.replacing import flush_folder, prepare, temporary

_SAID = {
    "writing": "was ended while it wrote; it was taken back: every file is as it was before that pass",
    "undoing": "was being undone when the run was ended; that was finished: every file is as it was before that pass",
    "written": "was ended after it had written everything: every file is as that pass left it",
    "undone": "had been undone completely when the run was ended: every file is as it was before that pass",
}


class Edited(Exception):
    """Files that are neither as before the pass nor as after it: somebody changed them, and they are not overwritten."""

    def __init__(self, item: Pass, files: tuple[str, ...]) -> None:
        super().__init__(item, files)
        self.item, self.files = item, files


def restore(item: Pass, skip: Iterable[str] = ()) -> None:
    """Give every file its content before the pass; killed at any moment, it can be done again.

    Raises Edited, JournalError or OSError; then either nothing was restored, or doing it again finishes it.
    """
    _clear(item)
    files = [file for file in item.files if file.path not in set(skip)]
    todo = [file for file in files if digest(content(item.root / file.path)) != file.before]
    edited = tuple(file.path for file in todo if digest(content(item.root / file.path)) != file.after)
    if edited:
        raise Edited(item, edited)
    try:
        for file in todo:
            data = old_content(item, file)
            if data is not None:
                prepare(item.root / file.path, data)
    except BaseException:
        _clear(item)
        raise
    for file in todo:
        _put_back(item, file)
    for folder in {(item.root / file.path).parent for file in todo}:
        flush_folder(folder)


def _put_back(item: Pass, file: Kept) -> None:
    path = item.root / file.path
    if file.before is None:
        path.unlink()
    else:
        os.replace(temporary(path), path)


def _clear(item: Pass) -> None:
    for file in item.files:
        temporary(item.root / file.path).unlink(missing_ok=True)


def recover(root: Path, leave_edited: bool = False) -> list[str]:
    """Finish what a killed run left, and say so. Nothing is touched when there is nothing to finish.

    `leave_edited`: files that somebody changed meanwhile stay as they are, and their old content is kept.
    Raises JournalError with what to do, or OSError.
    """
    if not (root / FOLDER).is_dir() or not (leftovers(root, "new") or leftovers(root, "old") or passes(root, *_SAID)):
        return []
    with locked(root):
        said = ["a run was ended before it wrote anything: every file is as it was" for _ in leftovers(root, "new")]
        for folder in [*leftovers(root, "new"), *leftovers(root, "old")]:
            shutil.rmtree(folder)
        for item in passes(root, *_SAID):
            said.append(_finish(item, leave_edited))
    return said


def _finish(item: Pass, leave_edited: bool) -> str:
    said = f"{item.title if item.files else f'pass {item.number}'} {_SAID[item.state]}"
    if item.state == "written":
        moved(item, "done")
    elif item.state == "undone":
        forget(item)
    else:
        said += _take_back(item, leave_edited)
    return said


def _take_back(item: Pass, leave_edited: bool) -> str:
    try:
        restore(item)
    except Edited as error:
        if not leave_edited:
            raise JournalError(_advice(error)) from None
        restore(item, error.files)
        kept = item.folder.with_name(f"kept-{item.number:06}")
        item.folder.rename(kept)
        return f", except {', '.join(error.files)}, changed by somebody else; the content before the pass is in {kept}"
    forget(item)
    return ""


def _advice(error: Edited) -> str:
    what = "undone" if error.item.state == "undoing" else "written"
    lines = [f"{error.item.title} was ended while it was being {what}, and these files were changed since:"]
    lines += [f"  {path}" for path in error.files]
    lines += ["Nothing was touched. `flask-to-async undo --recover` gives the other files their content before the pass and leaves these as they are."]
    return "\n".join(lines)
