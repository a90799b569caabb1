"""The migration of a repository whose test command is known: the gate of `verify`, in a copy of its clone."""

import contextlib
import re
import shlex
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codemods.bulk.job import Job
from codemods.bulk.running import StepError, inside
from codemods.bulk.subject import Subject
from codemods.bulk.telling import Rows
from codemods.formats.as_markdown import code
from codemods.pipeline import run_stages, with_dependencies
from codemods.verify.gate import Gate, Verified
from codemods.verify.judging import Baseline, BaselineError
from codemods.verify.prepare import imported, inside_for, prefix_of, split
from codemods.verify.run import CommandError
from codemods.verify.scratch import Scratch, ScratchError, clear, make
from codemods.verify.tester import Tester
from transforms.model import Project
from transforms.stages import Accepts, Staged, run_stage


@dataclass(frozen=True)
class Tested:
    """What the tests said of some stages, and before them."""

    base: Baseline
    result: Verified

    @property
    def row(self) -> dict[str, Any]:
        """For the ledger."""
        taken = [[item.stage, item.group, sorted(item.tests)[:3]] for item in self.result.taken]
        return {"accepted": dict(self.result.carried), "taken_back": taken, "flaky": len(self.base.flaky | self.result.flaky)}


def tested(job: Job, subject: Subject, names: Sequence[str], tell: Rows, earlier: Tested | None = None) -> Tested:
    """What the tests accept of these stages, in a copy of the clone as it stands. Raises StepError.

    `earlier`: what they said before; what passed then has to pass now, before these stages, whatever hooks did in between.
    """
    try:
        scratch = _scratch(job, names)
    except ScratchError as error:
        raise StepError(job.log.clean(str(error))) from None
    try:
        found = _tested(job, subject, names, scratch, tell, earlier)
    except (BaselineError, CommandError, ScratchError, StepError) as error:
        clear(scratch)
        raise StepError(_reason(job, str(error))) from None
    clear(scratch)
    return found


def _tested(job: Job, subject: Subject, names: Sequence[str], scratch: Scratch, tell: Rows, earlier: Tested | None) -> Tested:
    with tell.during("verify"):
        needs = run_stages(subject.loaded, names, subject.settings, catalogue=subject.catalogue, cache=subject.cache).needs if names else ()
        tester = _tester(job, subject, scratch, needs)
    with tell.during("baseline"):
        tester.open()
        base = tester.first()
    if earlier:
        _check_kept(earlier, base)
    else:
        tell("baseline", {"passed": sum(said == "passed" for said in base.steady.values()), "failing": len(base.failing), "flaky": len(base.flaky)})
    _check_needs(tester, base, needs)
    with tell.during("verify"):
        return Tested(base, _gated(job, subject, names, tester, tell))


def _check_kept(earlier: Tested, base: Baseline) -> None:
    """Raise StepError when a test fails that passed before: a hook has broken it, and stages cannot be judged by it."""
    flaky = earlier.result.flaky | base.flaky
    lost = sorted(name for name, said in earlier.base.steady.items() if said == "passed" and base.steady.get(name) != "passed" and name not in flaky)
    if lost:
        more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
        raise StepError(f"after what its hooks changed, tests do not pass that passed before: {', '.join(lost[:3])}{more}")


def merged(parts: Sequence[Tested]) -> Tested:
    """All parts as one, with the tests as they were before the first."""
    whole = Verified(project=parts[-1].result.project)
    for part in parts:
        whole.outcomes += part.result.outcomes
        whole.taken += part.result.taken
        whole.flaky |= part.result.flaky
        whole.carried |= part.result.carried
    return Tested(parts[0].base, whole)


def _reason(job: Job, text: str) -> str:
    """In the words of the repositories file; the log gets what a test run that the reason names had said."""
    named = re.compile(re.escape(str(job.place.scratch(job.spec.name) / "logs")) + r"/[\w.-]+")
    for name in named.findall(text):
        with contextlib.suppress(OSError):
            job.log.say(Path(name).read_text(encoding="utf-8", errors="backslashreplace"))
    return job.log.clean(named.sub("the log", text).replace("(--timeout)", "(`test-timeout`)"))


def _scratch(job: Job, names: Sequence[str]) -> Scratch:
    """The copy; what a run of the same job and stages that was killed has tested counts."""
    top, folder = job.place.clone(job.spec.name).resolve(), job.place.scratch(job.spec.name)
    mark, text = folder / "job", " ".join([job.key, *names])
    if mark.is_file() and mark.read_text() == text:
        try:
            return make(top, folder, True)
        except ScratchError:
            pass
    scratch = make(top, folder, False)
    mark.write_text(text)
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


def _gated(job: Job, subject: Subject, names: Sequence[str], tester: Tester, tell: Rows) -> Verified:
    def carry(name: str, project: Project, accepts: Accepts) -> Staged:
        with tell.during(name):
            return with_dependencies(run_stage(name, project, subject.catalogue, subject.settings, accepts, subject.cache))

    return Gate(carry, tester, subject.loaded.project, prefix_of(tester.scratch.top, subject.loaded.root), job.log.say).verify(names)


def evidence(command: str, found: Sequence[Tested]) -> tuple[str, ...]:
    """The tests before and after, in Markdown; nothing where there are none."""
    return tuple(line for item in found for line in _evidence(command, item.base, item.result))


def _evidence(command: str, base: Baseline, result: Verified) -> Iterator[str]:
    counts = Counter(base.steady.values())
    lost = sum(base.steady.get(name) == "passed" for name in result.flaky)
    yield from ("", "### Its own tests", "", f"{code(command)}, after each stage, in a copy.", "")
    yield from ("| tests | before | after |", "|---|--:|--:|", f"| pass | {counts['passed']} | {counts['passed'] - lost} |")
    yield f"| fail before any change, not judged | {len(base.failing)} | |"
    yield from (f"| flaky, not judged | {len(base.flaky)} | {len(base.flaky | result.flaky)} |", "")
    for item in result.taken:
        names = ", ".join(code(name) for name in sorted(item.tests)[:3])
        yield f"- {item.stage}: {code(item.group)} taken back (V400), because {names} failed with it"
