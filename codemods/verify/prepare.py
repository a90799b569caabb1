"""From the project and the options to a tester: which folder is copied, where the command runs, what is watched."""

import shlex
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from codemods.project import Loaded
from codemods.verify.run import CommandError, Inside
from codemods.verify.scratch import Scratch
from codemods.verify.tester import Tester
from transforms.layout import is_test

_IMPORTED = {"flask[async]": "asgiref"}


def split(text: str) -> list[str]:
    """The command as words, as a shell would split it; there is no shell. Raises CommandError."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise CommandError(f"--test {text!r} cannot be split into words: {error}") from None
    if not words:
        raise CommandError('--test needs a command, for example --test "pytest -q"')
    return words


def folder_of_command(top: Path, root: Path) -> str:
    """Where the command runs, relative to the copy: where the user stands if that is in the project, else its root."""
    here = Path.cwd().resolve()
    return (here if here.is_relative_to(root) else root).relative_to(top).as_posix()


def prefix_of(top: Path, root: Path) -> str:
    """What leads from the copy to the project."""
    inner = root.relative_to(top).as_posix()
    return "" if inner == "." else f"{inner}/"


def tester_for(loaded: Loaded, scratch: Scratch, words: list[str], needs: Iterable[str], timeout: float | None, jobs: int) -> Tester:
    """The tester of this project. Raises CommandError when there is no such program."""
    cwd = folder_of_command(scratch.top, loaded.root)
    if not shutil.which(words[0]) and not (scratch.base / cwd / words[0]).exists():
        raise CommandError(f"there is no program {words[0]!r}; activate the environment in which the tests run, or give its whole path")
    return Tester(scratch, words, cwd, inside_for(loaded, scratch.top, scratch.base, needs), timeout, jobs)


def inside_for(loaded: Loaded, top: Path, copy: Path, needs: Iterable[str], trace: Mapping[str, float] | None = None, lag: bool = False) -> Inside:
    """What the code inside the target's interpreter looks at."""
    prefix = prefix_of(top, loaded.root)
    own = sorted(name for name in loaded.project.editable if not is_test(name))
    return Inside(top, copy, [prefix + name for name in own], sorted({dotted(loaded, name) for name in own}), sorted(imported(needs)), trace=trace, lag=lag)


def imported(needs: Iterable[str]) -> set[str]:
    """The modules to look for, for the distributions that the result needs."""
    return {_IMPORTED.get(need, need.partition("[")[0].replace("-", "_")) for need in needs}


def dotted(loaded: Loaded, name: str) -> str:
    """The name under which the file is imported."""
    parts = name.removesuffix(".py").split("/")
    first = len(parts) - 1
    while first and "/".join([*parts[:first], "__init__.py"]) in loaded.project.python:
        first -= 1
    return ".".join(parts[first:]).removesuffix(".__init__")
