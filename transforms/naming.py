"""Names for functions made out of blocks: what they do, and with what."""

import ast
from collections.abc import Collection

from transforms.catalogue import Entry
from transforms.facts import Function
from transforms.moving import Values
from transforms.placement import free_name

_ARCHIVES = {"zipfile", "tarfile"}
_TEMPORARY = {"tempfile"}


def block_name(function: Function, seed: ast.Call, entry: Entry, values: Values, taken: Collection[str]) -> str:
    """`read_config`, `write_report`, `query_rows`, `send_mail`: free in the function and around it."""
    verb, thing = _words(seed, entry, not values.gives and not values.returns)
    only = values.gives[0] if len(values.gives) == 1 else ""
    noun = only.strip("_") or thing
    wanted = noun if noun.startswith(f"{verb}_") else f"{verb}_{noun}"
    name, number = free_name(function, wanted), 1
    while name in taken:
        number += 1
        name = free_name(function, f"{wanted}_{number}")
    return name


def _words(seed: ast.Call, entry: Entry, silent: bool) -> tuple[str, str]:
    """What is done, and with what where no value comes out."""
    writes = _writes(seed, 0 if entry.library == "pathlib" else 1)
    if entry.library in _TEMPORARY:
        return "make", "temporary_file"
    if entry.library in _ARCHIVES:
        return ("write" if writes else "read"), "archive"
    if entry.kind == "file":
        return ("write" if writes else "read"), "file"
    if entry.kind == "mail":
        return "send", "mail"
    if any(item.arg == "stream" for item in seed.keywords) or ".stream" in entry.name:
        return "download", "content"
    return "update" if silent else "query", "database" if entry.name.endswith("connect") or "onnection" in entry.name else entry.library


def _writes(seed: ast.Call, position: int) -> bool:
    """Whether the mode, at that position or by name, asks for writing."""
    given = [*seed.args[position : position + 1], *(item.value for item in seed.keywords if item.arg == "mode")]
    modes = [item.value for item in given if isinstance(item, ast.Constant) and isinstance(item.value, str)]
    return any(set(mode) <= set("rwaxbt+:gzx2") and set(mode) & set("wax+") for mode in modes[-1:])
