"""A progress bar with the time that is left: on standard error, on a terminal only, and only when a run takes long."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

import typer

from transforms.progress import Tick, no_tick

_PATIENCE = 2.0  # seconds of silence


@contextlib.contextmanager
def progress() -> Iterator[Tick]:
    """A callback for the stages; it does nothing where nobody would see it."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":  # which cannot wipe a line
        yield no_tick
        return
    bar = _Bar()
    try:
        yield bar.tick
    finally:
        bar.close()


class _Bar:
    """One bar at a time, a new one for each kind of work."""

    def __init__(self) -> None:
        self._since = time.monotonic()
        self._what = ""
        self._bar: Any = None  # the progress bar of click, entered
        self._start = 0

    def tick(self, what: str, done: int, total: int) -> None:
        """Show how far it is."""
        if time.monotonic() - self._since < _PATIENCE:
            return
        if what != self._what or self._bar is None:
            self.close()
            self._what, self._start = what, done
            self._bar = typer.progressbar(length=max(total - done, 1), label=what, file=sys.stderr, show_pos=True).__enter__()
        self._bar.update(done - self._start - self._bar.pos)

    def close(self) -> None:
        """End the line of the bar and wipe it, so that what follows stands alone."""
        if self._bar is not None:
            self._bar.render_progress()
            self._bar = None
            sys.stderr.write("\r\x1b[K\x1b[?25h")
            sys.stderr.flush()
