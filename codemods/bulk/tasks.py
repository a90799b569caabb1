"""The steps of one repository. A worker runs them; it writes only what is the repository's own, and gives rows for the ledger."""

import contextlib
import hashlib
import json
import os
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from codemods.bulk.job import Answer, Job
from codemods.bulk.ledger import FAILED, SKIPPED
from codemods.bulk.place import MARK, PlaceError, held
from codemods.bulk.running import NothingToDo, StepError, inside, run_given
from codemods.bulk.spec import Spec
from codemods.bulk.telling import Rows
from transforms.stages import ALL_STAGES

STAGES = tuple(ALL_STAGES)
_INSIST = 5.0  # seconds of CPU time after which a limit that was caught is told again


@dataclass(frozen=True)
class Phase:
    """Steps that are done in one go; when `main` is recorded, all are done. `remote`: it talks to the repository's host."""

    name: str
    steps: tuple[str, ...]
    main: str
    work: Callable[[Job, Rows], Sequence[str]]
    remote: bool = False


def run_job(job: Job) -> Answer:
    """Do it. Whatever goes wrong becomes a row; nothing is raised but what ends the process."""
    tell = Rows(job.key)
    phase = PHASES[job.phase]
    made: Sequence[str] = ()
    try:
        with _opened(job) as lock, _timed(job):
            made = phase.work(replace(job, lock=lock), tell)
    except NothingToDo as error:
        tell(phase.main, {}, SKIPPED, str(error))
    except Exception as error:
        if isinstance(error, StepError) and error.again:
            return Answer((), (), error.again)
        tell(phase.main, {}, FAILED, _failure(job, phase, error))
    return Answer(tell.rows, made)


def _failure(job: Job, phase: Phase, error: Exception) -> str:
    """Why the phase failed, as a sentence; of a fault of the tool the log has the traceback."""
    match error:
        case PlaceError():
            return str(error)
        case StepError():
            return f"{phase.name}: {error}"
        case OSError():
            words = f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)
            return f"{phase.name}: {job.log.clean(words)}"
        case MemoryError():
            return f"{phase.name}: there was not enough memory"
    job.log.say("".join(traceback.format_exception(error)))
    return f"{phase.name}: the tool broke down ({type(error).__name__}); please report it, with its log"


@contextlib.contextmanager
def _opened(job: Job) -> Iterator[int]:
    """Alone with the repository, in the work folder of the one who asks."""
    try:
        same = (job.place.folder / MARK).read_text().endswith(job.mark)
    except OSError:
        same = False
    if not same:
        raise StepError(f"this worker does not see the work folder {job.place.folder.name!r}; it has to be on a disk that all workers share")
    with held(job.place.folder / "locks" / f"{job.spec.name}.lock") as lock:
        job.log.say(f"── {job.phase} {time.strftime('%Y-%m-%d %H:%M:%S')}")
        yield lock


@contextlib.contextmanager
def _timed(job: Job) -> Iterator[None]:
    """A limit for our own CPU time, where the system has such a clock: no source code may keep a worker for ever."""
    if not job.spec.analysis_timeout or not hasattr(signal, "setitimer"):
        yield
        return

    passed = StepError(f"reading and changing it took more than {job.spec.analysis_timeout:g} seconds of CPU time (`analysis-timeout`)")
    told = False

    def late(number: int, frame: object) -> None:
        nonlocal told
        told = True
        raise passed

    before = signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, job.spec.analysis_timeout, _INSIST)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    if told:  # and caught on the way, by an `except` of a library: it counts all the same
        raise passed


def _clone(job: Job, tell: Rows) -> Sequence[str]:
    from codemods.bulk.clone import prepare

    tell("clone", prepare(job.git, job.spec))
    return ()


def _install(job: Job, tell: Rows) -> Sequence[str]:
    folder = inside(job.place.clone(job.spec.name), job.spec.folder or job.spec.path, "folder" if job.spec.folder else "path")
    run_given(job.spec.install, folder if folder.is_dir() else folder.parent, job.environment, job.spec.install_timeout, job.log, "the install command")
    tell("install", {})
    return ()


def _migrate(job: Job, tell: Rows) -> Sequence[str]:
    from codemods.bulk.migrating import migrate  # here, because LibCST takes a while to load

    with _without(job.hidden):
        return migrate(job, tell)


@contextlib.contextmanager
def _without(names: Sequence[str]) -> Iterator[None]:
    """Tests get this process's environment: the tokens are taken out of it meanwhile."""
    kept = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)


def _push(job: Job, tell: Rows) -> Sequence[str]:
    from codemods.bulk.pushing import push

    tip = job.known["commit"]["tip"]
    push(job.git, job.spec.push_url or job.spec.url, job.spec.branch, tip, job.ours)
    tell("push", {"branch": job.spec.branch, "commit": tip})
    return ()


def _pull_request(job: Job, tell: Rows) -> Sequence[str]:
    from codemods.bulk.platforms import request

    tell("pull-request", request(job))
    return ()


PHASES: Mapping[str, Phase] = {
    phase.name: phase
    for phase in (
        Phase("clone", ("clone",), "clone", _clone, remote=True),
        Phase("install", ("install",), "install", _install),
        Phase("migrate", ("audit", "baseline", *STAGES, "verify", "hooks", "commit"), "commit", _migrate),
        Phase("push", ("push",), "push", _push, remote=True),
        Phase("pull-request", ("pull-request",), "pull-request", _pull_request, remote=True),
    )
}


def digest(*parts: Any) -> str:
    """A short name for what a step depends on."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:20]


def settings_of(spec: Spec, *names: str) -> list[Any]:
    """Some of its settings, as a key takes them."""
    plain = spec.plain()
    return [plain[name] for name in names]
