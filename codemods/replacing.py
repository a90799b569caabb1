"""Replacing one file safely: the new content goes beside it and takes its place in one step.

The user's source files keep mode and owner and are on the disk before they are renamed (`prepare`); files that the tool
makes, such as reports, are only never seen half-written (`write_whole`, `write_named`).
"""

import contextlib
import os
import secrets
from collections.abc import Iterable
from pathlib import Path


def write_whole(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file of ours, all or nothing; a link in its place is replaced, not followed. Raises OSError."""
    waiting = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with waiting.open("xb") as file:
            file.writelines(parts)
        os.replace(waiting, path)
    finally:
        waiting.unlink(missing_ok=True)


def write_named(path: Path, parts: Iterable[bytes]) -> None:
    """The same for a file that the user named: where a link leads, and straight into what is no file, such as a pipe. Raises OSError."""
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            file.writelines(parts)
    else:
        write_whole(Path(os.path.realpath(path)), parts)


def temporary(path: Path) -> Path:
    """Where the new content of a file waits. The name is fixed, so that what a killed run left is found again."""
    return path.with_name(f".{path.name}.flask-to-async.tmp")


def prepare(path: Path, data: bytes) -> Path:
    """Write `data` beside `path`, with its mode and owner; raises OSError, and then nothing is left behind."""
    waiting = temporary(path)
    handle = os.open(waiting, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _copy_mode(path, waiting)
    except BaseException:
        waiting.unlink(missing_ok=True)
        raise
    return waiting


def flush_folder(folder: Path) -> None:
    """Make renames in that folder last. Not every system can (Windows cannot): then they last when it pleases."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _copy_mode(path: Path, waiting: Path) -> None:
    if not path.exists():
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(waiting, 0o666 & ~umask)
        return
    status = path.stat()
    if not os.access(path, os.W_OK):
        raise PermissionError(13, "the file is not writable; change its mode first", str(path))
    os.chmod(waiting, status.st_mode & 0o7777)
    if hasattr(os, "chown"):
        with contextlib.suppress(PermissionError):
            os.chown(waiting, status.st_uid, status.st_gid)
