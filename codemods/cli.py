"""The command line: every command, by name."""

from pathlib import Path
from typing import Annotated

import typer

from codemods.commands.audit import audit
from codemods.commands.bench import bench
from codemods.commands.bulk import bulk
from codemods.commands.catalogue import catalogue
from codemods.commands.config import config
from codemods.commands.explain import explain
from codemods.commands.migrate import migrate
from codemods.commands.schema import schema
from codemods.commands.trace import trace
from codemods.commands.undo import undo_command
from codemods.commands.verify import verify
from codemods.console import fail

app = typer.Typer(
    no_args_is_help=True, add_completion=True, rich_markup_mode=None, pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]}
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # it reads the folder of installed packages, so only when asked

        typer.echo(f"flask-to-async {version('flask-to-async')}")
        raise typer.Exit


@app.callback()
def main(version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")] = False) -> None:
    """Take a synchronous Flask application to async, stage by stage, without breaking it.

    Start with `flask-to-async audit PATH`: what each handler reaches, and what a migration would bring. Then
    `flask-to-async migrate PATH` shows each stage's diff and reasons, and `--write` applies them.
    """
    try:
        Path.cwd()
    except OSError:
        fail("the folder that you are in does not exist any more; go to another one")


app.command("audit", short_help="What each handler reaches, and what a migration would bring.")(audit)
app.command("migrate")(migrate)
app.command("verify", short_help="Migrate in a copy; the application's own tests decide.")(verify)
app.command("trace", short_help="Run a command and show what blocks its event loops.")(trace)
app.command("bench", short_help="Load the application before and after, side by side.")(bench)
app.command("undo")(undo_command)
app.command("explain", short_help="Say what a rule means, with an example.")(explain)
app.command("schema", short_help="Print the schema of the JSON formats.")(schema)
app.add_typer(config, name="config", short_help="Every setting, and where it comes from.")
app.add_typer(catalogue, name="catalogue", short_help="What is known of libraries; test a catalogue file.")
app.add_typer(bulk, name="bulk", short_help="One migration over many repositories.")
