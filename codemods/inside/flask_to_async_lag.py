"""Inside the target's interpreter: how late every lasting event loop is, sent once a second.

A loop that is free calls a timer on time; the delay is what every async view of the process waits for.
"""

from __future__ import annotations

import asyncio
import functools
import os
import time
from typing import Any

import flask_to_async_inside as inside

EVERY = 0.02  # seconds between two looks; loops that live shorter, such as Flask's own, send nothing
TELL = 1.0  # seconds between two messages


def begin() -> None:
    """Watch each loop from when it starts to run."""
    real = asyncio.base_events.BaseEventLoop.run_forever

    @functools.wraps(real)
    def run_forever(loop: Any) -> Any:
        watch = _Watch(loop)
        try:
            return real(loop)
        finally:
            watch.timer.cancel()

    asyncio.base_events.BaseEventLoop.run_forever = run_forever  # type: ignore[assignment, method-assign]


class _Watch:
    """One loop: its lateness in milliseconds since the last message."""

    def __init__(self, loop: Any) -> None:
        self.loop = loop
        self.late: list[float] = []
        self.told = loop.time()
        self.timer = loop.call_later(EVERY, self.look, loop.time() + EVERY)

    def look(self, due: float) -> None:
        now = self.loop.time()
        self.late.append(round(1000 * (now - due), 3))
        if now - self.told >= TELL:
            inside.send(event="lag", process=os.getpid(), at=time.time(), late=self.late)
            self.told, self.late = now, []
        self.timer = self.loop.call_later(EVERY, self.look, self.loop.time() + EVERY)
