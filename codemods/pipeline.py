"""Stages one after another in memory: the output of each is the input of the next."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from codemods.catalogue_files import catalogue_for
from codemods.project import Loaded
from codemods.stage_names import is_query
from transforms.catalogue import Catalogue
from transforms.index import ParseCache
from transforms.model import FileChange, Outcome, Project, Settings
from transforms.stages import STAGES, Accepts, run_stage

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
    """The named stages: ours in the order in which they build on each other, a query at the place where it is named;
    all of ours for none."""
    ours = iter([name for name in STAGES if not names or name in names])
    placed = [name if is_query(name) else next(ours, "") for name in names] or list(ours)
    return [name for name in placed if name]


def run_stages(loaded: Loaded, stages: Sequence[str], settings: Settings, chooses: Chooses = choose_all) -> Migration:
    """Run the stages in memory; nothing is written. `chooses(stage, group)` says which groups of decisions are taken."""
    catalogue = catalogue_for(loaded)
    cache = ParseCache()
    project = loaded.project
    outcomes: list[Outcome] = []
    for name in in_order(stages):
        outcome, project = _run(name, loaded, project, catalogue, settings, partial(chooses, name), cache)
        outcomes.append(outcome)
    before = loaded.project.python
    changes = [FileChange(path, before.get(path), data) for path, data in sorted(project.python.items()) if before.get(path) != data]
    return Migration(tuple(outcomes), tuple(changes))


def _run(name: str, loaded: Loaded, project: Project, catalogue: Catalogue, settings: Settings, accepts: Accepts, cache: ParseCache) -> tuple[Outcome, Project]:
    if is_query(name):
        from codemods.query_stage import run_query  # Bowler is loaded only where it is asked for

        return run_query(name, loaded.root, project, accepts)
    staged = run_stage(name, project, catalogue, settings, accepts, cache)
    return staged.outcome, staged.project
