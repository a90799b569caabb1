"""A measurement as text for a terminal and as Markdown for a pull request."""

from collections.abc import Iterator, Mapping
from typing import Any

from codemods.bench.document import ratio, result

_ROWS = (
    ("requests/s", "rate", 0),
    ("p50 ms", "p50", 0),
    ("p95 ms", "p95", 0),
    ("p99 ms", "p99", 0),
    ("CPU ms/request", "cpu", 2),
    ("threads", "threads", 0),
    ("memory MiB", "memory", 0),
)


def text_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Tables for a terminal: a column for each server, and of two servers the ratio of the second to the first."""
    names = [item["name"] for item in found["servers"]]
    two = len(names) == 2
    width = max(22, *(len(name) + 2 for name in names))
    for item in found["servers"]:
        yield f"{item['name']}: {item['command']}"
    yield from (f"  {line}" for line in found.get("notes", ()))
    for route in found["scope"]["routes"]:
        yield ""
        yield f"{route}  {_how(found)}"
        for connections in found["scope"]["connections"]:
            yield f"  {f'{connections} connections':<18}" + "".join(f"{name:>{width}}" for name in names) + (f"  {names[-1]}/{names[0]}" if two else "")
            for title, values, compared in _rows(found, names, route, connections):
                yield f"    {title:<16}" + "".join(f"{value:>{width}}" for value in values) + f"  {compared:>{len(names[-1]) + len(names[0]) + 1}}".rstrip()
    yield ""
    yield _load(found)


def markdown_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Tables for a pull request, with the same columns."""
    names = [item["name"] for item in found["servers"]]
    two = len(names) == 2
    for item in found["servers"]:
        yield f"* **{item['name']}**: `{item['command']}`"
    yield from (f"* {line}" for line in found.get("notes", ()))
    for route in found["scope"]["routes"]:
        yield ""
        yield f"`{route}`, {_how(found)}"
        yield ""
        yield f"| connections | | {' | '.join(names)} |" + (f" {names[1]}/{names[0]} |" if two else "")
        yield "|---|---|" + "---|" * (len(names) + two)
        for connections in found["scope"]["connections"]:
            for title, values, compared in _rows(found, names, route, connections):
                yield f"| {connections} | {title} | {' | '.join(values)} |" + (f" {compared} |" if two else "")
    yield ""
    yield _load(found)


def _rows(found: Mapping[str, Any], names: list[str], route: str, connections: int) -> Iterator[tuple[str, list[str], str]]:
    cells = [result(found, name, route, connections) for name in names]
    for title, measure, digits in _ROWS:
        compared = ratio(found, measure, names[1], names[0], route, connections) if len(names) == 2 else None
        yield title, [_spread(cell, measure, digits) for cell in cells], "" if compared is None else f"{compared:.2f}"
    yield "errors", [_errors(cell) for cell in cells], ""
    if any(cell and "lag" in cell for cell in cells):
        yield "loop lag ms", [_lag(cell) for cell in cells], ""


def _spread(cell: Mapping[str, Any] | None, measure: str, digits: int) -> str:
    if cell is None:
        return "-"
    low, middle, high = (f"{cell[measure][name]:.{digits}f}" for name in ("low", "median", "high"))
    return middle if low == high else f"{middle} [{low}-{high}]"


def _errors(cell: Mapping[str, Any] | None) -> str:
    if cell is None:
        return "-"
    return ", ".join(f"{count} {kind}" for kind, count in cell["errors"].items()) or "0"


def _lag(cell: Mapping[str, Any] | None) -> str:
    if cell is None or "lag" not in cell:
        return "-"
    lag = cell["lag"]
    return f"p99 {lag['p99']:.0f}, max {lag['max']:.0f}" if lag else "no lasting loop"


def _how(found: Mapping[str, Any]) -> str:
    scope = found["scope"]
    times = (
        f"{scope['rounds']} rounds of {scope['seconds']:g} s in turn: median [lowest-highest]"
        if scope["rounds"] > 1
        else f"one round of {scope['seconds']:g} s"
    )
    return times + (f"; the upstream answers after {found['upstream']:g} ms" if found.get("upstream") else "")


def _load(found: Mapping[str, Any]) -> str:
    machine = found["machine"]
    low, high = machine["others"]
    return f"{machine['processors']} processors, {machine['system']}; other programs used {low} to {high} % of them meanwhile"
