"""A measurement as plain data: what `--format json` writes, and what text, Markdown and the picture are made from."""

import os
import platform
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from codemods.bench.rounds import MEASURES, Cell, Scope
from codemods.bench.serving import Server

SCHEMA = "flask-to-async/bench/1"


def document(servers: Sequence[Server], cells: Sequence[Cell], scope: Scope, about: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that was measured. Rates are answers a second, times milliseconds, memory MiB."""
    return {
        "schema": SCHEMA,
        **about,
        "machine": {"processors": os.cpu_count(), "system": platform.system(), "python": platform.python_version(), "others": others(cells)},
        "scope": {"routes": list(scope.routes), "connections": list(scope.connections), "seconds": scope.seconds, "rounds": scope.rounds},
        "servers": [{"name": item.name, "command": shown(item.command)} for item in servers],
        "results": [_plain(cell) for cell in cells],
    }


def shown(command: Sequence[str]) -> str:
    """The command as people would type it: {host} and {port} as they are, the program without its folder."""
    return shlex.join([Path(command[0]).name, *command[1:]]).replace("'{host}:{port}'", "{host}:{port}")


def _plain(cell: Cell) -> dict[str, Any]:
    spreads = {name: cell.spread(name) for name in MEASURES}
    measures = {name: {"median": round(item.median, 3), "low": round(item.low, 3), "high": round(item.high, 3)} for name, item in spreads.items()}
    return {"server": cell.server, "route": cell.route, "connections": cell.connections, "requests": cell.requests, "errors": cell.errors, **measures}


def others(cells: Sequence[Cell]) -> list[float]:
    """The lowest and the highest share of all processors, in percent, that others used during a load of ours."""
    shares = [100 * item.others for cell in cells for item in cell.rounds] or [0.0]
    return [round(min(shares)), round(max(shares))]


def result(found: Mapping[str, Any], server: str, route: str, connections: int) -> dict[str, Any] | None:
    """One cell of a document."""
    wanted = (server, route, connections)
    return next((item for item in found["results"] if (item["server"], item["route"], item["connections"]) == wanted), None)


def ratio(found: Mapping[str, Any], measure: str, above: str, below: str, route: str, connections: int) -> float | None:
    """One server's median over another's; None when one of them is nothing."""
    first, second = (result(found, name, route, connections) for name in (above, below))
    if first is None or second is None or not second[measure]["median"]:
        return None
    return float(first[measure]["median"] / second[measure]["median"])
