"""One JSON object a line, for `jq`, `grep` and programs that read as they go: `type` says what the line is."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

_LISTS = {"stages": "stage", "decisions": "decision", "changes": "change", "handlers": "handler", "hazards": "hazard", "unreadable": "unreadable"}
_CLOSING = ("summary", "needs", "stop")


def lines(record: Mapping[str, Any], verbose: bool) -> Iterator[str]:
    """`run` first, `summary` last; decisions and changes carry the name of their stage."""
    start = {key: value for key, value in record.items() if key not in _LISTS and key not in _CLOSING}
    yield _line("run", start)
    for stage in record.get("stages", ()):
        for decision in stage["decisions"]:
            yield _line("decision", {"stage": stage["name"], **decision})
        for change in stage["changes"]:
            yield _line("change", {"stage": stage["name"], **change})
        yield _line("stage", {key: value for key, value in stage.items() if key not in _LISTS})
    for key in ("handlers", "hazards", "unreadable"):
        for item in record.get(key, ()):
            yield _line(_LISTS[key], item)
    yield _line("summary", {**record["summary"], **{key: record[key] for key in _CLOSING[1:] if key in record}})


def _line(kind: str, values: Mapping[str, Any]) -> str:
    return json.dumps({"type": kind, **values}, ensure_ascii=False)
