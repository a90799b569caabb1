"""What people read: diffs, tables of decisions, the audit. Returns lines; printing is the command line's."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from moreorless import unified_diff

from transforms.model import Decision, FileChange, Outcome, Verdict
from transforms.rules import RULES
from transforms.text import Undecodable, decode

Paint = Callable[[str, str], str]
_COLOURS = {"+": "green", "-": "red", "@": "cyan"}
_WORDS = {Verdict.CHANGE: "changed", Verdict.LEAVE: "left", Verdict.REFUSE: "refused"}
_SHADES = {Verdict.CHANGE: "green", Verdict.LEAVE: "blue", Verdict.REFUSE: "yellow"}
_TITLES = {
    "routes": "handlers become async def",
    "clients": "blocking clients become async ones",
    "executor": "what still blocks moves off the loop",
}
_SUMMED = {"P001", "R101", "R104", "R109", "R110", "E303", "E306"}


def plain(text: str, colour: str) -> str:
    """No colour."""
    return text


def stage_lines(outcome: Outcome, number: int, count: int, verbose: bool, paint: Paint) -> Iterator[str]:
    """Heading, diff and table of one stage."""
    yield paint(f"── stage {number}/{count}: {outcome.stage} — {_TITLES.get(outcome.stage, '')}", "bold")
    for change in outcome.changes:
        yield from diff_lines(change, paint)
    yield ""
    yield from table_lines(outcome.decisions, verbose, paint)
    yield ""


def diff_lines(change: FileChange, paint: Paint) -> Iterator[str]:
    """A unified diff that `git apply` and `patch -p1` take."""
    before = decode(change.before).body if change.before is not None else ""
    text = unified_diff(before, _text(change), change.path)
    if change.before is None:
        text = text.replace(f"--- a/{change.path}", "--- /dev/null", 1)
    for line in text.split("\n")[:-1] if text.endswith("\n") else text.split("\n"):
        header = line.startswith(("---", "+++"))
        yield paint(line, "bold" if header else _COLOURS.get(line[:1], ""))


def _text(change: FileChange) -> str:
    try:
        return decode(change.after).body
    except Undecodable:
        return change.after.decode("latin-1")


def table_lines(decisions: Sequence[Decision], verbose: bool, paint: Paint) -> Iterator[str]:
    """Changed, left and refused with their reasons; plain reasons to leave are summed up unless `verbose`."""
    if not decisions:
        yield "nothing to decide"
    for verdict in Verdict:
        rows = [decision for decision in decisions if decision.verdict == verdict]
        summed = Counter(decision.code for decision in rows if decision.code in _SUMMED and verdict != Verdict.CHANGE and not verbose)
        for decision in rows:
            if decision.code not in summed or summed[decision.code] == 1:
                yield _row(decision, paint)
        for code, number in sorted(summed.items()):
            if number > 1:
                title = next(decision.reason for decision in rows if decision.code == code) if code == "P001" else RULES[code].title
                yield f"{paint(_WORDS[verdict].ljust(8), _SHADES[verdict])} {code}  {number} times: {title} (--verbose lists them)"


def _row(decision: Decision, paint: Paint) -> str:
    word = paint(_WORDS[decision.verdict].ljust(8), _SHADES[decision.verdict])
    subject = f" [{decision.subject}]" if decision.subject else ""
    unsafe = "" if decision.safety.value == "safe" else " (unsafe)"
    return f"{word} {decision.code}  {decision.path}:{decision.line} {decision.symbol}{subject}: {decision.reason}{unsafe}"


def summary_lines(outcomes: Sequence[Outcome], needs: Sequence[str], files: int, written: bool, paint: Paint) -> Iterator[str]:
    """The end of a run."""
    counts = Counter(decision.verdict for outcome in outcomes for decision in outcome.decisions)
    parts = ", ".join(f"{counts[verdict]} {_WORDS[verdict]}" for verdict in Verdict)
    yield paint(f"summary: {parts}; {_plural(files, 'file')} {'written' if written else 'would change'}", "bold")
    if files and not written:
        yield "This was a dry run: --write applies it."
    if files and needs:
        yield f"The result needs: {', '.join(needs)}. Add what is missing to your requirements."
    if files:
        yield "Serve it with threads (gunicorn -k gthread --threads 32 …); not with Flask's own server, nor with `uvicorn app:app` or `hypercorn app:app`, which break a Flask app."


def _plural(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
