"""The options that several commands share."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from codemods.stage_names import is_query


class Stage(str, Enum):
    """Our own stages, in order."""

    routes = "routes"
    clients = "clients"
    executor = "executor"
    gather = "gather"
    server = "server"


def known_stages(names: list[str]) -> list[str]:
    """The names as they were given; a name that is no stage ends the program with the choices."""
    for name in names:
        if name not in Stage.__members__ and not is_query(name):
            choices = ", ".join(repr(stage.value) for stage in Stage)
            raise typer.BadParameter(f"{name!r} is not one of {choices}, and no Bowler query of the form PATH.py:NAME.")
    return names


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
    bridge = "bridge"


class Host(str, Enum):
    """What the stage server prepares the application for."""

    threads = "threads"
    asgi = "asgi"


StageOption = Annotated[
    list[str],
    typer.Option(
        "--stage",
        metavar="[routes|clients|executor|gather|server|PATH.py:NAME]",
        callback=known_stages,
        autocompletion=lambda: [stage.value for stage in Stage],
        help="Run this stage on what is on disk, or that Bowler query of yours. May be given more than once. Default: all of ours but gather and server.",
    ),
]


def plain_value(value: object) -> object:
    """What an option says, as a configuration file would say it."""
    if isinstance(value, list):
        return [plain_value(item) for item in value]
    return value.value if isinstance(value, Enum) else str(value) if isinstance(value, Path) else value


class OutputFormat(str, Enum):
    """What is written on standard output."""

    text = "text"
    json = "json"
    jsonl = "jsonl"
    sarif = "sarif"
    github = "github"
    gitlab = "gitlab"
    markdown = "markdown"


OwnStageOption = Annotated[list[Stage], typer.Option("--stage", help="Only this stage. May be given more than once. Default: all.")]
Target = Annotated[Path, typer.Argument(help="Folder or file of the application. The project around it is read, only this is changed.")]
Only = Annotated[
    list[str],
    typer.Option("--only", metavar="GLOB", help="Limit the pass to handlers whose endpoint, name, module or path matches. May be given more than once."),
]
AllHandlers = Annotated[bool | None, typer.Option("--all-handlers/--no-all-handlers", help="Also make handlers async that would await nothing.")]
OrmOption = Annotated[
    Orm | None,
    typer.Option("--orm", help="Database work through an ORM: leave it (default), or move it to the request's own thread."),
]
SpellingOption = Annotated[
    Spelling | None,
    typer.Option(
        "--executor",
        help="How calls are moved to a worker thread. asyncio.to_thread (default) is run_in_executor with Flask's context carried along.",
    ),
]
HttpOption = Annotated[
    Http | None,
    typer.Option(
        "--http",
        help="What requests is replaced by; auto (default): httpx where the project has it, else httpx2; bridge: requests over aiohttp, see docs/explanation/bridge.md.",
    ),
]
HostOption = Annotated[
    Host | None,
    typer.Option(
        "--host", help="For the stage server: a WSGI server with threads (default), or an ASGI server such as Uvicorn, see docs/explanation/hosts.md."
    ),
]
HelpersOption = Annotated[
    Helpers | None,
    typer.Option(
        "--helpers",
        help="A helper that must stay synchronous for some callers: call it through the executor (default), or write an async twin beside it.",
    ),
]
PythonOption = Annotated[
    str | None, typer.Option("--python", metavar="X.Y", help="Oldest Python that the result must run on. Default: what the project declares.")
]
UnsafeOption = Annotated[
    list[str],
    typer.Option("--unsafe", metavar="CODE", help="Take changes of this rule also where the program may behave differently. May be given more than once."),
]
BaselineOption = Annotated[Path | None, typer.Option("--baseline", metavar="FILE", help="The groups that are known already: only what is new fails --check.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="List every decision.")]
Accept = Annotated[
    Path | None,
    typer.Option(
        "--accept", metavar="FILE", help="Take only the groups that this choices file lists; a review writes it (--save-choices, or the HTML report)."
    ),
]
Interactive = Annotated[bool, typer.Option("--interactive", "-i", help="Go through the groups one by one and choose. Works on a terminal and on a pipe.")]
SaveChoices = Annotated[Path | None, typer.Option("--save-choices", metavar="FILE", help="With --interactive: keep the choices for --accept.")]
WriteBaseline = Annotated[
    Path | None, typer.Option("--write-baseline", metavar="FILE", help="Record what would be changed now, for --baseline. Nothing else is written.")
]
AllowDirty = Annotated[bool, typer.Option("--allow-dirty", help="Write also into a git tree with changes that are not committed.")]
Commit = Annotated[bool, typer.Option("--commit", help="With --write: one git commit for each stage, with a message made from the decisions.")]
DiffOption = Annotated[bool, typer.Option("--diff", help="With -: print the difference and not the result.")]
Statistics = Annotated[bool, typer.Option("--statistics", help="Print counts by stage, by rule and by what is called, and no diffs.")]
OutputOption = Annotated[OutputFormat, typer.Option("--format", help="Write this on standard output, and nothing else; messages go to standard error.")]
HtmlOption = Annotated[
    Path | None, typer.Option("--html", metavar="FILE", help="Also write a page to review the result in a browser: one file, no network. It exports choices.")
]
Traced = Annotated[
    list[Path], typer.Option("--trace", metavar="FILE", help="What `trace --save FILE` saw at run time counts as known. May be given more than once.")
]
