"""Small JSON files of our own (choices, baseline): strict reading with sentences, writing all or nothing."""

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from codemods.replacing import write_named


class JsonFileError(Exception):
    """The file cannot be used; the message names it and says what is wrong."""


def read_object(path: Path, form: str, version: int, keys: Sequence[str]) -> dict[str, Any]:
    """The object in the file, with exactly `format`, `version` and these keys; raises JsonFileError."""
    data = _parse(path)
    if not isinstance(data, dict) or data.get("format") != form:
        raise JsonFileError(f'{path} is no file of that kind: it has to hold an object with "format": "{form}"')
    if type(data.get("version")) is not int or data["version"] != version:
        raise JsonFileError(f"{path} has version {data.get('version')!r}, and this flask-to-async reads version {version}; write the file again")
    refuse_other_keys(path, data, ("format", "version", *keys), "the file")
    for key in keys:
        if key not in data:
            raise JsonFileError(f'{path}: "{key}" is missing')
    return data


def _parse(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes(), object_pairs_hook=_unique)
    except OSError as error:
        raise JsonFileError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise JsonFileError(f"{path} is not UTF-8") from None
    except RecursionError:
        raise JsonFileError(f"{path} is nested too deeply") from None
    except ValueError as error:
        raise JsonFileError(f"{path} is not JSON: {error}") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f'the key "{key}" stands there twice')
        found[key] = value
    return found


def refuse_other_keys(path: Path, keys: Iterable[str], known: Sequence[str], where: str) -> None:
    """Raise JsonFileError for a key that is not known, with the nearest that is."""
    for key in keys:
        if key not in known:
            raise JsonFileError(f"{path}: {where} has an unknown key {key!r}{nearest(key, known)}")


def nearest(word: str, known: Sequence[str]) -> str:
    """`; did you mean 'x'?` when one of the known words is near, else the list of them."""
    close = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(known)}"


def texts(path: Path, key: str, value: Any) -> list[str]:
    """A list of texts, or JsonFileError."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise JsonFileError(f'{path}: "{key}" has to be a list of texts')
    return value


def write_object(path: Path, data: Mapping[str, Any]) -> None:
    """Write all of the file or nothing; raises JsonFileError."""
    try:
        write_named(path, [json.dumps(data, indent=2, ensure_ascii=False).encode(), b"\n"])
    except OSError as error:
        raise JsonFileError(f"{path} cannot be written: {error.strerror}") from None
