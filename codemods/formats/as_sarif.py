"""SARIF 2.1.0 (OASIS), with what GitHub's code scanning asks of it: help of every rule, fingerprints, paths below %SRCROOT%.

Code scanning takes at most 25,000 results of a run and 10 MB compressed; it reads `primaryLocationLineHash`.
"""

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from codemods.explain import Page, address, page
from codemods.formats.findings import CHANGE, LEAVE, REFUSE, Finding, findings, unreadable
from codemods.formats.fixes import Fix, fixes
from codemods.formats.hunks import replacements

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {CHANGE: "note", REFUSE: "warning", LEAVE: "none"}
_ROOT = "%SRCROOT%"
_PLACEHOLDER, _LINK = re.compile(r"\{(\d+)\}"), re.compile(r"\[([^\[\]]*)\]\(")


def lines(record: Mapping[str, Any], verbose: bool) -> Iterator[str]:
    """One run. A change is a note, a refusal a warning; a file that was not read is a notification of the tool."""
    found = list(findings(record, verbose))
    codes = sorted({item.code for item in found})
    offered = {group: _fix(fix, record) for group, fix in fixes(record).items()} if "stages" in record and not record["written"] else {}
    folder = record["project"]["repository_path"]
    related = [_related(item, folder) for item in record.get("handlers", ()) if verbose or item["verdict"] != LEAVE]
    results = [_result(item, codes, offered.get((item.stage, item.group), [])) for item in found]
    for result, extra in zip(results, related, strict=False):
        result |= extra
    yield json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [_run(record, codes, results)]}, indent=2, ensure_ascii=False)


def _run(record: Mapping[str, Any], codes: list[str], results: list[dict[str, Any]]) -> dict[str, Any]:
    failed = [_notification(item) for item in unreadable(record)]
    driver = {
        "name": record["tool"]["name"],
        "version": record["tool"]["version"],
        "semanticVersion": record["tool"]["version"],
        "informationUri": address(),
        "rules": [_rule(page(code)) for code in codes],
        "notifications": [{"id": "F001", "shortDescription": {"text": "the file could not be read"}, "helpUri": address("F001")}],
    }
    return {
        "tool": {"driver": driver},
        "invocations": [{"executionSuccessful": not failed, "toolExecutionNotifications": failed}],
        "originalUriBaseIds": {_ROOT: {"description": {"text": "the top of the git repository, or of the project where there is none"}}},
        "columnKind": "utf16CodeUnits",
        "results": results,
    }


def _notification(item: Finding) -> dict[str, Any]:
    return {"level": "error", "descriptor": {"id": "F001"}, "message": {"text": _text(item.text)}, "locations": [_location(item.path, item.line)]}


def _rule(rule: Page) -> dict[str, Any]:
    return {
        "id": rule.code,
        "name": rule.code,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.what},
        "help": {"text": rule.text, "markdown": rule.markdown},
        "helpUri": address(rule.code),
        "defaultConfiguration": {"level": _LEVELS[rule.verdict]},
        "properties": {"tags": ["async", "flask"], "precision": "very-high", "problem.severity": "recommendation"},
    }


def _result(item: Finding, codes: list[str], offered: list[dict[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": item.code,
        "ruleIndex": codes.index(item.code),
        "level": _LEVELS[item.verdict],
        "message": {"text": _text(item.text)},
        "locations": [_location(item.path, item.line)],
        "partialFingerprints": {"primaryLocationLineHash": item.fingerprint, "flaskToAsync/v1": item.fingerprint},
    }
    if item.verdict == LEAVE:
        result["kind"] = "informational"
    if offered:
        result["fixes"] = offered
    return result


def _text(words: str) -> str:
    """A SARIF message reads `{0}` as a placeholder and `[x](1)` as a link (3.11.5 and 3.11.6); both are meant literally."""
    return _LINK.sub(r"\\[\1\\](", _PLACEHOLDER.sub(r"{{\1}}", words))


def _location(path: str, line: int) -> dict[str, Any]:
    artifact = {"uri": quote(path), "uriBaseId": _ROOT}
    return {"physicalLocation": {"artifactLocation": artifact, "region": {"startLine": line}}}


def _related(handler: Mapping[str, Any], folder: str) -> dict[str, Any]:
    """The calls that a handler reaches, for the audit."""
    found = [
        {"id": number, "message": {"text": _text(" → ".join(item["chain"]))}, **_location(posixpath.join(folder, item["path"]), item["line"])}
        for number, item in enumerate(handler["reached"], 1)
    ]
    return {"relatedLocations": found} if found else {}


def _fix(fix: Fix, record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Nothing for files that are new, in another encoding, or end without a newline."""
    try:
        changes = [_artifact_change(change, record["project"]["repository_path"]) for change in fix.changes]
    except ValueError:
        return []
    needs = f"; the result needs {', '.join(record['needs'])}" if record["needs"] else ""
    return [{"description": {"text": f"Carry out what belongs together: {len(fix.groups)} groups in {len(changes)} files{needs}"}, "artifactChanges": changes}]


def _artifact_change(change: Mapping[str, Any], folder: str) -> dict[str, Any]:
    if change["created"] or change["encoding"] != "utf-8":
        raise ValueError("not a plain replacement of lines")
    parts = [
        {
            "deletedRegion": {"startLine": item.start, "startColumn": 1, "endLine": item.start + item.removed, "endColumn": 1},
            "insertedContent": {"text": item.text},
        }
        for item in replacements(change["diff"])
    ]
    return {"artifactLocation": {"uri": quote(posixpath.join(folder, change["path"])), "uriBaseId": _ROOT}, "replacements": parts}
