"""`flask-to-async verify`."""

import shlex
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from codemods.apply import ApplyError, apply
from codemods.catalogue_files import load_catalogue
from codemods.console import fail, guarded, load_or_fail, paint, print_lines
from codemods.options import (
    AllHandlers,
    Helpers,
    HelpersOption,
    Http,
    HttpOption,
    Only,
    Orm,
    OrmOption,
    PythonOption,
    Spelling,
    SpellingOption,
    Stage,
    Target,
    Verbose,
)
from codemods.pipeline import in_order, run_stages
from codemods.project import Loaded
from codemods.report import stage_lines, summary_lines
from codemods.settings import python_version
from codemods.verify.gate import Gate, Verified
from codemods.verify.judging import BaselineError
from codemods.verify.prepare import imported, prefix_of, split, tester_for
from codemods.verify.report import Evidence, baseline_line, markdown_lines, not_loaded, verify_lines
from codemods.verify.rounds import STALL, Traced, rounds
from codemods.verify.run import CommandError
from codemods.verify.scratch import Scratch, ScratchError, clear, default_folder, make, top_of
from codemods.verify.tester import Tester, Trial
from transforms.index import ParseCache
from transforms.model import FileChange, Project, Settings
from transforms.stages import Accepts, Staged, run_stage

Test = Annotated[
    str, typer.Option("--test", metavar="COMMAND", help='The command that tests the application, for example "pytest -q". It runs without a shell.')
]


def verify(
    path: Target = Path(),
    test: Test = "",
    stage: Annotated[list[Stage], typer.Option("--stage", help="Only this stage. May be given more than once. Default: all.")] = [],  # noqa: B006
    write: Annotated[bool, typer.Option("--write", help="Write what the tests accept. Without it your files are not touched.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on after a run that was ended: test runs that finished are not repeated.")] = False,
    timeout: Annotated[
        float | None, typer.Option("--timeout", help="Seconds that one test run may take. Default: 60 and five times the unchanged code's.")
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="Test runs at the same time. Only for tests that share no database, port or file.")] = 1,
    scratch: Annotated[Path | None, typer.Option("--scratch", help="Folder for the copies and logs. Default: below the user's cache folder.")] = None,
    copy: Annotated[Path | None, typer.Option("--copy", help="Folder that is copied. Default: the git repository, else the project.")] = None,
    trace: Annotated[bool, typer.Option("--trace", help="Also trace the tests; migrate, test and trace again until nothing new blocks.")] = False,
    evidence: Annotated[Path | None, typer.Option("--evidence", metavar="FILE", help="Write a Markdown summary for the pull request.")] = None,
    only: Only = [],  # noqa: B006
    all_handlers: AllHandlers = False,
    orm: OrmOption = Orm.leave,
    executor: SpellingOption = Spelling.to_thread,
    http: HttpOption = Http.auto,
    helpers: HelpersOption = Helpers.executor,
    python: PythonOption = None,
    verbose: Verbose = False,
) -> None:
    """Migrate in a copy, run the application's own tests after each stage, and take back what they refuse."""
    settings = Settings(tuple(only), all_handlers, orm.value, executor.value, http.value, helpers.value, python_version(python))
    loaded = load_or_fail(path)
    names = in_order([item.value for item in stage])
    try:
        place = _scratch(loaded, scratch, copy, resume)
        found = _verified(loaded, names, settings, place, split(test), timeout, jobs, trace)
    except (ScratchError, CommandError, BaselineError) as error:
        fail(f"{error}. Your files were not touched.")
    except KeyboardInterrupt:
        fail("ended by you; your files were not touched, --resume goes on")
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}; your files were not touched")
    _finish(loaded, found, write, evidence, verbose)
    if write:
        clear(place)
    broken = any(decision.code in ("F001", "F002") for outcome in found.result.outcomes for decision in outcome.decisions)
    raise typer.Exit(2 if broken or loaded.unreadable else 0)


def _scratch(loaded: Loaded, folder: Path | None, copy: Path | None, resume: bool) -> Scratch:
    top = copy.resolve() if copy else top_of(loaded.root)
    if not loaded.root.is_relative_to(top):
        raise ScratchError(f"--copy {top} does not hold the project, {loaded.root}")
    return make(top, (folder or default_folder(top)).resolve(), resume)


def _verified(
    loaded: Loaded, names: list[str], settings: Settings, place: Scratch, words: list[str], timeout: float | None, jobs: int, trace: bool
) -> Evidence:
    needs = guarded(lambda: run_stages(loaded, names, settings)).needs
    tester = tester_for(loaded, place, words, needs, timeout, jobs)
    tester.open()
    _say("the tests before any change, twice")
    base = tester.first()
    _say(baseline_line(base))
    _check_needs(tester, needs)
    prefix = prefix_of(place.top, loaded.root)
    catalogue, cache = load_catalogue(), ParseCache()

    def carry(name: str, project: Project, accepts: Accepts) -> Staged:
        return run_stage(name, project, catalogue, settings, accepts, cache)

    gate = Gate(carry, tester, loaded.project, prefix, _say)
    result, seen = rounds(gate, names, settings, STALL) if trace else (gate.verify(names), None)
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
        raise CommandError(
            f"the result needs {', '.join(lacking)}, which the tests' Python lacks: run `{run.executable} -m pip install {shlex.join(lacking)}`, then verify again"
        )


def _finish(loaded: Loaded, found: Evidence, write: bool, evidence: Path | None, verbose: bool) -> None:
    result = found.result
    assert result.project is not None
    before, after = loaded.project.python, result.project.python
    for number, outcome in enumerate(result.outcomes, 1):
        print_lines(stage_lines(outcome, number, len(result.outcomes), verbose, paint()))
    if write:
        try:
            apply(loaded.root, [FileChange(name, before.get(name), after[name]) for name in found.files], "verify")
        except ApplyError as error:
            fail(str(error))
    if evidence:
        _write_evidence(evidence, found)
    needs = tuple(sorted({need for outcome in result.outcomes for need in outcome.needs}))
    print_lines(summary_lines(result.outcomes, needs, len(found.files), write, paint()))
    print_lines(verify_lines(found, write, paint()))


def _write_evidence(path: Path, found: Evidence) -> None:
    try:
        path.write_text("\n".join(markdown_lines(found)) + "\n", encoding="utf-8")
    except OSError as error:
        fail(f"{path}: {error.strerror}; the evidence was not written")


_say = partial(typer.echo, err=True)
