"""Who does the jobs: processes on this machine, or (`dask_pool`) the workers of a Dask cluster. Answers come in any order."""

import contextlib
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from codemods.bulk.children import TRIES, Child, answer_of, died
from codemods.bulk.job import Answer, Job
from codemods.bulk.running import said


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


@dataclass(eq=False)
class _Worker:
    """A process, with the job that it has."""

    child: Child
    job: Job | None = None


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
        worker = next((item for item in self._workers if item.job is None), None) or self._begun()
        worker.job = job
        worker.child.give(job)

    def _begun(self) -> _Worker:
        worker = _Worker(Child(self._lock))
        self._workers.append(worker)
        threading.Thread(target=self._read, args=(worker,), daemon=True).start()
        return worker

    def _read(self, worker: _Worker) -> None:
        while line := worker.child.answer():
            self._answers.put((worker, line))
        self._answers.put((worker, b""))

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
        answer, large = answer_of(line)
        if large:
            self._workers.remove(worker)
            worker.child.end()
        yield job.spec.name, answer

    def _lost(self, worker: _Worker, job: Job | None) -> Iterator[tuple[str, Answer]]:
        code = worker.child.gone()
        if worker in self._workers:
            self._workers.remove(worker)
        if job is None:
            return
        tries = self._tries[job.spec.name, job.phase] = self._tries.get((job.spec.name, job.phase), 1) + 1
        if tries <= TRIES:
            self.submit(job)
        else:
            yield job.spec.name, died(job, f"twice, by {said(code)}")

    def close(self) -> None:
        """End the workers, or give them back."""
        for worker in self._workers:
            worker.child.end()
        for worker in self._workers:
            worker.child.gone()
