"""The catalogue as people read it. Returns lines; printing is the command line's."""

import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from codemods.counted import counted
from codemods.drift import Drift
from codemods.report import Paint

Row = Mapping[str, Any]
_WORDS = {"wrap": "moved to a thread", "leave": "left where it is", "refuse": "refused alone"}
_SHADES = {"wrap": "green", "leave": "blue", "refuse": "yellow"}
_WIDTH = 118


def overview(files: Sequence[Row], paint: Paint) -> Iterator[str]:
    """One line a library: what is known, in numbers."""
    width = max(len(data["library"]["id"]) for data in files)
    for data in files:
        library = data["library"]
        version = f"{library.get('distribution') or 'Python'} {library.get('tested', '')}".strip()
        counts = [_count(data, "function", "names", "function"), _count(data, "type", "names", "type"), _count(data, "swap", "type", "swap"), *_other(data)]
        yield f"{paint(library['id'].ljust(width), 'bold')}  {version:<32} {', '.join(filter(None, counts))}"
    yield ""
    yield f"{len(files)} libraries. `flask-to-async catalogue --name WORD` shows the names, and what is done with each."


def _count(data: Row, table: str, key: str, word: str) -> str:
    rows = data.get(table, [])
    number = sum(len(row[key]) if isinstance(row[key], list) else 1 for row in rows)
    return f"{number} {word}{'s' if number > 1 else ''}" if number else ""


def _other(data: Row) -> list[str]:
    decorators = sum(len(row["names"]) for row in data.get("decorator", []))
    objects = len(data.get("objects", {})) + len(data.get("makers", {}))
    return [f"{decorators} decorators" if decorators else "", f"{objects} objects" if objects else ""]


def details(data: Row, coded: Mapping[str, str], paint: Paint) -> Iterator[str]:
    """Everything that one file says; `coded` are calls whose swap needs more than names, and what they become."""
    library = data["library"]
    made = f"{library.get('distribution') or 'standard library'} {library.get('tested', '')}".strip()
    yield paint(f"{library['id']}  ({made}, {library.get('kind', 'client')})", "bold")
    yield from _wrapped("  ", library.get("note", ""))
    for row in data.get("function", []):
        yield from _entry(row, ", ".join(row["names"]), paint)
    for row in data.get("type", []):
        yield from _entry(row, f"{row['names'][0]}: {_methods(row)}", paint)
    yield from _swaps(data, paint)
    for name in [name for row in data.get("function", []) for name in row["names"] if name in coded]:
        yield paint(f"  becomes {coded[name]}", "green")
        yield f"    {name}"
    for row in data.get("decorator", []):
        yield paint(f"  awaits an async view, since {row.get('since', 'ever')}", "green")
        yield from _wrapped("    ", ", ".join(row["names"]))
    for name, target in {**data.get("objects", {}), **data.get("makers", {})}.items():
        yield f"  {name} is {target}"
    yield ""


def _swaps(data: Row, paint: Paint) -> Iterator[str]:
    """Each asynchronous form: what is awaited, what is not, what is refused and why."""
    proof, differs = (data.get("async", {}).get(key, "") for key in ("proof", "differs"))
    yield from _wrapped("  ", differs)
    for row in [*data.get("swap", []), *data.get("call", [])]:
        yield paint(f"  becomes {row['target']}{f' ({proof})' if proof else ''}", "green")
        yield from _wrapped("    ", row["type"] if "type" in row else ", ".join(row["names"]))
        for key, words in (("methods", "awaited"), ("plain", "not awaited"), ("iterators", "looped over with async for")):
            names = ["every other method" if name == "*" else name for name in row.get(key, [])]
            yield from _wrapped("    ", f"{words}: {', '.join(names)}" if names else "")
        for name, reason in row.get("refused", {}).items():
            yield from _wrapped("    ", f"left where {name} is used: {reason}")


def _entry(row: Row, text: str, paint: Paint) -> Iterator[str]:
    verdict = row.get("verdict", "wrap")
    bound = ", tied to its thread" if row.get("thread_bound") else ""
    yield paint(f"  {_WORDS[verdict]}{bound}", _SHADES[verdict])
    yield from _wrapped("    ", text)
    if row.get("reason"):
        yield from _wrapped("    ", f"because {row['reason']}")


def _methods(row: Row) -> str:
    blocks = row.get("blocks", [])
    said = f"every method but {', '.join(row.get('pure', [])) or 'none'}" if "*" in blocks else ", ".join(blocks)
    lazy = f"; used up later: {', '.join(row['lazy'])}" if isinstance(row.get("lazy"), list) and row["lazy"] else ""
    making = "; making one blocks" if row.get("constructor_blocks") else ""
    return f"{said or 'nothing blocks'}{lazy}{making}"


def _wrapped(indent: str, text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=indent, subsequent_indent=f"{indent}  ", break_long_words=False, break_on_hyphens=False)


def drift_lines(found: Collection[Drift], paint: Paint) -> Iterator[str]:
    """One line a library, the disagreements below it, and a sum."""
    for drift in found:
        versions = f"{drift.installed or 'standard library'}{_tested(drift)}"
        if drift.absent:
            reason = next(iter(drift.unchecked.values()))
            yield f"{paint('not installed', 'blue')}  {drift.library}: {reason}"
        elif drift.wrong:
            yield f"{paint('differs', 'red')}        {drift.library} {versions}"
        else:
            yield f"{paint('agrees', 'green')}         {drift.library} {versions}: {drift.agreeing} names"
        yield from (f"                 {line}" for line in drift.wrong)
        yield from (f"                 not checked: {name} ({reason})" for name, reason in drift.unchecked.items() if not drift.absent)
    wrong, absent = sum(bool(drift.wrong) for drift in found), sum(drift.absent for drift in found)
    yield f"{counted(len(found), 'file')}: {len(found) - wrong - absent} agree, {wrong} differ, {absent} not installed"


def _tested(drift: Drift) -> str:
    return f" (written for {drift.tested})" if drift.installed and drift.installed != drift.tested else ""
