"""One repository's migration: audit, the stages, with its tests where they are known, and a commit for each stage."""

import re
from collections import Counter
from typing import Any

from codemods.audit import judged
from codemods.bulk.carrying import Carried, all_carried
from codemods.bulk.clone import top_checked
from codemods.bulk.commits import forget, patch_of, settle
from codemods.bulk.hooked import carried_with_hooks
from codemods.bulk.job import Job
from codemods.bulk.measure import blocking_calls
from codemods.bulk.subject import Subject, read_subject
from codemods.bulk.telling import Rows
from codemods.formats.words import clean
from codemods.pipeline import Migration
from codemods.replacing import write_whole
from transforms.index import Index, build_index
from transforms.model import Outcome, Project, Verdict

_MOST = 20  # refusal reasons and unreadable files that are kept for a repository
_PLACE = re.compile(r"[^\s()]+\.py:\d+(?: \([^()]*\))?")  # reasons are counted over repositories: without the place that each names


def migrate(job: Job, tell: Rows) -> list[str]:
    """Carry out and commit; tells a row for each step and gives the commits. Raises StepError or NothingToDo."""
    base = job.known["clone"]["commit"]
    top_checked(job.git, base, anew=bool(job.spec.hooks))
    subject = read_subject(job)
    index = _index(subject, subject.loaded.project)
    before, handlers = blocking_calls(index, subject.settings), judged(index, subject.settings)
    tell("audit", {"handlers": len(handlers), "blocking": before, **_verdicts(item.verdict for item in handlers)})
    carried = (carried_with_hooks if job.spec.hooks else all_carried)(job, subject, base, tell)
    after = blocking_calls(_index(subject, carried.project), subject.settings)
    commits = _settled(job, base, carried, tell)
    tip = commits[-1] if commits else base
    write_whole(job.place.patch(job.spec.name), [patch_of(job.git, base, tip)])
    _write_body(job, subject, carried)
    counts = {"blocking": [before, after], "base": base, "tip": tip, "commits": commits}
    tell("commit", {**counts, **_summary(subject, carried.result, len(handlers))})
    return commits


def _index(subject: Subject, project: Project) -> Index:
    return build_index(project, subject.catalogue, subject.cache)


def _settled(job: Job, base: str, carried: Carried, tell: Rows) -> list[str]:
    """The commits of the branch, told by stage. Where no stage changes anything there are none, whatever hooks have changed."""
    stages = [stage for stage, _ in carried.made]
    commits = settle(job.git, job.spec.branch, base, carried.made[-1][1]) if any(stages) else []
    if not commits:
        forget(job.git, job.spec.branch)
    found = dict(zip(stages, commits, strict=bool(commits)))
    for outcome in carried.result.outcomes:
        tell(outcome.stage, _stage_row(outcome, found.get(outcome.stage, "")))
    return commits


def _stage_row(outcome: Outcome, commit: str) -> dict[str, Any]:
    taken = {item.group for item in outcome.decisions if item.group and item.verdict == Verdict.CHANGE}
    counts = _verdicts(item.verdict for item in outcome.decisions)
    return {"commit": commit, "files": len(outcome.changes), "groups": len(taken), **counts}


def _verdicts(found: Any) -> dict[str, int]:
    counts = Counter(found)
    return {verdict.value: counts[verdict] for verdict in Verdict}


def _summary(subject: Subject, result: Migration, handlers: int) -> dict[str, Any]:
    decisions = [item for outcome in result.outcomes for item in outcome.decisions]
    codes = Counter((item.code, item.verdict.value) for item in decisions)
    refused = Counter((item.code, _PLACE.sub("…", clean(item.reason))) for item in decisions if item.verdict == Verdict.REFUSE and item.code != "F001")
    unread = {**subject.loaded.unreadable, **{item.path: f"line {item.line}: {item.reason}" for item in decisions if item.code in ("F001", "F002")}}
    return {
        "handlers": handlers,
        "async": sum(item.code == "R100" and item.verdict == Verdict.CHANGE for item in decisions),
        "files": len(result.changes),
        "needs": list(result.needs),
        "codes": [[code, verdict, number] for (code, verdict), number in sorted(codes.items())],
        "refused": [[code, reason, number] for (code, reason), number in sorted(refused.items(), key=lambda item: (-item[1], item[0]))[:_MOST]],
        "unread": [[clean(path), clean(reason)] for path, reason in sorted(unread.items())[:_MOST]],
        "unread_files": len(unread),
    }


def _write_body(job: Job, subject: Subject, carried: Carried) -> None:
    """The text of the pull request, for a person where no platform is asked."""
    from codemods.formats.as_markdown import lines
    from codemods.formats.record import migration_record

    record = migration_record(subject.loaded, carried.result, subject.settings, True)
    text = "\n".join([*lines(record, False), *carried.evidence])
    write_whole(job.place.body(job.spec.name), [(text + "\n").encode("utf-8", "replace")])
