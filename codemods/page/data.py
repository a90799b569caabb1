"""What the page shows: the published record, and what a browser cannot know (open strings, lines of unchanged files)."""

import base64
import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from codemods.explain import page, suppression
from codemods.page.strings import open_strings
from codemods.pipeline import Migration
from transforms.model import FileChange

_HUNK = re.compile(r"^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@", re.MULTILINE)
_LAST = re.compile(r"→ ([\w.]+)(?: \(of unknown type\))? \(")
_NAMED = re.compile(r"[a-z_]\w*(?:\.\w+)+")
_LONGEST = 200


def page_data(record: Mapping[str, Any], result: Migration, before: Mapping[str, bytes]) -> dict[str, Any]:
    """The data of a page for one run; `before` holds the files that the first stage started from."""
    current = dict(before)
    stages = []
    for stage, outcome in zip(record["stages"], result.outcomes, strict=True):
        stages.append(_stage(stage, outcome.changes, current))
        current |= {change.path: change.after for change in outcome.changes}
    codes = sorted({decision["code"] for stage in record["stages"] for decision in stage["decisions"]})
    kept = ("tool", "project", "settings", "written", "needs", "unreadable", "summary")
    return {
        "title": f"{record['project']['name']}: Flask to async",
        "id": hashlib.sha256(json.dumps(record["stages"]).encode()).hexdigest()[:16],
        **{key: record[key] for key in kept},
        "rules": {code: _rule(code) for code in codes},
        "stages": stages,
    }


def _rule(code: str) -> dict[str, Any]:
    rule = page(code)
    return {
        "title": rule.title,
        "what": rule.what,
        "why": rule.why,
        "caveats": rule.caveats,
        "remedy": rule.remedy,
        "safety": rule.safety,
        "suppress": suppression(code, rule.verdict),
    }


def _stage(stage: Mapping[str, Any], changes: Sequence[FileChange], current: Mapping[str, bytes]) -> dict[str, Any]:
    """Every file with a change or a decision, by path."""
    decisions: dict[str, list[dict[str, Any]]] = defaultdict(list)
    contents: dict[str, list[bytes]] = {}
    for decision in stage["decisions"]:
        path = decision["path"]
        lines = contents.setdefault(path, current.get(path, b"").split(b"\n"))
        decisions[path].append(_decision(decision, lines))
    diffs = {shown["path"]: _diff(shown, change) for shown, change in zip(stage["changes"], changes, strict=True)}
    paths = sorted({*decisions, *diffs})
    files = [{"path": path, **diffs.get(path, {}), "decisions": decisions.get(path, [])} for path in paths]
    return {"name": stage["name"], "title": stage["title"], "counts": stage["counts"], "files": files}


def _decision(decision: Mapping[str, Any], lines: Sequence[bytes]) -> dict[str, Any]:
    row = decision["stage_line"]
    text = lines[row - 1].decode("utf-8", "replace").strip()[:_LONGEST] if row <= len(lines) else ""
    kept = ("line", "symbol", "code", "verdict", "reason", "group", "subject")
    found = {key: decision[key] for key in kept} | {"row": row, "library": library(decision), "text": text}
    return found | ({"unsafe": True} if decision["safety"] == "unsafe" else {})


def library(decision: Mapping[str, Any]) -> str:
    """The library whose call a decision of the stages clients and executor is about, as far as its words tell."""
    if decision["code"][0] not in "CE" or decision["code"] in ("C201", "C203", "C204"):
        return ""
    last = _LAST.findall(decision["reason"])
    name = last[-1] if last else decision["subject"]
    return name.partition(".")[0] if _NAMED.fullmatch(name) else "other"


def _diff(shown: Mapping[str, Any], change: FileChange) -> dict[str, Any]:
    """The diff, and for each hunk the quotes of a string that is open where it begins, on either side."""
    raw = base64.b64decode(shown["diff"]) if shown["encoding"] == "base64" else shown["diff"].encode()
    text = raw.decode("utf-8", "replace")
    found: dict[str, Any] = {"created": shown["created"], "added": shown["added"], "removed": shown["removed"], "diff": text}
    if shown["encoding"] == "base64":
        found["bytes"] = shown["diff"]
    opened = _opened(text, change)
    return found | ({"open": opened} if any(sides != ["", ""] for sides in opened) else {})


def _opened(text: str, change: FileChange) -> list[list[str]]:
    old, new = open_strings(change.before or b""), open_strings(change.after)
    return [[old.get(int(match[1]), ""), new.get(int(match[2]), "")] for match in _HUNK.finditer(text)]
