"""`flask-to-async migrate`."""

from pathlib import Path
from typing import Annotated

import typer

from codemods.console import check_place
from codemods.options import (
    Accept,
    AllHandlers,
    AllowDirty,
    BaselineOption,
    Commit,
    DiffOption,
    HelpersOption,
    HostOption,
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
    host: HostOption = None,
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
    from codemods.commands.contradictions import refuse_together  # here, so that `--help` and completion need not load it
    from codemods.commands.migration import Ask, carry_out
    from codemods.commands.steps import migrate_stdin
    from codemods.results import check_page

    given: dict[str, object] = {"stages": stage, "only": only, "all_handlers": all_handlers, "orm": orm, "executor": executor, "http": http, "helpers": helpers}
    given |= {"host": host, "python": python, "unsafe": unsafe, "baseline": baseline}
    kind = "" if output is OutputFormat.text else output.value
    ask = Ask(write, check, interactive, accept, save_choices, write_baseline_to, allow_dirty, commit, statistics, verbose, kind, html)
    alone = str(path) == "-"
    refuse_together(ask, alone, baseline)
    if html:
        check_page(html)
    if write_baseline_to:
        check_place(write_baseline_to)
    if alone:
        migrate_stdin(given, check, diff, verbose)
    carry_out(path, given, traced, ask)
