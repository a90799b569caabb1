"""What is to be done with one repository: the keys of the repositories file, checked, with their defaults."""

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from codemods.json_file import nearest
from codemods.settings import KEYS
from transforms.stages import ALL_STAGES

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_BRANCH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/+-]{0,199}")
_MOST = 1_000_000_000  # what clocks and git take
_FROM_MIGRATE = ("stages", "only", "all-handlers", "orm", "executor", "http", "helpers", "host", "python", "unsafe")
MIGRATION = {key.name: key for key in KEYS if key.name in _FROM_MIGRATE}
Check = Callable[[Any], str]


class SpecError(Exception):
    """A setting is wrong; the message names the key and says what to write."""


@dataclass(frozen=True)
class Spec:
    """One repository. Fields are the keys of the file with `_` for `-`; times are seconds, sizes megabytes (10⁶ bytes).

    `path` is the folder that is migrated, `folder` the one in which commands run; both are relative to the repository's top,
    and an empty `folder` is the root of the project. `depth` 0 fetches all history. `migration` holds the settings of `migrate`.
    """

    name: str
    url: str
    push_url: str = ""
    base: str = ""
    branch: str = "flask-to-async"
    path: str = "."
    folder: str = ""
    install: tuple[str, ...] = ()
    test: str = ""
    submodules: bool = False
    depth: int = 1
    filter: str = ""
    title: str = ""
    draft: bool = False
    git_timeout: float = 600
    install_timeout: float = 1800
    test_timeout: float = 0
    analysis_timeout: float = 900
    largest: float = 2000
    largest_file: float = 20
    hooks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    migration: Mapping[str, Any] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """As JSON knows it."""
        found = asdict(self)
        return found | {"install": list(self.install), "hooks": {when: list(commands) for when, commands in self.hooks.items()}}


def from_plain(data: Mapping[str, Any]) -> Spec:
    """What `plain` gave."""
    hooks = {when: tuple(commands) for when, commands in data["hooks"].items()}
    return Spec(**{**data, "install": tuple(data["install"]), "hooks": hooks})


def make(name: str, url: str, push_url: str, given: Mapping[str, Any]) -> Spec:
    """The repository with these settings, already checked."""
    own = {key.replace("-", "_"): value for key, value in given.items() if key not in MIGRATION}
    own |= {key: _commands(own[key]) for key in ("install",) if key in own}
    if "hooks" in own:
        own["hooks"] = {when: _commands(commands) for when, commands in own["hooks"].items()}
    return Spec(name, url, push_url, **own, migration={key: value for key, value in given.items() if key in MIGRATION})


def _commands(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def check(given: Mapping[str, Any]) -> None:
    """Raise SpecError for the first setting that is unknown or wrong."""
    for key, value in given.items():
        if key not in _CHECKS:
            raise SpecError(f"there is no setting {key!r}{nearest(key, list(_CHECKS))}")
        if said := _CHECKS[key](value):
            raise SpecError(f"{key} {said}")


def _flag(value: Any) -> str:
    return "" if isinstance(value, bool) else "has to be true or false"


def _text(value: Any) -> str:
    return "" if isinstance(value, str) and value.isprintable() else "has to be a text in one line"


def _number(value: Any) -> str:
    return "" if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _MOST else f"has to be a number from 0 to {_MOST}"


def _whole(value: Any) -> str:
    return _number(value).replace("a number", "a whole number") if isinstance(value, int) else f"has to be a whole number from 0 to {_MOST}"


def _inner(value: Any) -> str:
    """A folder below the top of the repository."""
    wrong = _text(value) or value.startswith(("/", "-", "\\")) or ".." in re.split(r"[/\\]", value)
    return "has to be a folder inside the repository, such as `backend`" if wrong else ""


def _branch(value: Any) -> str:
    bad = _text(value) or not _BRANCH.fullmatch(value) or ".." in value or "//" in value or value.endswith(("/", ".", ".lock")) or "/." in value
    return "has to be the name of a branch, in letters, digits and ._/+-" if bad else ""


def _command(value: Any) -> str:
    try:
        return "" if isinstance(value, str) and shlex.split(value) else "has to be a command"
    except ValueError as error:
        return f"cannot be split into words: {error}"


def _some_commands(value: Any) -> str:
    items = [value] if isinstance(value, str) else value
    return next(filter(None, map(_command, items)), "") if isinstance(items, list | tuple) else "has to be a command, or a list of commands"


def _hooks(value: Any) -> str:
    known = [f"{when}-{stage}" for stage in ALL_STAGES for when in ("before", "after")]
    if not isinstance(value, Mapping):
        return 'has to be a table, for example { after-routes = "ruff check ." }'
    wrong = next((key for key in value if key not in known), None)
    return f"has an unknown entry {wrong!r}{nearest(wrong, known)}" if wrong else next(filter(None, map(_some_commands, value.values())), "")


_CHECKS: Mapping[str, Check] = {
    **{key.name: key.check for key in MIGRATION.values()},
    **dict.fromkeys(("base", "branch"), _branch),
    **dict.fromkeys(("path", "folder"), _inner),
    **dict.fromkeys(("submodules", "draft"), _flag),
    **dict.fromkeys(("git-timeout", "install-timeout", "test-timeout", "analysis-timeout", "largest", "largest-file"), _number),
    **dict.fromkeys(("filter", "title"), _text),
    "install": _some_commands,
    "test": _command,
    "depth": _whole,
    "hooks": _hooks,
}
