"""Migrate, test, trace, and again with what the trace saw, until it sees nothing new."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from codemods.trace.events import Event, gather
from codemods.trace.match import Balance, Matched, balance, match
from codemods.trace.static import decided
from codemods.verify.gate import Gate, Verified
from codemods.verify.tester import Trial
from transforms.catalogue import Catalogue
from transforms.model import Project, Settings

STALL = 0.05  # seconds
_MOST = 10  # rounds; each one after the first needs a call that was never seen before


@dataclass(frozen=True)
class Traced:
    """What was seen on event loops before any change and at the end."""

    rounds: int
    stall: float
    before: tuple[Event, ...]
    after: tuple[Event, ...]
    matched: tuple[Matched, ...]
    balance: Balance


def rounds(gate: Gate, names: Sequence[str], settings: Settings, catalogue: Catalogue, stall: float) -> tuple[Verified, Traced]:
    """The result of the last round, and what is still seen."""
    gate.say("tracing the tests before any change")
    before = _trace(gate, gate.original, stall)
    result: Verified | None = None
    for number in range(1, _MOST + 1):
        result = gate.verify(names, result)
        assert result.project is not None
        gate.say(f"tracing what round {number} made")
        after = _trace(gate, result.project, stall)
        index, decisions = decided(result.project, settings, catalogue)
        matched = match(index, decisions, after)
        new = {item.seen for item in matched if item.seen} - gate.original.seen
        if not new:
            break
        gate.say(f"{len(new)} calls block that static analysis could not type; the next round takes them into account")
        gate = replace(gate, original=replace(gate.original, seen=gate.original.seen | new))
    assert result is not None
    return result, Traced(number, stall, tuple(before), tuple(after), tuple(matched), balance(index, decisions, after))


def _trace(gate: Gate, project: Project, stall: float) -> list[Event]:
    """Run the tests traced; paths as the project has them."""
    files = gate.changed(project)
    run = gate.tester.all([Trial(files, stall=stall)])[0]
    return [replace(event, chain=_inside(event, gate.prefix)) for event in gather(run.traced) if _inside(event, gate.prefix) or not event.chain]


def _inside(event: Event, prefix: str) -> tuple[tuple[str, int, str], ...]:
    return tuple((path.removeprefix(prefix), line, name) for path, line, name in event.chain if path.startswith(prefix))
