"""Stages one after another in memory: the output of each is the input of the next."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from codemods.catalogue_files import load_catalogue
from codemods.project import Loaded
from codemods.stage_names import is_query
from transforms.catalogue import Catalogue
from transforms.dependencies import declare
from transforms.index import ParseCache
from transforms.model import FileChange, Outcome, Project, Settings, Verdict
from transforms.stages import ALL_STAGES, STAGES, Accepts, run_stage

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
    for none all of ours but those that run on demand only."""
    ours = iter([name for name in ALL_STAGES if (name in names if names else name in STAGES)])
    placed = [name if is_query(name) else next(ours, "") for name in names] or list(ours)
    return [name for name in placed if name]


def run_stages(loaded: Loaded, stages: Sequence[str], settings: Settings, chooses: Chooses = choose_all) -> Migration:
    """Run the stages in memory; nothing is written. `chooses(stage, group)` says which groups of decisions are taken."""
    catalogue = load_catalogue()
    cache = ParseCache()
    project = loaded.project
    outcomes: list[Outcome] = []
    for name in in_order(stages):
        outcome, project = _run(name, loaded, project, catalogue, settings, partial(chooses, name), cache)
        outcome = with_dependencies(outcome, project, partial(chooses, name))
        outcomes.append(outcome)
        project = project.replace_metadata([change for change in outcome.changes if change.path not in project.python])
    return Migration(tuple(outcomes), tuple(_changed(loaded.project, project)))


def with_dependencies(outcome: Outcome, project: Project, accepts: Accepts) -> Outcome:
    """The outcome together with the additions to requirement files that its changes need."""
    if not outcome.needs:
        return outcome
    code = [change.path for change in outcome.changes]
    found = declare(project.metadata_bytes, project.metadata_editable, code, outcome.needs)
    taken = [
        replace(decision, verdict=Verdict.LEAVE, reason="not accepted by the user", group="") if decision.group and not accepts(decision.group) else decision
        for decision in found.decisions
    ]
    kept = {decision.path for decision in taken if decision.verdict == Verdict.CHANGE}
    changes = tuple(change for change in found.changes if change.path in kept)
    return replace(outcome, changes=(*outcome.changes, *changes), decisions=tuple(sorted([*outcome.decisions, *taken])))


def _changed(before: Project, after: Project) -> Iterator[FileChange]:
    old, new = {**before.metadata_bytes, **before.python}, {**after.metadata_bytes, **after.python}
    return (FileChange(path, old.get(path), data) for path, data in sorted(new.items()) if old.get(path) != data)


def _run(name: str, loaded: Loaded, project: Project, catalogue: Catalogue, settings: Settings, accepts: Accepts, cache: ParseCache) -> tuple[Outcome, Project]:
    if is_query(name):
        from codemods.query_stage import run_query  # Bowler is loaded only where it is asked for

        return run_query(name, loaded.root, project, accepts)
    staged = run_stage(name, project, catalogue, settings, accepts, cache)
    return staged.outcome, staged.project
