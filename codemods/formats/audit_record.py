"""An audit as plain data: every handler, its verdict, and the blocking calls that it reaches, with the way to each."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from codemods.audit import distinct
from codemods.formats.record import head, unreadable
from codemods.formats.words import Fingerprints, clean
from codemods.project import Loaded
from transforms.index import Index
from transforms.judge import Judgement, stopped
from transforms.model import Decision, Settings, Verdict
from transforms.reach import Reached
from transforms.rules import RULES

FORMAT = "flask-to-async audit"


def audit_record(loaded: Loaded, index: Index, judgements: Sequence[Judgement], hazards: Sequence[Decision], settings: Settings) -> dict[str, Any]:
    """The whole audit. `stop` says why nothing at all may be migrated; it is empty when something may."""
    fingerprints = Fingerprints()
    handlers = [_handler(judgement, fingerprints) for judgement in judgements]
    found = Counter(judgement.verdict for judgement in judgements)
    broken = [Decision(path, line, "", "F001", Verdict.REFUSE, reason) for path, (line, reason) in index.broken.items() if path in index.project.editable]
    return {
        **head(FORMAT, loaded, settings),
        "stop": clean(stopped(index)),
        "handlers": handlers,
        "hazards": [_hazard(item, fingerprints) for item in hazards],
        "unreadable": unreadable(loaded, broken),
        "summary": {"handlers": len(handlers), "hazards": len(hazards), **{verdict.value: found[verdict] for verdict in Verdict}},
    }


def _hazard(item: Decision, fingerprints: Fingerprints) -> dict[str, Any]:
    return {
        "path": clean(item.path),
        "line": item.line,
        "symbol": clean(item.symbol),
        "code": item.code,
        "title": RULES[item.code].title,
        "verdict": item.verdict.value,
        "reason": clean(item.reason),
        "subject": clean(item.subject),
        "fingerprint": fingerprints.key("audit", item.path, item.code, item.symbol, item.subject),
    }


def _handler(judgement: Judgement, fingerprints: Fingerprints) -> dict[str, Any]:
    function = judgement.handler.function
    return {
        "endpoint": clean(judgement.handler.endpoint),
        "slot": judgement.handler.slot,
        "path": clean(function.module.path),
        "line": function.line,
        "end_line": getattr(function.node, "end_lineno", function.line),
        "symbol": clean(function.qualname),
        "code": judgement.code,
        "title": RULES[judgement.code].title,
        "verdict": judgement.verdict.value,
        "reason": clean(judgement.reason),
        "stage": judgement.stage,
        "fingerprint": fingerprints.key("audit", function.module.path, judgement.code, function.qualname, judgement.handler.endpoint),
        "reached": [_call(item) for item in distinct(judgement.reached)],
    }


def _call(item: Reached) -> dict[str, Any]:
    return {
        "call": clean(item.site.entry.name),
        "chain": [clean(name) for name in [*(function.name for function in item.chain), item.site.entry.name]],
        "path": clean(item.function.module.path),
        "line": getattr(item.site.node, "lineno", 1),
    }
