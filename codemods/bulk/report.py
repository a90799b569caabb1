"""The report: a page for a browser, and the same tables as CSV and JSON."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from codemods.bulk.page import page_parts
from codemods.replacing import write_whole

_STARTS = ("=", "+", "-", "@", "\t", "\r")
_RESULTS = [
    *("name", "url", "outcome", "phase", "reason", "base", "branch", "tip", "commits", "handlers", "async", "files"),
    *("blocking_before", "blocking_after", "tests", "taken_back", "unread_files", "pushed", "pull_request", "declined"),
]
CSV = {
    "results": ("repositories", _RESULTS),
    "errors": ("errors", ["repository", "phase", "path", "reason"]),
    "rules": ("rules", ["code", "title", "repositories", "change", "leave", "refuse"]),
    "refused": ("refused", ["code", "reason", "number", "repositories"]),
    "burndown": ("burndown", ["pass", "date", "repositories", "before", "after"]),
}


def write_report(folder: Path, found: Mapping[str, Any]) -> None:
    """All forms into that folder: `index.html`, `report.json`, and a CSV file for each table. Raises OSError."""
    write_whole(folder / "index.html", page_parts(found))
    write_whole(folder / "report.json", [as_json(found)])
    write_csv(folder, found)


def write_csv(folder: Path, found: Mapping[str, Any]) -> None:
    """The tables as CSV. Raises OSError."""
    for name, (table, columns) in CSV.items():
        write_whole(folder / f"{name}.csv", [as_csv(found[table], columns)])


def as_json(found: Mapping[str, Any]) -> bytes:
    """The tables as one JSON document."""
    return json.dumps(found, indent=1).encode() + b"\n"


def as_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> bytes:
    """RFC 4180, UTF-8. A cell that a spreadsheet would take for a formula begins with an apostrophe."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([_cell(row[column]) for column in columns] for row in rows)
    return text.getvalue().encode("utf-8", "replace")


def _cell(value: Any) -> str:
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_STARTS) else text
