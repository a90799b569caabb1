"""The journal of passes: what every write leaves behind, so that it can be undone, or taken back when it was killed.

It lives in the folder `.flask-to-async` of the project's root, which hides itself from git. A pass is a folder there,
`NUMBER-STATE`, that holds `pass.json` and the bytes of every file before the pass. The state is in the folder's name,
because a rename happens wholly or not at all:

    new → writing → written → done → undoing → undone (and gone)        done → old (and gone): no longer kept

Until `writing` no file of the user's was touched; from `written` on all are as the pass left them.
"""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from codemods.counted import counted
from codemods.replacing import flush_folder
from transforms.model import FileChange

FOLDER = ".flask-to-async"
KEPT = 20
_FORMAT, _VERSION = "flask-to-async pass", 1


class JournalError(Exception):
    """The journal cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Kept:
    """One file of a pass: its SHA-256 before (None: the pass created it) and after, and where its old bytes are."""

    path: str
    before: str | None
    after: str
    blob: str


@dataclass(frozen=True)
class Pass:
    """One pass over the files below `root`."""

    root: Path
    number: int
    state: str
    command: str
    time: str
    files: tuple[Kept, ...]

    @property
    def folder(self) -> Path:
        """Where it is kept."""
        return self.root / FOLDER / f"{self.number:06}-{self.state}"

    @property
    def title(self) -> str:
        """What people call it."""
        return f"pass {self.number} ({self.command}, {self.time}, {counted(len(self.files), 'file')})"


def digest(data: bytes | None) -> str | None:
    """SHA-256 in hexadecimal; None for a file that is not there."""
    return None if data is None else hashlib.sha256(data).hexdigest()


def content(path: Path) -> bytes | None:
    """The file's bytes; None when there is none."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


@contextlib.contextmanager
def locked(root: Path) -> Iterator[None]:
    """One writer at a time; the system gives the lock back when its holder dies. Raises JournalError when it is taken."""
    folder = root / FOLDER
    folder.mkdir(exist_ok=True)
    if not (folder / ".gitignore").exists():
        (folder / ".gitignore").write_text("*\n")
    with (folder / "lock").open("ab") as file:
        try:
            take(file.fileno())
        except OSError:
            raise JournalError(f"another run of flask-to-async is writing in {root}; wait until it has ended, then run this again") from None
        yield


def take(handle: int) -> None:
    """Lock an open file for this process alone, or raise OSError; the lock goes with its holder."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        getattr(msvcrt, "locking")(handle, getattr(msvcrt, "LK_NBLCK"), 1)  # noqa: B009
    else:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def passes(root: Path, *states: str) -> list[Pass]:
    """The passes in these states, oldest first. Raises JournalError when one cannot be read."""
    found = []
    for folder in sorted((root / FOLDER).glob("[0-9]*-*")):
        number, _, state = folder.name.partition("-")
        if number.isdigit() and state in states:
            found.append(_read(root, folder, int(number), state))
    return found


def leftovers(root: Path, state: str) -> list[Path]:
    """Folders of passes that never began (`new`), or that are no longer kept (`old`)."""
    return sorted((root / FOLDER).glob(f"[0-9]*-{state}"))


def begin(root: Path, changes: Sequence[FileChange], command: str) -> Pass:
    """Keep what is needed to undo these changes, on the disk, and say that writing starts. Raises OSError."""
    number = max((int(item.name.partition("-")[0]) for item in (root / FOLDER).glob("[0-9]*-*")), default=0) + 1
    files = tuple(Kept(item.path, digest(item.before), digest(item.after) or "", f"{place}.before") for place, item in enumerate(changes))
    fresh = Pass(root, number, "new", command, datetime.now().astimezone().isoformat(" ", "seconds"), files)
    try:
        fresh.folder.mkdir()
        for item, change in zip(files, changes, strict=True):
            if change.before is not None:
                _write(fresh.folder / item.blob, change.before)
        _write(fresh.folder / "pass.json", _described(fresh))
        flush_folder(fresh.folder)
    except BaseException:
        shutil.rmtree(fresh.folder, ignore_errors=True)
        raise
    return moved(fresh, "writing")


def moved(item: Pass, state: str) -> Pass:
    """The pass in its next state, on the disk too."""
    after = replace(item, state=state)
    item.folder.rename(after.folder)
    flush_folder(item.folder.parent)
    return after


def forget(item: Pass) -> None:
    """Remove a pass; killed half-way, what is left says `undone`."""
    gone = item if item.state == "undone" else moved(item, "undone")
    (gone.folder / "pass.json").unlink(missing_ok=True)
    shutil.rmtree(gone.folder)


def prune(root: Path) -> None:
    """Keep the last passes only."""
    for item in passes(root, "done", "written")[:-KEPT]:
        shutil.rmtree(moved(item, "old").folder)


def old_content(item: Pass, file: Kept) -> bytes | None:
    """The file's bytes before the pass; raises JournalError when they are damaged."""
    if file.before is None:
        return None
    data = content(item.folder / file.blob)
    if digest(data) != file.before:
        raise JournalError(
            f"{item.folder / file.blob} is damaged: the content of {file.path} before {item.title} is lost there; take it from your version control"
        )
    return data


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _described(item: Pass) -> bytes:
    files = [{"path": file.path, "before": file.before, "after": file.after, "blob": file.blob} for file in item.files]
    return json.dumps({"format": _FORMAT, "version": _VERSION, "command": item.command, "time": item.time, "files": files}, indent=1).encode()


def _read(root: Path, folder: Path, number: int, state: str) -> Pass:
    if state == "undone" and not (folder / "pass.json").exists():
        return Pass(root, number, state, "", "", ())
    try:
        data: Any = json.loads((folder / "pass.json").read_bytes())
        if data["format"] != _FORMAT or data["version"] != _VERSION:
            raise JournalError(f"{folder} was written by another version of flask-to-async; use that one, or delete the folder to give up undoing that pass")
        files = tuple(Kept(str(row["path"]), row["before"], str(row["after"]), str(row["blob"])) for row in data["files"])
        item = Pass(root, number, state, str(data["command"]), str(data["time"]), files)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise JournalError(f"{folder} cannot be read ({error}); delete it to give up undoing that pass") from None
    for file in files:
        _check_inside(root, folder, file)
    return item


def _check_inside(root: Path, folder: Path, file: Kept) -> None:
    """A journal that came with somebody's repository must not reach files outside it."""
    path = root / file.path
    inside = root.resolve() in (path.parent.resolve() / path.name).parents and path.name not in ("", ".", "..")
    if not inside or path.is_symlink() or Path(file.blob).name != file.blob:
        raise JournalError(f"{folder} names {file.path}, which is no file of this project: it was not written by this tool here; look at it and delete it")
