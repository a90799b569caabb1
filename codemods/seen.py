"""The file between `trace --save` and `--trace` of audit and migrate."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from codemods.replacing import write_named
from transforms.model import Seen

_FORMAT, _VERSION = "flask-to-async trace", 1
_FIELDS = ("path", "function", "call", "name", "blocks")
_KINDS = ("call", "read", "statement")


class TraceFileError(Exception):
    """The file cannot be used; the message says what to do."""


def save_seen(path: Path, found: Iterable[Seen]) -> int:
    """Write the calls that static analysis could not type; how many. They are found again by function and source text. Raises OSError."""
    seen = sorted(set(found))
    text = json.dumps({"format": _FORMAT, "version": _VERSION, "seen": [asdict(item) for item in seen]}, indent=1)
    write_named(path, [text.encode(), b"\n"])
    return len(seen)


def read_seen(paths: Sequence[Path]) -> frozenset[Seen]:
    """The calls of all files together. Raises TraceFileError."""
    return frozenset(item for path in paths for item in _read(path))


def _seen(row: Mapping[str, Any]) -> Seen:
    path, function, call, name, blocks = (str(row[field]) for field in _FIELDS)
    return Seen(path, function, call, name, blocks, _KINDS[_KINDS.index(row.get("what", "call"))])


def _read(path: Path) -> list[Seen]:
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
        if data["format"] != _FORMAT or data["version"] != _VERSION:
            raise TraceFileError(f"{path} was written by another version; make it again with `flask-to-async trace --save {path}`")
        return [_seen(row) for row in data["seen"]]
    except OSError as error:
        raise TraceFileError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise TraceFileError(f"{path} is no trace; make one with `flask-to-async trace PATH --save {path} -- COMMAND`") from None
