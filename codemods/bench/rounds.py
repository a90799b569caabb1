"""The measurement itself: every server is loaded in turn, round after round, so that what disturbs one disturbs all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

from codemods.bench.load import BenchError, Load, load
from codemods.bench.serving import Running, expect_answer
from codemods.bench.usage import Busy, watched

Say = Callable[[str], None]


@dataclass(frozen=True)
class Scope:
    """What is measured: each route at each number of connections, `rounds` times `seconds` on each server."""

    routes: Sequence[str]
    connections: Sequence[int]
    seconds: float
    rounds: int


@dataclass(frozen=True)
class Once:
    """One load of one server. `others` is the share of all processors that was used by anything but server, load and upstream."""

    load: Load
    cpu: float
    memory: int
    threads: int
    processes: int
    others: float


@dataclass(frozen=True)
class Spread:
    """The median of the rounds, and the lowest and highest."""

    median: float
    low: float
    high: float


@dataclass
class Cell:
    """All loads of one server, on one route, with one number of connections."""

    server: str
    route: str
    connections: int
    rounds: list[Once] = field(default_factory=list)

    def spread(self, name: str) -> Spread:
        """Of requests a second (`rate`), CPU milliseconds per request (`cpu`), a latency, `memory` in MiB, or `threads`."""
        values = [_MEASURES[name](item) for item in self.rounds]
        return Spread(median(values), min(values), max(values))

    @property
    def errors(self) -> dict[str, int]:
        """By kind, of all rounds together."""
        kinds = {kind for item in self.rounds for kind in item.load.errors}
        return {kind: sum(item.load.errors.get(kind, 0) for item in self.rounds) for kind in sorted(kinds)}

    @property
    def requests(self) -> int:
        """Answers of all rounds together."""
        return sum(item.load.requests for item in self.rounds)


_MEASURES: dict[str, Callable[[Once], float]] = {
    "rate": lambda item: item.load.rate,
    "p50": lambda item: item.load.p50,
    "p95": lambda item: item.load.p95,
    "p99": lambda item: item.load.p99,
    "cpu": lambda item: 1000 * item.cpu / max(1, item.load.requests),
    "memory": lambda item: item.memory / 2**20,
    "threads": lambda item: item.threads,
}
MEASURES = tuple(_MEASURES)


def measure(servers: Sequence[Running], scope: Scope, say: Say, ours: Sequence[int] = ()) -> list[Cell]:
    """Load every server with everything; `ours` are processes that belong to the measurement. Raises BenchError when one dies or stops answering."""
    cells: list[Cell] = []
    for route in scope.routes:
        for found in servers:
            load(found.url(route), min(scope.connections), 1)  # what is imported or opened late
        for connections in scope.connections:
            mine = {found.server.name: Cell(found.server.name, route, connections) for found in servers}
            for number in range(scope.rounds):
                for found in servers if number % 2 == 0 else reversed(servers):
                    mine[found.server.name].rounds.append(_once(found, route, connections, scope.seconds, ours))
            cells += mine.values()
            say(f"{route}, {connections} connections: " + ", ".join(f"{name} {cell.spread('rate').median:.0f}/s" for name, cell in mine.items()))
    return cells


def _once(found: Running, route: str, connections: int, seconds: float, ours: Sequence[int]) -> Once:
    expect_answer(found, route)  # it comes after whatever an earlier load left in the queue
    busy = Busy(ours)
    with watched(found.pid) as usage:
        seen = load(found.url(route), connections, seconds)
    if not seen.requests and seen.errors:
        expect_answer(found, route)
        raise BenchError(f"the server {found.server.name!r} answered nothing at {connections} connections: {seen.errors}")
    return Once(seen, usage.cpu, usage.memory, usage.threads, usage.processes, busy.share(usage.cpu))
