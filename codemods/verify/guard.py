"""Ending test runs whose verify is gone: a process that was killed cannot end what it started.

This file is also the program of that guard, run by itself: it reads `+GROUP` and `-GROUP` from its standard input, and
when that ends it kills the process groups that are left. A killed verify closes the pipe, whatever killed it.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import IO


class Guard:
    """Knows the process groups of the runs that are going on. Does nothing where the system has no groups."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        if hasattr(os, "killpg"):
            command = [sys.executable, "-I", "-S", __file__]
            quiet = subprocess.DEVNULL
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet, start_new_session=True)

    def begins(self, group: int) -> None:
        """A run has begun, in that process group."""
        self._say(f"+{group}")

    def ended(self, group: int) -> None:
        """It has ended, and so has everything in the group."""
        self._say(f"-{group}")

    def close(self) -> None:
        """End the guard; groups that are still known are killed."""
        if self._process and self._process.stdin:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
            self._process.wait()

    def _say(self, line: str) -> None:
        if self._process and self._process.stdin:
            with contextlib.suppress(OSError):  # somebody killed the guard: the runs are ended as before, only not after a kill
                os.write(self._process.stdin.fileno(), f"{line}\n".encode())


@contextlib.contextmanager
def guarding() -> Iterator[Guard]:
    """A guard for as long as the block runs."""
    guard = Guard()
    try:
        yield guard
    finally:
        guard.close()


def left_over(lines: IO[bytes]) -> set[int]:
    """The groups that began and did not end."""
    groups: set[int] = set()
    for line in lines:
        number = int(line[1:])
        groups = groups | {number} if line[:1] == b"+" else groups - {number}
    return groups


if __name__ == "__main__":
    for left in left_over(sys.stdin.buffer):
        with contextlib.suppress(OSError):
            os.killpg(left, signal.SIGKILL)
