"""Text that every format may hold: valid Unicode, quoted names, stable fingerprints."""

import hashlib
from collections import Counter
from collections.abc import Iterable

from transforms.model import Decision


def clean(text: str) -> str:
    """Bytes of file names that are no UTF-8 (surrogates in Python) as `\\xff`: every reader of JSON takes that."""
    return text.encode("utf-8", "backslashreplace").decode() if not text.isascii() else text


class Fingerprints:
    """Names for decisions that stay the same when lines move: path, rule, symbol, subject, and the how-manieth of these."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def of(self, stage: str, decision: Decision) -> str:
        """The next decision's fingerprint; call it in the order of the decisions."""
        return self.key(stage, decision.path, decision.code, decision.symbol, decision.subject)

    def key(self, *parts: str) -> str:
        """16 hexadecimal digits, a colon, and a number from 1 that tells equal ones apart."""
        digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:16]
        self._seen[digest] += 1
        return f"{digest}:{self._seen[digest]}"


def listed(names: Iterable[str]) -> str:
    """Names in one line."""
    return ", ".join(names)
