"""Who does the jobs: processes on this machine, or the workers of a Dask cluster. Answers come in any order."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from codemods.bulk.job import Answer, Job
from codemods.bulk.ledger import FAILED
from codemods.bulk.running import said
from codemods.bulk.tasks import PHASES

_ROOT = Path(__file__).resolve().parents[2]
_START = "import sys; sys.path.insert(0, sys.argv[1]); from codemods.bulk.worker import main; main()"
_LARGEST = 2000.0  # megabytes of memory; a worker that has had more is replaced by a fresh one
_TRIES = 2  # how often a job whose worker died is begun
_GRACE = 20.0  # seconds


class PoolError(Exception):
    """Nothing more can be done by these workers; the message says what to do."""


class Pool(Protocol):
    """Takes jobs and gives answers."""

    def slots(self) -> int:
        """How many jobs may be out at once."""
        ...

    def submit(self, job: Job) -> None:
        """Hand a job out."""
        ...

    def wait(self, seconds: float) -> Iterator[tuple[str, Answer]]:
        """Answers by the name of the repository: those that are there, after waiting for the first up to `seconds`."""
        ...

    def close(self) -> None:
        """End the workers, or give them back."""
        ...


def died(job: Job, how: str) -> Answer:
    """The answer of a job whose worker is gone."""
    row = {"step": PHASES[job.phase].main, "key": job.key, "state": FAILED, "result": {}, "began": 0.0, "seconds": 0.0}
    return Answer([{**row, "reason": f"{job.phase}: its worker died {how}; perhaps there was not enough memory"}])


class _Worker:
    """One process, with the job that it has."""

    def __init__(self, answers: "queue.Queue[tuple[_Worker, bytes]]", lock: int) -> None:
        self.job: Job | None = None
        command = [sys.executable, "-P", "-c", _START, str(_ROOT)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, pass_fds=(lock,) if os.name == "posix" else ()
        )
        threading.Thread(target=self._read, args=(answers,), daemon=True).start()

    def _read(self, answers: "queue.Queue[tuple[_Worker, bytes]]") -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            answers.put((self, line))
        answers.put((self, b""))

    def give(self, job: Job) -> None:
        """Hand it a job."""
        self.job = job
        assert self.process.stdin
        with contextlib.suppress(BrokenPipeError):  # it has died: the end of its answers says so
            self.process.stdin.write(json.dumps(job.plain()).encode() + b"\n")
            self.process.stdin.flush()

    def end(self) -> None:
        """Ask it to end, by closing its pipe."""
        assert self.process.stdin
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()

    def gone(self) -> None:
        """Wait until it has ended; what has not by then is killed, with its group."""
        try:
            self.process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL) if hasattr(os, "killpg") else self.process.kill()
            self.process.wait()


class LocalPool:
    """Processes on this machine. `lock` is the handle of the work folder's lock: they keep it until the last has ended."""

    def __init__(self, number: int, lock: int) -> None:
        self._number, self._lock = number, lock
        self._answers: queue.Queue[tuple[_Worker, bytes]] = queue.Queue()
        self._workers: list[_Worker] = []
        self._tries: dict[tuple[str, str], int] = {}

    def slots(self) -> int:
        """How many jobs may be out at once."""
        return self._number

    def submit(self, job: Job) -> None:
        """Hand a job out."""
        worker = next((item for item in self._workers if item.job is None), None)
        if worker is None:
            worker = _Worker(self._answers, self._lock)
            self._workers.append(worker)
        worker.give(job)

    def wait(self, seconds: float) -> Iterator[tuple[str, Answer]]:
        """The answers that are there."""
        with contextlib.suppress(queue.Empty):
            worker, line = self._answers.get(timeout=seconds)
            while True:
                yield from self._answered(worker, line)
                worker, line = self._answers.get_nowait()

    def _answered(self, worker: _Worker, line: bytes) -> Iterator[tuple[str, Answer]]:
        job, worker.job = worker.job, None
        if not line:
            yield from self._lost(worker, job)
            return
        assert job
        data: dict[str, Any] = json.loads(line)
        if data.pop("peak") > _LARGEST:
            self._workers.remove(worker)
            worker.end()
        yield job.spec.name, Answer(**data)

    def _lost(self, worker: _Worker, job: Job | None) -> Iterator[tuple[str, Answer]]:
        code = worker.process.wait()
        if worker in self._workers:
            self._workers.remove(worker)
        if job is None:
            return
        tries = self._tries[job.spec.name, job.phase] = self._tries.get((job.spec.name, job.phase), 1) + 1
        if tries <= _TRIES:
            self.submit(job)
        else:
            yield job.spec.name, died(job, f"twice, by {said(code)}")

    def close(self) -> None:
        """End the workers, or give them back."""
        for worker in self._workers:
            worker.end()
        for worker in self._workers:
            worker.gone()


class DaskPool:
    """The workers of a Dask cluster. A job whose worker died is given to another by Dask itself."""

    def __init__(self, address: str) -> None:
        try:
            from distributed import Client
        except ImportError:
            raise PoolError("--scheduler needs Dask: pip install 'flask-to-async[dask]'") from None
        try:
            connect: Any = Client
            self._client = connect(address, timeout=20, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            raise PoolError(f"no Dask scheduler answers at {address}: {error}") from None
        self._answers: queue.Queue[tuple[Job, Any]] = queue.Queue()
        self._number = 0

    def slots(self) -> int:
        """How many jobs may be out at once."""
        return max(1, int(sum(self._client.nthreads().values())))

    def submit(self, job: Job) -> None:
        """Hand a job out."""
        from codemods.bulk.tasks import run_job

        self._number += 1
        future = self._client.submit(run_job, job, key=f"{job.spec.name}-{job.phase}-{job.key}-{self._number}", pure=False)
        future.add_done_callback(lambda ended: self._answers.put((job, ended)))

    def wait(self, seconds: float) -> Iterator[tuple[str, Answer]]:
        """The answers that are there."""
        try:
            job, future = self._answers.get(timeout=seconds)
        except queue.Empty:
            if self._client.status not in ("running", "connecting"):
                raise PoolError("the Dask scheduler is gone; `flask-to-async bulk resume` goes on, with what is recorded") from None
            return
        if future.status == "finished":
            yield job.spec.name, future.result()
        elif future.status == "error":
            yield job.spec.name, died(job, f"({type(future.exception()).__name__})")
        else:
            raise PoolError("the Dask scheduler has dropped the work; `flask-to-async bulk resume` goes on, with what is recorded")

    def close(self) -> None:
        """End the workers, or give them back."""
        self._client.close()
