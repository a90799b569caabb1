"""What a job says of its steps, with the time that each took."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import Any

from codemods.bulk.ledger import DONE


class Rows:
    """A step lasts from the row before it to its own; but one that is watched lasts as long as what was done `during` it,
    which counts for no other."""

    def __init__(self, key: str) -> None:
        self.rows: list[dict[str, Any]] = []
        self._key = key
        self._last = time.monotonic()
        self._watched: dict[str, tuple[float, float]] = {}
        self._elsewhere = 0.0

    def __call__(self, step: str, result: Mapping[str, Any], state: str = DONE, reason: str = "") -> None:
        """Add the row of a step."""
        began, seconds = self._watched.pop(step) if step in self._watched else self._lap()
        self.rows.append({"step": step, "key": self._key, "state": state, "reason": reason, "result": dict(result), "began": began, "seconds": seconds})

    def _lap(self) -> tuple[float, float]:
        seconds = time.monotonic() - self._last - self._elsewhere
        self._last, self._elsewhere = time.monotonic(), 0.0
        return time.time() - seconds, seconds

    @contextlib.contextmanager
    def during(self, step: str) -> Iterator[None]:
        """What is done meanwhile is part of that step, whose row comes later; but for what is watched within."""
        began, start = time.time(), time.monotonic()
        outer, self._elsewhere = self._elsewhere, 0.0
        try:
            yield
        finally:
            whole = time.monotonic() - start
            first, seconds = self._watched.get(step, (began, 0.0))
            self._watched[step] = first, seconds + whole - self._elsewhere
            self._elsewhere = outer + whole
