"""The ledger: what was done, with which repository, in which pass. SQLite in WAL mode; one process writes it.

A step's row holds the `key` it was done for, a digest of all that it depends on: a step with the same key is never done
again. Every call commits before it returns, so a process may be killed at any moment. No credentials come here.
"""

import json
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VERSION = "1"
DONE, FAILED, SKIPPED = "done", "failed", "skipped"
_TABLES = """
CREATE TABLE IF NOT EXISTS about (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS pass (number INTEGER PRIMARY KEY, began REAL NOT NULL, tool TEXT NOT NULL, options TEXT NOT NULL, wave INTEGER NOT NULL, waves INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS repository (name TEXT PRIMARY KEY, position INTEGER NOT NULL, url TEXT NOT NULL, pass INTEGER NOT NULL, wave INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS step (repository TEXT NOT NULL, step TEXT NOT NULL, pass INTEGER NOT NULL, key TEXT NOT NULL, state TEXT NOT NULL,
  reason TEXT NOT NULL, result TEXT NOT NULL, began REAL NOT NULL, seconds REAL NOT NULL, PRIMARY KEY (repository, step));
CREATE TABLE IF NOT EXISTS made (repository TEXT NOT NULL, branch TEXT NOT NULL, commit_id TEXT NOT NULL, PRIMARY KEY (repository, branch, commit_id));
CREATE TABLE IF NOT EXISTS measure (pass INTEGER NOT NULL, repository TEXT NOT NULL, before INTEGER NOT NULL, after INTEGER NOT NULL, PRIMARY KEY (pass, repository));
CREATE TABLE IF NOT EXISTS finished (pass INTEGER NOT NULL, repository TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (pass, repository));
"""


class LedgerError(Exception):
    """The ledger cannot be used; the message says what to do."""


@dataclass(frozen=True)
class Pass:
    """One pass over the repositories; `began` in seconds since 1970. Waves count from 1; without waves there is one."""

    number: int
    began: float
    tool: str
    options: Mapping[str, Any]
    wave: int
    waves: int


@dataclass(frozen=True)
class Member:
    """A repository of the pass."""

    name: str
    position: int
    url: str
    wave: int


@dataclass(frozen=True)
class Step:
    """What became of one step. `reason` is one sentence, empty when it is done; `began` in seconds since 1970."""

    step: str
    key: str
    state: str
    reason: str
    result: Mapping[str, Any]
    began: float
    seconds: float


class Ledger:
    """An open ledger."""

    def __init__(self, path: Path) -> None:
        try:
            self._base = sqlite3.connect(path, isolation_level=None, timeout=30)
            self._base.execute("PRAGMA journal_mode=WAL")
            self._base.execute("PRAGMA synchronous=FULL")
            self._base.executescript(_TABLES)
            self._base.execute("INSERT OR IGNORE INTO about VALUES ('version', ?)", (VERSION,))
            ((found,),) = self._base.execute("SELECT value FROM about WHERE key = 'version'")
        except sqlite3.Error as error:
            advice = "" if isinstance(error, sqlite3.OperationalError) else "; remove it to begin anew, or name another folder with --work"
            raise LedgerError(f"{path} cannot be opened: {error}{advice}") from None
        if found != VERSION:
            raise LedgerError(f"{path} was written by another version of flask-to-async; use that one, or name another folder with --work")

    def close(self) -> None:
        """Close it."""
        self._base.close()

    def _write(self, statements: Iterable[tuple[str, Sequence[Any]]]) -> None:
        """All of them or none."""
        try:
            self._base.execute("BEGIN IMMEDIATE")
            try:
                for statement, values in statements:
                    self._base.execute(statement, values)
                self._base.execute("COMMIT")
            except BaseException:
                if self._base.in_transaction:
                    self._base.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise LedgerError(f"the ledger could not be written: {error}; mend that, then `flask-to-async bulk resume` goes on, nothing is lost") from None

    def passes(self) -> list[Pass]:
        """All, the first one first."""
        rows = self._base.execute("SELECT number, began, tool, options, wave, waves FROM pass ORDER BY number")
        return [Pass(number, began, tool, json.loads(options), wave, waves) for number, began, tool, options, wave, waves in rows]

    def begin(self, began: float, tool: str, options: Mapping[str, Any], members: Sequence[Member]) -> None:
        """Begin a pass. What failed before will be tried again; what is done stays known."""
        number = max((item.number for item in self.passes()), default=0) + 1
        waves = max((member.wave for member in members), default=1)
        statements: list[tuple[str, Sequence[Any]]] = [("INSERT INTO pass VALUES (?, ?, ?, ?, 1, ?)", (number, began, tool, json.dumps(options), waves))]
        for item in members:
            statements.append(("INSERT OR REPLACE INTO repository VALUES (?, ?, ?, ?, ?)", (item.name, item.position, item.url, number, item.wave)))
        self._write([*statements, ("DELETE FROM step WHERE state != ?", (DONE,))])

    def next_wave(self, options: Mapping[str, Any]) -> None:
        """Go on with the next wave of the last pass."""
        number = self.passes()[-1].number
        self._write([("UPDATE pass SET wave = wave + 1, options = ? WHERE number = ?", (json.dumps(options), number))])

    def members(self, number: int, wave: int | None = None) -> list[Member]:
        """The repositories of that pass in their order, up to that wave."""
        rows = self._base.execute("SELECT name, position, url, wave FROM repository WHERE pass = ? ORDER BY position, name", (number,))
        return [Member(*row) for row in rows if wave is None or row[3] <= wave]

    def steps(self, name: str) -> dict[str, Step]:
        """What is recorded of that repository, by step."""
        rows = self._base.execute("SELECT step, key, state, reason, result, began, seconds FROM step WHERE repository = ? ORDER BY rowid", (name,))
        return {row[0]: Step(row[0], row[1], row[2], row[3], json.loads(row[4]), row[5], row[6]) for row in rows}

    def record(self, number: int, name: str, steps: Sequence[Step], branch: str, made: Sequence[str] = ()) -> None:
        """Record steps of one repository, and the commits that they made."""
        statements: list[tuple[str, Sequence[Any]]] = []
        for item in steps:
            row = (name, item.step, number, item.key, item.state, item.reason, json.dumps(item.result, sort_keys=True), item.began, item.seconds)
            statements.append(("INSERT OR REPLACE INTO step VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row))
        statements += [("INSERT OR IGNORE INTO made VALUES (?, ?, ?)", (name, branch, commit)) for commit in made]
        self._write(statements)

    def made(self, name: str, branch: str) -> list[str]:
        """The commits that were ever made for that branch."""
        return [row[0] for row in self._base.execute("SELECT commit_id FROM made WHERE repository = ? AND branch = ? ORDER BY commit_id", (name, branch))]

    def finish(self, number: int, name: str, blocking: tuple[int, int] | None) -> None:
        """Nothing is left to do with that repository in that pass; `blocking` calls before and after, where they were counted."""
        statements: list[tuple[str, Sequence[Any]]] = [("INSERT OR REPLACE INTO finished VALUES (?, ?, ?)", (number, name, time.time()))]
        if blocking:
            statements.append(("INSERT OR REPLACE INTO measure VALUES (?, ?, ?, ?)", (number, name, *blocking)))
        self._write(statements)

    def finished(self, number: int) -> set[str]:
        """The repositories of that pass with which nothing is left to do."""
        return {row[0] for row in self._base.execute("SELECT repository FROM finished WHERE pass = ?", (number,))}

    def retry(self, number: int, names: Sequence[str]) -> None:
        """Forget what failed of these repositories."""
        statements: list[tuple[str, Sequence[Any]]] = [("DELETE FROM step WHERE repository = ? AND state != ?", (name, DONE)) for name in names]
        self._write([*statements, *(("DELETE FROM finished WHERE pass = ? AND repository = ?", (number, name)) for name in names)])

    def measures(self) -> dict[int, list[tuple[str, int, int]]]:
        """Repository, blocking calls before and after, by pass."""
        found: dict[int, list[tuple[str, int, int]]] = {}
        for number, name, before, after in self._base.execute("SELECT pass, repository, before, after FROM measure ORDER BY pass, repository"):
            found.setdefault(number, []).append((name, before, after))
        return found
