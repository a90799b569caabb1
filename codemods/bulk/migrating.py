"""One repository's migration: audit, the stages, with its tests where they are known, and a commit for each stage."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codemods.audit import judged
from codemods.bulk.clone import top_checked
from codemods.bulk.commits import Draft, commit_all, forget, identity_of, patch_of
from codemods.bulk.git import Git
from codemods.bulk.job import Job
from codemods.bulk.measure import blocking_calls
from codemods.bulk.place import write_whole
from codemods.bulk.running import NothingToDo, StepError, inside
from codemods.catalogue_files import catalogue_for
from codemods.commit_message import message_of
from codemods.config_file import ConfigError
from codemods.formats.words import clean
from codemods.pipeline import Migration, in_order, run_stages
from codemods.project import Loaded, ProjectError, load
from codemods.settings import effective, narrowed
from transforms.catalogue import Catalogue, CatalogueError
from transforms.index import Index, ParseCache, build_index
from transforms.model import FileChange, Outcome, Project, Settings, Verdict

Tell = Callable[[str, Mapping[str, Any]], None]
_MOST = 20  # refusal reasons and unreadable files that are kept for a repository
_PLACE = re.compile(r"[^\s()]+\.py:\d+(?: \([^()]*\))?")  # reasons are counted over repositories: without the place that each names
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")


@dataclass(frozen=True)
class Subject:
    """The project as it was read, and what is known from reading it."""

    loaded: Loaded
    names: tuple[str, ...]
    settings: Settings
    catalogue: Catalogue
    cache: ParseCache


@dataclass(frozen=True)
class Carried:
    """What the stages make of it, the project after them, and what the tests say, in lines of Markdown."""

    result: Migration
    project: Project
    evidence: tuple[str, ...] = ()


def migrate(job: Job, git: Git, tell: Tell) -> list[str]:
    """Carry out and commit; tells a row for each step and gives the commits. Raises StepError or NothingToDo."""
    base = job.known["clone"]["commit"]
    top_checked(git, base)
    subject = _read(job, git.folder)
    index = _index(subject, subject.loaded.project)
    before, handlers = blocking_calls(index, subject.settings), judged(index, subject.settings)
    tell("audit", {"handlers": len(handlers), "blocking": before, **_verdicts(item.verdict for item in handlers)})
    carried = _carried(job, subject, tell)
    result, after = carried.result, blocking_calls(_index(subject, carried.project), subject.settings)
    commits = _committed(job, git, base, subject.loaded.root, result.outcomes)
    for outcome in result.outcomes:
        tell(outcome.stage, _stage_row(outcome, commits))
    tip = next(reversed(commits.values()), base)
    write_whole(job.place.patch(job.spec.name), patch_of(git, base, tip))
    _write_body(job, subject, result, carried.evidence)
    counts = {"blocking": [before, after], "base": base, "tip": tip, "commits": list(commits.values())}
    tell("commit", {**counts, **_summary(subject, result, len(handlers))})
    return list(commits.values())


def _read(job: Job, folder: Path) -> Subject:
    path = inside(folder, job.spec.path, "path")
    try:
        loaded = load(path)
        chosen = effective(loaded.root, dict(job.spec.migration))
        loaded = narrowed(loaded, chosen)
        if not any(b"flask" in data.lower() for data in loaded.project.python.values()):
            raise NothingToDo("it is no Flask application: no Python file names Flask")
        return Subject(loaded, tuple(in_order(chosen.values["stages"])), chosen.settings, catalogue_for(loaded), ParseCache())
    except ProjectError:
        raise NothingToDo("it holds no Python file") from None
    except (ConfigError, CatalogueError) as error:
        raise StepError(f"its own settings cannot be used: {job.log.clean(str(error))}") from None
    except OSError as error:
        raise StepError(f"it cannot be read: {job.log.clean(str(error))}") from None


def _index(subject: Subject, project: Project) -> Index:
    return build_index(project, subject.catalogue, subject.cache)


def _carried(job: Job, subject: Subject, tell: Tell) -> Carried:
    if job.spec.test:
        from codemods.bulk.testing import migrate_with_tests  # here: most repositories have no test command

        return migrate_with_tests(job, subject, tell)
    result = run_stages(subject.loaded, subject.names, subject.settings, catalogue=subject.catalogue, cache=subject.cache)
    return Carried(result, result.staged[-1].project if result.staged else subject.loaded.project)


def _committed(job: Job, git: Git, base: str, root: Path, outcomes: Sequence[Outcome]) -> dict[str, str]:
    """The commit of each stage that changes something."""
    prefix = root.relative_to(git.folder.resolve()).as_posix()
    lead = "" if prefix == "." else f"{prefix}/"
    changing = [outcome for outcome in outcomes if outcome.changes]
    if not changing:
        forget(git, job.spec.branch)
        return {}
    drafts = [
        Draft(_CONTROL.sub(" ", message_of(outcome)), tuple(FileChange(lead + item.path, item.before, item.after) for item in outcome.changes))
        for outcome in changing
    ]
    commits = commit_all(git, job.spec.branch, base, drafts, identity_of(git, job.when))
    return {outcome.stage: commit for outcome, commit in zip(changing, commits, strict=True)}


def _stage_row(outcome: Outcome, commits: Mapping[str, str]) -> dict[str, Any]:
    taken = {item.group for item in outcome.decisions if item.group and item.verdict == Verdict.CHANGE}
    counts = _verdicts(item.verdict for item in outcome.decisions)
    return {"commit": commits.get(outcome.stage, ""), "files": len(outcome.changes), "groups": len(taken), **counts}


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


def _write_body(job: Job, subject: Subject, result: Migration, evidence: Sequence[str]) -> None:
    """The text of the pull request, for a person where no platform is asked."""
    from codemods.formats.as_markdown import lines
    from codemods.formats.record import migration_record

    record = migration_record(subject.loaded, result, subject.settings, True)
    text = "\n".join([*lines(record, False), *evidence])
    write_whole(job.place.body(job.spec.name), (text + "\n").encode("utf-8", "replace"))
