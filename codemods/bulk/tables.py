"""What the ledger says of a pass, as plain data: the report, in every form, is made from this alone.

Nothing in it depends on how long something took, on how many workers there were, or on where the work folder is. Only the
burndown has dates: those of the passes.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from codemods.bulk.ledger import Ledger, Member, Pass
from codemods.bulk.spec import Spec
from codemods.bulk.standing import Standing, standing
from codemods.bulk.tasks import STAGES
from transforms.rules import RULES

FORMAT, VERSION = "flask-to-async bulk", 1
OUTCOMES = ("migrated", "unchanged", "skipped", "failed", "pending")
_TOP = 50


def tables(ledger: Ledger, current: Pass, specs: Mapping[str, Spec]) -> dict[str, Any]:
    """All tables of a pass. Repositories stand in the order of the file."""
    found = [(member, _standing(ledger, current, specs, member)) for member in ledger.members(current.number, current.wave)]
    rows = [_row(member, specs.get(member.name), item) for member, item in found]
    commits = [item.known["commit"] for _, item in found if "commit" in item.known]
    counts = Counter(row["outcome"] for row in rows)
    return {
        "format": FORMAT,
        "version": VERSION,
        "tool": {"name": "flask-to-async", "version": version("flask-to-async")},
        "pass": {"number": current.number, "wave": current.wave, "waves": current.waves},
        "summary": {
            "repositories": len(rows),
            **{outcome: counts[outcome] for outcome in OUTCOMES},
            **{key: sum(row[key] for row in rows) for key in ("handlers", "async", "commits", "files", "blocking_before", "blocking_after", "unread_files")},
        },
        "repositories": rows,
        "errors": _errors(found),
        "rules": _rules(commits),
        "refused": _refused(commits),
        "burndown": _burndown(ledger),
    }


def _standing(ledger: Ledger, current: Pass, specs: Mapping[str, Spec], member: Member) -> Standing:
    if member.name not in specs:
        return Standing("failed", "it is not in the repositories file any more")
    return standing(specs[member.name], current, ledger.steps(member.name))


def _row(member: Member, spec: Spec | None, found: Standing) -> dict[str, Any]:
    commit = found.known.get("commit", {})
    return {
        "name": member.name,
        "url": member.url,
        "outcome": found.outcome,
        "phase": found.phase,
        "reason": found.reason,
        **_branch(spec, found.known),
        **_numbers(commit),
        **_tests(found.known),
        "unread": commit.get("unread", []),
        "unread_files": commit.get("unread_files", 0),
        **_published(found.known),
    }


def _branch(spec: Spec | None, known: Mapping[str, Any]) -> dict[str, Any]:
    commit = known.get("commit", {})
    commits = commit.get("commits", ())
    return {
        "base": known.get("clone", {}).get("base", ""),
        "branch": spec.branch if spec and commits else "",
        "tip": commit.get("tip", "") if commits else "",
        "commits": len(commits),
        "stages": {stage: _stage(known[stage]) for stage in STAGES if stage in known},
    }


def _numbers(commit: Mapping[str, Any]) -> dict[str, Any]:
    before, after = commit.get("blocking") or (0, 0)
    counts = {key: commit.get(key, 0) for key in ("handlers", "async", "files")}
    return {**counts, "needs": commit.get("needs", []), "blocking_before": before, "blocking_after": after}


def _tests(known: Mapping[str, Any]) -> dict[str, Any]:
    verify = known.get("verify")
    passed = f"{known['baseline']['passed']} pass" if verify else "no result"
    return {"tests": passed if "baseline" in known else "", "taken_back": len(verify["taken_back"]) if verify else 0}


def _published(known: Mapping[str, Any]) -> dict[str, Any]:
    request = known.get("pull-request", {})
    return {"pushed": known.get("push", {}).get("commit", ""), "pull_request": request.get("url", ""), "declined": bool(request.get("declined"))}


def _stage(result: Mapping[str, Any]) -> dict[str, int]:
    return {key: result[key] for key in ("groups", "files", "change", "leave", "refuse")}


def _errors(found: Sequence[tuple[Member, Standing]]) -> list[dict[str, str]]:
    """One row for each repository that failed, and one for each file that could not be read."""
    rows = []
    for member, item in found:
        if item.outcome == "failed":
            rows.append({"repository": member.name, "phase": item.phase, "path": "", "reason": item.reason})
        for path, reason in item.known.get("commit", {}).get("unread", ()):
            rows.append({"repository": member.name, "phase": "migrate", "path": path, "reason": reason})
    return rows


def _rules(commits: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    counts: Counter[tuple[str, str]] = Counter()
    places: Counter[str] = Counter()
    for commit in commits:
        counts.update({(code, verdict): number for code, verdict, number in commit["codes"]})
        places.update({code for code, _, _ in commit["codes"]})
    return [
        {"code": code, "title": RULES[code].title if code in RULES else "", "repositories": places[code]}
        | {verdict: counts[code, verdict] for verdict in ("change", "leave", "refuse")}
        for code in sorted(places)
    ]


def _refused(commits: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The most frequent reasons to refuse."""
    counts: Counter[tuple[str, str]] = Counter()
    places: Counter[tuple[str, str]] = Counter()
    for commit in commits:
        counts.update({(code, reason): number for code, reason, number in commit["refused"]})
        places.update({(code, reason) for code, reason, _ in commit["refused"]})
    top = sorted(counts, key=lambda item: (-counts[item], item))[:_TOP]
    return [{"code": code, "reason": reason, "number": counts[code, reason], "repositories": places[code, reason]} for code, reason in top]


def _burndown(ledger: Ledger) -> list[dict[str, Any]]:
    """For each pass: blocking calls in what Flask calls, as they were, and as they are when the branches are merged."""
    measures = ledger.measures()
    rows = []
    for item in ledger.passes():
        found = measures.get(item.number, [])
        when = datetime.fromtimestamp(item.began, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        rows.append(
            {"pass": item.number, "date": when, "repositories": len(found), "before": sum(row[1] for row in found), "after": sum(row[2] for row in found)}
        )
    return rows
