"""One run of the user's command: in a process group of its own, watched from inside, with a time limit."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codemods.verify.guard import Guard

INSIDE = Path(__file__).resolve().parent.parent / "inside"
WHOLE = "(the whole command)"
_GRACE = 5  # seconds between asking a command to end and killing it


class CommandError(Exception):
    """The command cannot be run at all; the message says what to do."""


@dataclass(frozen=True)
class Case:
    """What a test did: passed, failed or skipped; `text` is what it said when it failed."""

    outcome: str
    seconds: float = 0.0
    text: str = ""


@dataclass(frozen=True)
class Run:
    """What a run of the command did. `tests` is None for a command that is no pytest: only `code` is then known.

    `ending`: ended, hung (the time limit), killed (a signal) or crashed (pytest did not get to its end).
    """

    ending: str
    code: int
    seconds: float
    log: str
    tests: Mapping[str, Case] | None = None
    running: str = ""
    loaded: frozenset[str] = frozenset()
    wrong: frozenset[str] = frozenset()
    elsewhere: frozenset[str] = frozenset()
    executable: str = ""
    missing: frozenset[str] = frozenset()
    traced: tuple[dict[str, Any], ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Inside:
    """What the code inside the target's interpreter is told. Paths in `watched` are relative to the copy."""

    original: Path
    copy: Path
    watched: Sequence[str]
    names: Sequence[str]
    needs: Sequence[str]
    select: Sequence[str] = ()
    trace: Mapping[str, Any] | None = None
    lag: bool = False


def run_command(command: Sequence[str], cwd: Path, inside: Inside, stem: Path, limit: float | None, guard: Guard | None = None) -> Run:
    """Run it; `stem` names the files beside which log, configuration and events are written. Raises CommandError."""
    stream = stem.with_suffix(".events")
    stream.unlink(missing_ok=True)
    environment = environment_for(inside, stem.with_suffix(".json"), stream)
    began = time.monotonic()
    with stem.with_suffix(".log").open("wb") as log:
        ending, code = _wait(start(command, cwd, environment, log), limit, guard)
    return read_run(stream, ending, code, time.monotonic() - began, str(stem.with_suffix(".log")))


def environment_for(inside: Inside, config: Path, stream: Path) -> dict[str, str]:
    """The user's environment, with our code in front of it."""
    values: dict[str, Any] = {
        **vars(inside),
        "original": os.path.realpath(inside.original),
        "copy": os.path.realpath(inside.copy),
        "watched": list(inside.watched),
        "stream": str(stream),
    }
    config.write_text(json.dumps(values))
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPYCACHEPREFIX"}
    old = [_moved(item, inside) for item in environment.get("PYTHONPATH", "").split(os.pathsep) if item]
    plugins = [item for item in environment.get("PYTEST_PLUGINS", "").split(",") if item]
    added = {
        "FLASK_TO_ASYNC_INSIDE": str(config),
        "PYTHONPATH": os.pathsep.join([str(INSIDE), *old]),
        "PYTEST_PLUGINS": ",".join([*plugins, "flask_to_async_tests"]),
    }
    return environment | added


def _moved(item: str, inside: Inside) -> str:
    real = Path(item).resolve()
    return str(inside.copy / real.relative_to(inside.original)) if real.is_relative_to(inside.original) else item


def start(command: Sequence[str], cwd: Path, environment: Mapping[str, str], output: Any) -> subprocess.Popen[bytes]:
    """Start it without a shell. Raises CommandError with a sentence when there is no such program."""
    try:
        return subprocess.Popen(
            command, cwd=cwd, env=dict(environment), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    except OSError as error:
        raise CommandError(f"{command[0]} cannot be run in {cwd}: {error.strerror}; the command runs without a shell, as if you had typed it there") from None


def _wait(process: subprocess.Popen[bytes], limit: float | None, guard: Guard | None) -> tuple[str, int]:
    if guard:
        guard.begins(process.pid)
    try:
        code = process.wait(limit)
        return ("killed", code) if code < 0 else ("ended", code)
    except subprocess.TimeoutExpired:
        _signal(process, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
        return "hung", -1
    finally:
        _signal(process, getattr(signal, "SIGKILL", signal.SIGTERM))
        process.wait()
        if guard:
            guard.ended(process.pid)


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    """To the whole group, where the system has groups: a test run starts processes of its own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number) if hasattr(os, "killpg") else process.kill()


@dataclass
class _Heard:
    """What the events of one run say."""

    tests: dict[str, Case] = field(default_factory=dict)
    running: dict[str, None] = field(default_factory=dict)
    loaded: dict[str, set[str]] = field(default_factory=lambda: {"copy": set(), "original": set(), "elsewhere": set(), "missing": set()})
    executable: str = ""
    finished: int | None = None
    traced: list[dict[str, Any]] = field(default_factory=list)

    def hear(self, event: dict[str, Any]) -> None:
        match event.get("event"):
            case "begin":
                self.running[event["id"]] = None
            case "end":
                self.running.pop(event["id"], None)
            case "test":
                self.tests[event["id"]] = _merged(self.tests.get(event["id"]), Case(event["outcome"], event["seconds"], event["text"]))
            case "finish":
                self.finished = event["code"]
            case "loaded":
                for key, found in self.loaded.items():
                    found.update(event[key])
                self.executable = event["executable"] if event["copy"] or not self.executable else self.executable
            case "trace":
                self.traced.append(event)


def read_run(stream: Path, ending: str, code: int, seconds: float, log: str) -> Run:
    """What the events say. A torn last line, of a process that was killed, counts for nothing."""
    heard = _Heard()
    for event in events(stream):
        heard.hear(event)
    is_pytest = bool(heard.tests or heard.running) or heard.finished is not None
    if is_pytest and heard.finished is None and ending == "ended":
        ending = "crashed"
    code = code if heard.finished is None else heard.finished or code
    tests, running = heard.tests if is_pytest else None, next(reversed(heard.running), "")
    copy, original, elsewhere, missing = (frozenset(heard.loaded[key]) for key in ("copy", "original", "elsewhere", "missing"))
    return Run(ending, code, seconds, log, tests, running, copy, original, elsewhere, heard.executable, missing, tuple(heard.traced))


def events(stream: Path) -> list[dict[str, Any]]:
    """The events so far."""
    found = []
    for line in stream.read_bytes().split(b"\n") if stream.exists() else ():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def _merged(before: Case | None, now: Case) -> Case:
    """Set-up, call and tear-down of one test, and repeated runs of it: a failure stays one."""
    if before is None:
        return now
    worst = before if before.outcome == "failed" else now
    return Case(worst.outcome, before.seconds + now.seconds, worst.text)
