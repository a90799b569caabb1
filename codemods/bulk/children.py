"""Processes of ours that do one job after the other, so that what a repository does to one of them ends no other."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from codemods.bulk.job import Answer, Job
from codemods.bulk.ledger import FAILED
from codemods.bulk.tasks import PHASES

TRIES = 2  # how often a job whose process died is begun
_ROOT = Path(__file__).resolve().parents[2]
_START = "import sys; sys.path.insert(0, sys.argv[1]); from codemods.bulk.worker import main; main()"
_LARGEST = 2000.0  # megabytes of memory; a process that has had more is replaced by a fresh one
_GRACE = 20.0  # seconds


class Child:
    """One process. `lock`: the handle of a lock that it keeps too; -1 for none."""

    def __init__(self, lock: int = -1) -> None:
        command = [sys.executable, "-P", "-c", _START, str(_ROOT)]
        kept = (lock,) if lock >= 0 and os.name == "posix" else ()
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, pass_fds=kept)

    def give(self, job: Job) -> None:
        """Hand it a job."""
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):  # it has died: the end of its answers says so
            self._process.stdin.write(json.dumps(job.plain()).encode() + b"\n")
            self._process.stdin.flush()

    def answer(self) -> bytes:
        """The line that answers its job, when it is there; empty when the process has ended."""
        assert self._process.stdout
        return self._process.stdout.readline()

    def end(self) -> None:
        """Ask it to end, by closing its pipe."""
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()

    def gone(self) -> int:
        """Wait until it has ended, and say how; what has not by then is killed, with its group."""
        try:
            return self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL) if hasattr(os, "killpg") else self._process.kill()
            return self._process.wait()


def answer_of(line: bytes) -> tuple[Answer, bool]:
    """The answer, and whether its process has grown so large that it should be replaced."""
    data: dict[str, Any] = json.loads(line)
    large = data.pop("peak") > _LARGEST
    return Answer(**data), large


def died(job: Job, how: str) -> Answer:
    """The answer of a job whose process is gone."""
    row = {"step": PHASES[job.phase].main, "key": job.key, "state": FAILED, "result": {}, "began": 0.0, "seconds": 0.0}
    return Answer([{**row, "reason": f"{job.phase}: its worker died {how}; perhaps there was not enough memory"}])
