"""The events of a trace, put together: one row for each thing that was seen, over all processes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

BLOCKED, STALL, UNAWAITED, CONTEXT, ENTERED = "blocked", "stall", "never awaited", "context error", "entered"


@dataclass(frozen=True)
class Event:
    """One thing that was seen. `chain`: the project's frames, innermost first, as path, line and function.

    `calls`: the waiting calls of the standard library; `via`: the dotted name of what the project's line called.
    `count` times, `total` and `longest` in seconds.
    """

    kind: str
    calls: tuple[str, ...]
    via: str
    chain: tuple[tuple[str, int, str], ...]
    count: int
    total: float
    longest: float
    text: str = ""

    @property
    def path(self) -> str:
        """The project's file, empty when none of its frames was there."""
        return self.chain[0][0] if self.chain else ""

    @property
    def line(self) -> int:
        """The line in it."""
        return self.chain[0][1] if self.chain else 0


def gather(rows: Iterable[Mapping[str, Any]]) -> list[Event]:
    """Put rows of the stream together. A process sends a row when it is new and once more with its totals, which count."""
    latest: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    for row in rows:
        if row.get("event") == "trace":
            latest[(row["process"], *_place(row), row["call"])] = row
    together: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in latest.values():
        together.setdefault(_place(row), []).append(row)
    return sorted((_event(rows) for rows in together.values()), key=lambda event: (event.path, event.line, event.kind, event.via))


def _place(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["kind"], row["via"], tuple(row["chain"][0]) if row["chain"] else ()


def _event(rows: list[Mapping[str, Any]]) -> Event:
    first = rows[0]
    chain = tuple((str(path), int(line), str(name)) for path, line, name in first["chain"])
    calls = tuple(sorted({row["call"] for row in rows if row["call"]}))
    return Event(
        first["kind"],
        calls,
        first["via"],
        chain,
        max(row["count"] for row in rows),
        sum(row["total"] for row in rows),
        max(row["longest"] for row in rows),
        first["text"],
    )
