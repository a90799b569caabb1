"""What a trace says, for the terminal."""

from collections.abc import Iterator, Sequence

from codemods.counted import counted
from codemods.report import Paint
from codemods.trace.events import CONTEXT, STALL, UNAWAITED, Event
from codemods.trace.match import Balance, Matched

_SHOWN = 12


def trace_lines(matched: Sequence[Matched], events: Sequence[Event], balance: Balance, stall: float, paint: Paint) -> Iterator[str]:
    """Blocking calls with their verdicts, stalls, coroutines, context errors, and what was not executed."""
    yield paint(f"── seen on event loops: {counted(len(matched), 'blocking call')}", "bold")
    for item in matched:
        yield from _blocked_lines(item, paint)
    yield from _stall_lines([event for event in events if event.kind == STALL], stall, paint)
    for kind in (UNAWAITED, CONTEXT):
        for event in (event for event in events if event.kind == kind):
            what = f"coroutine {event.calls[0]} was never awaited" if kind == UNAWAITED else f"{event.calls[0]}: {event.text}"
            yield f"{paint(kind, 'yellow')}  {_place(event)}: {what} ({_times(event.count)})"
    yield ""
    yield from balance_lines(balance)


def _blocked_lines(item: Matched, paint: Paint) -> Iterator[str]:
    event = item.event
    calls = ", ".join(name for name in event.calls if name != event.via)
    took = f", at most {event.longest * 1000:.1f} ms" if event.total else ""
    yield f"{paint('blocked', 'yellow')}  {event.path}:{event.line} {item.function} [{event.via}]: {f'{calls}, ' if calls else ''}{_times(event.count)}{took}"
    yield f"    {item.verdict}"
    if len(event.chain) > 1:
        yield "    called from " + ", ".join(f"{path}:{line} {name}" for path, line, name in event.chain[1:4])


def _stall_lines(stalls: Sequence[Event], stall: float, paint: Paint) -> Iterator[str]:
    if stalls:
        yield paint(f"stalls of {stall * 1000:.0f} ms and more: {sum(event.count for event in stalls)}", "bold")
    for event in sorted(stalls, key=lambda item: -item.longest)[:_SHOWN]:
        yield f"stall  {_place(event)} [{event.via or 'where is not known'}]: {_times(event.count)}, at most {event.longest * 1000:.0f} ms"


def balance_lines(balance: Balance) -> Iterator[str]:
    """How the handlers stand, and the honest rest."""
    yield f"{balance.handlers} handlers, {balance.asynchronous} of them async; free of blocking calls: {balance.static_free} by static, {balance.seen_free} by run-time evidence"
    if balance.not_entered:
        shown = ", ".join(balance.not_entered[:_SHOWN])
        more = f" and {len(balance.not_entered) - _SHOWN} more" if len(balance.not_entered) > _SHOWN else ""
        yield f"not executed, so nothing is known of them at run time: {len(balance.not_entered)} of {balance.handlers}: {shown}{more}"


def _place(event: Event) -> str:
    return f"{event.path}:{event.line} {event.chain[0][2]}" if event.chain else "outside the project"


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"
