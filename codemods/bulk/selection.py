"""Which repositories take part in a pass, and in which wave. The same every time, whatever runs it."""

import hashlib
from collections.abc import Sequence

from codemods.bulk.ledger import Member
from codemods.bulk.spec import Spec


class SelectionError(Exception):
    """The options cannot be followed; the message says what to write."""


def selected(specs: Sequence[Spec], limit: int, sample: int, seed: str, wave: str) -> list[Member]:
    """`sample` of them, drawn by a hash of `seed` and name, or the first `limit` (0: all), in the order of the file, in waves."""
    chosen = set(range(len(specs)))
    if sample:
        drawn = sorted(chosen, key=lambda number: hashlib.sha256(f"{seed}\0{specs[number].name}".encode()).digest())
        chosen = set(drawn[:sample])
    kept = sorted(chosen)[: limit or None]
    size = wave_size(wave, len(kept))
    return [Member(specs[number].name, number, specs[number].url, 1 + place // size) for place, number in enumerate(kept)]


def wave_size(text: str, number: int) -> int:
    """How many repositories a wave has: `10%`, rounded up, or a number. All for an empty text. Raises SelectionError."""
    if not text:
        return max(number, 1)
    digits = text.removesuffix("%")
    if not digits.isdigit() or not int(digits) or (text.endswith("%") and int(digits) > 100):
        raise SelectionError(f"--wave takes a share such as 10%, or a number of repositories, not {text!r}")
    return max(1, -(-number * int(digits) // 100) if text.endswith("%") else int(digits))
