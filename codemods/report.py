"""What people read: diffs, tables of decisions, the audit. Returns lines; printing is the command line's."""

import difflib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from codemods.counted import counted
from transforms.model import Decision, FileChange, Outcome, Verdict
from transforms.rules import RULES

Paint = Callable[[str, str], str]
_COLOURS = {"+": "green", "-": "red", "@": "cyan"}
_WORDS = {Verdict.CHANGE: "changed", Verdict.LEAVE: "left", Verdict.REFUSE: "refused"}
_SHADES = {Verdict.CHANGE: "green", Verdict.LEAVE: "blue", Verdict.REFUSE: "yellow"}
TITLES = {
    "routes": "handlers become async def",
    "clients": "blocking clients become async ones",
    "executor": "what still blocks moves off the loop",
    "gather": "independent reads are made at once",
    "server": "all async views on one event loop, and what starts the app",
}
_SUMMED = {"P001", "R101", "R104", "R109", "R110", "E303", "E306", "U401"}


def plain(text: str, colour: str) -> str:
    """No colour."""
    return text


def stage_lines(outcome: Outcome, number: int, count: int, verbose: bool, paint: Paint) -> Iterator[str]:
    """Heading, diff and table of one stage."""
    yield paint(f"── stage {number}/{count}: {outcome.stage} — {TITLES.get(outcome.stage, 'a Bowler query')}", "bold")
    for change in outcome.changes:
        yield from diff_lines(change, paint)
    yield ""
    yield from table_lines(outcome.decisions, verbose, paint)
    yield ""


def diff_lines(change: FileChange, paint: Paint) -> Iterator[str]:
    """A unified diff that `git apply` and `patch -p1` take, byte for byte: bytes that are no UTF-8 are surrogates."""
    before, after = _lines(change.before or b""), _lines(change.after)
    old = "/dev/null" if change.before is None else _quoted(f"a/{change.path}")
    for number, line in enumerate(difflib.unified_diff(before, after, old, _quoted(f"b/{change.path}"), n=3, lineterm="\n")):
        text = line.removesuffix("\n")
        yield paint(text, "bold" if number < 2 else _COLOURS.get(line[:1], ""))
        if number > 1 and not line.endswith("\n"):
            yield "\\ No newline at end of file"


def _quoted(name: str) -> str:
    """A file name as git writes it: in quotes with escapes when it holds a quote, a backslash or a control character."""
    if any(sign in '"\\\x7f' or sign < " " for sign in name):
        return '"' + "".join(f"\\{sign}" if sign in '"\\' else f"\\{ord(sign):03o}" if sign < " " or sign == "\x7f" else sign for sign in name) + '"'
    return f"{name}\t" if " " in name else name


def _lines(data: bytes) -> list[str]:
    """Lines as `diff` sees them: split at newline bytes only."""
    text = data.decode("utf-8", "surrogateescape")
    return [f"{line}\n" for line in text.split("\n")[:-1]] + ([text.rpartition("\n")[2]] if not text.endswith("\n") and text else [])


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
    where = f"{decision.path}:{decision.line} {decision.symbol}".rstrip()
    return f"{word} {decision.code}  {where}{subject}: {decision.reason}{unsafe}"


EXPLAIN = "`flask-to-async explain CODE` says what a rule means and what you can do about it."
DRY_RUN = "This was a dry run: --write applies it."


def summary_lines(outcomes: Sequence[Outcome], needs: Sequence[str], files: int, written: bool, paint: Paint, unwritten: str = DRY_RUN) -> Iterator[str]:
    """The end of a run; `unwritten` says why nothing was written."""
    counts = Counter(decision.verdict for outcome in outcomes for decision in outcome.decisions)
    parts = ", ".join(f"{counts[verdict]} {_WORDS[verdict]}" for verdict in Verdict)
    if counts[Verdict.LEAVE] or counts[Verdict.REFUSE]:
        yield EXPLAIN
    yield paint(f"summary: {parts}; {counted(files, 'file')} {'written' if written else 'would change'}", "bold")
    if files and not written:
        yield unwritten
    if files and needs:
        yield f"The result needs: {', '.join(needs)}. Where they were added, and where that is left to you, stands above (D500, D501); install them."
    if files and any(decision.code == "S406" for outcome in outcomes for decision in outcome.decisions):
        yield "Serve it with the ASGI server as S406 says; `uvicorn app:app` or `hypercorn app:app`, on the Flask object itself, break a Flask app."
    elif files:
        yield "Serve it with threads (gunicorn -k gthread --threads 32 …); not with Flask's own server, nor with `uvicorn app:app` or `hypercorn app:app`, which break a Flask app."
