"""The result of a migration for machines and for a browser."""

from collections.abc import Iterable
from pathlib import Path

from codemods.console import fail, print_lines
from codemods.pipeline import Migration
from codemods.project import Loaded
from codemods.replacing import write_named
from transforms.model import Settings


def write_results(loaded: Loaded, result: Migration, settings: Settings, written: bool, verbose: bool, output: str, html: Path | None) -> None:
    """Write the page, then the format on standard output (none for an empty name). Ends the program when the page cannot be written."""
    from codemods.formats import formatted
    from codemods.formats.record import migration_record

    record = migration_record(loaded, result, settings, written)
    if html:
        from codemods.page import page_data, page_parts

        replace_page(html, page_parts(page_data(record, result, loaded.project.python)))
    if output:
        print_lines(formatted(record, output, verbose))


def check_page(path: Path) -> None:
    """End the program when the page must not or cannot be written there: only a page of this tool is ever overwritten."""
    from codemods.page import MARK

    try:
        if path.exists() and not (path.is_file() and MARK in path.read_bytes()[:400]):
            fail(f"{path} exists and is no page that this tool wrote; name another file for --html, or remove it")
    except OSError as error:
        fail(f"{path}: {error.strerror}")
    if not path.parent.is_dir():
        fail(f"{path.parent} is no folder; make it first, or name another file for --html")


def replace_page(path: Path, parts: Iterable[bytes]) -> None:
    """Write all of the page or nothing."""
    check_page(path)
    try:
        write_named(path, parts)
    except OSError as error:
        fail(f"the page could not be written to {path}: {error.strerror}")
