"""Running commands with a log and a time limit."""

import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_GIT = "git -c user.name=corpus -c user.email=corpus@localhost"


class Stop(Exception):
    """The application could not be prepared, migrated or tested; the message says why."""


@dataclass(frozen=True)
class Shell:
    """A working folder, an environment, and the log that takes what commands print."""

    cwd: Path
    env: Mapping[str, str]
    log: Path

    def run(self, command: str, timeout: int = 1800) -> int:
        """The exit status; raises Stop after `timeout` seconds, with everything that was started ended."""
        with self.log.open("a") as out:
            out.write(f"\n$ {command}\n")
            out.flush()
            process = subprocess.Popen(
                ["bash", "-c", command], cwd=self.cwd, env=self.env, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
            try:
                return process.wait(timeout)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                raise Stop(f"timed out after {timeout} s: {command} (see {self.log.name})") from None

    def must(self, command: str, timeout: int = 1800) -> None:
        """Run it; raises Stop when it fails."""
        if self.run(command, timeout):
            raise Stop(f"failed: {command} (see {self.log.name})")

    def commit(self, message: str, everything: bool = False) -> None:
        """Commit what lies in the working folder; `everything`: also what the application's .gitignore names."""
        self.must(f"{_GIT} add {'-Af' if everything else '-A'} . && {_GIT} commit -q --no-verify --allow-empty -m '{message}'")

    def output(self, command: str) -> str:
        """What a command prints; it must not fail."""
        return subprocess.run(["bash", "-c", command], cwd=self.cwd, env=self.env, capture_output=True, text=True, check=True).stdout
