"""What a worker is given for one step of one repository. It is all that the step may know; secrets do not show in its text form."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from codemods.bulk.addresses import Credentials
from codemods.bulk.git import Git, clean_environment
from codemods.bulk.hosts import Host
from codemods.bulk.place import Place
from codemods.bulk.running import Log
from codemods.bulk.spec import Spec, from_plain


@dataclass(frozen=True)
class Job:
    """`known`: results of the steps before; `ours`: commits that this tool made for the branch; `when`: the date of commits,
    in seconds since 1970; `hidden`: environment variables that no command of a repository may see; `lock`: the handle of the
    repository's lock, in the worker that holds it."""

    phase: str
    key: str
    spec: Spec
    folder: str
    mark: str
    when: int
    host: Host
    known: Mapping[str, Mapping[str, Any]]
    ours: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    credentials: tuple[Credentials, ...] = field(default=(), repr=False)
    token: str = field(default="", repr=False)
    lock: int = -1

    @property
    def place(self) -> Place:
        """The work folder."""
        return Place(Path(self.folder))

    @property
    def log(self) -> Log:
        """The repository's log."""
        secrets = [self.token, *(item.password or item.user for item in self.credentials)]
        return Log(self.place.log(self.spec.name), self.place.folder, tuple(text for text in secrets if text))

    @property
    def git(self) -> Git:
        """Git in the repository's clone."""
        return Git(self.place.clone(self.spec.name), self.log, self.spec.git_timeout, self.credentials, self.lock)

    @property
    def environment(self) -> dict[str, str]:
        """What the commands that were given for it see: not the tokens."""
        own = {"FLASK_TO_ASYNC_REPOSITORY": self.spec.name, "FLASK_TO_ASYNC_BRANCH": self.spec.branch}
        return {name: value for name, value in clean_environment(os.environ).items() if name not in self.hidden} | own

    def plain(self) -> dict[str, Any]:
        """As JSON knows it. For a pipe to a worker of ours only: secrets are in it."""
        return {
            **{name: value for name, value in vars(self).items() if name not in ("spec", "host", "credentials")},
            "spec": self.spec.plain(),
            "host": vars(self.host),
            "credentials": [vars(item) for item in self.credentials],
        }


def job_from_plain(data: Mapping[str, Any]) -> Job:
    """What `plain` gave."""
    made = Job(**{**data, "spec": from_plain(data["spec"]), "host": Host(**data["host"])})
    return replace(made, ours=tuple(made.ours), hidden=tuple(made.hidden), credentials=tuple(Credentials(**item) for item in data["credentials"]))


@dataclass(frozen=True)
class Answer:
    """What came of a job: rows for the ledger, commits that were made, and, when a host wants to be left alone, for how many seconds."""

    rows: Sequence[Mapping[str, Any]]
    made: Sequence[str] = ()
    again: float = 0
