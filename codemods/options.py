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


StageOption = Annotated[
    list[str],
    typer.Option(
        "--stage",
        metavar="[routes|clients|executor|server|PATH.py:NAME]",
        callback=known_stages,
        autocompletion=lambda: [stage.value for stage in Stage],
        help="Run this stage on what is on disk, or that Bowler query of yours. May be given more than once. Default: all of ours but server.",
    ),
]
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
