"""The work folder: what lies where. Everything of one repository is named after it; the ledger alone is shared."""

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from codemods.journal import take

MARK = "flask-to-async-bulk.txt"
_TEXT = "made by flask-to-async bulk; when nothing runs here, it may be deleted\n"
_PATIENCE = 30.0  # seconds that what a killed run left behind may take to end


class PlaceError(Exception):
    """The folder cannot be used; the message says what to do."""


@dataclass(frozen=True)
class Place:
    """The folder, as an absolute path."""

    folder: Path

    @property
    def ledger(self) -> Path:
        """The SQLite file."""
        return self.folder / "ledger.sqlite"

    def clone(self, name: str) -> Path:
        """The clone in which a repository is worked on; nobody else's checkout."""
        return self.folder / "repositories" / name

    def log(self, name: str) -> Path:
        """What its commands said."""
        return self.folder / "logs" / f"{name}.log"

    def body(self, name: str) -> Path:
        """The text of its pull request."""
        return self.folder / "bodies" / f"{name}.md"

    def patch(self, name: str) -> Path:
        """Its commits as a patch for `git am`."""
        return self.folder / "patches" / f"{name}.patch"

    def scratch(self, name: str) -> Path:
        """Where its tests run."""
        return self.folder / "scratch" / name

    @property
    def report(self) -> Path:
        """The folder of the report."""
        return self.folder / "report"


def open_place(folder: Path) -> Place:
    """Make the folder, or take it when it is one of ours. Raises PlaceError."""
    place = Place(folder.parent.resolve() / folder.name)
    if place.folder.is_symlink():
        raise PlaceError(f"{folder} is a symbolic link; name the folder itself with --work")
    if place.folder.exists() and not place.folder.is_dir():
        raise PlaceError(f"{folder} is no folder; name one with --work")
    try:
        if place.folder.is_dir() and any(place.folder.iterdir()) and not (place.folder / MARK).is_file():
            raise PlaceError(f"{folder} holds files that are not from this tool; name another folder with --work")
        place.folder.mkdir(parents=True, exist_ok=True)
        for name, text in ((MARK, _TEXT), (".gitignore", "*\n")):
            if not (place.folder / name).exists():
                (place.folder / name).write_text(text)
        for name in ("repositories", "logs", "bodies", "patches", "scratch", "locks", "report"):
            if (place.folder / name).is_symlink():
                raise PlaceError(f"{place.folder / name} is a symbolic link, which this tool does not make; remove it")
            (place.folder / name).mkdir(exist_ok=True)
    except OSError as error:
        raise PlaceError(f"{error.filename or folder}: {error.strerror}") from None
    return place


def found_place(folder: Path) -> Place:
    """The folder of an earlier run. Raises PlaceError when there is none."""
    if not (folder / MARK).is_file():
        raise PlaceError(f"there is no bulk run in {folder}; `flask-to-async bulk run` begins one, --work names another folder")
    return open_place(folder)


@contextlib.contextmanager
def held(path: Path, patience: float = _PATIENCE) -> Iterator[int]:
    """An exclusive lock, given back by the system when the last process that holds it has ended; gives its handle.

    Raises PlaceError when another process keeps it for longer than `patience` seconds.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        end = time.monotonic() + patience
        while not _taken(handle):
            if time.monotonic() > end:
                raise PlaceError(f"another run is at work in {path.parent}; wait until it has ended")
            time.sleep(0.05)
        yield handle
    finally:
        os.close(handle)


def _taken(handle: int) -> bool:
    try:
        take(handle)
    except OSError:
        return False
    return True
