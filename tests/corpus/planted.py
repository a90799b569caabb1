#!/usr/bin/env python3
"""Whether `verify` finds wrong decisions in real applications: faults are planted in some groups, flaky tests beside them.

    python tests/corpus/planted.py --work FOLDER httpbin rq-dashboard     over what run.py prepared in FOLDER

A fault is made in the lines that one group of decisions wrote: an `await` is dropped, a plain call is awaited, or a helper that is
called synchronously becomes `async def`. Only this script can do that: it puts itself between `verify` and the stages, in its own
process. A fault counts when the application's tests see it on its own; a group that no test sees cannot be found by any.
"""

import argparse
import ast
import contextlib
import difflib
import math
import os
import random
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apps import App, Home, read_apps
from shell import Shell
from suite import Outcomes, read_outcomes
from tool import use_checkout

if TYPE_CHECKING:
    from codemods.verify.gate import Verified
    from transforms.model import Project

FLAKY = """
import random


def test_flaky_now_and_then():
    assert random.random() < 0.5


def test_flaky_seldom():
    assert random.random() < 0.85
"""
_MOVED = re.compile(r"await asyncio\.to_thread\(\s*([\w.\[\]'\"]+)(?:,\s*|(?=\)))")
_DEF = re.compile(r"^(\s*)def (\w+)\(", re.MULTILINE)


def main() -> int:
    """Exit with 0 when exactly the planted groups were found everywhere."""
    args = _arguments()
    use_checkout()
    apps = read_apps(Path(__file__).with_name("apps.toml"))
    print("| app | groups | planted | found | tests | flaky | runs | log2(groups) |\n|---|---:|---:|---:|---:|---:|---:|---:|")
    wrong = 0
    for name in args.name:
        trial = Trial(apps[name], Home(args.work / name), args)
        for number in args.faults:
            wrong += not trial.row(number)
    return int(bool(wrong))


def _folder(text: str) -> Path:
    return Path(text).resolve()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="+", help="applications of apps.toml")
    parser.add_argument("--work", type=_folder, required=True, help="the folder that run.py prepared")
    parser.add_argument("--scratch", type=_folder, required=True, help="folder for copies and logs")
    parser.add_argument("--faults", type=int, nargs="+", default=[1, 5])
    parser.add_argument("--tests", default="", help="further arguments of the test command, such as -k EXPRESSION")
    parser.add_argument("--all-handlers", action="store_true", help="as for migrate: more groups")
    parser.add_argument("--no-flaky", action="store_true", help="plant no flaky tests")
    parser.add_argument("--seed", type=int, default=6)
    return parser.parse_args()


@dataclass(frozen=True)
class Fault:
    """What is done to the lines that a group wrote: `damage` gives the file's new text, or None when it does not apply."""

    title: str
    damage: Callable[[str, Sequence[int]], str | None]


def drop_await(text: str, lines: Sequence[int]) -> str | None:
    """A coroutine takes the place of its result."""
    return _in_lines(text, lines, lambda line: line.replace("await ", "", 1))


def await_a_plain_call(text: str, lines: Sequence[int]) -> str | None:
    """What is awaited is no coroutine."""
    return _in_lines(text, lines, lambda line: _MOVED.sub(r"await \1(", line, count=1))


def make_a_helper_async(text: str, lines: Sequence[int]) -> str | None:
    """A function that the new coroutine calls without `await` becomes a coroutine function too."""
    tree = ast.parse(text)
    written = [node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef) and node.lineno in lines]
    called = {call.func.id for node in written for call in ast.walk(node) if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)}
    for match in _DEF.finditer(text):
        if match[2] in called and not match[1]:
            return f"{text[: match.start()]}async def {match[2]}({text[match.end() :]}"
    return None


def return_a_coroutine(text: str, lines: Sequence[int]) -> str | None:
    """The view answers with a coroutine: nobody awaits the inner function that it was wrapped in."""
    tree = ast.parse(text)
    node = next((item for item in ast.walk(tree) if isinstance(item, ast.AsyncFunctionDef) and item.lineno in lines), None)
    last = node.body[-1] if node else None
    if not isinstance(last, ast.Return) or last.value is None or last.lineno != last.end_lineno:
        return None
    rows = text.split("\n")
    rows[last.lineno - 1] = f"{rows[last.lineno - 1][: last.col_offset]}return asyncio.sleep(0)"
    return "\n".join(["import asyncio", *rows])


FAULTS = (
    Fault("an await dropped", drop_await),
    Fault("a plain call awaited", await_a_plain_call),
    Fault("a helper made async", make_a_helper_async),
    Fault("a coroutine returned", return_a_coroutine),
)


def _in_lines(text: str, lines: Sequence[int], change: Callable[[str], str]) -> str | None:
    rows = text.split("\n")
    for number in lines:
        after = change(rows[number - 1])
        if after != rows[number - 1]:
            rows[number - 1] = after
            return "\n".join(rows)
    return None


def written(before: str, after: str) -> list[int]:
    """The lines of `after`, from 1, that are not those of `before`."""
    rows = difflib.SequenceMatcher(None, before.split("\n"), after.split("\n"), autojunk=False).get_opcodes()
    return [line + 1 for tag, _, _, low, high in rows if tag in ("replace", "insert") for line in range(low, high)]


class Planted:
    """Stands in for `run_stage`: the same, with a fault in each planted group that is accepted."""

    def __init__(self, real: Callable[..., Any], faults: Mapping[str, Fault]) -> None:
        self.real, self.faults = real, faults
        self.seen: dict[str, None] = {}

    def __call__(self, name: str, project: "Project", catalogue: Any, settings: Any, accepts: Any, cache: Any = None) -> Any:
        """The stage, wrong."""
        staged = self.real(name, project, catalogue, settings, accepts, cache)
        groups = dict.fromkeys(item.group for item in staged.plan.decisions if item.group)
        self.seen |= groups
        texts = dict(staged.project.python)
        for group in groups:
            if group in self.faults and accepts(group):
                less = self.real(name, project, catalogue, settings, lambda item, group=group: item != group and accepts(item), cache)
                _damage(texts, less.project.python, staged.project.python, self.faults[group])
        return replace(staged, project=staged.project.replace_python(texts))


def _damage(texts: dict[str, bytes], without: Mapping[str, bytes], whole: Mapping[str, bytes], fault: Fault) -> bool:
    for path in whole:
        if without.get(path) == whole[path]:
            continue
        marked = set(written(without.get(path, b"").decode(), whole[path].decode()))
        lines = _now_at(whole[path].decode(), texts[path].decode(), marked)
        after = fault.damage(texts[path].decode(), lines)
        if after is not None:
            texts[path] = after.encode()
            return True
    return False


def _now_at(whole: str, now: str, lines: set[int]) -> list[int]:
    """Where these lines are after other faults were planted in the same file."""
    rows = difflib.SequenceMatcher(None, whole.split("\n"), now.split("\n"), autojunk=False).get_matching_blocks()
    return [line - block.a + block.b for block in rows for line in range(block.a + 1, block.a + block.size + 1) if line in lines]


class Trial:
    """One application: a copy with flaky tests, the faults that its tests see, and rounds of `verify`."""

    def __init__(self, app: App, home: Home, args: argparse.Namespace) -> None:
        from transforms.model import Settings

        self.app, self.home, self.args = app, home, args
        self.settings = Settings(all_handlers=args.all_handlers)
        self.chance = random.Random(args.seed)
        self.src = args.scratch / app.name
        shutil.rmtree(self.src, ignore_errors=True)
        shutil.copytree(home.src, self.src, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        tests = next(Path(word) for word in reversed(shlex.split(app.test)) if not word.startswith("-"))
        if not args.no_flaky:
            (self.src / app.subdir / tests / "test_flaky_planted.py").write_text(FLAKY)
        self.command = f"{home.python} -m {app.test.removeprefix('python -m ')} -p no:cacheprovider -p no:randomly {args.tests}"
        os.environ.update(home.env(app))
        self.visible: dict[str, Fault] = {}
        self.tried: set[tuple[str, str]] = set()
        self.before: Outcomes = {}

    def row(self, number: int) -> bool:
        """Print one row of the table; whether exactly the planted groups were found."""
        faults = self.choose(number)
        found, planted, runs, base = self.verify(faults)
        taken = {item.group for item in found.taken}
        groups = len(planted.seen)
        flaky = len(base.flaky | found.flaky)
        print(
            f"| {self.app.name} | {groups} | {len(faults)} | {len(taken & set(faults))}{'' if taken == set(faults) else ' WRONG'} | {len(base.steady)} "
            f"| {flaky} | {runs} | {math.log2(max(groups, 1)):.1f} |",
            flush=True,
        )
        for group, fault in faults.items():
            print(f"{'found' if group in taken else 'MISSED'}: {group}: {fault.title}", file=sys.stderr)
        for group in taken - set(faults):
            print(f"TAKEN BACK WITHOUT A FAULT: {group}", file=sys.stderr)
        return taken == set(faults)

    def choose(self, number: int) -> dict[str, Fault]:
        """Faults that the tests see, in groups of different stages and functions as far as there are so many."""
        plan = [(group, fault) for group in self.groups() for fault in FAULTS]
        self.chance.shuffle(plan)
        for group, fault in plan:
            if len(self.visible) >= number:
                break
            if group not in self.visible and (group, fault.title) not in self.tried:
                self.tried.add((group, fault.title))
                if self.is_seen(group, fault):
                    self.visible[group] = fault
        return dict(list(self.visible.items())[:number])

    def groups(self) -> Iterator[str]:
        """All groups of the three stages."""
        from codemods.pipeline import run_stages
        from codemods.project import load

        for outcome in run_stages(load(self.src / self.app.root), [], self.settings).outcomes:
            yield from dict.fromkeys(item.group for item in outcome.decisions if item.group)

    def is_seen(self, group: str, fault: Fault) -> bool:
        """Whether some test fails with this fault alone, and passes without it; nothing of `verify` takes part."""
        from codemods.catalogue_files import load_catalogue
        from codemods.project import load
        from transforms.stages import STAGES, run_stage

        planted, probe = Planted(run_stage, {group: fault}), self.src.with_name(f"{self.app.name}-probe")
        before = project = load(self.src / self.app.root).project
        for name in STAGES:
            project = planted(name, project, load_catalogue(), self.settings, lambda item: True).project
        shutil.rmtree(probe, ignore_errors=True)
        shutil.copytree(self.src, probe, symlinks=True)
        if not self.before:
            self.before = self.outcomes(probe)
        root = load(self.src / self.app.root).root.relative_to(self.src)
        for path, data in project.python.items():
            if before.python.get(path) != data:
                (probe / root / path).write_bytes(data)
        after = self.outcomes(probe)
        return any(state == "passed" and after.get(test) != "passed" for test, state in self.before.items())

    def outcomes(self, folder: Path) -> Outcomes:
        """The tests but the flaky ones."""
        results = folder / "junit.xml"
        Shell(folder / self.app.subdir, os.environ, self.args.scratch / f"{self.app.name}-probe.log").run(f"{self.command} --junitxml={results}")
        return {test: state for test, state in read_outcomes(results).items() if "flaky_planted" not in test} if results.exists() else {}

    def verify(self, faults: Mapping[str, Fault]) -> "tuple[Verified, Planted, int, Any]":
        """Run `verify` with these faults, in this process."""
        from codemods.project import load
        from codemods.verify import session
        from transforms.stages import run_stage

        kept: list[Any] = []
        planted = Planted(run_stage, faults)
        lines = session.verify_lines
        session.run_stage = planted
        session.verify_lines = lambda found, *more: kept.append(found) or lines(found, *more)
        wish = session.Wish(self.command, (), self.settings, scratch=self.args.scratch / f"{self.app.name}-verify")
        here = Path.cwd()
        os.chdir(self.src / self.app.subdir)
        try:
            with (self.args.scratch / f"{self.app.name}.log").open("a") as log, contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
                session.session(load(self.src / self.app.root), wish)
        finally:
            os.chdir(here)
            session.run_stage, session.verify_lines = run_stage, lines
        evidence = kept[0]
        return evidence.result, planted, evidence.runs, evidence.base


if __name__ == "__main__":
    sys.exit(main())
