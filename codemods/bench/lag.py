"""How late the lasting event loops of a server are: in loads of their own, because looking costs a little."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import quantiles
from typing import Any

from codemods.bench.load import load
from codemods.bench.rounds import Say, Scope
from codemods.bench.serving import Server, expect_answer, running
from codemods.verify.run import events


def lags(server: Server, scope: Scope, stem: Path, say: Say) -> dict[tuple[str, int], dict[str, Any]]:
    """Milliseconds by route and connections; nothing where the server has no loop that lasts. The server's environment watches."""
    found: dict[tuple[str, int], dict[str, Any]] = {}
    with running(server, stem.with_suffix(".log")) as up:
        for route in scope.routes:
            for connections in scope.connections:
                expect_answer(up, route)
                seen = len(_told(stem))
                load(up.url(route), connections, max(2.0, scope.seconds))  # a loop tells once a second
                late = summary(item for event in _told(stem)[seen:] for item in event["late"])
                if late:
                    found[route, connections] = late
    say("event loops watched")
    return found


def _told(stem: Path) -> Sequence[dict[str, Any]]:
    return [event for event in events(stem.with_suffix(".events")) if event["event"] == "lag"]


def summary(late: Iterable[float]) -> dict[str, Any] | None:
    """The 99th percentile and the largest; None for nothing."""
    values = sorted(late)
    return {"p99": round(quantiles(values, n=100)[98], 1), "max": round(values[-1], 1), "looks": len(values)} if len(values) > 1 else None
