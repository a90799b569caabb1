"""The choices file: which groups of decisions a person accepted, written by a review and read by `--accept`.

JSON, UTF-8: `{"format": "flask-to-async choices", "version": 1, "accepted": {"routes": ["group", …], …}}`. A group that
is not listed is not taken. The file is sorted, so that two reviews can be compared with `diff`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codemods.json_file import JsonFileError, read_object, refuse_other_keys, texts, write_object
from codemods.stage_names import is_query
from transforms.model import Outcome, Verdict
from transforms.stages import ALL_STAGES, STAGES

FORMAT, VERSION = "flask-to-async choices", 1


@dataclass(frozen=True)
class Choices:
    """The accepted groups by stage."""

    accepted: Mapping[str, frozenset[str]]

    def chooses(self, stage: str, group: str) -> bool:
        """Whether the group of that stage was accepted."""
        return group in self.accepted.get(stage, ())

    def unmet(self, outcomes: Iterable[Outcome]) -> list[str]:
        """Accepted groups that these outcomes do not carry out: the code has changed since, or a guard refused them."""
        ran = {outcome.stage: outcome for outcome in outcomes}
        done = {name: {item.group for item in outcome.decisions if item.verdict == Verdict.CHANGE} for name, outcome in ran.items()}
        return sorted(group for name, groups in self.accepted.items() if name in done for group in groups - done[name])


def read_choices(path: Path, stages: Iterable[str] = ALL_STAGES) -> Choices:
    """The choices in that file; raises JsonFileError with a sentence when it is no choices file."""
    data = read_object(path, FORMAT, VERSION, ("accepted",))
    accepted = data["accepted"]
    if not isinstance(accepted, dict):
        raise JsonFileError(f'{path}: "accepted" has to be an object with the stages as keys')
    refuse_other_keys(path, [stage for stage in accepted if not is_query(stage)], tuple(stages), '"accepted"')
    return Choices({stage: frozenset(texts(path, f"accepted.{stage}", groups)) for stage, groups in accepted.items()})


def write_choices(path: Path, choices: Choices, stages: Iterable[str] = STAGES) -> None:
    """Write the file, all or nothing; raises JsonFileError when it cannot be written."""
    known = [*stages, *sorted(set(choices.accepted) - set(stages))]
    accepted: dict[str, Any] = {stage: sorted(choices.accepted.get(stage, ())) for stage in known}
    write_object(path, {"format": FORMAT, "version": VERSION, "accepted": accepted})
