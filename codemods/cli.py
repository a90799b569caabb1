"""The command line."""

import sys
from collections.abc import Callable, Iterable
from enum import Enum
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import typer

from codemods.apply import ApplyError, apply
from codemods.audit import audit_lines, survey
from codemods.pipeline import Migration, migrate
from codemods.project import Loaded, ProjectError, load
from codemods.report import Paint, plain, stage_lines, summary_lines
from transforms.catalogue import CatalogueError
from transforms.model import Settings

app = typer.Typer(
    no_args_is_help=True, add_completion=True, rich_markup_mode=None, pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]}
)


_Result = TypeVar("_Result")


class Stage(str, Enum):
    """The stages, in order."""

    routes = "routes"
    clients = "clients"
    executor = "executor"


class Orm(str, Enum):
    """What to do with database work."""

    leave = "leave"
    executor = "executor"


class Spelling(str, Enum):
    """How a call is moved to a worker thread."""

    to_thread = "to_thread"
    run_in_executor = "run_in_executor"
    sync_to_async = "sync_to_async"


class Helpers(str, Enum):
    """What to do with a helper that must stay synchronous for some of its callers."""

    executor = "executor"
    twin = "twin"


class Http(str, Enum):
    """Which asynchronous HTTP library takes the place of requests."""

    auto = "auto"
    httpx = "httpx"
    httpx2 = "httpx2"


Target = Annotated[Path, typer.Argument(help="Folder or file of the application. The project around it is read, only this is changed.")]
Only = Annotated[
    list[str],
    typer.Option("--only", metavar="GLOB", help="Limit the pass to handlers whose endpoint, name, module or path matches. May be given more than once."),
]
AllHandlers = Annotated[bool, typer.Option("--all-handlers", help="Also make handlers async that would await nothing.")]
OrmOption = Annotated[Orm, typer.Option("--orm", help="Database work through an ORM: leave it, or move it to the request's own thread.")]
SpellingOption = Annotated[
    Spelling,
    typer.Option("--executor", help="How calls are moved to a worker thread. asyncio.to_thread is run_in_executor with Flask's context carried along."),
]
HttpOption = Annotated[Http, typer.Option("--http", help="What requests is replaced by; auto: httpx where the project has it, else httpx2.")]
HelpersOption = Annotated[
    Helpers,
    typer.Option("--helpers", help="A helper that must stay synchronous for some callers: call it through the executor, or write an async twin beside it."),
]
PythonOption = Annotated[
    str | None, typer.Option("--python", metavar="X.Y", help="Oldest Python that the result must run on. Default: what the project declares.")
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="List every decision.")]


@app.callback()
def main() -> None:
    """Take a synchronous Flask application to async, stage by stage, without breaking it.

    Start with `flask-to-async audit PATH`: what each handler reaches, and what a migration would bring. Then
    `flask-to-async migrate PATH` shows each stage's diff and reasons, and `--write` applies them.
    """


@app.command("migrate")
def migrate_command(
    path: Target = Path(),
    stage: Annotated[
        list[Stage], typer.Option("--stage", help="Run this stage on what is on disk. May be given more than once. Default: all.")
    ] = [],  # noqa: B006
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
    loaded = _load(path)
    paint = _paint()
    result = _guarded(lambda: migrate(loaded, [item.value for item in stage], settings))
    for number, outcome in enumerate(result.outcomes, 1):
        _print(stage_lines(outcome, number, len(result.outcomes), verbose, paint))
    if write and result.changes:
        try:
            apply(loaded.root, result.changes)
        except ApplyError as error:
            _fail(str(error))
    _print(summary_lines(result.outcomes, result.needs, len(result.changes), write, paint))
    raise typer.Exit(_status(loaded, result, check))


@app.command("audit")
def audit_command(
    path: Target = Path(),
    only: Only = [],  # noqa: B006
    all_handlers: AllHandlers = False,
    orm: OrmOption = Orm.leave,
) -> None:
    """Show what each handler reaches, the verdict it would get, and what a migration would bring."""
    loaded = _load(path)
    index, judgements = _guarded(lambda: survey(loaded, Settings(tuple(only), all_handlers, orm.value)))
    _print(audit_lines(index, judgements, _paint()))
    broken = [name for name in index.broken if name in loaded.project.editable]
    for name in broken:
        line, reason = index.broken[name]
        typer.echo(f"not read  F001  {name}:{line}: {reason}", err=True)
    raise typer.Exit(2 if broken or loaded.unreadable else 0)


def _load(path: Path) -> Loaded:
    try:
        loaded = load(path)
    except (ProjectError, OSError) as error:
        _fail(str(error))
    for name, reason in sorted(loaded.unreadable.items()):
        typer.echo(f"not read  F001  {name}: {reason}", err=True)
    return loaded


def _guarded(work: Callable[[], _Result]) -> _Result:
    try:
        return work()
    except CatalogueError as error:
        _fail(str(error))


def _status(loaded: Loaded, result: Migration, check: bool) -> int:
    broken = any(decision.code in ("F001", "F002") for outcome in result.outcomes for decision in outcome.decisions)
    if broken or loaded.unreadable:
        return 2
    return 1 if check and result.changes else 0


def _version(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    major, dot, minor = text.partition(".")
    if not (dot and major.isdigit() and minor.isdigit()):
        _fail(f"--python takes a version such as 3.9, not {text!r}")
    return int(major), int(minor)


def _paint() -> Paint:
    """Colour on a terminal only, and not where NO_COLOR asks for none."""
    return (lambda text, colour: typer.style(text, bold=True) if colour == "bold" else typer.style(text, fg=colour or None)) if sys.stdout.isatty() else plain


def _print(lines: Iterable[str]) -> None:
    """Write UTF-8, and bytes of the user's files as they are: a diff that is piped into a file must apply."""
    try:
        for line in lines:
            typer.echo(f"{line}\n".encode("utf-8", "surrogateescape"), nl=False)
        sys.stdout.flush()
    except BrokenPipeError:
        sys.stderr.close()
        raise typer.Exit(2) from None
    except OSError as error:
        _fail(f"the output could not be written: {error.strerror}")


def _fail(message: str) -> NoReturn:
    typer.echo(f"flask-to-async: {message}", err=True)
    raise typer.Exit(2)
