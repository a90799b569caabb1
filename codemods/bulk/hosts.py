"""How much a git host is asked at once, and how often."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

_SIZE = 60.0  # seconds: what `per-minute` counts


@dataclass(frozen=True)
class Host:
    """What the user says of one host. 0: no limit. `platform`: github, gitlab, gitea or none; empty: told from the name."""

    name: str
    concurrency: int = 0
    per_minute: int = 0
    platform: str = ""
    api: str = ""
    token_env: str = ""


@dataclass
class Limits:
    """Asked before a step that talks to a host is handed out. `clock` gives seconds."""

    hosts: Mapping[str, Host]
    clock: Callable[[], float] = time.monotonic
    _running: Counter[str] = field(default_factory=Counter)
    _begun: dict[str, list[float]] = field(default_factory=dict)
    _closed: dict[str, float] = field(default_factory=dict)

    def wait(self, name: str) -> float:
        """Seconds until that host may be asked again; 0 for now, infinity for when another step there has ended."""
        host = self.hosts.get(name)
        if not name:
            return 0
        delay = self._closed.get(name, 0) - self.clock()
        if host and host.concurrency and self._running[name] >= host.concurrency:
            return float("inf")
        if host and host.per_minute:
            recent = self._begun[name] = [time for time in self._begun.get(name, ()) if time > self.clock() - _SIZE]
            if len(recent) >= host.per_minute:
                delay = max(delay, recent[-host.per_minute] + _SIZE - self.clock())
        return max(delay, 0)

    def begin(self, name: str) -> None:
        """A step there begins."""
        self._running[name] += 1
        self._begun.setdefault(name, []).append(self.clock())

    def end(self, name: str, rest: float = 0) -> None:
        """It has ended; the host wants no more for `rest` seconds."""
        self._running[name] -= 1
        if rest:
            self._closed[name] = self.clock() + rest
