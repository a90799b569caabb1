"""`flask-to-async migrate`."""

from pathlib import Path
from typing import Annotated

import typer

from codemods.apply import ApplyError, apply
from codemods.console import fail, guarded, load_or_fail, paint, print_lines
from codemods.options import (
    AllHandlers,
    Helpers,
    HelpersOption,
    Http,
    HttpOption,
    Only,
    Orm,
    OrmOption,
    PythonOption,
    Spelling,
    SpellingOption,
    StageOption,
    Target,
    Verbose,
)
from codemods.pipeline import Migration, run_stages
from codemods.project import Loaded
from codemods.report import stage_lines, summary_lines
from transforms.model import Settings


def migrate(
    path: Target = Path(),
    stage: StageOption = [],  # noqa: B006
    write: Annotated[bool, typer.Option("--write", help="Write the result. Without it nothing is written.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Exit with 1 when anything would change.")] = False,
    only: Only = [],  # noqa: B006
    all_handlers: AllHandlers = False,
    orm: OrmOption = Orm.leave,
    executor: SpellingOption = Spelling.to_thread,
    http: HttpOption = Http.auto,
    helpers: HelpersOption = Helpers.executor,
    python: PythonOption = None,
    verbose: Verbose = False,
) -> None:
    """Migrate an application: routes, clients, executor. A dry run unless --write is given."""
    settings = Settings(tuple(only), all_handlers, orm.value, executor.value, http.value, helpers.value, _version(python))
    loaded = load_or_fail(path)
    result = guarded(lambda: run_stages(loaded, stage, settings))
    for number, outcome in enumerate(result.outcomes, 1):
        print_lines(stage_lines(outcome, number, len(result.outcomes), verbose, paint()))
    if write and result.changes:
        try:
            apply(loaded.root, result.changes)
        except ApplyError as error:
            fail(str(error))
    print_lines(summary_lines(result.outcomes, result.needs, len(result.changes), write, paint()))
    raise typer.Exit(_status(loaded, result, check))


def _status(loaded: Loaded, result: Migration, check: bool) -> int:
    broken = any(decision.code in ("F001", "F002", "B401", "B402", "B403") for outcome in result.outcomes for decision in outcome.decisions)
    if broken or loaded.unreadable:
        return 2
    return 1 if check and result.changes else 0


def _version(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    major, dot, minor = text.partition(".")
    if not (dot and major.isdigit() and minor.isdigit()):
        fail(f"--python takes a version such as 3.9, not {text!r}")
    return int(major), int(minor)
