"""`flask-to-async audit`."""

from pathlib import Path

import typer

from codemods.console import paint, print_lines
from codemods.options import AllHandlers, Only, OrmOption, OutputFormat, OutputOption, Target, Traced, Verbose


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
    from codemods.audit import audit_lines, dangers, survey  # here, so that `--help` and completion need not load it
    from codemods.only import tell_unmatched
    from codemods.opening import guarded, load_or_fail, settings_or_fail
    from codemods.settings import narrowed

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
    tell_unmatched(index, chosen.settings)
    broken = [name for name in index.broken if name in loaded.project.editable]
    for name in broken:
        line, reason = index.broken[name]
        typer.echo(f"not read  F001  {name}:{line}: {reason}", err=True)
    raise typer.Exit(2 if broken or loaded.unreadable else 0)
