"""Write docs/explanation/flask.md from the rows: `python tests/rows_page.py`. A test compares."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent), str(Path(__file__).resolve().parent)]

from rows import topics  # noqa: E402

PAGE = Path(__file__).resolve().parent.parent / "docs" / "explanation" / "flask.md"
HEAD = """<!-- Written by `python tests/rows_page.py` from fixtures/rows; do not edit. -->

# Flask's corners

What Flask calls, what it awaits, and which decorators an async view may stand under, row by row. Each row is a handler of a
small application in `fixtures/rows`, which the tests migrate, start and ask: it answers as before, with the test client
and behind a server, on the current Flask and on Flask 2.3.

A decorator counts as proved only where your requirements ask for a version of its library that is known to await the view.
Otherwise the view gets the adapter: a plain function directly above the `async def`, so that every decorator outside it sees
what it saw before. `flask-to-async explain CODE` says what a code means.
"""


def text() -> str:
    parts = [HEAD]
    for topic in topics():
        parts += [f"## {topic.title}\n"]
        if topic.requires:
            parts += [f"With {', '.join(f'`{line}`' for line in topic.requires)} in the requirements.\n"]
        parts += ["| | what the tool makes of it | |", "|---|---|---|"]
        parts += [f"| {row.name.replace('|', chr(92) + '|')} | {row.words} | {row.note} |" for row in topic.rows]
        parts += [""]
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
