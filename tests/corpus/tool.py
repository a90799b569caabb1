"""The tool of this checkout: its counts from the Python API, its changes from the command line."""

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shell import Stop

if TYPE_CHECKING:
    from transforms.model import Settings

CHECKOUT = Path(__file__).resolve().parents[2]
STAGES = ("routes", "clients", "executor", "server")
IN_ONE_RUN = [word for stage in STAGES for word in ("--stage", stage)]


@dataclass(frozen=True)
class Options:
    """What is passed on to `migrate`, in the command line's spelling."""

    orm: str = "leave"
    executor: str = "to_thread"
    all_handlers: bool = False
    http: str = "auto"
    host: str = "threads"

    @property
    def arguments(self) -> list[str]:
        """As command line arguments."""
        return [
            "--orm",
            self.orm,
            "--executor",
            self.executor,
            *(["--all-handlers"] if self.all_handlers else []),
            *(["--http", self.http] if self.http != "auto" else []),
            *(["--host", self.host] if self.host != "threads" else []),
        ]

    @property
    def settings(self) -> "Settings":
        """As the API takes them."""
        from transforms.model import Settings

        return Settings(orm=self.orm, executor=self.executor, all_handlers=self.all_handlers, http=self.http, host=self.host)


@dataclass(frozen=True)
class Counts:
    """Handlers: all, those from which a blocking call or database work is reached, and what the audit says of each."""

    handlers: int
    reaching: int
    change: int
    leave: int
    refuse: int
    is_async: int


def use_checkout() -> None:
    """Import `codemods` and `transforms` from this checkout, whatever is installed."""
    sys.path.insert(0, str(CHECKOUT))


def count(root: Path, options: Options) -> Counts:
    """What the audit of that folder says, in numbers."""
    from codemods.audit import survey
    from codemods.project import load
    from transforms.reach import is_bound, is_movable

    _, judgements = survey(load(root), options.settings)
    verdicts = Counter(item.verdict.value for item in judgements)
    reaching = sum(any(is_movable(found.site.entry) or is_bound(found.site.entry) for found in item.reached) for item in judgements)
    is_async = sum(item.handler.function.is_async for item in judgements)
    return Counts(len(judgements), reaching, verdicts["change"], verdicts["leave"], verdicts["refuse"], is_async)


def needs(root: Path, options: Options) -> tuple[str, ...]:
    """The distributions that the migrated application needs."""
    from codemods.pipeline import run_stages
    from codemods.project import load

    return run_stages(load(root), STAGES, options.settings).needs


def asgi_name(log: Path) -> str:
    """What the log of stage server says that an ASGI server is to serve; empty when it was not asked for or not written."""
    found = re.search(r"S406 .*?`uvicorn ([\w.:]+)`", log.read_text())
    return found[1] if found else ""


def migrate(root: Path, options: Options, arguments: Sequence[str], log: Path) -> tuple[int, str]:
    """Run the command line; its exit status and its `summary:` line. Raises Stop when it broke down."""
    command = [sys.executable, str(CHECKOUT / "flask_to_async.py"), "migrate", *options.arguments, *arguments, str(root)]
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(command, capture_output=True, text=True, env=env, stdin=subprocess.DEVNULL, timeout=1800)
    log.write_text(done.stdout + done.stderr)
    summary = re.search(r"^summary: .*$", done.stdout, re.M)
    if summary is None:
        raise Stop(f"migrate {' '.join(arguments)} broke down: {done.stderr.strip()[-300:]} (see {log.name})")
    return done.returncode, summary.group()
