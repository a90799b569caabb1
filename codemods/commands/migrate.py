"""`flask-to-async migrate`."""

from pathlib import Path
from typing import Annotated

import typer

from codemods.choices import read_choices
from codemods.commands.steps import confirmed, known_groups, migrate_stdin, or_fail, refuse_together, review, save_baseline, tell
from codemods.console import fail, guarded, load_or_fail, paint, print_lines, settings_or_fail
from codemods.delivery import deliver, status_of
from codemods.options import (
    Accept,
    AllHandlers,
    AllowDirty,
    BaselineOption,
    Commit,
    DiffOption,
    HelpersOption,
    HtmlOption,
    HttpOption,
    Interactive,
    Only,
    OrmOption,
    OutputFormat,
    OutputOption,
    PythonOption,
    SaveChoices,
    SpellingOption,
    StageOption,
    Statistics,
    Target,
    Traced,
    UnsafeOption,
    Verbose,
    WriteBaseline,
)
from codemods.pipeline import choose_all, run_stages
from codemods.progress import progress
from codemods.report import stage_lines, summary_lines
from codemods.results import check_page, write_results
from codemods.settings import narrowed
from codemods.statistics import statistics_lines


def migrate(
    path: Target = Path(),
    stage: StageOption = [],  # noqa: B006
    write: Annotated[bool, typer.Option("--write", help="Write the result. Without it nothing is written.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Exit with 1 when anything would change.")] = False,
    interactive: Interactive = False,
    only: Only = [],  # noqa: B006
    all_handlers: AllHandlers = None,
    orm: OrmOption = None,
    executor: SpellingOption = None,
    http: HttpOption = None,
    helpers: HelpersOption = None,
    python: PythonOption = None,
    unsafe: UnsafeOption = [],  # noqa: B006
    accept: Accept = None,
    save_choices: SaveChoices = None,
    baseline: BaselineOption = None,
    write_baseline_to: WriteBaseline = None,
    allow_dirty: AllowDirty = False,
    commit: Commit = False,
    diff: DiffOption = False,
    statistics: Statistics = False,
    traced: Traced = [],  # noqa: B006
    verbose: Verbose = False,
    output: OutputOption = OutputFormat.text,
    html: HtmlOption = None,
) -> None:
    """Migrate an application: routes, clients, executor. A dry run unless --write is given.

    The path - reads one module from standard input and prints its result; what there is to say goes to standard error.
    """
    given: dict[str, object] = {"stages": stage, "only": only, "all_handlers": all_handlers, "orm": orm, "executor": executor, "http": http, "helpers": helpers}
    given |= {"python": python, "unsafe": unsafe, "baseline": baseline}
    alone = str(path) == "-"
    asked = {"--write": write, "--interactive": interactive, "--accept": accept, "--save-choices": save_choices, "--commit": commit}
    refuse_together(alone, {**asked, "--baseline": baseline, "--write-baseline": write_baseline_to, "--statistics": statistics, "--html": html})
    text = output is OutputFormat.text
    if not text and (alone or interactive or statistics):
        fail("--format goes with neither -, --interactive nor --statistics, which have an output of their own")
    if html:
        check_page(html)
    if alone:
        migrate_stdin(given, check, diff, verbose)
    choices = or_fail(lambda: read_choices(accept)) if accept else None
    loaded = load_or_fail(path, traced)
    chosen = settings_or_fail(loaded.root, **given)
    known = None if write_baseline_to or not chosen.baseline else known_groups(chosen.baseline)
    loaded = narrowed(loaded, chosen)
    reviewed = review(loaded, chosen, save_choices, allow_dirty) if interactive else None
    chooses = reviewed.choices.chooses if reviewed else choices.chooses if choices else choose_all
    with progress() as tick:
        result = guarded(lambda: run_stages(loaded, chosen.values["stages"], chosen.settings, chooses, tick))
    for number, outcome in enumerate(result.outcomes, 1):
        if text and not (reviewed or statistics):
            print_lines(stage_lines(outcome, number, len(result.outcomes), verbose, paint()))
    if statistics:
        print_lines(statistics_lines(result.outcomes, paint()))
    if reviewed:
        write = bool(result.changes) and ((write and reviewed.finished) or confirmed(result))
    if write:
        or_fail(lambda: deliver(loaded.root, result, allow_dirty, commit))
    if html or not text:
        write_results(loaded, result, chosen.settings, write, verbose, "" if text else output.value, html)
    if text:
        print_lines(summary_lines(result.outcomes, result.needs, len(result.changes), write, paint()))
    tell(loaded, chosen, result, reviewed.choices if reviewed else choices, known)
    if write_baseline_to:
        save_baseline(write_baseline_to, result)
    raise typer.Exit(status_of(loaded, result, check, known))
