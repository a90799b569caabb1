"""One run of verify, from the options to what is printed and written."""

import shlex
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import typer

from codemods.apply import ApplyError, apply
from codemods.catalogue_files import catalogue_for
from codemods.console import fail, paint, print_lines
from codemods.opening import guarded
from codemods.pipeline import changed_files, in_order, run_stages, with_dependencies
from codemods.project import Loaded
from codemods.replacing import write_named
from codemods.report import stage_lines, summary_lines
from codemods.verify.gate import Gate, Verified
from codemods.verify.guard import Guard, guarding
from codemods.verify.judging import BaselineError
from codemods.verify.prepare import imported, prefix_of, split, tester_for
from codemods.verify.report import Evidence, baseline_line, markdown_lines, not_loaded, verify_lines
from codemods.verify.rounds import STALL, Traced, rounds
from codemods.verify.run import CommandError
from codemods.verify.scratch import Scratch, ScratchError, clear, default_folder, held, make, top_of
from codemods.verify.tester import Tester, Trial
from transforms.index import ParseCache
from transforms.model import Project, Settings
from transforms.stages import Accepts, Staged, run_stage


@dataclass(frozen=True)
class Wish:
    """What the user asked for, by the names of the options."""

    test: str
    stages: tuple[str, ...]
    settings: Settings
    write: bool = False
    resume: bool = False
    timeout: float | None = None
    jobs: int = 1
    scratch: Path | None = None
    copy: Path | None = None
    trace: bool = False
    evidence: Path | None = None
    verbose: bool = False


def session(loaded: Loaded, wish: Wish) -> int:
    """Verify, print, write; the exit status."""
    with ExitStack() as stack:
        place, found = _tried(loaded, wish, stack)
        _finish(loaded, found, wish)
        if wish.write:
            clear(place)
    broken = any(decision.code in ("F001", "F002") for outcome in found.result.outcomes for decision in outcome.decisions)
    return 2 if broken or loaded.unreadable else 0


def _tried(loaded: Loaded, wish: Wish, stack: ExitStack) -> tuple[Scratch, Evidence]:
    """All that happens in the copy, which stays ours until the stack ends."""
    try:
        top, folder = _folders(loaded, wish.scratch, wish.copy)
        stack.enter_context(held(top, folder))
        place = make(top, folder, wish.resume)
        return place, _verified(loaded, wish, place, stack.enter_context(guarding()))
    except (ScratchError, CommandError, BaselineError) as error:
        fail(f"{error}. Your files were not touched.")
    except KeyboardInterrupt:
        fail("ended by you; your files were not touched, --resume goes on")
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}; your files were not touched")


def _folders(loaded: Loaded, folder: Path | None, copy: Path | None) -> tuple[Path, Path]:
    """What is copied, and where to."""
    top = copy.resolve() if copy else top_of(loaded.root)
    if not loaded.root.is_relative_to(top):
        raise ScratchError(f"--copy {top} does not hold the project, {loaded.root}")
    return top, (folder or default_folder(top)).resolve()


def _verified(loaded: Loaded, wish: Wish, place: Scratch, guard: Guard) -> Evidence:
    names, settings, words = in_order(wish.stages), wish.settings, split(wish.test)
    needs = guarded(lambda: run_stages(loaded, names, settings)).needs
    tester = replace(tester_for(loaded, place, words, needs, wish.timeout, wish.jobs), guard=guard)
    tester.open()
    _say("the tests before any change, twice")
    base = tester.first()
    _say(baseline_line(base))
    _check_needs(tester, needs)
    prefix = prefix_of(place.top, loaded.root)
    catalogue, cache = catalogue_for(loaded), ParseCache()

    def carry(name: str, project: Project, accepts: Accepts) -> Staged:
        return with_dependencies(run_stage(name, project, catalogue, settings, accepts, cache))

    gate = Gate(carry, tester, loaded.project, prefix, _say)
    result, seen = rounds(gate, names, settings, catalogue, STALL) if wish.trace else (gate.verify(names), None)
    return _evidence(loaded, result, seen, tester, prefix, shlex.join(words))


def _evidence(loaded: Loaded, result: Verified, seen: Traced | None, tester: Tester, prefix: str, command: str) -> Evidence:
    assert tester.base is not None and result.project is not None
    files = tuple(sorted(name for name, data in result.project.python.items() if loaded.project.python.get(name) != data))
    final = tester.all([Trial({prefix + name: result.project.python[name] for name in files})])[0]
    known = tuple(name for name in files if name in loaded.project.editable)
    return Evidence(command, tester.base, result, files, not_loaded(known, final, prefix), tester.runs, seen)


def _check_needs(tester: Tester, needs: tuple[str, ...]) -> None:
    assert tester.base is not None
    run = tester.base.runs[1]
    lacking = [need for need in needs if imported([need]) & run.missing]
    if lacking:
        made_anew = Path(run.executable).is_relative_to(tester.scratch.folder)  # by tox or nox, in the copy, for each run
        todo = (
            f"add it to what `{shlex.join(tester.command)}` installs"
            if made_anew
            else f"run `{run.executable} -m pip install {shlex.join(lacking)}`, then verify again"
        )
        raise CommandError(f"the result needs {', '.join(lacking)}, which the tests' Python lacks: {todo}")


def _finish(loaded: Loaded, found: Evidence, wish: Wish) -> None:
    result = found.result
    assert result.project is not None
    for number, outcome in enumerate(result.outcomes, 1):
        print_lines(stage_lines(outcome, number, len(result.outcomes), wish.verbose, paint()))
    if wish.write:
        try:
            apply(loaded.root, list(changed_files(loaded.project, result.project)), "verify")
        except ApplyError as error:
            fail(str(error))
    if wish.evidence:
        _write_evidence(wish.evidence, found)
    needs = tuple(sorted({need for outcome in result.outcomes for need in outcome.needs}))
    print_lines(summary_lines(result.outcomes, needs, len(list(changed_files(loaded.project, result.project))), wish.write, paint()))
    print_lines(verify_lines(found, wish.write, paint()))


def _write_evidence(path: Path, found: Evidence) -> None:
    try:
        write_named(path, ["\n".join(markdown_lines(found)).encode(), b"\n"])
    except OSError as error:
        fail(f"{path}: {error.strerror}; the evidence was not written")


_say = partial(typer.echo, err=True)
