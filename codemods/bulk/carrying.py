"""Stages carried out, in memory or as the tests accept them, and their commits. Without hooks all stages in one go."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from codemods.bulk.commits import Draft, add_commits, identity_of
from codemods.bulk.job import Job
from codemods.bulk.subject import Subject
from codemods.bulk.telling import Rows
from codemods.bulk.testing import Tested, evidence, tested
from codemods.commit_message import message_of
from codemods.pipeline import Migration, changed_files, choose_all, migration_of, one_by_one
from transforms.model import FileChange, Outcome, Project
from transforms.progress import no_tick
from transforms.stages import Staged

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")


@dataclass(frozen=True)
class Part:
    """Some stages: what they change, the project after them, and what the tests said where they are known."""

    result: Migration
    project: Project
    tested: Tested | None = None


@dataclass(frozen=True)
class Carried:
    """What the stages make of the project, the project after them, their commits, each with its stage (empty for one of
    hooks), and what the tests say, in lines of Markdown."""

    result: Migration
    project: Project
    made: tuple[tuple[str, str], ...]
    evidence: tuple[str, ...] = ()


def all_carried(job: Job, subject: Subject, base: str, tell: Rows) -> Carried:
    """All stages, and a commit for each that changes something."""
    part = carried_out(job, subject, subject.names, tell)
    if part.tested:
        tell("verify", part.tested.row)
    made = tuple(committed(job, subject, base, part.result.outcomes).items())
    return Carried(part.result, part.project, made, evidence(job.spec.test, [part.tested] if part.tested else []))


def carried_out(job: Job, subject: Subject, names: Sequence[str], tell: Rows, earlier: Tested | None = None) -> Part:
    """These stages. `earlier`: what the tests said of the stages before. Raises StepError."""
    if job.spec.test:
        found = tested(job, subject, names, tell, earlier)
        assert found.result.project is not None
        changes = tuple(changed_files(subject.loaded.project, found.result.project))
        return Part(Migration(tuple(found.result.outcomes), changes), found.result.project, found)
    carried = _untested(subject, names, tell)
    return Part(migration_of(subject.loaded, carried, subject.settings), carried[-1].project if carried else subject.loaded.project)


def _untested(subject: Subject, names: Sequence[str], tell: Rows) -> list[Staged]:
    stages = one_by_one(subject.loaded, names, subject.settings, choose_all, no_tick, subject.catalogue, subject.cache)
    found = []
    for name in names:
        with tell.during(name):
            found.append(next(stages))
    return found


def committed(job: Job, subject: Subject, base: str, outcomes: Sequence[Outcome]) -> dict[str, str]:
    """The commit of each stage that changes something, the first one on `base`."""
    prefix = subject.loaded.root.relative_to(job.git.folder.resolve()).as_posix()
    lead = "" if prefix == "." else f"{prefix}/"
    changing = [outcome for outcome in outcomes if outcome.changes]
    if not changing:
        return {}
    drafts = [
        Draft(_CONTROL.sub(" ", message_of(outcome)), tuple(FileChange(lead + item.path, item.before, item.after) for item in outcome.changes))
        for outcome in changing
    ]
    commits = add_commits(job.git, base, drafts, identity_of(job.git, job.when))
    return {outcome.stage: commit for outcome, commit in zip(changing, commits, strict=True)}
