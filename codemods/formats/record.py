"""A migration as plain data: the published JSON document, from which every other format and the HTML report are made."""

import base64
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

from codemods.formats.places import Places
from codemods.formats.words import Fingerprints, clean
from codemods.pipeline import Migration
from codemods.project import Loaded
from codemods.report import TITLES, diff_lines, plain
from transforms.model import Decision, FileChange, Outcome, Settings, Verdict
from transforms.rules import RULES

FORMAT, VERSION = "flask-to-async migration", 1
_FILE_CODES = ("F001",)


def migration_record(loaded: Loaded, result: Migration, settings: Settings, written: bool) -> dict[str, Any]:
    """The whole run. Paths are relative to the project root and written with `/`."""
    places, fingerprints = Places(), Fingerprints()
    stages = []
    for outcome in result.outcomes:
        diffs = [list(diff_lines(change, plain)) for change in outcome.changes]
        stages.append(_stage(outcome, diffs, places, fingerprints))
        for change, diff in zip(outcome.changes, diffs, strict=True):
            places.advance(change.path, change.before is None, diff)
    changes = [_change(change, list(diff_lines(change, plain))) for change in result.changes]
    return {
        **head(FORMAT, loaded, settings),
        "written": written,
        "stages": stages,
        "changes": changes,
        "needs": list(result.needs),
        "unreadable": unreadable(loaded, (decision for outcome in result.outcomes for decision in outcome.decisions)),
        "summary": _summary(changes, stages),
    }


def head(kind: str, loaded: Loaded, settings: Settings) -> dict[str, Any]:
    """What a record starts with."""
    return {
        "format": kind,
        "version": VERSION,
        "tool": {"name": "flask-to-async", "version": version("flask-to-async")},
        "project": {"name": clean(loaded.root.name), "repository_path": clean(repository_path(loaded.root))},
        "settings": {item.name: _plain(getattr(settings, item.name)) for item in fields(settings)},
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in (sorted(value) if isinstance(value, set | frozenset) else value)]
    return clean(value) if isinstance(value, str) else value


def repository_path(root: Path) -> str:
    """The project root within its git repository, empty when it is the top or there is none."""
    top = next((folder for folder in [root, *root.parents] if (folder / ".git").exists()), root)
    found = root.relative_to(top).as_posix()
    return "" if found == "." else found


def unreadable(loaded: Loaded, decisions: Iterable[Decision]) -> list[dict[str, Any]]:
    """Files that were not read, each once, with the reason."""
    found: dict[str, dict[str, Any]] = {name: {"path": clean(name), "line": None, "reason": clean(reason)} for name, reason in loaded.unreadable.items()}
    for decision in decisions:
        if decision.code in _FILE_CODES:
            found.setdefault(decision.path, {"path": clean(decision.path), "line": decision.line, "reason": clean(decision.reason)})
    return [found[name] for name in sorted(found)]


def _stage(outcome: Outcome, diffs: Sequence[Sequence[str]], places: Places, fingerprints: Fingerprints) -> dict[str, Any]:
    decisions = [_decision(outcome.stage, item, places, fingerprints) for item in outcome.decisions if item.code not in _FILE_CODES]
    return {
        "name": outcome.stage,
        "title": TITLES.get(outcome.stage, ""),
        "decisions": decisions,
        "changes": [_change(change, diff) for change, diff in zip(outcome.changes, diffs, strict=True)],
        "needs": list(outcome.needs),
        "counts": counts(decisions),
    }


def counts(decisions: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """How many decisions of each verdict."""
    found = Counter(decision["verdict"] for decision in decisions)
    return {verdict.value: found[verdict.value] for verdict in Verdict}


def _decision(stage: str, decision: Decision, places: Places, fingerprints: Fingerprints) -> dict[str, Any]:
    """`line` is that of the file on disk, `stage_line` that of the stage's input, to which the stage's diff refers."""
    return {
        "path": clean(decision.path),
        "line": places.on_disk(decision.path, decision.line),
        "stage_line": decision.line,
        "symbol": clean(decision.symbol),
        "code": decision.code,
        "title": RULES[decision.code].title,
        "verdict": decision.verdict.value,
        "reason": clean(decision.reason),
        "group": clean(decision.group),
        "subject": clean(decision.subject),
        "safety": decision.safety.value,
        "fingerprint": fingerprints.of(stage, decision),
    }


def _change(change: FileChange, lines: Sequence[str]) -> dict[str, Any]:
    raw = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
    try:
        text, encoding = raw.decode(), "utf-8"
    except UnicodeDecodeError:
        text, encoding = base64.b64encode(raw).decode(), "base64"
    body = lines[2:]
    return {
        "path": clean(change.path),
        "created": change.before is None,
        "added": sum(line.startswith("+") for line in body),
        "removed": sum(line.startswith("-") for line in body),
        "encoding": encoding,
        "diff": text,
    }


def _summary(changes: Sequence[Mapping[str, Any]], stages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    every = [decision for stage in stages for decision in stage["decisions"]]
    return {
        **counts(every),
        "files": len(changes),
        "lines_added": sum(change["added"] for change in changes),
        "lines_removed": sum(change["removed"] for change in changes),
        "groups": len({(stage["name"], decision["group"]) for stage in stages for decision in stage["decisions"] if decision["group"]}),
        "handlers": _handlers(every),
    }


def _handlers(decisions: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Handlers by what becomes of them: the last word of all stages about each; all zero when no stage judged handlers."""
    last = {
        (item["path"], item["symbol"], item["line"] if item["code"] == "R112" else 0): item
        for item in decisions
        if item["code"][0] in "RP" and not item["subject"]
    }
    already = sum(item["code"] == "R110" for item in last.values())
    found = counts(list(last.values()))
    return {"become_async": found["change"], "async_before": already, "left": found["leave"] - already, "refused": found["refuse"]}
