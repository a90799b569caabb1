"""What a server's processes use: CPU, memory, threads, of the whole tree below one process."""

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil

_EVERY = 0.5  # seconds between two looks at threads and memory


@dataclass
class Usage:
    """Over one load: CPU seconds (user and system, those of processes that ended included), and the largest of the rest.

    `memory` is bytes: the proportional share (PSS) where the system knows it, so that pages that workers share count once.
    """

    cpu: float = 0.0
    memory: int = 0
    threads: int = 0
    processes: int = 0
    stop: threading.Event = field(default_factory=threading.Event, repr=False)


@contextmanager
def watched(pid: int) -> Iterator[Usage]:
    """Measure all descendants of that process; the numbers are complete when the block ends."""
    usage = Usage()
    began = _cpu(pid)
    looking = threading.Thread(target=_look, args=(pid, usage), daemon=True)
    looking.start()
    try:
        yield usage
    finally:
        usage.cpu = _cpu(pid) - began
        usage.stop.set()
        looking.join()


class Busy:
    """How much of the machine was used by others, from when this is made."""

    def __init__(self, ours: Sequence[int]) -> None:
        self.ours, self.clock = ours, time.monotonic()
        self.began = self._now()

    def share(self, server: float) -> float:
        """Of all processors together, 0 to 1; `server` is the CPU seconds of the server that was measured."""
        seconds, mine = (now - before for now, before in zip(self._now(), self.began, strict=True))
        elapsed = time.monotonic() - self.clock
        return min(1.0, max(0.0, (seconds - mine - server) / (elapsed * (os.cpu_count() or 1))))

    def _now(self) -> tuple[float, float]:
        """CPU seconds of the whole machine, and those of the load tool (a child of ours), of ourselves and of `ours`."""
        times = psutil.cpu_times()._asdict()
        busy = sum(value for name, value in times.items() if name in ("user", "nice", "system", "irq", "softirq", "steal"))
        return busy, sum(os.times()[:4]) + sum(_cpu(pid) for pid in self.ours)


def _cpu(pid: int) -> float:
    total = 0.0
    for process in _tree(pid):
        try:
            total += sum(process.cpu_times()[:4])  # user, system, and the same of children that ended
        except psutil.Error:
            continue
    return total


def _look(pid: int, usage: Usage) -> None:
    while not usage.stop.wait(_EVERY):
        threads, memory, processes = 0, 0, 0
        for process in _tree(pid):
            try:
                threads += process.num_threads()
                memory += _memory(process)
                processes += 1
            except psutil.Error:
                continue
        usage.threads, usage.memory = max(usage.threads, threads), max(usage.memory, memory)
        usage.processes = max(usage.processes, processes)


def _memory(process: psutil.Process) -> int:
    try:
        full = process.memory_full_info()
    except psutil.AccessDenied:
        return int(process.memory_info().rss)
    return int(getattr(full, "pss", 0) or full.rss)


def _tree(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []
