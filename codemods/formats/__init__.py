"""Output for machines, one module a format. Each turns a record (`record.py`, `audit_record.py`) into lines of text."""

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any, cast

Record = Mapping[str, Any]
Format = Callable[[Record, bool], Iterator[str]]


def formatted(record: Record, name: str, verbose: bool = False) -> Iterator[str]:
    """The record in that format, without line ends; `verbose` also shows decisions to leave where a format omits them."""
    module = import_module(f"codemods.formats.as_{name}")
    return cast(Format, module.lines)(record, verbose)
