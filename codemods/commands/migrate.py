"""`flask-to-async migrate`."""

from pathlib import Path
from typing import Annotated

import typer

from codemods.apply import ApplyError, apply
from codemods.choices import Choices, read_choices
from codemods.console import fail, guarded, load_or_fail, paint, print_lines, settings_or_fail
from codemods.json_file import JsonFileError
from codemods.options import (
    Accept,
    AllHandlers,
    BaselineOption,
    HelpersOption,
    HttpOption,
    Only,
    OrmOption,
    PythonOption,
    SpellingOption,
    StageOption,
    Target,
    UnsafeOption,
    Verbose,
)
from codemods.pipeline import Migration, choose_all, run_stages
from codemods.project import Loaded
from codemods.report import stage_lines, summary_lines
from codemods.settings import narrowed


def migrate(
    path: Target = Path(),
    stage: StageOption = [],  # noqa: B006
    write: Annotated[bool, typer.Option("--write", help="Write the result. Without it nothing is written.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Exit with 1 when anything would change.")] = False,
    only: Only = [],  # noqa: B006
    all_handlers: AllHandlers = None,
    orm: OrmOption = None,
    executor: SpellingOption = None,
    http: HttpOption = None,
    helpers: HelpersOption = None,
    python: PythonOption = None,
    unsafe: UnsafeOption = [],  # noqa: B006
    accept: Accept = None,
    baseline: BaselineOption = None,
    verbose: Verbose = False,
) -> None:
    """Migrate an application: routes, clients, executor. A dry run unless --write is given."""
    choices = _read_choices(accept) if accept else None
    loaded = load_or_fail(path)
    given = {"stages": stage, "only": only, "all_handlers": all_handlers, "orm": orm, "executor": executor, "http": http, "helpers": helpers}
    chosen = settings_or_fail(loaded.root, **given, python=python, unsafe=unsafe, baseline=baseline)
    loaded = narrowed(loaded, chosen)
    result = guarded(lambda: run_stages(loaded, chosen.values["stages"], chosen.settings, choices.chooses if choices else choose_all))
    for number, outcome in enumerate(result.outcomes, 1):
        print_lines(stage_lines(outcome, number, len(result.outcomes), verbose, paint()))
    if write and result.changes:
        try:
            apply(loaded.root, result.changes)
        except ApplyError as error:
            fail(str(error))
    print_lines(summary_lines(result.outcomes, result.needs, len(result.changes), write, paint()))
    for group in choices.unmet(result.outcomes) if choices else ():
        typer.echo(f"not there any more: {group} was accepted, and no such change can be made now; review again", err=True)
    raise typer.Exit(_status(loaded, result, check))


def _status(loaded: Loaded, result: Migration, check: bool) -> int:
    broken = any(decision.code in ("F001", "F002") for outcome in result.outcomes for decision in outcome.decisions)
    if broken or loaded.unreadable:
        return 2
    return 1 if check and result.changes else 0


def _read_choices(path: Path) -> Choices:
    try:
        return read_choices(path)
    except JsonFileError as error:
        fail(str(error))
