"""`flask-to-async bulk`: one migration over many repositories."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer

from codemods.console import fail, print_lines

bulk = typer.Typer(no_args_is_help=True, help="One migration over many repositories: run, resume, status, retry, logs, report.")
_Result = TypeVar("_Result")

Source = Annotated[
    Path, typer.Argument(metavar="SOURCE", help="A repositories file (TOML), a plain list of paths or git URLs, one a line, or a folder of checkouts.")
]
Work = Annotated[
    Path | None, typer.Option("--work", metavar="FOLDER", help="Where clones, logs and the ledger are kept. Default: .flask-to-async-bulk beside SOURCE.")
]
Jobs = Annotated[int, typer.Option("--jobs", "-j", min=1, help="Repositories at the same time, in processes on this machine.")]
Scheduler = Annotated[
    str, typer.Option("--scheduler", metavar="ADDRESS", help="Run the steps on the workers of this Dask scheduler (tcp://…), which see the work folder too.")
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The repository's name, as `bulk status` shows it.")]
_DEFAULT = Path("repos.toml")


@bulk.callback()
def main() -> None:
    """One migration over many repositories, each step recorded; a repository that fails is a row with the reason."""


@bulk.command(short_help="Begin a pass: clone, migrate, test, one commit a stage.")
def run(
    source: Source = _DEFAULT,
    jobs: Jobs = 1,
    scheduler: Scheduler = "",
    push: Annotated[bool, typer.Option("--push", help="Push the branches. Without it nothing leaves this machine.")] = False,
    pull_request: Annotated[
        bool, typer.Option("--pull-request", help="Push, and open a pull request for each branch, or bring the open one up to date.")
    ] = False,
    patches: Annotated[
        Path | None, typer.Option("--patches", metavar="FOLDER", help="Also put each repository's commits there, as a patch for `git am`.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=0, metavar="N", help="Only the first N repositories. 0: all.")] = 0,
    sample: Annotated[int, typer.Option("--sample", min=0, metavar="N", help="Only N repositories, drawn by chance. 0: all.")] = 0,
    seed: Annotated[str, typer.Option("--seed", help="What the chance of --sample starts from: the same seed draws the same ones.")] = "0",
    wave: Annotated[
        str, typer.Option("--wave", metavar="SHARE", help="Begin with this share (10%) or number; the same call again goes on with the next.")
    ] = "",
    work: Work = None,
) -> None:
    """Begin a pass over the repositories: clone, migrate stage by stage, test where tests are known, one commit a stage.

    A dry run unless --push or --pull-request is given: branches stay in the clones below the work folder, beside patches
    and a report. What an earlier pass did, and what has not changed since, is not done again.
    """
    from codemods.bulk.options import Wish
    from codemods.bulk.session import run_pass

    wish = Wish(push, pull_request, str(patches.resolve()) if patches else "", limit, sample, seed, wave)
    _told(lambda: run_pass(source.absolute(), wish, _how(work, jobs, scheduler), _say))


@bulk.command(short_help="Go on after a run that was ended or killed.")
def resume(source: Source = _DEFAULT, jobs: Jobs = 1, scheduler: Scheduler = "", work: Work = None) -> None:
    """Go on after a run that was ended or killed; what is recorded is not done again."""
    from codemods.bulk.session import resume as go_on

    _told(lambda: go_on(source.absolute(), _how(work, jobs, scheduler), _say))


@bulk.command(short_help="Do again what failed, from the step that failed.")
def retry(
    source: Source = _DEFAULT,
    failed: Annotated[bool, typer.Option("--failed", help="All that failed.")] = False,
    name: Annotated[list[str], typer.Option("--name", metavar="NAME", help="This repository, if it failed. May be given more than once.")] = [],  # noqa: B006
    jobs: Jobs = 1,
    scheduler: Scheduler = "",
    work: Work = None,
) -> None:
    """Do again what failed in the last pass, from the step that failed."""
    from codemods.bulk.session import retry as again

    if failed == bool(name):
        fail("say what is to be done again: --failed, or --name NAME")
    _told(lambda: again(source.absolute(), name, _how(work, jobs, scheduler), _say))


@bulk.command(short_help="Where every repository stands, and the seconds of its steps.")
def status(
    source: Source = _DEFAULT,
    output: Annotated[str, typer.Option("--format", metavar="[text|json]", help="How it is written.")] = "text",
    work: Work = None,
) -> None:
    """Show where every repository of the last pass stands, and how long its steps took."""
    from codemods.bulk.session import looked_at
    from codemods.bulk.status import status_json, status_lines

    if output not in ("text", "json"):
        fail("--format takes text or json")
    found = _or_fail(lambda: looked_at(source.absolute(), work))
    print_lines((status_lines if output == "text" else status_json)(found[0], found[2], found[3]))


@bulk.command()
def logs(name: Name, source: Annotated[Path, typer.Option("--source", metavar="SOURCE", help="As for `bulk run`.")] = _DEFAULT, work: Work = None) -> None:
    """Print what a repository's commands said."""
    from codemods.bulk.session import looked_at

    _, place, ledger, current = _or_fail(lambda: looked_at(source.absolute(), work))
    if name not in {member.name for member in ledger.members(current.number)}:
        fail(f"there is no repository {name!r} in the last pass; `flask-to-async bulk status` lists them")
    try:
        print_lines(place.log(name).read_text(encoding="utf-8", errors="backslashreplace").splitlines())
    except OSError as error:
        fail(f"there is no log of {name}: {error.strerror}")


@bulk.command()
def report(
    source: Source = _DEFAULT,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="The page for a browser.")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FOLDER", help="The tables as CSV files.")] = None,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="The tables as one JSON document.")] = None,
    work: Work = None,
) -> None:
    """Write the report of the last pass again, as it stands now. Without options: into `report` in the work folder."""
    from codemods.bulk.page import page_parts
    from codemods.bulk.report import as_json, write_csv, write_report
    from codemods.bulk.session import looked_at
    from codemods.bulk.tables import tables
    from codemods.replacing import write_named
    from codemods.results import replace_page

    found, place, ledger, current = _or_fail(lambda: looked_at(source.absolute(), work))
    data = tables(ledger, current, {spec.name: spec for spec in found.specs})
    if html:
        replace_page(html, page_parts(data))
    try:
        if csv:
            csv.mkdir(parents=True, exist_ok=True)
            write_csv(csv, data)
        if json:
            write_named(json, [as_json(data)])
        if not (html or csv or json):
            write_report(place.report, data)
            typer.echo(str(place.report / "index.html"))
    except OSError as error:
        fail(f"the report could not be written: {error.filename}: {error.strerror}")


def _how(work: Path | None, jobs: int, scheduler: str) -> Any:
    from codemods.bulk.session import How

    return How(work, jobs, scheduler)


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _told(work: Callable[[], dict[str, Any]]) -> NoReturn:
    """Carry it out and print the table; the exit status is 2 when something failed, was left open, or could not be read."""
    from codemods.bulk.status import table_lines

    found = _or_fail(work)
    print_lines(table_lines(found))
    summary = found["summary"]
    raise typer.Exit(2 if summary["failed"] or summary["pending"] or summary["unread_files"] else 0)


def _or_fail(work: Callable[[], _Result]) -> _Result:
    from codemods.bulk.ledger import LedgerError
    from codemods.bulk.place import PlaceError
    from codemods.bulk.pools import PoolError
    from codemods.bulk.selection import SelectionError
    from codemods.bulk.session import NothingMore
    from codemods.bulk.sources import SourceError

    try:
        return work()
    except (SourceError, PlaceError, LedgerError, PoolError, SelectionError, NothingMore) as error:
        fail(str(error))
    except KeyboardInterrupt:
        fail("ended by you; what was done is recorded, `flask-to-async bulk resume` goes on")
    except OSError as error:
        fail(f"{error.filename or 'the work folder'}: {error.strerror or error}; `flask-to-async bulk resume` goes on when that is mended")
