"""The words of all platforms."""

from dataclasses import dataclass
from typing import Protocol

OPEN, CLOSED, MERGED = "open", "closed", "merged"


@dataclass(frozen=True)
class Wanted:
    """A pull request as it is to be."""

    branch: str
    base: str
    title: str
    body: str
    draft: bool


@dataclass(frozen=True)
class Found:
    """A pull request as it is: its number, where people see it, its state, and its texts."""

    number: int
    url: str
    state: str
    title: str
    body: str


class Platform(Protocol):
    """The three verbs. Each raises StepError."""

    def find(self, wanted: Wanted) -> list[Found]:
        """The requests from that branch to that base, the newest first."""
        ...

    def open(self, wanted: Wanted) -> Found:
        """Open one."""
        ...

    def update(self, found: Found, wanted: Wanted) -> None:
        """Bring title and body up to date."""
        ...
