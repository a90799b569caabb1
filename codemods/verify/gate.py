"""The gate: each stage is carried out, tested, and what the tests refuse is found and taken back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from codemods.verify.bisect import smallest
from codemods.verify.judging import failures
from codemods.verify.run import WHOLE, Run
from codemods.verify.tester import Tester, Trial
from transforms.model import Decision, Outcome, Project, Verdict
from transforms.stages import Accepts, Staged

Stage = Callable[[str, Project, Accepts], Staged]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Taken:
    """A group that was taken back, with the tests that fail when only it and those `beside` it are carried out.

    The groups `beside` it stay: without it, they do no harm.
    """

    stage: str
    group: str
    tests: Mapping[str, str]
    beside: frozenset[str] = frozenset()


@dataclass
class Verified:
    """What the tests accept. `flaky` failed once and not again, or failed without the change too."""

    outcomes: list[Outcome] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    flaky: set[str] = field(default_factory=set)
    carried: dict[str, int] = field(default_factory=dict)
    project: Project | None = None


@dataclass(frozen=True)
class Gate:
    """One stage at a time. `prefix` leads from the copy to the project, `original` is what the copy holds."""

    stage: Stage
    tester: Tester
    original: Project
    prefix: str
    say: Say

    def verify(self, names: Sequence[str], earlier: Verified | None = None) -> Verified:
        """All stages, each on what the one before left. What an `earlier` round took back is not tried again."""
        result = Verified(taken=list(earlier.taken), flaky=set(earlier.flaky), project=self.original) if earlier else Verified(project=self.original)
        for name in names:
            self._stage(name, result)
        return result

    def _stage(self, name: str, result: Verified) -> None:
        assert result.project is not None
        before = result.project
        whole = self.stage(name, before, lambda group: True)
        groups = list(dict.fromkeys(item.group for item in whole.outcome.decisions if item.group))
        taken = {item.group: item for item in result.taken if item.stage == name and item.group in groups}
        staged = self._carried(name, before, set(groups) - set(taken)) if taken else whole
        while True:
            self.say(f"{name}: {len(groups) - len(taken)} groups of changes, all tests")
            if staged.project.python == before.python or not self._refused(name, before, staged, groups, taken, result):
                break
            staged = self._carried(name, before, set(groups) - set(taken))
        result.project = staged.project
        result.carried[name] = len(groups) - len(taken)
        result.outcomes.append(explained(staged.outcome, whole.outcome, taken))

    def _refused(self, name: str, before: Project, staged: Staged, groups: Sequence[str], taken: dict[str, Taken], result: Verified) -> bool:
        """Whether some groups had to be taken back, or tests turned out to be flaky: the stage has to be tested again."""
        base = self.tester.base
        assert base is not None
        failed = failures(self._run(staged.project), base, None, result.flaky)
        if not failed:
            return False
        select, sure = self._confirmed(before, staged, failed)
        unsure = set(failed) - set(sure)
        result.flaky |= unsure
        waiting = [sure] if sure else []
        while waiting:
            suspects = waiting.pop()
            item = self._to_take_back(name, before, [group for group in groups if group not in taken], select, suspects)
            if item:
                self.say(f"{name}: taken back: {item.group}{together(item)}")
                result.taken.append(item)
                taken[item.group] = item
                rest = self._failing(name, before, frozenset(groups) - set(taken), select, suspects)
                waiting += [rest] if rest else []
            elif len(suspects) > 1:
                waiting += [{test: text} for test, text in suspects.items()]  # one of them may be flaky: each by itself
            else:
                result.flaky |= set(suspects)
        return True

    def _to_take_back(self, name: str, before: Project, left: Sequence[str], select: frozenset[str] | None, suspects: Mapping[str, str]) -> Taken | None:
        """The group for which the tests fail; None where none is found for which they fail again."""
        found = smallest(left, partial(self._fail, name, before, select, suspects), self.tester.jobs)
        if not found or not self._comes_again(name, before, found, select, suspects):
            return None
        culprit = self._culprit(name, before, found, left, select, suspects)
        return Taken(name, culprit, self._failing(name, before, found, select, suspects), found - {culprit})

    def _culprit(
        self, name: str, before: Project, found: frozenset[str], left: Sequence[str], select: frozenset[str] | None, suspects: Mapping[str, str]
    ) -> str:
        """Of groups that fail only together one goes: the first without which all others pass, else the first."""
        ordered = [group for group in left if group in found]
        without = (group for group in ordered if not self._failing(name, before, frozenset(left) - {group}, select, suspects))
        return ordered[0] if len(ordered) == 1 else next(without, ordered[0])

    def _comes_again(self, name: str, before: Project, found: frozenset[str], select: frozenset[str] | None, suspects: Mapping[str, str]) -> bool:
        """Whether a fresh run fails with these groups, and a fresh run without them does not: what a flaky test does by chance only."""
        failing = self._again(self._carried(name, before, found).project, select, suspects, 2)
        return bool(failing) and bool(set(failing) - set(self._again(before, select, failing, 2)))

    def _confirmed(self, before: Project, staged: Staged, failed: Mapping[str, str]) -> tuple[frozenset[str] | None, dict[str, str]]:
        """The failures that come again with the stage and not without it, and the tests to run to see them."""
        self.say(f"{len(failed)} tests fail that passed before: {', '.join(sorted(failed)[:3])}{' …' if len(failed) > 3 else ''}")
        for select in ((None,) if WHOLE in failed else (frozenset(failed), None)):
            again = self._again(staged.project, select, failed)
            without = self._again(before, select, failed) if again else {}
            sure = {name: text for name, text in again.items() if name not in without}
            if sure:
                return select, sure
        return None, {}

    def _again(self, project: Project, select: frozenset[str] | None, failed: Mapping[str, str], number: int = 1) -> dict[str, str]:
        base = self.tester.base
        assert base is not None
        run = self.tester.all([Trial(self.changed(project), select, number)])[0]
        return {name: text for name, text in failures(run, base, select).items() if name in failed}

    def _fail(self, name: str, before: Project, select: frozenset[str] | None, sure: Mapping[str, str], sets: Sequence[frozenset[str]]) -> list[bool]:
        """For each set of groups, whether the tests fail with it; run at once where that was asked for."""
        self.tester.all([Trial(self.changed(self._carried(name, before, item).project), select) for item in sets])
        return [bool(self._failing(name, before, item, select, sure)) for item in sets]

    def _failing(self, name: str, before: Project, groups: frozenset[str], select: frozenset[str] | None, sure: Mapping[str, str]) -> dict[str, str]:
        base = self.tester.base
        assert base is not None
        run = self._run(self._carried(name, before, groups).project, select)
        return {test: text for test, text in failures(run, base, select).items() if test in sure}

    def _carried(self, name: str, before: Project, groups: frozenset[str] | set[str]) -> Staged:
        return self.stage(name, before, lambda group: group in groups)

    def _run(self, project: Project, select: frozenset[str] | None = None) -> Run:
        return self.tester.all([Trial(self.changed(project), select)])[0]

    def changed(self, project: Project) -> dict[str, bytes]:
        """The files in which the project differs from the copy, by their path in the copy."""
        return {self.prefix + path: data for path, data in project.python.items() if self.original.python.get(path) != data}


def explained(outcome: Outcome, whole: Outcome, taken: Mapping[str, Taken]) -> Outcome:
    """The outcome in which the decisions that the tests refused say so."""
    refused = {_site(item): taken[item.group] for item in whole.decisions if item.group in taken}
    decisions = tuple(_refusal(item, refused[_site(item)]) if not item.group and _site(item) in refused else item for item in outcome.decisions)
    return replace(outcome, decisions=decisions)


def _site(item: Decision) -> tuple[str, int, str, str, str]:
    return item.path, item.line, item.symbol, item.code, item.subject


def _refusal(item: Decision, taken: Taken) -> Decision:
    names = sorted(taken.tests)
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return replace(item, code="V400", verdict=Verdict.REFUSE, reason=f"refused by the app's tests{together(taken)}: {names[0] if names else ''}{more}")


def together(taken: Taken) -> str:
    """The groups without which it does no harm, in words; empty when it fails by itself."""
    return f" together with {', '.join(sorted(taken.beside))}, which {'stay' if len(taken.beside) > 1 else 'stays'}" if taken.beside else ""
