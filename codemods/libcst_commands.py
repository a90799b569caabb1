"""The stages as stock LibCST codemods: `python -m libcst.tool codemod -x flask_to_async.Routes PATH`.

LibCST hands a codemod one file at a time, in several processes, and writes each file as soon as it is done. A stage needs
the whole program as it was before the first write. So the stage is run once, in the process that reads the command line;
the workers only give back the file that was made for them.
"""

import argparse
import atexit
import os
import pickle
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from libcst import Module, ParserSyntaxError, parse_module
from libcst.codemod import CodemodCommand, CodemodContext, gather_files

from codemods.apply import ApplyError, apply
from codemods.catalogue_files import catalogue_for
from codemods.options import Helpers, Http, Orm, Spelling
from codemods.project import Loaded, ProjectError, load
from codemods.report import diff_lines, plain, table_lines
from transforms.catalogue import CatalogueError
from transforms.model import FileChange, Outcome, Project, Settings
from transforms.stages import run_stage

try:  # as in libcst.tool: LibCST depends on the one or the other, by the version of Python
    import yaml_ft as yaml
except ImportError:
    import yaml

_CONFIG = ".libcst.codemod.yaml"
_OPTIONS = ("only", "all_handlers", "orm", "executor", "http", "helpers", "python")
_Bytes = bytes


class Unusable(Exception):
    """The stage cannot be run this way; the message says what to do instead."""


@dataclass(frozen=True)
class _Made:
    """What the stage made: the changes and the lines to warn with, by absolute path."""

    changes: dict[str, FileChange]
    warnings: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class _Exact(Module):
    """A module with exactly these bytes: LibCST itself loses blanks in the last lines of a file."""

    exact: _Bytes = b""

    @property
    def bytes(self) -> _Bytes:
        """What is written."""
        return self.exact


class StageCommand(CodemodCommand):
    """One stage on the whole program around the paths that are named."""

    STAGE = ""

    def __init__(self, context: CodemodContext, made: str = "") -> None:
        """`made` is the file in which the process that read the command line left the result."""
        super().__init__(context)
        if not made or not context.filename:
            raise Unusable(f"the stage {self.STAGE} needs the whole program: run it with `python -m libcst.tool codemod -x flask_to_async.… PATH`")
        self._made = _read(made)

    @classmethod
    def add_args(cls, arg_parser: argparse.ArgumentParser) -> None:
        """Add the options of the stage, and run it as soon as the command line is read: there is no later moment before the workers start."""
        _add_options(arg_parser)
        arg_parser.set_defaults(no_format=True, include_generated=True)  # otherwise files would differ from what the stage made, or be left out of a group
        parse = arg_parser.parse_args

        def parse_and_run(*args: Any, **keywords: Any) -> argparse.Namespace:
            namespace: argparse.Namespace = parse(*args, **keywords)
            settings = Settings(**{name: getattr(namespace, name) for name in _OPTIONS})
            for name in _OPTIONS:
                delattr(namespace, name)
            try:
                made = _make(cls.STAGE, namespace.path, settings, write=not namespace.unified_diff)
            except (Unusable, ProjectError, CatalogueError, ApplyError, OSError) as error:
                arg_parser.error(str(error))
            namespace.made = _leave(made)
            return namespace

        arg_parser.parse_args = parse_and_run  # type: ignore[method-assign,assignment]

    def transform_module_impl(self, tree: Module) -> Module:
        """The file as the stage made it; the reasons become warnings."""
        path = Path(str(self.context.filename)).absolute()
        name = str(path.parent.resolve() / path.name)
        for line in self._made.warnings.get(name, ()):
            self.warn(line)
        change, data = self._made.changes.get(name), path.read_bytes()
        if change and data != change.before:
            raise Unusable(f"{path} was changed after the stage had read it; run the stage again")
        return _exact(change.after if change else data, tree)


class Routes(StageCommand):
    """The stage routes."""

    DESCRIPTION = "flask-to-async: handlers become `async def` where something in them will be awaited."
    STAGE = "routes"


class Clients(StageCommand):
    """The stage clients."""

    DESCRIPTION = "flask-to-async: blocking clients become asynchronous ones."
    STAGE = "clients"


class Executor(StageCommand):
    """The stage executor."""

    DESCRIPTION = "flask-to-async: what still blocks moves off the event loop."
    STAGE = "executor"


def _exact(data: bytes, tree: Module) -> Module:
    """A module that is written as these bytes; the tree itself where it is the same."""
    module = tree if tree.bytes == data else parse_module(data)
    return module if module.bytes == data else _Exact(body=(), encoding=module.encoding, exact=data)


def _add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `flask-to-async migrate` that change what a stage does."""
    parser.add_argument("--only", metavar="GLOB", action="append", default=[], help="only handlers whose endpoint, name, module or path matches")
    parser.add_argument("--all-handlers", action="store_true", help="also handlers that would await nothing")
    parser.add_argument("--orm", choices=[item.value for item in Orm], default=Orm.leave.value, help="what to do with database work")
    parser.add_argument("--executor", choices=[item.value for item in Spelling], default=Spelling.to_thread.value, help="how a call moves to a thread")
    parser.add_argument("--http", choices=[item.value for item in Http], default=Http.auto.value, help="what requests becomes")
    parser.add_argument("--helpers", choices=[item.value for item in Helpers], default=Helpers.executor.value, help="helpers that must stay synchronous")
    parser.add_argument("--python", metavar="X.Y", type=_version, default=None, help="the oldest Python that the result must run on")


def _version(text: str) -> tuple[int, int]:
    major, dot, minor = text.partition(".")
    if not (dot and major.isdigit() and minor.isdigit()):
        raise argparse.ArgumentTypeError(f"takes a version such as 3.9, not {text!r}")
    return int(major), int(minor)


def _make(stage: str, paths: Sequence[str], settings: Settings, write: bool) -> _Made:
    """Run the stage on every project that the paths lie in. Files that the stage creates are written here, or shown."""
    if "-" in paths:
        raise Unusable("a stage needs the whole program; name the folder of the application instead of -")
    settings = replace(settings, only=tuple(settings.only))
    offered = _offered(paths)
    made = _Made({}, {})
    for loaded in _projects([Path(path) for path in paths]):
        outcome = _run(stage, loaded, offered, settings)
        made.changes.update({str(loaded.root / change.path): change for change in outcome.changes if change.before is not None})
        for path in {decision.path for decision in outcome.decisions}:
            rows = [decision for decision in outcome.decisions if decision.path == path]
            made.warnings[str(loaded.root / path)] = tuple(table_lines(rows, False, plain))
        _create(loaded, [change for change in outcome.changes if change.before is None], write)
        _note(loaded, outcome)
    return made


def _offered(paths: Sequence[str]) -> set[Path]:
    """The files that LibCST will hand to the codemod: not those that its configuration excludes, nor links."""
    patterns = [re.compile(pattern) for pattern in _excluded()]
    found = [Path(path).absolute() for path in gather_files(paths)]
    return {path.resolve() for path in found if not path.is_symlink() and not any(pattern.fullmatch(str(path)) for pattern in patterns)}


def _excluded() -> list[str]:
    """`blacklist_patterns` of the nearest LibCST configuration, which LibCST does not tell its codemods."""
    here = Path.cwd()
    file = next((folder / _CONFIG for folder in [here, *here.parents] if (folder / _CONFIG).is_file()), None)
    found = yaml.safe_load(file.read_text()) if file else None
    patterns = found.get("blacklist_patterns") if isinstance(found, dict) else None
    return [pattern for pattern in patterns if isinstance(pattern, str)] if isinstance(patterns, list) else []


def _projects(paths: Sequence[Path]) -> Iterator[Loaded]:
    """Each project once, with all of the named paths that lie in it open to change."""
    by_root: dict[Path, Loaded] = {}
    for path in paths:
        loaded = load(path)
        known = by_root.get(loaded.root)
        by_root[loaded.root] = _joined(known, loaded) if known else loaded
    yield from by_root.values()


def _joined(one: Loaded, two: Loaded) -> Loaded:
    python, metadata = {**one.project.python, **two.project.python}, {**one.project.metadata, **two.project.metadata}
    others = {**one.project.others, **two.project.others}
    return Loaded(
        one.root, Project(python, one.project.editable | two.project.editable, metadata, others=others), one.unreadable | two.unreadable, one.apart | two.apart
    )


def _run(stage: str, loaded: Loaded, offered: set[Path], settings: Settings) -> Outcome:
    """Run the stage on the files that LibCST will offer and can parse as a whole."""
    project = loaded.project
    editable = frozenset(name for name in project.editable if loaded.root / name in offered)
    while True:
        outcome = run_stage(stage, replace(project, editable=editable), catalogue_for(loaded), settings).outcome
        unparsed = {change.path for change in outcome.changes if change.before is not None and not _parses(change.before)}
        if not unparsed:
            return outcome
        editable -= unparsed


def _parses(data: bytes) -> bool:
    try:
        parse_module(data)
    except (ParserSyntaxError, ValueError, LookupError):
        return False
    return True


def _create(loaded: Loaded, created: Sequence[FileChange], write: bool) -> None:
    """LibCST only rewrites files; a file that the stage adds is written before any file imports it."""
    if write:
        apply(loaded.root, created)
        for change in created:
            print(f"created {loaded.root / change.path}", file=sys.stderr)
    else:
        for change in created:
            print("\n".join(diff_lines(change, plain)))


def _note(loaded: Loaded, outcome: Outcome) -> None:
    for name, reason in sorted(loaded.unreadable.items()):
        print(f"not read  F001  {name}: {reason}", file=sys.stderr)
    if outcome.needs:
        print(f"The result needs: {', '.join(outcome.needs)}. Add what is missing to your requirements.", file=sys.stderr)


def _leave(made: _Made) -> str:
    """Put the result where the workers find it, until this process ends."""
    handle, name = tempfile.mkstemp(prefix="flask-to-async.", suffix=".pickle")
    atexit.register(_remove, name, os.getpid())
    with os.fdopen(handle, "wb") as file:
        pickle.dump(made, file)
    return name


def _remove(name: str, owner: int) -> None:
    """Only the process that wrote it takes it away: a forked worker inherits the exit handler."""
    if os.getpid() == owner:
        Path(name).unlink(missing_ok=True)


@lru_cache(maxsize=1)
def _read(name: str) -> _Made:
    with Path(name).open("rb") as file:
        made = pickle.load(file)
    assert isinstance(made, _Made)
    return made
