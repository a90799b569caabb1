"""One run of `migrate` on a project: prepare, review, carry out, tell, deliver."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import typer

from codemods.baseline import Baseline
from codemods.choices import Choices, read_choices
from codemods.commands.steps import confirmed, known_groups, or_fail, review, save_baseline, tell
from codemods.console import paint, print_lines
from codemods.delivery import deliver, status_of
from codemods.opening import guarded, load_or_fail, settings_or_fail
from codemods.pipeline import Migration, choose_all, run_stages
from codemods.progress import progress
from codemods.project import Loaded
from codemods.report import DRY_RUN, stage_lines, summary_lines
from codemods.results import write_results
from codemods.review_terminal import Reviewed
from codemods.settings import Effective, narrowed
from codemods.statistics import statistics_lines


@dataclass(frozen=True)
class Ask:
    """What is to be done with the result, as the command line says it; `format` is empty for text."""

    write: bool
    check: bool
    interactive: bool
    accept: Path | None
    save_choices: Path | None
    write_baseline: Path | None
    allow_dirty: bool
    commit: bool
    statistics: bool
    verbose: bool
    format: str
    html: Path | None


@dataclass(frozen=True)
class _Run:
    """The project, the settings, and what a person chose beforehand or in the review."""

    loaded: Loaded
    chosen: Effective
    known: Baseline | None
    choices: Choices | None
    reviewed: Reviewed | None


def carry_out(path: Path, given: Mapping[str, object], traced: Sequence[Path], ask: Ask) -> NoReturn:
    """Run the stages and do with the result what was asked; ends the program with its exit code."""
    run = _prepared(path, given, traced, ask)
    chooses = run.choices.chooses if run.choices else choose_all
    with progress() as tick:
        result = guarded(lambda: run_stages(run.loaded, run.chosen.values["stages"], run.chosen.settings, chooses, tick))
    _show(result, run, ask)
    written = _wanted(result, run, ask)
    if written:
        or_fail(lambda: deliver(run.loaded.root, result, ask.allow_dirty, ask.commit))
    _tell(result, run, ask, written)
    raise typer.Exit(status_of(run.loaded, result, ask.check, run.known))


def _prepared(path: Path, given: Mapping[str, object], traced: Sequence[Path], ask: Ask) -> _Run:
    accept = ask.accept
    accepted = or_fail(lambda: read_choices(accept)) if accept else None
    loaded = load_or_fail(path, traced)
    chosen = settings_or_fail(loaded.root, **given)
    known = None if ask.write_baseline or not chosen.baseline else known_groups(chosen.baseline)
    loaded = narrowed(loaded, chosen)
    reviewed = review(loaded, chosen, ask.save_choices, ask.allow_dirty) if ask.interactive else None
    return _Run(loaded, chosen, known, reviewed.choices if reviewed else accepted, reviewed)


def _show(result: Migration, run: _Run, ask: Ask) -> None:
    """Each stage with its diff and table, unless another form of output takes its place."""
    if ask.statistics:
        print_lines(statistics_lines(result.outcomes, paint()))
    elif not (ask.format or run.reviewed):
        for number, outcome in enumerate(result.outcomes, 1):
            print_lines(stage_lines(outcome, number, len(result.outcomes), ask.verbose, paint()))


def _wanted(result: Migration, run: _Run, ask: Ask) -> bool:
    """Whether the result is to be written: said beforehand, or after the review."""
    if run.reviewed is None:
        return ask.write
    return bool(result.changes) and ((ask.write and run.reviewed.finished) or confirmed(result))


def _why_unwritten(run: _Run, ask: Ask) -> str:
    if run.reviewed is None:
        return DRY_RUN
    early = ask.write and not run.reviewed.finished
    return f"Nothing was written: {'the review ended before its last question, and ' if early else ''}the chosen changes were not confirmed."


def _tell(result: Migration, run: _Run, ask: Ask, written: bool) -> None:
    if ask.html or ask.format:
        write_results(run.loaded, result, run.chosen.settings, written, ask.verbose, ask.format, ask.html)
    if not ask.format:
        print_lines(summary_lines(result.outcomes, result.needs, len(result.changes), written, paint(), _why_unwritten(run, ask)))
    tell(run.loaded, run.chosen, result, run.choices, run.known)
    if ask.write_baseline:
        save_baseline(ask.write_baseline, result)
