"""Finding the groups that make tests fail, in few runs."""

from collections.abc import Callable, Sequence

Fails = Callable[[Sequence[frozenset[str]]], Sequence[bool]]


def smallest(groups: Sequence[str], fails: Fails, width: int = 1) -> frozenset[str]:
    """A set of groups that fails and that no single group may be left out of; all of `groups` together must fail.

    The shortest failing beginning of the list ends with a culprit; then the same is asked again with that one always
    taken. One culprit among n costs log2(n) + 1 runs, k together k times that; `width` sets are tried at once. The idea is
    that of QuickXplain (Junker, 2004). Empty when the failure does not happen again.
    """
    found: list[str] = []
    rest = list(groups)
    while rest:
        size = _shortest(found, rest, fails, width)
        found.append(rest[size - 1])
        rest = rest[: size - 1]
        if fails([frozenset(found)])[0]:
            return frozenset(found)
    return frozenset()


def _shortest(found: Sequence[str], rest: Sequence[str], fails: Fails, width: int) -> int:
    """The length of the shortest beginning of `rest` that fails together with `found`."""
    passing, failing = 0, len(rest)
    while failing - passing > 1:
        tried = _points(passing, failing, width)
        results = fails([frozenset([*found, *rest[:size]]) for size in tried])
        failing = next((size for size, failed in zip(tried, results, strict=True) if failed), failing)
        passing = max((size for size, failed in zip(tried, results, strict=True) if not failed and size < failing), default=passing)
    return failing


def _points(low: int, high: int, width: int) -> list[int]:
    """Up to `width` lengths between the two, evenly spread."""
    count = min(width, high - low - 1)
    return [low + (high - low) * number // (count + 1) for number in range(1, count + 1)]
