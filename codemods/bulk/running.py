"""Running programs for one repository: without a shell, in a group of their own, with a time limit, into its log."""

import contextlib
import os
import re
import shlex
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codemods.bulk.addresses import scrub

_ONE_SIDE = re.compile(r"^(?:remote error: |git )upload-pack: ")  # both ends of a fetch say the same, in any order
_NO_CAUSE = "fatal: Could not read from remote repository."  # what ssh or the host said of it stands before
_FULL = ("No space left on device", "Out of diskspace", "Disk quota exceeded", "File too large", "File size limit exceeded", "died of signal 25")


class StepError(Exception):
    """The step cannot be done; the message is one sentence for the user. `again`: seconds after which it may be tried."""

    def __init__(self, reason: str, again: float = 0) -> None:
        super().__init__(reason)
        self.again = again


class NothingToDo(Exception):
    """The repository is no case for this tool; the message is one sentence for the user."""


@dataclass(frozen=True)
class Log:
    """A repository's log. Secrets, and where the work folder lies, never reach it nor any reason."""

    path: Path
    place: Path
    secrets: tuple[str, ...] = ()

    def clean(self, text: str) -> str:
        """The text as it may be shown."""
        return scrub(text, self.secrets).replace(f"{self.place}{os.sep}", "").replace(str(self.place), "the work folder")

    def say(self, text: str) -> None:
        """Add lines; a log that cannot be written stops nothing."""
        with contextlib.suppress(OSError), self.path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(self.clean(text).rstrip("\n") + "\n")


@dataclass(frozen=True)
class Ended:
    """How a program ended: its exit status (negative: a signal), and what it said."""

    code: int
    out: bytes
    err: bytes


def inside(top: Path, name: str, key: str) -> Path:
    """The folder of that name in the repository at `top`; raises StepError when there is none, or when a link leads it out."""
    path = top / name
    if not path.exists():
        raise StepError(f"there is no {name!r} in the repository; mend its `{key}`")
    if not path.resolve().is_relative_to(top.resolve()):
        raise StepError(f"`{key}` {name!r} leads out of the repository")
    return path


def run(command: Sequence[str], cwd: Path, env: Mapping[str, str], limit: float, data: bytes | None = None, merged: Any = None, keeps: int = -1) -> Ended:
    """Run it; `merged`: a file that takes what it says, `keeps`: the handle of a lock that it holds too, should we be killed. Raises StepError after `limit` seconds (0: none), or when there is no such program."""
    try:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL if data is None else subprocess.PIPE,
            stdout=merged or subprocess.PIPE,
            stderr=subprocess.STDOUT if merged else subprocess.PIPE,
            start_new_session=True,
            pass_fds=(keeps,) if keeps >= 0 and os.name == "posix" else (),
        )
    except OSError as error:
        raise StepError(f"{command[0]} cannot be run: {error.strerror}") from None
    try:
        out, err = process.communicate(data, timeout=limit or None)
        return Ended(process.returncode, out or b"", err or b"")
    except subprocess.TimeoutExpired:
        raise StepError(f"{' '.join(command[:2])} did not end within {limit:g} seconds") from None
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End what is left of the group, so that nothing of a repository outlives its step."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL) if hasattr(os, "killpg") else process.kill()
    for stream in (process.stdin, process.stdout, process.stderr):
        with contextlib.suppress(OSError, ValueError):
            if stream:
                stream.close()
    process.wait()


def run_given(commands: Sequence[str], cwd: Path, env: Mapping[str, str], limit: float, log: Log, what: str) -> None:
    """Run commands that the user gave, one after the other. Raises StepError for the first that fails."""
    for text in commands:
        log.say(f"$ {text}")
        try:
            with log.path.open("ab") as file:
                ended = run(shlex.split(text), cwd, env, limit, merged=file)
        except OSError as error:
            raise StepError(f"{what}: the log cannot be written: {error.strerror}") from None
        if ended.code:
            raise StepError(f"{what} {text!r} ended with {said(ended.code)}; its output is in the log")


def said(code: int) -> str:
    """An exit status in words."""
    if code >= 0:
        return f"status {code}"
    try:
        return f"signal {-code} ({signal.strsignal(-code)})"
    except ValueError:
        return f"signal {-code}"


def complaint(ended: Ended) -> str:
    """The sentence that matters in what git said."""
    lines = [line.strip() for line in (ended.err + b"\n" + ended.out).decode(errors="replace").splitlines() if line.strip()]
    full = next((line for line in lines if any(word in line for word in _FULL)), "")
    if full or ended.code == -getattr(signal, "SIGXFSZ", 0):
        return f"the disk is full or the file too large: {full or said(ended.code)}"
    if _NO_CAUSE in lines[1:]:
        lines = [lines[lines.index(_NO_CAUSE) - 1]]
    for begin in ("!", "fatal:", "error:", "ERROR:", "remote:"):
        if found := next((line for line in lines if line.startswith(begin)), ""):
            return _ONE_SIDE.sub("upload-pack: ", re.sub(r"\s+", " ", found.removeprefix(begin)).strip())
    return lines[-1] if lines else f"it ended with {said(ended.code)}"
