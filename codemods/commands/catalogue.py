"""`flask-to-async catalogue` and `flask-to-async catalogue check`."""

import sys
import tomllib
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from codemods.console import fail, paint, print_lines

catalogue = typer.Typer(invoke_without_command=True)
_Row = Mapping[str, Any]


@catalogue.callback()
def listing(
    context: typer.Context,
    name: Annotated[str, typer.Option("--name", "-n", metavar="WORD", help="Only what has this word in its name, with everything that is known of it.")] = "",
    path: Annotated[Path, typer.Option("--project", metavar="PATH", help="The project whose own catalogue files are listed too.")] = Path(),
) -> None:
    """List what is known of libraries: what blocks, what replaces it, and what is done with each call."""
    if context.invoked_subcommand is None:
        from codemods.catalogue_report import details, overview  # here, so that the other commands start without it
        from codemods.opening import guarded

        files = guarded(lambda: [*_shipped(), *_own(path)])
        found = [data for data in files if _mentions(data, name.lower())]
        if not found:
            fail(f"the catalogue knows nothing with {name!r} in its name; `flask-to-async catalogue` lists all libraries")
        coded = _coded()
        print_lines([line for data in found for line in details(data, coded, paint())] if name else overview(found, paint()))


@catalogue.command(short_help="Test catalogue files against the installed libraries.")
def check(
    files: Annotated[list[Path] | None, typer.Argument(help="Catalogue files. None: those that are shipped.")] = None,
) -> None:
    """Test catalogue files against the libraries that are installed beside this command: names, and what is awaited.

    The libraries that a file names are imported. Status 0: they agree, or are not installed; 1: something differs;
    2: a file cannot be read or is no catalogue.
    """
    from codemods.catalogue_files import load_catalogue
    from codemods.catalogue_report import drift_lines
    from codemods.drift import compare
    from codemods.opening import guarded

    data = guarded(lambda: [_read(path) for path in files] if files else _shipped())
    _leave_folder()
    warnings.simplefilter("ignore")
    types = {*load_catalogue().types, *(name for item in data for row in item.get("type", []) for name in row["names"])}
    found = [compare(item, types) for item in data]
    print_lines(drift_lines(found, paint()))
    raise typer.Exit(1 if any(drift.wrong for drift in found) else 0)


def _leave_folder() -> None:
    """The current folder is no place to import libraries from, and `python -m` puts it on the path."""
    sys.path[:] = [item for item in sys.path if item and Path(item).resolve() != Path.cwd()]


def _shipped() -> list[_Row]:
    from codemods.catalogue_files import shipped_files

    return [tomllib.loads(text) for text in shipped_files().values()]


def _own(path: Path) -> Sequence[_Row]:
    from codemods.own_catalogue import named_files, read_own
    from codemods.project import find_root
    from transforms.catalogue import parse_library

    root = find_root(path.resolve())
    pyproject = root / "pyproject.toml"
    names = named_files(pyproject.read_text(errors="replace")) if pyproject.is_file() else []
    texts = {name: read_own(root, name) for name in names}
    for name, text in texts.items():
        parse_library(text, name)
    return [tomllib.loads(text) for text in texts.values()]


def _read(path: Path) -> _Row:
    from codemods.own_catalogue import read_file
    from transforms.catalogue import parse_library

    text = read_file(path, str(path))
    parse_library(text, str(path))
    return tomllib.loads(text)


def _mentions(data: _Row, word: str) -> bool:
    names = [data["library"]["id"], data["library"].get("distribution", "")]
    names += [name for table in ("function", "type", "decorator") for row in data.get(table, []) for name in row["names"]]
    return any(word in name.lower() for name in names)


def _coded() -> dict[str, str]:
    """Calls whose swap is code, and what they become."""
    from transforms.swaps import httpx_call, requests_call, sleep

    found = {sleep.NAME: "await asyncio.sleep(…)"}
    found |= dict.fromkeys(requests_call.VERBS, "a call of httpx2.AsyncClient, or httpx.AsyncClient, where it is proved equal")
    return found | {name: f"a call of {library}.AsyncClient" for name, (library, _) in httpx_call.VERBS.items()}
