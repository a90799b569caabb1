"""Writing a migration: all files or none, modes kept, nothing overwritten that changed since it was read."""

import contextlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from transforms.model import FileChange


class ApplyError(Exception):
    """Nothing was written; the message says why and what to do."""


@dataclass(frozen=True)
class _Prepared:
    change: FileChange
    path: Path
    temporary: Path


def apply(root: Path, changes: Sequence[FileChange]) -> None:
    """Write the changes below `root`; raises ApplyError, and then every file is as it was."""
    prepared: list[_Prepared] = []
    done: list[_Prepared] = []
    try:
        for change in changes:
            prepared.append(_prepare(root / change.path, change))
        for item in prepared:
            _check_unchanged(item.path, item.change)
        for item in prepared:
            os.replace(item.temporary, item.path)
            done.append(item)
    except OSError as error:
        _restore(done)
        raise ApplyError(f"{error.filename or root}: {error.strerror}; nothing was written") from None
    except BaseException:
        _restore(done)
        raise
    finally:
        for item in prepared:
            item.temporary.unlink(missing_ok=True)


def _prepare(path: Path, change: FileChange) -> _Prepared:
    """The new content beside the file, on disk, with the file's mode."""
    _check_unchanged(path, change)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(change.after)
            file.flush()
            os.fsync(file.fileno())
        _copy_mode(path, temporary)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return _Prepared(change, path, temporary)


def _copy_mode(path: Path, temporary: Path) -> None:
    if not path.exists():
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        return
    status = path.stat()
    if not os.access(path, os.W_OK):
        raise PermissionError(13, "the file is not writable; change its mode first", str(path))
    os.chmod(temporary, status.st_mode & 0o7777)
    if hasattr(os, "chown"):
        with contextlib.suppress(PermissionError):
            os.chown(temporary, status.st_uid, status.st_gid)


def _check_unchanged(path: Path, change: FileChange) -> None:
    current = path.read_bytes() if path.exists() else None
    if current != change.before:
        what = "was changed" if change.before is not None else "appeared"
        raise ApplyError(f"{path} {what} while the tool was at work; nothing was written, run it again")


def _restore(done: Sequence[_Prepared]) -> None:
    for item in reversed(done):
        if item.change.before is None:
            item.path.unlink(missing_ok=True)
        else:
            item.path.write_bytes(item.change.before)
