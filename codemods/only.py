"""`--only` with a name that nothing has: said, because a misspelt name would look like work that is done."""

from dataclasses import replace

import typer

from transforms.index import Index
from transforms.judge import own_handlers, selected
from transforms.model import Settings


def tell_unmatched(index: Index, settings: Settings) -> None:
    """Name, on standard error, each `--only` that matches no handler."""
    handlers = own_handlers(index)
    for glob in settings.only:
        if not any(selected(index, handler, replace(settings, only=(glob,))) for handler in handlers):
            typer.echo(f"flask-to-async: --only {glob} matches no handler's endpoint, name, module or path; `flask-to-async audit` lists them", err=True)
