"""What a run says against the migration: tests that passed before and do not pass now."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from codemods.verify.run import WHOLE, Case, Run


class BaselineError(Exception):
    """The tests say nothing before any change; the message says what to do."""


@dataclass(frozen=True)
class Baseline:
    """The tests without any change, run twice. `steady` passed or were skipped both times; `failing` failed both times."""

    runs: tuple[Run, Run]
    steady: dict[str, str]
    failing: frozenset[str]
    flaky: frozenset[str]

    @property
    def seconds(self) -> float:
        """The slower run."""
        return max(run.seconds for run in self.runs)

    def overhead(self) -> float:
        """Seconds that are spent outside the tests: starting, importing, collecting."""
        return max(0.0, self.seconds - sum(test.seconds for test in (self.runs[0].tests or {}).values()))


def baseline(first: Run, second: Run) -> Baseline:
    """Compare two runs of the unchanged code. Raises BaselineError."""
    for run in (first, second):
        _check(run)
    one, two = first.tests or {WHOLE: _whole(first)}, second.tests or {WHOLE: _whole(second)}
    outcomes = {name: (_outcome(one, name), _outcome(two, name)) for name in {*one, *two}}
    steady = {name: pair[0] for name, pair in outcomes.items() if pair[0] == pair[1] and pair[0] in ("passed", "skipped")}
    failing = frozenset(name for name, pair in outcomes.items() if pair == ("failed", "failed"))
    flaky = frozenset(outcomes) - set(steady) - failing
    if not any(outcome == "passed" for outcome in steady.values()):
        raise BaselineError(f"no test passes before any change, so the tests cannot judge one; the output is in {second.log}")
    return Baseline((first, second), dict(sorted(steady.items())), failing, flaky)


def _outcome(tests: Mapping[str, Case], name: str) -> str:
    return tests[name].outcome if name in tests else "not run"


def _whole(run: Run) -> Case:
    return Case("failed" if run.code else "passed")


def _check(run: Run) -> None:
    said = _without_result(run) or _of_wrong_code(run)
    if said:
        raise BaselineError(said)


def _without_result(run: Run) -> str:
    said = {
        "hung": "did not end within the time limit (--timeout) before any change",
        "killed": f"was killed by signal {-run.code} before any change",
        "crashed": "ended in the middle of the tests before any change",
    }
    if run.ending in said:
        return f"the test command {said[run.ending]}{f', in {run.running}' if run.running else ''}; its output is in {run.log}"
    if run.tests is None and run.code == 5 or run.tests is not None and not run.tests:
        return f"the test command collects no test; name them in --test, its output is in {run.log}"
    if run.tests is None and run.code:
        return f"the test command ends with exit status {run.code} before any change, and says no more; its output is in {run.log}"
    return ""


def _of_wrong_code(run: Run) -> str:
    if run.wrong:
        return (
            f"the tests load the project from its own folder and not from the copy, so they would judge the wrong code: {_few(run.wrong)}. "
            "Absolute paths in the command or in the settings of the tests are the usual cause"
        )
    if run.loaded:
        return ""
    mend = "install the project in editable mode (pip install -e .), or test with `python -m pytest`"
    found = f"; they loaded {_few(run.elsewhere)}: {mend}" if run.elsewhere else ""
    return f"the tests load no file of the application from the copy, so they cannot judge a change of it{found}"


def failures(run: Run, base: Baseline, select: frozenset[str] | None, flaky: Iterable[str] = ()) -> dict[str, str]:
    """The tests that count against the migration, with what they said. `select`: only these were asked for."""
    ignored = base.failing | base.flaky | set(flaky)
    if run.tests is None:
        return {} if run.ending == "ended" and run.code == 0 else {WHOLE: _said(run)}
    found = {name: test.text for name, test in run.tests.items() if test.outcome == "failed" and name not in ignored}
    if run.ending != "ended":
        return found | {run.running or WHOLE: _said(run)}
    expected = [name for name in base.steady if select is None or name in select]
    for name in expected:
        test = run.tests.get(name)
        if name not in ignored and (test is None or base.steady[name] == "passed" and test.outcome == "skipped"):
            found[name] = "it passed before and is skipped now" if test else "it is no longer collected or run"
    if (
        not found
        and select is None
        and run.code not in (base.runs[0].code, base.runs[1].code, 0)
        and not any(test.outcome == "failed" for test in run.tests.values())
    ):
        found[WHOLE] = _said(run)
    return found


def _said(run: Run) -> str:
    words = {"hung": "it did not end within the time limit", "killed": f"it was killed by signal {-run.code}", "crashed": "it ended in the middle of the tests"}
    return f"{words.get(run.ending, f'it ended with exit status {run.code}')}; the output is in {run.log}"


def _few(names: Iterable[str]) -> str:
    shown = sorted(names)
    return ", ".join(shown[:3]) + (f" and {len(shown) - 3} more" if len(shown) > 3 else "")
