"""What a command costs: CPU seconds and peak memory of the child process, from the kernel's accounts."""

import os
import resource
import signal
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

Command = Sequence[str]


@dataclass(frozen=True)
class Cost:
    """CPU seconds (user and system, of the process and its children) and peak resident memory in megabytes; `ended`: by itself."""

    seconds: float
    megabytes: float
    ended: bool = True


def measure(command: Command, output: Path, most: int) -> Cost:
    """Run once. What it prints goes to `output`; it is ended after `most` CPU seconds."""
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent), "PYTHONHASHSEED": "0"}

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (most, most + 5))

    with output.open("w") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=env, preexec_fn=limited)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 2, -signal.SIGXCPU):
        raise RuntimeError(f"{' '.join(command[:4])} failed with {process.returncode}; see {output}")
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, process.returncode != -signal.SIGXCPU)


def median(costs: Sequence[Cost]) -> Cost:
    """The median of each figure; what did not end in time stays so."""
    return Cost(statistics.median(cost.seconds for cost in costs), statistics.median(cost.megabytes for cost in costs), all(cost.ended for cost in costs))
