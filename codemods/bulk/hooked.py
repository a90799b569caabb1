"""The stages with commands of the user's before and after them.

Each stage works on the tree that the hooks before it left. What a hook changes in files that git tracks, and what it gives
to `git add`, is a commit of its own: the commits of the stages hold what this tool did and nothing else.
"""

from collections.abc import Sequence

from codemods.bulk.carrying import Carried, Part, carried_out, committed
from codemods.bulk.commits import commit_tree, identity_of
from codemods.bulk.job import Job
from codemods.bulk.running import run_given
from codemods.bulk.subject import Subject, read_subject
from codemods.bulk.telling import Rows
from codemods.bulk.testing import Tested, evidence, merged, tested
from codemods.pipeline import Migration, changed_files, migration_of

Made = list[tuple[str, str]]


def carried_with_hooks(job: Job, subject: Subject, base: str, tell: Rows) -> Carried:
    """As `all_carried`. The clone stands at `base` when it begins and when it ends. Raises StepError."""
    made: Made = []
    parts: list[Part] = []
    try:
        for name in subject.names:
            _hook(job, "before", name, base, made, tell)
            now = read_subject(job)
            parts.append(carried_out(job, now, [name], tell, parts[-1].tested if parts else None))
            made += committed(job, now, _tip(base, made), parts[-1].result.outcomes).items()
            _go(job, _tip(base, made))
            _hook(job, "after", name, base, made, tell)
        last = read_subject(job)
        tests = _judged(job, last, [part.tested for part in parts if part.tested], made, tell)
    finally:
        _go(job, base)
    tell("hooks", {"commits": [commit for stage, commit in made if not stage]})
    return Carried(_together(subject, last, parts), last.loaded.project, tuple(made), evidence(job.spec.test, tests))


def _tip(base: str, made: Made) -> str:
    return made[-1][1] if made else base


def _go(job: Job, commit: str) -> None:
    job.git.local("checkout", "--quiet", "--force", "--detach", commit)


def _hook(job: Job, when: str, stage: str, base: str, made: Made, tell: Rows) -> None:
    """Run its commands, and commit what they have changed."""
    commands, tip = job.spec.hooks.get(f"{when}-{stage}", ()), _tip(base, made)
    if not commands:
        return
    with tell.during("hooks"):
        more = {"FLASK_TO_ASYNC_STAGE": stage, "FLASK_TO_ASYNC_COMMIT": tip}
        run_given(commands, job.git.folder, job.environment | more, job.spec.install_timeout, job.log, f"the hook {when}-{stage}")
        job.git.local("add", "--update")
        tree = job.git.local("write-tree").decode().strip()
        if tree != job.git.local("rev-parse", "--verify", f"{tip}^{{tree}}").decode().strip():
            made.append(("", commit_tree(job.git, tree, tip, f"hook {when}-{stage}", identity_of(job.git, job.when))))
        _go(job, _tip(base, made))


def _judged(job: Job, last: Subject, found: Sequence[Tested], made: Made, tell: Rows) -> Sequence[Tested]:
    """The tests of all stages as one; what hooks changed after the last of them is tested too."""
    if not found:
        return []
    if made and not made[-1][0]:
        tested(job, last, [], tell, found[-1])
    whole = merged(found)
    tell("verify", whole.row)
    return [whole]


def _together(subject: Subject, last: Subject, parts: Sequence[Part]) -> Migration:
    staged = [item for part in parts for item in part.result.staged]
    outcomes = migration_of(subject.loaded, staged, subject.settings).outcomes if staged else tuple(item for part in parts for item in part.result.outcomes)
    return Migration(outcomes, tuple(changed_files(subject.loaded.project, last.loaded.project)), tuple(staged))
