"""An application's own tests: running them, reading the outcomes, comparing two runs."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path

from apps import App, Home
from shell import Shell

Outcomes = dict[str, str]
"""Test to outcome: passed, failure, error or skipped."""

_VARYING = re.compile(r"0x[0-9a-f]+|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def run_tests(app: App, home: Home, label: str) -> Outcomes:
    """The outcome of each test, kept as `junit-LABEL.xml` and `test-LABEL.log`; empty when the run ended without a result."""
    results, log = home.folder / f"junit-{label}.xml", home.folder / f"test-{label}.log"
    for old in (results, log):
        old.unlink(missing_ok=True)
    options = {"PYTEST_ADDOPTS": f"--junitxml='{results}' -p no:cacheprovider"}
    Shell(home.src / app.subdir, {**home.env(app), **options}, log).run(app.test)
    return read_outcomes(results) if results.exists() else {}


def read_outcomes(results: Path) -> Outcomes:
    """The outcomes in a junit file; addresses and random identifiers in test names are levelled."""
    seen: Outcomes = {}
    for case in ET.parse(results).getroot().iter("testcase"):
        state = next((item.tag for item in case if item.tag in ("failure", "error", "skipped")), "passed")
        name = _VARYING.sub("*", f"{case.get('classname')}::{case.get('name')}")
        if seen.get(name) not in ("failure", "error"):
            seen[name] = state
    return seen


def passed(outcomes: Mapping[str, str]) -> int:
    """How many tests passed."""
    return sum(state == "passed" for state in outcomes.values())


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str]:
    """Test to `passed -> failure`, for each whose outcome is another one now."""
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return {name: f"{before.get(name, 'missing')} -> {after.get(name, 'missing')}" for name in names}
