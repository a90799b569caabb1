"""The migration of a repository whose test command is known: the gate of `verify`, in a copy of its clone."""

import contextlib
import re
import shlex
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from codemods.bulk.job import Job
from codemods.bulk.migrating import Carried, Subject, Tell
from codemods.bulk.running import StepError, inside
from codemods.formats.as_markdown import code
from codemods.pipeline import Migration, changed_files, run_stages, with_dependencies
from codemods.verify.gate import Gate, Verified
from codemods.verify.judging import Baseline, BaselineError
from codemods.verify.prepare import imported, inside_for, prefix_of, split
from codemods.verify.run import CommandError
from codemods.verify.scratch import Scratch, ScratchError, clear, make
from codemods.verify.tester import Tester
from transforms.model import Project
from transforms.stages import Accepts, Staged, run_stage


def migrate_with_tests(job: Job, subject: Subject, tell: Tell) -> Carried:
    """What the tests accept, and lines of evidence for the pull request. Raises StepError."""
    try:
        scratch = _scratch(job)
    except ScratchError as error:
        raise StepError(job.log.clean(str(error))) from None
    try:
        needs = run_stages(subject.loaded, subject.names, subject.settings, catalogue=subject.catalogue, cache=subject.cache).needs
        tester = _tester(job, subject, scratch, needs)
        tester.open()
        base = tester.first()
        tell("baseline", {"passed": sum(said == "passed" for said in base.steady.values()), "failing": len(base.failing), "flaky": len(base.flaky)})
        _check_needs(tester, base, needs)
        result = _gated(job, subject, tester)
    except (BaselineError, CommandError, StepError) as error:
        clear(scratch)
        raise StepError(_reason(job, str(error))) from None
    taken = [[item.stage, item.group, sorted(item.tests)[:3]] for item in result.taken]
    tell("verify", {"accepted": dict(result.carried), "taken_back": taken, "flaky": len(base.flaky | result.flaky)})
    clear(scratch)
    assert result.project is not None
    changes = tuple(changed_files(subject.loaded.project, result.project))
    return Carried(Migration(tuple(result.outcomes), changes), result.project, tuple(_evidence(job.spec.test, base, result)))


def _reason(job: Job, text: str) -> str:
    """In the words of the repositories file; the log gets what a test run that the reason names had said."""
    named = re.compile(re.escape(str(job.place.scratch(job.spec.name) / "logs")) + r"/[\w.-]+")
    for name in named.findall(text):
        with contextlib.suppress(OSError):
            job.log.say(Path(name).read_text(encoding="utf-8", errors="backslashreplace"))
    return job.log.clean(named.sub("the log", text).replace("(--timeout)", "(`test-timeout`)"))


def _scratch(job: Job) -> Scratch:
    """The copy; what a run of the same job that was killed has tested counts."""
    top, folder = job.place.clone(job.spec.name).resolve(), job.place.scratch(job.spec.name)
    mark = folder / "job"
    if mark.is_file() and mark.read_text() == job.key:
        try:
            return make(top, folder, True)
        except ScratchError:
            pass
    scratch = make(top, folder, False)
    mark.write_text(job.key)
    return scratch


def _tester(job: Job, subject: Subject, scratch: Scratch, needs: Sequence[str]) -> Tester:
    root = subject.loaded.root.relative_to(scratch.top).as_posix()
    cwd, words = job.spec.folder or root, split(job.spec.test)
    inside(scratch.base, cwd, "folder")
    if not shutil.which(words[0]) and not Path(scratch.base / cwd / words[0]).exists():
        raise CommandError(f"there is no program {words[0]!r} for its tests; give an `install` that brings it, or its whole path in `test`")
    return Tester(scratch, words, cwd, inside_for(subject.loaded, scratch.top, scratch.base, needs), job.spec.test_timeout or None)


def _check_needs(tester: Tester, base: Baseline, needs: tuple[str, ...]) -> None:
    lacking = [need for need in needs if imported([need]) & base.runs[1].missing]
    if lacking:
        raise CommandError(f"the result needs {', '.join(lacking)}, which its tests' Python lacks: add `pip install {shlex.join(lacking)}` to `install`")


def _gated(job: Job, subject: Subject, tester: Tester) -> Verified:
    def carry(name: str, project: Project, accepts: Accepts) -> Staged:
        return with_dependencies(run_stage(name, project, subject.catalogue, subject.settings, accepts, subject.cache))

    return Gate(carry, tester, subject.loaded.project, prefix_of(tester.scratch.top, subject.loaded.root), job.log.say).verify(subject.names)


def _evidence(command: str, base: Baseline, result: Verified) -> Iterator[str]:
    """The tests before and after, in Markdown; names from the repository stand in code spans."""
    counts = Counter(base.steady.values())
    lost = sum(base.steady.get(name) == "passed" for name in result.flaky)
    yield from ("", "### Its own tests", "", f"{code(command)}, after each stage, in a copy.", "")
    yield from ("| tests | before | after |", "|---|--:|--:|", f"| pass | {counts['passed']} | {counts['passed'] - lost} |")
    yield f"| fail before any change, not judged | {len(base.failing)} | |"
    yield from (f"| flaky, not judged | {len(base.flaky)} | {len(base.flaky | result.flaky)} |", "")
    for item in result.taken:
        names = ", ".join(code(name) for name in sorted(item.tests)[:3])
        yield f"- {item.stage}: {code(item.group)} taken back (V400), because {names} failed with it"
