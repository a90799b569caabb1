"""Counts of decisions: by stage, by rule, by what is called."""

from collections import Counter
from collections.abc import Iterator, Sequence

from codemods.report import Paint
from transforms.model import Decision, Outcome, Verdict
from transforms.rules import RULES

_WORDS = {Verdict.CHANGE: "changed", Verdict.LEAVE: "left", Verdict.REFUSE: "refused"}


def statistics_lines(outcomes: Sequence[Outcome], paint: Paint) -> Iterator[str]:
    """Three tables, the most frequent first."""
    decisions = [(outcome.stage, item) for outcome in outcomes for item in outcome.decisions]
    yield paint("by stage", "bold")
    for outcome in outcomes:
        mine = outcome.decisions
        groups = len({item.group for item in mine if item.group and item.verdict == Verdict.CHANGE})
        yield f"  {outcome.stage:<10} {_verdicts(mine)}; {groups} groups, {len(outcome.changes)} files"
    yield paint("by rule", "bold")
    for (code, verdict), number in _most(Counter((item.code, item.verdict) for _, item in decisions)):
        yield f"  {number:5}  {code}  {_WORDS[verdict]:<8} {RULES[code].title if code in RULES else ''}".rstrip()
    yield paint("by what is called", "bold")
    subjects = _subjects(decisions)
    width = max((len(subject) for subject in subjects), default=0)
    for subject in subjects:
        yield f"  {subject:<{width}}  {_verdicts([item for _, item in decisions if item.subject == subject])}"


def _verdicts(decisions: Sequence[Decision]) -> str:
    counts = Counter(item.verdict for item in decisions)
    return ", ".join(f"{counts[verdict]} {_WORDS[verdict]}" for verdict in Verdict)


def _subjects(decisions: Sequence[tuple[str, Decision]]) -> list[str]:
    return [subject for subject, _ in _most(Counter(item.subject for _, item in decisions if item.subject))]


def _most(counts: Counter) -> list[tuple]:  # type: ignore[type-arg]
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
