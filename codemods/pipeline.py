"""Stages one after another in memory: the output of each is the input of the next."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from codemods.catalogue_files import catalogue_for
from codemods.project import Loaded
from codemods.stage_names import is_query
from transforms.catalogue import Catalogue
from transforms.dependencies import declare
from transforms.index import Index, ParseCache
from transforms.model import FileChange, Outcome, Project, Settings
from transforms.progress import Tick, no_tick
from transforms.stages import ALL_STAGES, NOT_ACCEPTED, STAGES, Accepts, Staged, run_stage
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
    for none all of ours but those that run on demand only."""
    ours = iter([name for name in ALL_STAGES if (name in names if names else name in STAGES)])
    placed = [name if is_query(name) else next(ours, "") for name in names] or list(ours)
    return [name for name in placed if name]


def run_stages(
    loaded: Loaded,
    stages: Sequence[str],
    settings: Settings,
    chooses: Chooses = choose_all,
    tick: Tick = no_tick,
    catalogue: Catalogue | None = None,
    cache: ParseCache | None = None,
) -> Migration:
    """Run the stages in memory; nothing is written. `chooses(stage, group)` says which groups of decisions are taken.

    Who has read the catalogue and the files already gives them.
    """
    carried = one_by_one(loaded, in_order(stages), settings, chooses, tick, catalogue or catalogue_for(loaded), cache or ParseCache())
    return migration_of(loaded, list(carried), settings)


def one_by_one(
    loaded: Loaded, names: Sequence[str], settings: Settings, chooses: Chooses, tick: Tick, catalogue: Catalogue, cache: ParseCache
) -> Iterator[Staged]:
    """The stages of these names in this order, each when it is asked for."""
    project = loaded.project
    for name in names:
        staged = with_dependencies(carry(name, loaded.root, project, catalogue, settings, partial(chooses, name), cache, tick))
        project = staged.project
        yield staged


def migration_of(loaded: Loaded, carried: Sequence[Staged], settings: Settings) -> Migration:
    """What these stages, all that were carried out, come to."""
    outcomes = _with_comments([staged.index for staged in carried], [staged.outcome for staged in carried], settings)
    after = carried[-1].project if carried else loaded.project
    return Migration(outcomes, tuple(changed_files(loaded.project, after)), tuple(carried))


def with_dependencies(staged: Staged) -> Staged:
    """The stage together with the additions to requirement files that its changes need: they follow what was accepted."""
    outcome, project = staged.outcome, staged.project
    if not outcome.needs:
        return staged
    code = [change.path for change in outcome.changes]
    found = declare(project.metadata_bytes, project.metadata_editable, code, outcome.needs)
    outcome = replace(outcome, changes=(*outcome.changes, *found.changes), decisions=tuple(sorted([*outcome.decisions, *found.decisions])))
    return replace(staged, outcome=outcome, project=project.replace_metadata(found.changes))


def changed_files(before: Project, after: Project) -> Iterator[FileChange]:
    """Every file, code or not, that differs between two states of a project; by path."""
    old, new = {**before.metadata_bytes, **before.python}, {**after.metadata_bytes, **after.python}
    return (FileChange(path, old.get(path), data) for path, data in sorted(new.items()) if old.get(path) != data)


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
