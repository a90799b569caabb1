"""`flask-to-async audit`."""

from pathlib import Path

import typer

from codemods.audit import audit_lines, survey
from codemods.console import guarded, load_or_fail, paint, print_lines
from codemods.options import AllHandlers, Only, Orm, OrmOption, Target, Traced
from transforms.model import Settings


def audit(
    path: Target = Path(),
    only: Only = [],  # noqa: B006
    all_handlers: AllHandlers = False,
    orm: OrmOption = Orm.leave,
    traced: Traced = [],  # noqa: B006
) -> None:
    """Show what each handler reaches, the verdict it would get, and what a migration would bring."""
    loaded = load_or_fail(path, traced)
    index, judgements = guarded(lambda: survey(loaded, Settings(tuple(only), all_handlers, orm.value)))
    print_lines(audit_lines(index, judgements, paint()))
    broken = [name for name in index.broken if name in loaded.project.editable]
    for name in broken:
        line, reason = index.broken[name]
        typer.echo(f"not read  F001  {name}:{line}: {reason}", err=True)
    raise typer.Exit(2 if broken or loaded.unreadable else 0)
