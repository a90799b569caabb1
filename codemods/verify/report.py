"""What verify says at its end, for the terminal and, in GitHub's Markdown, for the pull request."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from codemods.counted import counted
from codemods.formats.as_markdown import code, words
from codemods.report import Paint
from codemods.trace.events import BLOCKED, CONTEXT, STALL, UNAWAITED
from codemods.trace.report import balance_lines, trace_lines
from codemods.verify.gate import Taken, Verified, together
from codemods.verify.judging import Baseline
from codemods.verify.rounds import Traced
from codemods.verify.run import Run

_SHOWN = 25  # lines of a failing test's output


@dataclass(frozen=True)
class Evidence:
    """All that verify found out. `traced`: what was seen on event loops; None without --trace."""

    command: str
    base: Baseline
    result: Verified
    files: tuple[str, ...]
    untested: tuple[str, ...]
    runs: int
    traced: Traced | None = None


def baseline_line(base: Baseline) -> str:
    """The tests before any change."""
    passed = sum(outcome == "passed" for outcome in base.steady.values())
    skipped = len(base.steady) - passed
    parts = [f"{passed} pass"] + [
        f"{number} {word}" for number, word in ((skipped, "skipped"), (len(base.failing), "fail"), (len(base.flaky), "flaky")) if number
    ]
    return f"before any change, run twice: {', '.join(parts)} ({base.seconds:.1f} s)"


def verify_lines(found: Evidence, written: bool, paint: Paint) -> Iterator[str]:
    """The end of a run."""
    yield ""
    yield paint("── what the app's tests accept", "bold")
    if found.base.runs[1].tests is None:
        yield "The command is no pytest: only its exit status was looked at."
    yield from _flaky_lines(found)
    for stage, number in found.result.carried.items():
        yield f"{stage}: {counted(number, 'group')} accepted, {sum(item.stage == stage for item in found.result.taken)} taken back"
    for taken in found.result.taken:
        yield from _taken_lines(taken, paint)
    if found.untested:
        yield f"not judged by the tests, which load none of them: {', '.join(found.untested)}"
    if found.traced:
        yield f"{counted(found.traced.rounds, 'round')} of migrating, testing and tracing, until nothing new blocked"
        yield from trace_lines(found.traced.matched, found.traced.after, found.traced.balance, found.traced.stall, paint)
    verb = "written" if written else "would change"
    yield paint(f"verified with {counted(found.runs, 'test run')}: {counted(len(found.files), 'file')} {verb}; all tests that passed before pass", "bold")
    if found.files and not written:
        yield "Your files were not touched: --write writes what the tests accept (with --resume, without testing again)."


def _flaky_lines(found: Evidence) -> Iterator[str]:
    flaky = sorted(found.base.flaky | found.result.flaky)
    if flaky:
        yield f"flaky, so they judge nothing: {', '.join(flaky)}"
    if found.base.failing:
        yield f"failing before any change, so they judge nothing: {', '.join(sorted(found.base.failing))}"


def _taken_lines(taken: Taken, paint: Paint) -> Iterator[str]:
    yield paint(f"refused  V400  {taken.group}: refused by the app's tests{together(taken)}", "yellow")
    for name, text in sorted(taken.tests.items())[:3]:
        yield f"    {name}"
        yield from (f"      | {line}" for line in text.splitlines()[-_SHOWN:])
    if len(taken.tests) > 3:
        yield f"    … and {len(taken.tests) - 3} more tests"


def markdown_lines(found: Evidence) -> Iterator[str]:
    """The evidence as GitHub-flavoured Markdown."""
    yield "## Evidence: flask-to-async verify"
    yield ""
    yield f"{code(found.command)}, {counted(found.runs, 'run')} in a copy of the project."
    yield ""
    yield "| tests | before | after |"
    yield "|---|---:|---:|"
    counts = Counter(found.base.steady.values())
    yield f"| pass | {counts['passed']} | {counts['passed'] - len(_lost(found))} |"
    yield f"| skipped | {counts['skipped']} | {counts['skipped']} |"
    yield f"| fail before any change, not judged | {len(found.base.failing)} | |"
    yield f"| flaky, not judged | {len(found.base.flaky)} | {len(found.result.flaky | found.base.flaky)} |"
    yield ""
    yield "| stage | groups accepted | taken back |"
    yield "|---|---:|---:|"
    for stage, number in found.result.carried.items():
        yield f"| {stage} | {number} | {sum(item.stage == stage for item in found.result.taken)} |"
    for taken in found.result.taken:
        yield from _taken_markdown(taken)
    if found.untested:
        yield from ("", "Changed, but loaded by no test: " + ", ".join(map(code, found.untested)))
    if found.traced:
        yield from _traced_markdown(found.traced)


def _traced_markdown(traced: Traced) -> Iterator[str]:
    yield ""
    yield "| on event loops, while the tests ran | before | after |"
    yield "|---|---:|---:|"
    for title, kind in (
        ("places that block", BLOCKED),
        (f"stalls of {traced.stall * 1000:.0f} ms and more", STALL),
        ("coroutines never awaited", UNAWAITED),
        ("context errors", CONTEXT),
    ):
        before, after = (sum(event.count if kind == STALL else 1 for event in events if event.kind == kind) for events in (traced.before, traced.after))
        yield f"| {title} | {before} | {after} |"
    yield ""
    yield from balance_lines(traced.balance)
    if traced.matched:
        yield from ("", "Blocking calls that are left on a loop:", "")
    for item in traced.matched:
        yield f"* {code(f'{item.event.path}:{item.event.line}')} {code(item.event.via)}: {words(item.verdict)}"


def _lost(found: Evidence) -> Sequence[str]:
    """Tests that turned out to be flaky only later are not claimed to pass."""
    return [name for name in found.result.flaky if found.base.steady.get(name) == "passed"]


def _taken_markdown(taken: Taken) -> Iterator[str]:
    fence = "````"
    yield ""
    yield f"<details><summary>taken back (V400): <code>{_html(taken.group)}</code>{_html(together(taken))}</summary>"
    for name, text in sorted(taken.tests.items())[:3]:
        yield from ("", code(name), "", fence, *text.replace(fence, "'" * 4).splitlines()[-_SHOWN:], fence)
    yield from ("", "</details>")


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def not_loaded(files: Sequence[str], run: Run, prefix: str) -> tuple[str, ...]:
    """The changed files that no test process loaded."""
    return tuple(name for name in files if prefix + name not in run.loaded)
