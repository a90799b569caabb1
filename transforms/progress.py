"""How far the work is: a callback that the shell may pass in. The pure part only calls it."""

from collections.abc import Callable

# What is being done, how many of its steps are done, and how many there are.
Tick = Callable[[str, int, int], None]


def no_tick(what: str, done: int, total: int) -> None:
    """Tell nobody."""
