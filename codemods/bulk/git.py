"""Git for repositories that may be anybody's: no hook, no filter, no prompt, no submodule, no transport that runs commands.

What is local is done without the user's and the system's configuration, so that it is the same everywhere; what talks to a
remote reads them, because proxies and credentials are there. Credentials from an address reach git through its environment
only, as a helper that answers for their host alone: not its command line, not a file.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from codemods.bulk.addresses import Credentials
from codemods.bulk.running import Ended, Log, StepError, complaint, run

_SET = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.quotePath": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "false",
    "push.recurseSubmodules": "no",
    "credential.interactive": "false",
    "advice.detachedHead": "false",
    "init.defaultBranch": "main",
    "fetch.writeCommitGraph": "false",
    "protocol.allow": "never",
    **{f"protocol.{name}.allow": "always" for name in ("https", "http", "ssh", "git")},
    "protocol.file.allow": "user",
}
_ENVIRONMENT = {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "true", "SSH_ASKPASS": "true", "GCM_INTERACTIVE": "never", "GIT_LFS_SKIP_SMUDGE": "1", "LC_ALL": "C"}
_KEPT = ("GIT_AUTHOR_", "GIT_COMMITTER_", "GIT_SSH", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_SSL_", "GIT_PROXY", "GIT_EXEC_PATH")
_HELPER = '!f() { test "$1" = get && printf "username=%s\\npassword=%s\\n" "$FLASK_TO_ASYNC_USER_{n}" "$FLASK_TO_ASYNC_PASSWORD_{n}"; }; f'


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Without git's own variables, which name some repository when this runs in a hook."""
    return {name: value for name, value in environment.items() if not name.startswith("GIT_") or name.startswith(_KEPT)}


@dataclass(frozen=True)
class Git:
    """Git in one folder. `limit`: seconds that a command may take. `lock`: the repository's, which a git that outlives us keeps."""

    folder: Path
    log: Log
    limit: float
    credentials: tuple[Credentials, ...] = field(default=(), repr=False)
    lock: int = -1

    def local(self, *arguments: str, data: bytes | None = None) -> bytes:
        """A command that talks to no remote."""
        return self.run(arguments, {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}, data)

    def remote(self, *arguments: str) -> bytes:
        """A command that talks to a remote."""
        return self.run(arguments, self._asked(), None)

    def pushed(self, arguments: Sequence[str]) -> Ended:
        """How a push ended."""
        return self.ended(arguments, self._asked())

    def run(self, arguments: Sequence[str], more: Mapping[str, str], data: bytes | None = None) -> bytes:
        """What it printed; raises StepError with its own words."""
        ended = self.ended(arguments, more, data)
        if ended.code:
            raise StepError(f"git {arguments[0]}: {self.log.clean(complaint(ended))}{_hint(ended)}")
        return ended.out

    def ended(self, arguments: Sequence[str], more: Mapping[str, str], data: bytes | None = None) -> Ended:
        """How it ended, whatever it was; what it complained of is in the log."""
        settings = [word for key, value in _SET.items() for word in ("-c", f"{key}={value}")]
        command = ["git", "--no-optional-locks", "--literal-pathspecs", *settings, *arguments]
        environment = clean_environment(os.environ) | _ENVIRONMENT | dict(more)
        environment.setdefault("GIT_SSH_COMMAND", "ssh -oBatchMode=yes")
        self.log.say(f"$ git {' '.join(arguments)}")
        ended = run(command, self.folder, environment, self.limit, data, keeps=self.lock)
        if ended.err.strip():
            self.log.say(ended.err.decode(errors="replace"))
        return ended

    def _asked(self) -> dict[str, str]:
        """The environment in which git is given these credentials, each for its host."""
        found = {"GIT_CONFIG_COUNT": str(2 * len(self.credentials))} if self.credentials else {}
        for number, item in enumerate(self.credentials):
            found |= {f"FLASK_TO_ASYNC_USER_{number}": item.user, f"FLASK_TO_ASYNC_PASSWORD_{number}": item.password}
            for place, value in ((2 * number, ""), (2 * number + 1, _HELPER.replace("{n}", str(number)))):
                found |= {f"GIT_CONFIG_KEY_{place}": f"credential.{item.host}.helper", f"GIT_CONFIG_VALUE_{place}": value}
        return found


def _hint(ended: Ended) -> str:
    text = ended.err.decode(errors="replace")
    if "could not read Username" in text or "could not read Password" in text or "Authentication failed" in text:
        return "; no permission, or no such repository: give git credentials for it (a credential helper, or user:${TOKEN}@ in the address)"
    return ""
