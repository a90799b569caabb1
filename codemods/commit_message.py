"""The message of a stage's commit, made from its decisions."""

from collections import Counter
from collections.abc import Sequence

from codemods.counted import counted
from transforms.model import Decision, Outcome, Verdict
from transforms.rules import RULES

_TITLES = {
    "routes": "handlers become async",
    "clients": "blocking clients become async ones",
    "executor": "what blocks moves off the event loop",
}
_LONGEST = 100


def message_of(outcome: Outcome) -> str:
    """Subject: stage and counts. Body: rules with counts, then where each of them was applied, then what it needs."""
    taken = [item for item in outcome.decisions if item.verdict == Verdict.CHANGE]
    groups, files = len({item.group for item in taken if item.group}), len(outcome.changes)
    title = _TITLES.get(outcome.stage, "applied")
    subject = f"flask-to-async {outcome.stage}: {title} ({counted(groups, 'change')}, {counted(files, 'file')})"
    needs = [f"Needs: {', '.join(outcome.needs)}", ""] if outcome.needs else []
    return "\n".join([subject, "", *_by_rule(taken), *needs]).rstrip() + "\n"


def _by_rule(taken: Sequence[Decision]) -> list[str]:
    lines: list[str] = []
    for code, number in sorted(Counter(item.code for item in taken).items()):
        title = RULES[code].title if code in RULES else ""
        places = list(dict.fromkeys(f"{item.path}: {item.symbol}" for item in taken if item.code == code))
        lines += [f"{code} {title} ({number}):", *(f"- {place}" for place in places[:_LONGEST])]
        lines += [f"- and {len(places) - _LONGEST} more"] if len(places) > _LONGEST else []
        lines.append("")
    return lines
