"""`flask-to-async verify`."""

from pathlib import Path
from typing import Annotated

import typer

from codemods.console import check_place
from codemods.options import (
    AllHandlers,
    HelpersOption,
    HttpOption,
    Only,
    OrmOption,
    OwnStageOption,
    PythonOption,
    SpellingOption,
    Target,
    UnsafeOption,
    Verbose,
)

Test = Annotated[
    str, typer.Option("--test", metavar="COMMAND", help='The command that tests the application, for example "pytest -q". It runs without a shell.')
]


def verify(
    path: Target = Path(),
    test: Test = "",
    stage: OwnStageOption = [],  # noqa: B006
    write: Annotated[bool, typer.Option("--write", help="Write what the tests accept. Without it your files are not touched.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on after a run that was ended: test runs that finished are not repeated.")] = False,
    timeout: Annotated[
        float | None, typer.Option("--timeout", help="Seconds that one test run may take. Default: 60 and five times the unchanged code's.")
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="Test runs at the same time. Only for tests that share no database, port or file.")] = 1,
    scratch: Annotated[Path | None, typer.Option("--scratch", help="Folder for the copies and logs. Default: below the user's cache folder.")] = None,
    copy: Annotated[Path | None, typer.Option("--copy", help="Folder that is copied. Default: the git repository, else the project.")] = None,
    trace: Annotated[bool, typer.Option("--trace", help="Also trace the tests; migrate, test and trace again until nothing new blocks.")] = False,
    evidence: Annotated[Path | None, typer.Option("--evidence", metavar="FILE", help="Write a Markdown summary for the pull request.")] = None,
    only: Only = [],  # noqa: B006
    all_handlers: AllHandlers = None,
    orm: OrmOption = None,
    executor: SpellingOption = None,
    http: HttpOption = None,
    helpers: HelpersOption = None,
    python: PythonOption = None,
    unsafe: UnsafeOption = [],  # noqa: B006
    verbose: Verbose = False,
) -> None:
    """Migrate in a copy, run the application's own tests after each stage, and take back what they refuse."""
    from codemods.opening import load_or_fail, settings_or_fail  # here, so that the other commands start without it
    from codemods.settings import narrowed
    from codemods.verify.session import Wish, session

    if evidence:
        check_place(evidence)
    loaded = load_or_fail(path)
    given: dict[str, object] = {"stages": [item.value for item in stage], "only": only, "all_handlers": all_handlers, "orm": orm, "executor": executor}
    chosen = settings_or_fail(loaded.root, **given, http=http, helpers=helpers, python=python, unsafe=unsafe)
    wish = Wish(test, tuple(chosen.values["stages"]), chosen.settings, write, resume, timeout, jobs, scratch, copy, trace, evidence, verbose)
    raise typer.Exit(session(narrowed(loaded, chosen), wish))
