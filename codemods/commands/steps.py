"""The steps of `migrate` that are not the migration itself: standard input, review, baseline, what is told at the end."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import typer

from codemods.apply import ApplyError
from codemods.baseline import Baseline, read_baseline, write_baseline
from codemods.choices import Choices, write_choices
from codemods.console import check_place, fail, paint, print_lines
from codemods.counted import counted
from codemods.delivery import status_of
from codemods.git import GitError, check_clean
from codemods.json_file import JsonFileError
from codemods.only import tell_unmatched
from codemods.opening import guarded, settings_or_fail
from codemods.pipeline import Migration
from codemods.progress import progress
from codemods.project import Loaded
from codemods.report import diff_lines, table_lines
from codemods.review import Review
from codemods.review_terminal import Reviewed, Talk, hold, read_line
from codemods.settings import Effective
from codemods.standard_input import load_standard_input, result_of, run_alone

_Result = TypeVar("_Result")
_SHOWN = 20


def or_fail(work: Callable[[], _Result]) -> _Result:
    """The result of that work; what cannot be done ends the program with its sentence."""
    try:
        return work()
    except (ApplyError, GitError, JsonFileError) as error:
        fail(str(error))


def migrate_stdin(given: Mapping[str, Any], check: bool, diff: bool, verbose: bool) -> NoReturn:
    """`migrate -`: the result, or with `--diff` the difference, on standard output; with `--check` neither."""
    loaded = load_standard_input()
    chosen = settings_or_fail(loaded.root, **given)
    result = guarded(lambda: run_alone(loaded, chosen.values["stages"], chosen.settings))
    for outcome in result.outcomes:
        for line in table_lines(outcome.decisions, verbose, lambda text, colour: text):
            typer.echo(f"{outcome.stage:<8}  {line}".encode("utf-8", "surrogateescape"), err=True)
    if diff:
        print_lines(line for change in result.changes for line in diff_lines(change, paint()))
    elif not check:
        sys.stdout.buffer.write(result_of(loaded, result))
        sys.stdout.buffer.flush()
    raise typer.Exit(status_of(loaded, result, check, None))


def review(loaded: Loaded, chosen: Effective, save_choices: Path | None, allow_dirty: bool) -> Reviewed:
    """Hold the interactive review. A dirty git tree is told before it, unless the choices are saved."""
    if not (allow_dirty or save_choices):
        or_fail(lambda: check_clean(loaded.root, []))
    if save_choices:
        check_place(save_choices)
    session = Review(loaded, chosen.settings, chosen.values["stages"])
    reviewed = guarded(lambda: hold(session, Talk(print_lines, read_line, paint(), progress)))
    if save_choices:
        or_fail(lambda: write_choices(save_choices, reviewed.choices))
    if reviewed.interrupted:
        typer.echo("")
        fail("interrupted; nothing was written" + (f" but {save_choices}" if save_choices else ""))
    return reviewed


def confirmed(result: Migration) -> bool:
    """Ask whether the chosen changes are to be written."""
    answer = read_line(f"Write the chosen changes to {counted(len(result.changes), 'file')}? [y/N] ")
    return answer is not None and answer.lower() in ("y", "yes")


def known_groups(path: Path) -> Baseline:
    """The baseline file; ends the program with a sentence when it cannot be used."""
    return or_fail(lambda: read_baseline(path))


def save_baseline(path: Path, result: Migration) -> None:
    """Write the baseline and say so."""
    number = or_fail(lambda: write_baseline(path, result.outcomes))
    typer.echo(f"{path}: {counted(number, 'group')} written", err=True)


def tell(loaded: Loaded, chosen: Effective, result: Migration, choices: Choices | None, known: Baseline | None) -> None:
    """What a choices file or a baseline has that the run has not, and the other way round."""
    for group in choices.unmet(result.outcomes) if choices else ():
        typer.echo(f"not made: {group} was accepted, and that change cannot be made, or not any more; review again", err=True)
    if result.staged:
        tell_unmatched(result.staged[0].index, chosen.settings)
    if known:
        new, gone = known.new(result.outcomes), [] if chosen.values["only"] else known.gone(result.outcomes, loaded.project)
        typer.echo(
            f"baseline: {len(new)} groups are new" + (f", {len(gone)} are not found any more (--write-baseline takes them out)" if gone else ""), err=True
        )
        for group in new[:_SHOWN]:
            typer.echo(f"new  {group}", err=True)
        if len(new) > _SHOWN:
            typer.echo(f"new  … and {len(new) - _SHOWN} more", err=True)
