"""`flask-to-async audit`."""

from pathlib import Path

import typer

from codemods.audit import audit_lines, dangers, survey
from codemods.console import guarded, load_or_fail, paint, print_lines, settings_or_fail
from codemods.options import AllHandlers, Only, OrmOption, OutputFormat, OutputOption, Target, Traced, Verbose
from codemods.settings import narrowed


def audit(
    path: Target = Path(),
    only: Only = [],  # noqa: B006
    all_handlers: AllHandlers = None,
    orm: OrmOption = None,
    output: OutputOption = OutputFormat.text,
    traced: Traced = [],  # noqa: B006
    verbose: Verbose = False,
) -> None:
    """Show what each handler reaches, the verdict it would get, and what a migration would bring."""
    loaded = load_or_fail(path, traced)
    chosen = settings_or_fail(loaded.root, only=only, all_handlers=all_handlers, orm=orm)
    loaded = narrowed(loaded, chosen)
    index, judgements = guarded(lambda: survey(loaded, chosen.settings))
    found = guarded(lambda: dangers(index, chosen.settings))
    if output is OutputFormat.text:
        print_lines(audit_lines(index, judgements, found, paint()))
    else:
        from codemods.formats import formatted
        from codemods.formats.audit_record import audit_record

        print_lines(formatted(audit_record(loaded, index, judgements, found, chosen.settings), output.value, verbose))
    broken = [name for name in index.broken if name in loaded.project.editable]
    for name in broken:
        line, reason = index.broken[name]
        typer.echo(f"not read  F001  {name}:{line}: {reason}", err=True)
    raise typer.Exit(2 if broken or loaded.unreadable else 0)
