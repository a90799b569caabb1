"""The baseline: the groups of changes that are known and not yet wanted. Only what is new fails `--check`.

Groups are named by file, function and call, never by line, so the file stays good while lines move.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from codemods.json_file import JsonFileError, read_object, refuse_other_keys, texts, write_object
from codemods.stage_names import is_query
from transforms.model import Outcome, Project, Verdict
from transforms.stages import ALL_STAGES

FORMAT, VERSION = "flask-to-async baseline", 1


@dataclass(frozen=True)
class Baseline:
    """Known groups by stage."""

    groups: Mapping[str, frozenset[str]]

    def new(self, outcomes: Iterable[Outcome]) -> list[str]:
        """Groups of these outcomes that are not known."""
        return sorted(group for stage, groups in found_groups(outcomes).items() for group in groups - self.groups.get(stage, frozenset()))

    def gone(self, outcomes: Iterable[Outcome], project: Project) -> list[str]:
        """Known groups of the stages that ran which are found no more: only in files that were looked at, or that are gone."""
        lost = (group for stage, groups in found_groups(outcomes).items() for group in self.groups.get(stage, frozenset()) - groups)
        return sorted(group for group in lost if _path(group) in project.editable or _path(group) not in project.python)


def _path(group: str) -> str:
    """The file in `stage:file:function:call#number`."""
    return (group.split(":") + [""])[1]


def found_groups(outcomes: Iterable[Outcome]) -> dict[str, frozenset[str]]:
    """The groups that would be changed, by stage."""
    return {outcome.stage: frozenset(item.group for item in outcome.decisions if item.group and item.verdict == Verdict.CHANGE) for outcome in outcomes}


def read_baseline(path: Path) -> Baseline:
    """The baseline in that file; raises JsonFileError with a sentence when it is none."""
    groups = read_object(path, FORMAT, VERSION, ("groups",))["groups"]
    if not isinstance(groups, dict):
        raise JsonFileError(f'{path}: "groups" has to be an object with the stages as keys')
    refuse_other_keys(path, [stage for stage in groups if not is_query(stage)], tuple(ALL_STAGES), '"groups"')
    return Baseline({stage: frozenset(texts(path, f"groups.{stage}", names)) for stage, names in groups.items()})


def write_baseline(path: Path, outcomes: Iterable[Outcome]) -> int:
    """Write what is found now, sorted; how many groups there are. Raises JsonFileError when it cannot be written."""
    groups = {stage: sorted(names) for stage, names in found_groups(outcomes).items()}
    write_object(path, {"format": FORMAT, "version": VERSION, "groups": groups})
    return sum(len(names) for names in groups.values())
