"""The steps of one repository. A worker runs them; it writes only what is the repository's own, and gives rows for the ledger."""

import contextlib
import hashlib
import json
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from codemods.bulk.git import Git, clean_environment
from codemods.bulk.job import Answer, Job
from codemods.bulk.ledger import DONE, FAILED, SKIPPED
from codemods.bulk.place import MARK, PlaceError, held
from codemods.bulk.running import NothingToDo, StepError, inside, run_given
from codemods.bulk.spec import Spec
from transforms.stages import ALL_STAGES

Tell = Callable[[str, Mapping[str, Any]], None]
STAGES = tuple(ALL_STAGES)
_INSIST = 5.0  # seconds of CPU time after which a limit that was caught is told again


@dataclass(frozen=True)
class Phase:
    """Steps that are done in one go; when `main` is recorded, all are done. `remote`: it talks to the repository's host."""

    name: str
    steps: tuple[str, ...]
    main: str
    work: Callable[[Job, Tell], Sequence[str]]
    remote: bool = False


def run_job(job: Job) -> Answer:
    """Do it. Whatever goes wrong becomes a row; nothing is raised but what ends the process."""
    rows: list[dict[str, Any]] = []
    clock = _Clock()

    def tell(step: str, result: Mapping[str, Any], state: str = DONE, reason: str = "") -> None:
        rows.append({"step": step, "key": job.key, "state": state, "reason": reason, "result": dict(result), **clock.lap()})

    phase = PHASES[job.phase]
    made: Sequence[str] = ()
    try:
        with _opened(job) as lock, _timed(job):
            made = phase.work(replace(job, lock=lock), tell)
    except StepError as error:
        if error.again:
            return Answer((), (), error.again)
        tell(phase.main, {}, FAILED, f"{phase.name}: {error}")
    except NothingToDo as error:
        tell(phase.main, {}, SKIPPED, str(error))
    except PlaceError as error:
        tell(phase.main, {}, FAILED, str(error))
    except OSError as error:
        words = f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)
        tell(phase.main, {}, FAILED, f"{phase.name}: {job.log.clean(words)}")
    except MemoryError:
        tell(phase.main, {}, FAILED, f"{phase.name}: there was not enough memory")
    except Exception as error:
        job.log.say(traceback.format_exc())
        tell(phase.main, {}, FAILED, f"{phase.name}: the tool broke down ({type(error).__name__}); please report it, with its log")
    return Answer(rows, made)


class _Clock:
    """When a step began, and how long it took: from one row to the next."""

    def __init__(self) -> None:
        self._wall, self._last = time.time(), time.monotonic()

    def lap(self) -> dict[str, float]:
        began, seconds = self._wall, time.monotonic() - self._last
        self._wall, self._last = time.time(), time.monotonic()
        return {"began": began, "seconds": seconds}


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
    if not job.spec.analysis_timeout or not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def late(number: int, frame: object) -> None:
        raise StepError(f"reading and changing it took more than {job.spec.analysis_timeout:g} seconds of CPU time (`analysis-timeout`)")

    before = signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, job.spec.analysis_timeout, _INSIST)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _git(job: Job) -> Git:
    return Git(job.place.clone(job.spec.name), job.log, job.spec.git_timeout, job.credentials, job.lock)


def _clone(job: Job, tell: Tell) -> Sequence[str]:
    from codemods.bulk.clone import prepare

    tell("clone", prepare(_git(job), job.spec))
    return ()


def _environment(job: Job) -> dict[str, str]:
    """What commands of a repository see: not the tokens."""
    own = {"FLASK_TO_ASYNC_REPOSITORY": job.spec.name, "FLASK_TO_ASYNC_BRANCH": job.spec.branch}
    return {name: value for name, value in clean_environment(os.environ).items() if name not in job.hidden} | own


def _install(job: Job, tell: Tell) -> Sequence[str]:
    folder = inside(job.place.clone(job.spec.name), job.spec.folder or job.spec.path, "folder" if job.spec.folder else "path")
    run_given(job.spec.install, folder if folder.is_dir() else folder.parent, _environment(job), job.spec.install_timeout, job.log, "the install command")
    tell("install", {})
    return ()


def _migrate(job: Job, tell: Tell) -> Sequence[str]:
    from codemods.bulk.migrating import migrate  # here, because LibCST takes a while to load

    with _without(job.hidden):
        return migrate(job, _git(job), tell)


@contextlib.contextmanager
def _without(names: Sequence[str]) -> Iterator[None]:
    """Tests get this process's environment: the tokens are taken out of it meanwhile."""
    kept = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)


def _hooks(job: Job, tell: Tell) -> Sequence[str]:
    """The user's commands see the tree before and after each stage; what they change in it is not committed."""
    git, before = _git(job), job.known["clone"]["commit"]
    try:
        for stage in STAGES:
            after = job.known.get(stage, {}).get("commit") or before
            for when, commit in (("before", before), ("after", after)):
                commands = job.spec.hooks.get(f"{when}-{stage}", ())
                if commands and stage in job.known:
                    git.local("checkout", "--quiet", "--force", "--detach", commit)
                    more = {"FLASK_TO_ASYNC_STAGE": stage, "FLASK_TO_ASYNC_COMMIT": commit}
                    run_given(commands, git.folder, _environment(job) | more, job.spec.install_timeout, job.log, f"the hook {when}-{stage}")
            before = after
    finally:
        git.local("checkout", "--quiet", "--force", "--detach", job.known["clone"]["commit"])
    tell("hooks", {})
    return ()


def _push(job: Job, tell: Tell) -> Sequence[str]:
    from codemods.bulk.pushing import push

    tip = job.known["commit"]["tip"]
    push(_git(job), job.spec.push_url or job.spec.url, job.spec.branch, tip, job.ours)
    tell("push", {"branch": job.spec.branch, "commit": tip})
    return ()


def _pull_request(job: Job, tell: Tell) -> Sequence[str]:
    from codemods.bulk.platforms import request

    tell("pull-request", request(job))
    return ()


PHASES: Mapping[str, Phase] = {
    phase.name: phase
    for phase in (
        Phase("clone", ("clone",), "clone", _clone, remote=True),
        Phase("install", ("install",), "install", _install),
        Phase("migrate", ("audit", "baseline", *STAGES, "verify", "commit"), "commit", _migrate),
        Phase("hooks", ("hooks",), "hooks", _hooks),
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
