"""Stages one after another in memory: the output of each is the input of the next."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from codemods.catalogue_files import catalogue_for
from codemods.project import Loaded
from codemods.stage_names import is_query
from transforms.catalogue import Catalogue
from transforms.index import Index, ParseCache
from transforms.model import FileChange, Outcome, Project, Settings
from transforms.progress import Tick, no_tick
from transforms.stages import NOT_ACCEPTED, STAGES, Accepts, Staged, run_stage
from transforms.suppression import idle_comments

Chooses = Callable[[str, str], bool]


def choose_all(stage: str, group: str) -> bool:
    """Take every group of every stage."""
    return True


@dataclass(frozen=True)
class Migration:
    """The outcomes of the stages, and what all of them together change on disk."""

    outcomes: tuple[Outcome, ...]
    changes: tuple[FileChange, ...]
    staged: tuple[Staged, ...] = ()

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


def run_stages(loaded: Loaded, stages: Sequence[str], settings: Settings, chooses: Chooses = choose_all, tick: Tick = no_tick) -> Migration:
    """Run the stages in memory; nothing is written. `chooses(stage, group)` says which groups of decisions are taken."""
    catalogue = catalogue_for(loaded)
    cache = ParseCache()
    project = loaded.project
    outcomes: list[Outcome] = []
    carried: list[Staged] = []
    for name in in_order(stages):
        staged = carry(name, loaded.root, project, catalogue, settings, partial(chooses, name), cache, tick)
        outcomes.append(staged.outcome)
        carried.append(staged)
        project = staged.project
    before = loaded.project.python
    changes = [FileChange(path, before.get(path), data) for path, data in sorted(project.python.items()) if before.get(path) != data]
    return Migration(_with_comments([staged.index for staged in carried], outcomes, settings), tuple(changes), tuple(carried))


def carry(
    name: str, root: Path, project: Project, catalogue: Catalogue, settings: Settings, accepts: Accepts, cache: ParseCache, tick: Tick = no_tick
) -> Staged:
    """Carry out one stage in memory: one of ours, or a Bowler query of the user's."""
    if is_query(name):
        from codemods.query_stage import run_query  # Bowler is loaded only where it is asked for

        return run_query(name, root, project, accepts)
    return run_stage(name, project, catalogue, settings, accepts, cache, tick)


def _with_comments(indexes: Sequence[Index], outcomes: Sequence[Outcome], settings: Settings) -> tuple[Outcome, ...]:
    """The outcomes; the first also has a row for each suppression comment that is misspelt or does nothing.

    That a comment does nothing is known only when every stage ran over every handler and every group was taken.
    """
    whole = [outcome.stage for outcome in outcomes] == list(STAGES) and not settings.only
    complete = whole and not any(item.code == "P001" or item.reason == NOT_ACCEPTED for outcome in outcomes for item in outcome.decisions)
    rows = idle_comments(indexes, outcomes, complete)
    return tuple(replace(outcome, decisions=tuple(sorted([*outcome.decisions, *rows]))) if not number else outcome for number, outcome in enumerate(outcomes))
