"""Jobs on the workers of a Dask cluster. Each worker hands its jobs to processes of its own, as a run on one machine does:
limits, signals and the environment belong to a process, and a worker's tasks are threads."""

import queue
from collections.abc import Iterator
from typing import Any

from distributed import Client, WorkerPlugin, get_worker

from codemods.bulk.children import TRIES, Child, answer_of, died
from codemods.bulk.job import Answer, Job
from codemods.bulk.pools import PoolError
from codemods.bulk.running import said

NAME = "flask-to-async"


class Children(WorkerPlugin):
    """The processes of one Dask worker: those that wait for a job."""

    def setup(self, worker: object) -> None:
        """Dask calls it in the worker."""
        self._idle: queue.SimpleQueue[Child] = queue.SimpleQueue()

    def teardown(self, worker: object) -> None:
        """Dask calls it when the worker ends."""
        while not self._idle.empty():
            self._idle.get().end()

    def ask(self, job: Job) -> Answer:
        """The answer of a process to this job."""
        code = 0
        for _ in range(TRIES):
            child = self._free()
            child.give(job)
            line = child.answer()
            if line:
                answer, large = answer_of(line)
                child.end() if large else self._idle.put(child)
                return answer
            code = child.gone()
        return died(job, f"twice, by {said(code)}")

    def _free(self) -> Child:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            return Child()


def ask(job: Job) -> Answer:
    """What Dask runs in a worker."""
    children = get_worker().plugins[NAME]
    assert isinstance(children, Children)
    return children.ask(job)


class DaskPool:
    """The workers of a Dask cluster. A job whose worker died is given to another by Dask itself."""

    def __init__(self, address: str) -> None:
        try:
            connect: Any = Client
            self._client = connect(address, timeout=20, set_as_default=False)
            self._client.register_plugin(Children(), NAME)
        except (OSError, ValueError, TimeoutError) as error:
            raise PoolError(f"no Dask scheduler answers at {address}: {error}") from None
        self._answers: queue.Queue[tuple[Job, Any]] = queue.Queue()
        self._number = 0

    def slots(self) -> int:
        """How many jobs may be out at once."""
        return max(1, int(sum(self._client.nthreads().values())))

    def submit(self, job: Job) -> None:
        """Hand a job out."""
        self._number += 1
        future = self._client.submit(ask, job, key=f"{job.spec.name}-{job.phase}-{job.key}-{self._number}", pure=False)
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
