"""`flask-to-async bench`."""

import importlib.util
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from codemods.console import check_place, fail
from codemods.options import AllHandlers, HostOption, HttpOption, OrmOption, OwnStageOption, Target

_EXTRA = "bench needs two more packages beside this tool: `pip install matplotlib psutil`"
_PLOTS = (".svg", ".png")


class Format(str, Enum):
    """What is written on standard output."""

    text = "text"
    json = "json"
    markdown = "markdown"


def numbers(text: str) -> list[int]:
    """`10,100,500`; ends the program with a sentence when it is anything else."""
    try:
        found = [int(item) for item in text.split(",")]
    except ValueError:
        found = [0]
    if min(found) < 1 or max(found) > 10_000:
        raise typer.BadParameter(f"{text!r} is no list of numbers from 1 to 10000, such as 10,100,500.")
    return found


def bench(
    path: Target = Path(),
    route: Annotated[
        list[str], typer.Option("--route", metavar="PATH", help="What is asked for, for example /parcels/7. May be given more than once.")
    ] = [],  # noqa: B006
    before: Annotated[str, typer.Option("--before", metavar="COMMAND", help="Serves the application as it is. Default: gunicorn, 2 x 64 threads.")] = "",
    after: Annotated[
        str, typer.Option("--after", metavar="COMMAND", help="Serves the migrated copy. Default: the same, or 2 asynchronous workers on its asgi.py.")
    ] = "",
    app: Annotated[str, typer.Option("--app", metavar="MODULE:NAME", help="The Flask object or factory() to serve. Default: what is found.")] = "",
    interpreter: Annotated[
        Path | None, typer.Option("--interpreter", metavar="PYTHON", help="The Python of the application. Default: the one that runs this tool.")
    ] = None,
    stage: OwnStageOption = [],  # noqa: B006
    all_handlers: AllHandlers = None,
    orm: OrmOption = None,
    http: HttpOption = None,
    host: HostOption = None,
    upstream: Annotated[
        float, typer.Option("--upstream", metavar="MS", min=0, max=60_000, help="Start a local service that answers after so many milliseconds.")
    ] = 0,
    upstream_env: Annotated[str, typer.Option("--upstream-env", metavar="NAME", help="The variable in which the application finds its address.")] = "",
    connections: Annotated[str, typer.Option("--connections", help="How many at once; several numbers with commas.")] = "10,100,500",
    duration: Annotated[int, typer.Option("--duration", metavar="S", min=1, max=600, help="Seconds of each round.")] = 5,
    rounds: Annotated[int, typer.Option("--rounds", min=1, max=50, help="Rounds, before and after in turn.")] = 3,
    lag: Annotated[bool, typer.Option("--lag", help="Also watch the event loops of the migrated copy, in loads of their own.")] = False,
    copy: Annotated[Path | None, typer.Option("--copy", help="Folder that is copied. Default: the git repository, else the project.")] = None,
    output: Annotated[Format, typer.Option("--format", help="Write this on standard output; messages go to standard error.")] = Format.text,
    plot: Annotated[Path | None, typer.Option("--plot", metavar="FILE", help="Also draw it: .svg or .png.")] = None,
) -> None:
    """Serve the application before and after the migration, load both in turn, and print what they cost side by side.

    This runs your application, from copies: your files are only read.
    """
    if not route or any(not item.startswith("/") for item in route):
        raise typer.BadParameter("give at least one path that the application answers to GET, for example --route /", param_hint="--route")
    if bool(upstream) != bool(upstream_env):
        raise typer.BadParameter("--upstream and --upstream-env belong together: how slow, and in which variable the application finds the address.")
    if plot and plot.suffix not in _PLOTS:
        raise typer.BadParameter("the picture is an .svg or a .png", param_hint="--plot")
    try:
        from codemods.bench.contenders import THREADED, Commands
        from codemods.bench.rounds import Scope
        from codemods.bench.session import Wish, session  # here, so that the other commands start without it
    except ImportError:
        fail(_EXTRA)
    if plot:
        _require_matplotlib()
        check_place(plot)
    from codemods.opening import load_or_fail, settings_or_fail
    from codemods.settings import narrowed

    loaded = load_or_fail(path)
    chosen = settings_or_fail(loaded.root, stages=[item.value for item in stage], all_handlers=all_handlers, orm=orm, http=http, host=host)
    scope = Scope(route, numbers(connections), duration, rounds)
    commands = Commands(before or THREADED, after, app, str(interpreter or ""))
    wish = Wish(scope, commands, chosen.settings, tuple(chosen.values["stages"]), upstream, upstream_env, lag, copy, output.value, plot)
    session(narrowed(loaded, chosen), wish)


def _require_matplotlib() -> None:
    if importlib.util.find_spec("matplotlib") is None:
        fail(_EXTRA)
