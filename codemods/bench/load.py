"""One load on one address, made by wrk (https://github.com/wg/wrk), which costs little CPU itself and knows its percentiles.

Tried and left: autocannon (Node) and locust (Python) take a large part of a small machine for themselves; ab gives no
machine-readable errors; vegeta and hey send at a fixed rate or keep no connections.
"""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).with_name("wrk.lua")
PATIENCE = 60  # seconds after which wrk counts an answer as an error
_SLACK = 60  # seconds that wrk may take longer than it was asked for


class BenchError(Exception):
    """It cannot be measured; the message says what to do."""


@dataclass(frozen=True)
class Load:
    """What the clients saw: answers, seconds, latencies in milliseconds, and errors by kind."""

    requests: int
    seconds: float
    p50: float
    p95: float
    p99: float
    longest: float
    errors: dict[str, int]

    @property
    def rate(self) -> float:
        """Answers a second, without those that are errors."""
        return max(0, self.requests - self.errors.get("status", 0)) / self.seconds


def require_wrk() -> str:
    """The load tool's path. Raises BenchError."""
    found = shutil.which("wrk")
    if found is None:
        raise BenchError("the load is made by wrk, which is not installed: `apt install wrk`, `dnf install wrk` or `brew install wrk`")
    return found


def load(url: str, connections: int, seconds: float) -> Load:
    """Ask for `url` over that many connections for so long, each connection one request after another. Raises BenchError."""
    whole = max(1, round(seconds))
    command = [require_wrk(), "-t", "1", "-c", str(connections), "-d", f"{whole}s", "--timeout", f"{PATIENCE}s", "-s", str(SCRIPT), url]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=whole + _SLACK, check=False)
        return read(done.stdout)
    except subprocess.TimeoutExpired:
        raise BenchError(f"wrk did not end within {whole + _SLACK} s") from None
    except (ValueError, StopIteration):
        raise BenchError(f"wrk could not be used: {done.stderr.strip() or done.stdout.strip()}") from None


def read(output: str) -> Load:
    """What wrk wrote. Raises ValueError or StopIteration when there is no such line."""
    found = json.loads(next(line for line in output.splitlines() if line.startswith("{")))
    kinds = ("connect", "read", "write", "status", "timeout")
    p50, p95, p99, longest = (found[name] / 1000 for name in ("p50", "p95", "p99", "max"))
    return Load(found["requests"], found["duration"] / 1e6, p50, p95, p99, longest, {kind: found[kind] for kind in kinds if found[kind]})
