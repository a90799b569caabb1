"""The body of a pull request: a table, each stage, and folded away what was refused and why.

Names and reasons come from repositories and are never trusted: names stand in code spans, in which Markdown, HTML and
mentions mean nothing; other text is escaped. GitHub takes 65,536 characters, so long lists are cut and say so.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from codemods.counted import counted
from codemods.formats.findings import CHANGE, LEAVE, REFUSE

_MOST = 60_000
_ROWS = 100
_SPECIAL = re.compile(r"[\\`*\[\]~|$]|(?<!\w)_|_(?!\w)")
_LINKED = re.compile(r"@|#|(?<=[:w])(?=//|ww)")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_Decision = Mapping[str, Any]


def lines(record: Mapping[str, Any], verbose: bool) -> Iterator[str]:
    """The whole body; rows are left out, from the longest lists first, until it is short enough."""
    for most in (_ROWS, 50, 25, 10, 3, 0):
        body = list(_audit(record, most) if "handlers" in record else _migration(record, most, verbose))
        if sum(len(line) + 1 for line in body) <= _MOST:
            break
    yield from body


def code(text: str) -> str:
    """A name as a code span that nothing in it can end; `|` is escaped for tables."""
    text = re.sub(r"\s+", " ", "".join(sign if sign.isprintable() or sign.isspace() else f"\\x{ord(sign):02x}" for sign in text)).strip() or " "
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{space}{text}{space}{fence}".replace("|", "\\|")


def words(text: str) -> str:
    """A sentence as plain text: its own code spans stay, all else is escaped; nobody is mentioned, no issue linked."""
    parts = re.split(r"`([^`]+)`", re.sub(r"\s+", " ", text))
    return "".join(code(part) if number % 2 else _escaped(part) for number, part in enumerate(parts))


def _escaped(text: str) -> str:
    text = "".join(_ENTITIES.get(sign, sign) for sign in _SPECIAL.sub(r"\\\g<0>", text))
    return _LINKED.sub(r"\g<0><!-- -->", text)


def _migration(record: Mapping[str, Any], most: int, verbose: bool) -> Iterator[str]:
    summary, done = record["summary"], "were" if record["written"] else "would be"
    yield "## Flask to async"
    yield ""
    yield f"{counted(summary['files'], 'file')} {done} changed (+{summary['lines_added']} −{summary['lines_removed']}), in {counted(summary['groups'], 'group')} that stand or fall as a whole."
    yield ""
    yield "| stage | what it does | changed | left | refused | files |"
    yield "|---|---|--:|--:|--:|--:|"
    for stage in record["stages"]:
        counts = stage["counts"]
        yield f"| {words(stage['name'])} | {words(stage['title'])} | {counts[CHANGE]} | {counts[LEAVE]} | {counts[REFUSE]} | {len(stage['changes'])} |"
    yield ""
    if record["needs"]:
        yield from (f"**The result needs** {', '.join(code(need) for need in record['needs'])}.", "")
    yield from ("Serve it with threads (`gunicorn -k gthread --threads 32 …`).", "")
    for number, stage in enumerate(record["stages"], 1):
        yield from _stage(number, stage, most, verbose)
    yield from _unread(record)
    yield from ("---", f"<sub>Made by flask-to-async {words(record['tool']['version'])}. `flask-to-async explain CODE` says what a rule means.</sub>")


def _stage(number: int, stage: Mapping[str, Any], most: int, verbose: bool) -> Iterator[str]:
    rows = {verdict: [item for item in stage["decisions"] if item["verdict"] == verdict] for verdict in (CHANGE, REFUSE, LEAVE)}
    if not rows[CHANGE] and not rows[REFUSE] and not verbose:
        return
    yield from (f"### {number}. {words(stage['name'])}: {words(stage['title'])}", "")
    if rows[CHANGE]:
        yield from _table(rows[CHANGE], most)
    if rows[REFUSE]:
        yield from _folded(f"Refused: {counted(len(rows[REFUSE]), 'place')} to look at", rows[REFUSE], most)
    if rows[LEAVE] and verbose:
        yield from _folded(f"Left as they are: {len(rows[LEAVE])}", rows[LEAVE], most)


def _table(rows: Sequence[_Decision], most: int) -> Iterator[str]:
    yield "| where | what | rule | why |"
    yield "|---|---|---|---|"
    for item in rows[:most]:
        subject = f" {code(item['subject'])}" if item.get("subject") and item["subject"] != item["symbol"] else ""
        unsafe = " **(behaviour may differ)**" if item.get("safety") == "unsafe" else ""
        yield f"| {code(_place(item))} | {code(item['symbol'] or '(module)')}{subject} | {item['code']} | {words(item['reason'])}{unsafe} |"
    if len(rows) > most:
        yield f"| … | and {len(rows) - most} more |  | `--format json` has all |"
    yield ""


def _place(item: _Decision) -> str:
    return f"{item['path']}:{item['line']}" if item["line"] else item["path"]


def _folded(title: str, rows: Sequence[_Decision], most: int) -> Iterator[str]:
    yield from ("<details>", f"<summary>{title}</summary>", "")
    for (rule, name), items in groupby(
        sorted(rows, key=lambda item: (item["code"], item["path"], item["line"] or 0)), lambda item: (item["code"], item["title"])
    ):
        yield from (f"**{rule}** {words(name)}", "")
        yield from _table(list(items), most)
    yield from ("</details>", "")


def _unread(record: Mapping[str, Any]) -> Iterator[str]:
    if record["unreadable"]:
        yield from ("### Not read", "")
        yield from (f"- {code(_place(item))}: {words(item['reason'])}" for item in record["unreadable"][:_ROWS])
        yield ""


def _audit(record: Mapping[str, Any], most: int) -> Iterator[str]:
    summary = record["summary"]
    yield from ("## Flask to async: audit", "")
    if record["stop"]:
        yield from (f"**The project cannot be migrated:** {words(record['stop'])}", "")
    yield from ("| handlers | would become async | left | refused |", "|--:|--:|--:|--:|")
    yield from (f"| {summary['handlers']} | {summary[CHANGE]} | {summary[LEAVE]} | {summary[REFUSE]} |", "")
    for verdict, title in ((CHANGE, "Would become async"), (REFUSE, "Refused"), (LEAVE, "Left")):
        rows = [item for item in record["handlers"] if item["verdict"] == verdict]
        if rows:
            yield from _folded(f"{title}: {len(rows)}", rows, most)
    if record["hazards"]:
        yield from _folded(f"Threads and context: {len(record['hazards'])}", record["hazards"], most)
    yield from _unread(record)
