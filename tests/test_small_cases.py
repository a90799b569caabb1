"""Before and after of each library's swaps, and the many cases that must be left alone or refused."""

import ast

import pytest
from small_cases import run_all, small_cases, swap_cases, swapped

from transforms.model import Verdict
from transforms.rules import RULES

UNTOUCHED = small_cases("untouched")
REFUSED = small_cases("refused")


def by_name(case):
    return case.name


@pytest.mark.parametrize("case", swap_cases(), ids=lambda case: case.library)
def test_swaps(case):
    assert swapped(case).decode() == (case.folder / "after.py").read_text()


@pytest.mark.parametrize("case", UNTOUCHED, ids=by_name)
def test_untouched(case):
    """Not a byte changes, nothing is refused, and the reasons are the expected ones."""
    project, decisions = run_all(case.project, case.settings)
    assert project.python == case.project.python
    assert {decision.verdict for decision in decisions} <= {Verdict.LEAVE}
    assert {(decision.code, decision.symbol) for decision in decisions} == case.expected


@pytest.mark.parametrize("case", REFUSED, ids=by_name)
def test_refused(case):
    """What cannot be proved is refused with the expected rule, in the expected function."""
    project, decisions = run_all(case.project, case.settings)
    refused = {(decision.code, decision.symbol) for decision in decisions if decision.verdict == Verdict.REFUSE}
    assert case.expected, f"{case.name}: the first line must say what it expects"
    assert refused == case.expected
    changed = [decision for decision in decisions if decision.verdict == Verdict.CHANGE]
    assert (project.python == case.project.python) == (not changed)


@pytest.mark.parametrize("case", [*UNTOUCHED, *REFUSED], ids=by_name)
def test_cases_are_sound(case):
    """They are Python, name known rules, and are small."""
    for path, data in case.project.python.items():
        ast.parse(data, path)
    assert {code for code, _ in case.expected} <= set(RULES)
    assert sum(data.count(b"\n") for data in case.project.python.values()) <= 60


def test_half_say_leave_alone():
    assert len(UNTOUCHED) + len(REFUSED) >= 60
    assert len(UNTOUCHED) >= 20
    assert len(REFUSED) >= 20
