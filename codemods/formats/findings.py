"""What a person has to look at, from a record of either command: changes and refusals, and with `verbose` what is left."""

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

LEAVE, REFUSE, CHANGE = "leave", "refuse", "change"
WORDS = {CHANGE: "would change", LEAVE: "left", REFUSE: "refused"}


@dataclass(frozen=True)
class Finding:
    """One place and what is said about it; `path` is relative to the git repository, as hosts want it."""

    path: str
    line: int
    code: str
    title: str
    verdict: str
    text: str
    fingerprint: str
    group: str = ""
    stage: str = ""


def findings(record: Mapping[str, Any], verbose: bool) -> Iterator[Finding]:
    """In the order of the record. A place in a file that the migration creates has no line on disk and is left out."""
    folder = record["project"]["repository_path"]
    for stage, item in _rows(record):
        if item["line"] is not None and (verbose or item["verdict"] != LEAVE):
            yield Finding(
                posixpath.join(folder, item["path"]),
                item["line"],
                item["code"],
                item["title"],
                item["verdict"],
                _text(item, record),
                item["fingerprint"],
                item.get("group", ""),
                stage,
            )


def _rows(record: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for stage in record.get("stages", ()):
        for item in stage["decisions"]:
            yield stage["name"], item
    for item in record.get("handlers", ()):
        yield item["stage"], item
    for item in record.get("hazards", ()):
        yield "", item


def _text(item: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    """`name [subject]: reason`, with the verdict in words."""
    if item in record.get("hazards", ()):
        return f"{item['symbol']}: {item['reason']}" if item["symbol"] else item["reason"]
    word = "changed" if record.get("written") and item["verdict"] == CHANGE else WORDS[item["verdict"]]
    subject = f" [{item['subject']}]" if item.get("subject") else ""
    unsafe = " (unsafe: the behaviour may differ)" if item.get("safety") == "unsafe" else ""
    return f"{word}: {item['symbol']}{subject}: {item['reason']}{unsafe}"


def unreadable(record: Mapping[str, Any]) -> Iterator[Finding]:
    """Files that were not read."""
    folder = record["project"]["repository_path"]
    for item in record["unreadable"]:
        path = posixpath.join(folder, item["path"])
        yield Finding(path, item["line"] or 1, "F001", "the file could not be read", REFUSE, f"not read: {item['reason']}", f"F001:{item['path']}")
