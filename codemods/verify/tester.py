"""Trying candidates: the copy with some files changed, the tests run on it, and every finished run remembered."""

import hashlib
import json
import os
import queue
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from codemods.verify.guard import Guard
from codemods.verify.judging import Baseline, baseline
from codemods.verify.run import Case, Inside, Run, run_command
from codemods.verify.scratch import Scratch, check_room, place, restore

_LEAST = 60.0  # seconds that every run may take, however quick the first one was
_TIMES = 5  # and how many times as long as the unchanged code


@dataclass(frozen=True)
class Trial:
    """Files that differ from the copy, the tests to run (None: all), and which attempt at the same this is.

    `stall` seconds: the run is traced, and a callback that takes longer is a stall; 0: it is not traced.
    """

    files: Mapping[str, bytes]
    select: frozenset[str] | None = None
    attempt: int = 0
    stall: float = 0.0

    @property
    def key(self) -> str:
        """The same trial has the same key in a later process."""
        files = [(name, hashlib.sha256(data).hexdigest()) for name, data in sorted(self.files.items())]
        return hashlib.sha256(json.dumps([files, sorted(self.select or []), self.select is None, self.attempt, self.stall]).encode()).hexdigest()[:24]


@dataclass
class Tester:
    """Runs trials. `cwd` is relative to the copy; `jobs` run at once, each in a copy of its own."""

    scratch: Scratch
    command: Sequence[str]
    cwd: str
    inside: Inside
    timeout: float | None = None
    jobs: int = 1
    base: Baseline | None = None
    done: dict[str, Run] = field(default_factory=dict)
    runs: int = 0
    guard: Guard | None = None

    def open(self) -> None:
        """Remember what a run that is resumed has already tried, and make the folders."""
        (self.scratch.folder / "logs").mkdir(exist_ok=True)
        memory = self.scratch.folder / "runs.jsonl"
        for line in memory.read_bytes().split(b"\n") if memory.exists() else ():
            try:
                row = json.loads(line)
            except ValueError:
                continue
            self.done[row["key"]] = _from_row(row["run"])
        self._free: queue.Queue[int] = queue.Queue()
        for number in range(self.jobs):
            self._free.put(number)

    def first(self) -> Baseline:
        """The unchanged code, twice. Raises BaselineError."""
        one, two = (self.all([Trial({}, None, attempt)])[0] for attempt in (0, 1))
        self.base = baseline(one, two)
        return self.base

    def all(self, trials: Sequence[Trial]) -> list[Run]:
        """The result of each trial; a trial that was made before is not made again."""
        if len(trials) == 1 or self.jobs == 1:
            return [self._one(trial) for trial in trials]
        with ThreadPoolExecutor(self.jobs) as pool:
            return list(pool.map(self._one, trials))

    def _one(self, trial: Trial) -> Run:
        if trial.key not in self.done:
            number = self._free.get()
            try:
                run = self._run(trial, self.scratch.work(number))
                check_room(self.scratch.folder)
                self._remember(trial.key, run)
            finally:
                self._free.put(number)
        return self.done[trial.key]

    def _run(self, trial: Trial, work: Path) -> Run:
        self.runs += 1
        stem = self.scratch.folder / "logs" / f"{os.getpid()}-{self.runs:04}-{trial.key[:6]}"
        restore(self.scratch, work)
        place(work, trial.files)
        inside = replace(self.inside, copy=work, select=sorted(trial.select or ()), trace={"stall": trial.stall} if trial.stall else None)
        return run_command(self.command, work / self.cwd, inside, stem, self._limit(trial), self.guard)

    def _limit(self, trial: Trial) -> float:
        if self.timeout:
            return self.timeout
        if self.base is None:
            return 3600.0
        if trial.select is None:
            return _LEAST + _TIMES * self.base.seconds
        tests = self.base.runs[0].tests or {}
        return _LEAST + _TIMES * (self.base.overhead() + sum(test.seconds for name, test in tests.items() if name in trial.select))

    def _remember(self, key: str, run: Run) -> None:
        self.done[key] = run
        with (self.scratch.folder / "runs.jsonl").open("ab") as file:
            file.write(json.dumps({"key": key, "run": _row(run)}).encode() + b"\n")


def _row(run: Run) -> dict[str, Any]:
    row = {name: sorted(value) if isinstance(value, frozenset) else value for name, value in vars(run).items()}
    return row | {"tests": None if run.tests is None else {name: asdict(test) for name, test in run.tests.items()}}


def _from_row(row: dict[str, Any]) -> Run:
    sets = {name: frozenset(row[name]) for name in ("loaded", "wrong", "elsewhere", "missing")}
    tests = None if row["tests"] is None else {name: Case(**test) for name, test in row["tests"].items()}
    return Run(**{**row, **sets, "tests": tests, "traced": tuple(row["traced"])})
