"""The scratch folder: a copy of the project as it is on disk, in which the tests run. The user's tree is only read.

A plain copy, not a git worktree: a worktree lacks uncommitted changes and untracked or ignored files that tests need, and
makes an entry in the user's repository. Virtual environments and `node_modules` are linked, version control and caches
are left out.
"""

import contextlib
import filecmp
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from codemods.journal import FOLDER as JOURNAL
from codemods.journal import take

MARK = ".flask-to-async-scratch"
LEAST = 2**20  # bytes that must be free on its disk: where a test run has none, its results say nothing
LARGEST = 4 * 2**30  # bytes that are copied without being asked
_LEFT_OUT = {".git", ".hg", ".svn", "__pycache__", ".tox", ".nox", ".mypy_cache", ".ruff_cache", ".pytest_cache", JOURNAL}
_LOCK = ".lock"
_LINKED = {"node_modules"}


class ScratchError(Exception):
    """The copy cannot be made; the message says what to do."""


@dataclass(frozen=True)
class Scratch:
    """`top` is what was copied, `base` the untouched copy, `folder` where everything lies."""

    top: Path
    folder: Path

    @property
    def base(self) -> Path:
        """The copy as it was made."""
        return self.folder / "base"

    def work(self, number: int) -> Path:
        """The copy in which the tests run; one for each that runs at the same time.

        A process has its own: tests of one that was killed may still write into theirs.
        """
        return self.folder / f"work-{os.getpid()}-{number}"


@contextlib.contextmanager
def held(top: Path, folder: Path) -> Iterator[None]:
    """The folder for one run of verify alone; the system gives the lock back when its holder dies. Raises ScratchError."""
    _check_folder(top, folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ScratchError(f"the folder for the copy, {folder}, cannot be made: {error.strerror}; name another one with --scratch") from None
    with (folder / _LOCK).open("ab") as file:
        try:
            take(file.fileno())
        except OSError:
            raise ScratchError(f"another verify is at work in {folder}; wait until it has ended, or name another folder with --scratch") from None
        yield


def check_room(folder: Path) -> None:
    """Raise ScratchError when the disk is full: a test that cannot write fails for no fault of the change."""
    if shutil.disk_usage(folder).free < LEAST:
        raise ScratchError(f"the disk of {folder} is full, so the last test run says nothing; make room, then go on with --resume")


def default_folder(top: Path) -> Path:
    """Below the user's cache folder (XDG_CACHE_HOME), one for each project."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "flask-to-async" / f"{top.name}-{hashlib.sha256(os.fsencode(top)).hexdigest()[:12]}"


def top_of(root: Path) -> Path:
    """What is copied: the whole repository, because tests reach files beside their project; else the project."""
    for folder in [root, *root.parents]:
        if folder in (Path.home(), Path(folder.anchor)):
            break
        if (folder / ".git").exists():
            return folder
    return root


def make(top: Path, folder: Path, resume: bool) -> Scratch:
    """Copy `top`, or with `resume` take the copy that is there. Raises ScratchError or OSError."""
    _check_folder(top, folder)
    scratch = Scratch(top, folder)
    if resume:
        _check_same(scratch)
        for old in folder.glob("work-*"):
            shutil.rmtree(old, ignore_errors=True)
        return scratch
    size = sum(path.lstat().st_size for path, kind in _entries(top, folder) if kind == "file")
    if size > LARGEST:
        raise ScratchError(f"{top} holds {size / 2**30:.1f} GiB; name the folder that the tests need with --copy")
    clear(scratch, everything=True)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).write_text("made by flask-to-async verify; it may be deleted\n")
    copy_tree(top, folder / "base.part", folder)
    (folder / "base.part").rename(scratch.base)
    return scratch


def _check_folder(top: Path, folder: Path) -> None:
    if folder == top or folder in top.parents:
        raise ScratchError(f"{folder} holds the project itself; name another folder with --scratch")
    if folder.exists() and any(item.name != _LOCK for item in folder.iterdir()) and not (folder / MARK).exists():
        raise ScratchError(f"{folder} holds files that are not from this tool; name an empty folder with --scratch")


def clear(scratch: Scratch, everything: bool = False) -> None:
    """Remove the copies; the logs stay unless `everything`."""
    for path in scratch.folder.glob("*"):
        if path.is_dir() and (everything or path.name.startswith(("base", "work-"))):
            shutil.rmtree(path)
        elif everything and path.name not in (MARK, _LOCK):
            path.unlink()


def copy_tree(source: Path, target: Path, leave_out: Path) -> None:
    """Copy with times and modes; links inside the tree lead inside the copy."""
    target.mkdir(parents=True)
    for path, kind in _entries(source, leave_out):
        place = target / path.relative_to(source)
        if kind == "folder":
            place.mkdir()
        elif kind == "linked":
            place.symlink_to(path.resolve(), target_is_directory=True)
        elif kind == "link":
            place.symlink_to(_led(path, source))
        else:
            shutil.copy2(path, place)


def _led(link: Path, source: Path) -> str:
    """Where a link leads in the copy: an absolute one into the tree must not reach the original."""
    text = os.readlink(link)  # noqa: PTH115
    inside = os.path.isabs(text) and Path(text).resolve().is_relative_to(source)  # noqa: PTH117
    return os.path.relpath(Path(text).resolve(), link.parent.resolve()) if inside else text


def restore(scratch: Scratch, work: Path) -> None:
    """Make `work` equal to the copy again: what a test run wrote is no part of the next one."""
    if not work.exists():
        copy_tree(scratch.base, work, scratch.folder / "none")
        return
    wanted = {path.relative_to(scratch.base): kind for path, kind in _entries(scratch.base, scratch.folder)}
    for path in sorted(work.rglob("*"), reverse=True):
        name = path.relative_to(work)
        if name not in wanted or _differs(path, scratch.base / name, wanted[name]):
            _remove(path)
    for name, kind in wanted.items():
        if not os.path.lexists(work / name):
            _put(scratch.base / name, work / name, kind)


def _put(source: Path, place: Path, kind: str) -> None:
    if kind == "folder":
        place.mkdir()
    elif kind == "file":
        shutil.copy2(source, place)
    else:
        place.symlink_to(os.readlink(source))  # noqa: PTH115


def _differs(path: Path, base: Path, kind: str) -> bool:
    if kind != "file":
        return path.is_symlink() != base.is_symlink() or path.is_dir() != base.is_dir()
    if path.is_symlink() or not path.is_file():
        return True
    mine, theirs = path.stat(), base.stat()
    return (mine.st_size, mine.st_mtime_ns, mine.st_mode) != (theirs.st_size, theirs.st_mtime_ns, theirs.st_mode)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def place(work: Path, files: Mapping[str, bytes]) -> None:
    """Write the files of a candidate; paths are relative to the copy."""
    for name, data in files.items():
        path = work / name
        mode = path.stat().st_mode if path.exists() else None
        path.unlink(missing_ok=True)  # it may be read-only
        path.write_bytes(data)
        if mode is not None:
            path.chmod(stat.S_IMODE(mode))


def _entries(top: Path, leave_out: Path) -> Iterator[tuple[Path, str]]:
    """What is copied, folders before what is in them: folder, file, link, linked (a folder that is not copied)."""
    for entry in sorted(os.scandir(top), key=lambda item: item.name):
        path = Path(entry.path)
        if entry.name in _LEFT_OUT or path == leave_out:
            continue
        if entry.is_symlink():
            yield path, "link"
        elif entry.is_dir():
            environment = entry.name in _LINKED or (path / "pyvenv.cfg").exists() or (path / "conda-meta").exists()
            yield path, "linked" if environment else "folder"
            if not environment:
                yield from _entries(path, leave_out)
        elif entry.is_file():
            yield path, "file"


def _check_same(scratch: Scratch) -> None:
    if not scratch.base.is_dir():
        raise ScratchError(f"there is nothing to resume in {scratch.folder}; run verify without --resume")
    mine, base = _times(scratch.top, scratch.folder), _times(scratch.base, scratch.folder / "none")
    touched = [name for name in mine.keys() & base.keys() if mine[name] != base[name]]
    if mine.keys() != base.keys() or not all(_is_copy(scratch.top / name, scratch.base / name) for name in touched):
        raise ScratchError(f"{scratch.top} was changed since the run that would be resumed; run verify without --resume")


def _is_copy(one: Path, other: Path) -> bool:
    """Whether both are files with the same bytes, whatever their times say."""
    with contextlib.suppress(OSError):
        return one.is_file() and other.is_file() and filecmp.cmp(one, other, shallow=False)
    return False


def _times(top: Path, leave_out: Path) -> dict[str, tuple[int, int]]:
    found = {}
    for path, kind in _entries(top, leave_out):
        with contextlib.suppress(FileNotFoundError):
            found[path.relative_to(top).as_posix()] = (path.stat().st_size, path.stat().st_mtime_ns) if kind == "file" else (0, 0)
    return found
