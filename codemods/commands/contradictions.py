"""Options that contradict each other: the program ends with a sentence before anything is done."""

from collections.abc import Iterator
from pathlib import Path

from codemods.commands.migration import Ask
from codemods.console import fail


def refuse_together(ask: Ask, alone: bool, baseline: Path | None) -> None:
    """End the program when options contradict each other; `alone`: the path is -, a module on standard input."""
    for sentence in [*(_alone(ask, baseline) if alone else ()), *_contradictions(ask)]:
        fail(sentence)


def _alone(ask: Ask, baseline: Path | None) -> Iterator[str]:
    given: dict[str, object] = {
        "--write": ask.write,
        "--interactive": ask.interactive,
        "--accept": ask.accept,
        "--save-choices": ask.save_choices,
        "--commit": ask.commit,
    }
    given |= {"--baseline": baseline, "--write-baseline": ask.write_baseline, "--statistics": ask.statistics, "--html": ask.html, "--format": ask.format}
    for option, value in given.items():
        if value:
            yield f"{option} does not go with -: a module on standard input has no file; its result is printed"


def _contradictions(ask: Ask) -> Iterator[str]:
    if ask.commit and not (ask.write or ask.interactive):
        yield "--commit commits what is written: give --write too"
    if ask.accept and ask.interactive:
        yield "--accept replays choices and --interactive makes them: give one of them"
    if ask.write_baseline and (ask.write or ask.interactive):
        yield "--write-baseline records what is not changed yet: it does not go with --write or --interactive"
    if ask.save_choices and not ask.interactive:
        yield "--save-choices saves what --interactive chooses: give --interactive too"
    if ask.format and (ask.interactive or ask.statistics):
        yield "--format goes neither with --interactive nor with --statistics, which have an output of their own"
