"""GitLab's Code Quality report: a JSON list, shown in merge requests.

The fields are those that GitLab documents: description, check_name, fingerprint, severity, location.path, location.lines.begin.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from codemods.formats.findings import CHANGE, LEAVE, REFUSE, Finding, findings, unreadable

_SEVERITIES = {CHANGE: "minor", REFUSE: "info", LEAVE: "info"}


def lines(record: Mapping[str, Any], verbose: bool) -> Iterator[str]:
    """A change is minor, a refusal info, a file that was not read major."""
    rows = [_row(item, "major") for item in unreadable(record)]
    rows += [_row(item, _SEVERITIES[item.verdict]) for item in findings(record, verbose)]
    yield json.dumps(rows, indent=2, ensure_ascii=False)


def _row(item: Finding, severity: str) -> dict[str, Any]:
    return {
        "description": f"{item.code} {item.text}",
        "check_name": item.code,
        "fingerprint": item.fingerprint,
        "severity": severity,
        "location": {"path": item.path, "lines": {"begin": item.line}},
    }
