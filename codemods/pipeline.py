"""Stages one after another in memory: the output of each is the input of the next."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from codemods.catalogue_files import catalogue_for
from codemods.project import Loaded
from transforms.index import ParseCache
from transforms.model import FileChange, Outcome, Settings
from transforms.stages import STAGES, run_stage

Chooses = Callable[[str, str], bool]


def choose_all(stage: str, group: str) -> bool:
    """Take every group of every stage."""
    return True


@dataclass(frozen=True)
class Migration:
    """The outcomes of the stages, and what all of them together change on disk."""

    outcomes: tuple[Outcome, ...]
    changes: tuple[FileChange, ...]

    @property
    def needs(self) -> tuple[str, ...]:
        """Distributions that the result needs, for the user's requirements."""
        return tuple(sorted({need for outcome in self.outcomes for need in outcome.needs}))


def in_order(names: Sequence[str]) -> list[str]:
    """The named stages in the order in which they build on each other; all of them for none."""
    return [name for name in STAGES if not names or name in names]


def run_stages(loaded: Loaded, stages: Sequence[str], settings: Settings, chooses: Chooses = choose_all) -> Migration:
    """Run the stages in memory; nothing is written. `chooses(stage, group)` says which groups of decisions are taken."""
    catalogue = catalogue_for(loaded)
    cache = ParseCache()
    project = loaded.project
    outcomes: list[Outcome] = []
    for name in in_order(stages):
        staged = run_stage(name, project, catalogue, settings, partial(chooses, name), cache)
        outcomes.append(staged.outcome)
        project = staged.project
    before = loaded.project.python
    changes = [FileChange(path, before.get(path), data) for path, data in sorted(project.python.items()) if before.get(path) != data]
    return Migration(tuple(outcomes), tuple(changes))
