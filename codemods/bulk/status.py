"""What is printed: the table at the end of a run, and the status, which alone tells times."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from codemods.bulk.ledger import Ledger, Pass
from codemods.bulk.sources import Source
from codemods.bulk.tables import OUTCOMES, tables
from codemods.bulk.tasks import PHASES
from codemods.counted import counted

_LONGEST = 40
_ORDER = [step for phase in PHASES.values() for step in phase.steps]


def table_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """A line for each repository, in the order of the file, and a summary."""
    rows, summary = found["repositories"], found["summary"]
    width = min(max((len(row["name"]) for row in rows), default=0), _LONGEST)
    yield from (f"{row['outcome']:<9}  {row['name']:<{width}}  {_words(row)}".rstrip() for row in rows)
    yield ""
    parts = ", ".join(f"{summary[outcome]} {outcome}" for outcome in OUTCOMES if summary[outcome])
    yield f"{counted(summary['repositories'], 'repository', 'repositories')}: {parts}"
    yield f"{counted(summary['async'], 'handler')} of {summary['handlers']} async; blocking calls in handlers: {summary['blocking_before']} before, {summary['blocking_after']} after"
    if found["pass"]["waves"] > 1:
        yield f"wave {found['pass']['wave']} of {found['pass']['waves']}"


def _words(row: Mapping[str, Any]) -> str:
    if row["reason"]:
        return str(row["reason"])
    if row["outcome"] == "pending":
        return f"next: {row['phase']}"
    unread = f"; {counted(row['unread_files'], 'file')} not read" if row["unread_files"] else ""
    tests = f", tests: {row['tests']}" if row["tests"] else ""
    if not row["commits"]:
        return f"nothing to change, {counted(row['handlers'], 'handler')}{tests}{unread}"
    declined = " was closed by people, and stays so" if row["declined"] else ""
    where = f", {row['pull_request']}{declined}" if row["pull_request"] else f", pushed to {row['branch']}" if row["pushed"] else ""
    return f"{counted(row['commits'], 'commit')}, {row['async']} of {counted(row['handlers'], 'handler')} async, {counted(row['files'], 'file')}{tests}{where}{unread}"


def status_lines(source: Source, ledger: Ledger, current: Pass) -> Iterator[str]:
    """The table, with the seconds of each step."""
    found = tables(ledger, current, {spec.name: spec for spec in source.specs})
    yield f"pass {current.number}, begun {_when(current.began)}, flask-to-async {current.tool}"
    yield from table_lines(found)
    yield ""
    yield "seconds by step"
    for row in found["repositories"]:
        times = [f"{item['step']} {item['seconds']:.1f}" for item in _steps(ledger, row["name"])]
        if times:
            yield f"  {row['name']}: {', '.join(times)}"


def status_json(source: Source, ledger: Ledger, current: Pass) -> Iterator[str]:
    """The same as one JSON document."""
    found = tables(ledger, current, {spec.name: spec for spec in source.specs})
    rows = [{**row, "steps": _steps(ledger, row["name"])} for row in found["repositories"]]
    yield json.dumps({**found, "began": _when(current.began), "repositories": rows}, indent=1)


def _steps(ledger: Ledger, name: str) -> Sequence[dict[str, Any]]:
    rows = [row for row in ledger.steps(name).values() if row.step in _ORDER]
    return [
        {"step": row.step, "state": row.state, "began": _when(row.began), "seconds": round(row.seconds, 3), "reason": row.reason}
        for row in sorted(rows, key=lambda row: _ORDER.index(row.step))
    ]


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
