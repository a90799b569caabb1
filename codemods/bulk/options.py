"""The options of a pass, as the ledger keeps them: they hold until the next `bulk run`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Wish:
    """What `bulk run` was asked for. `patches`: a folder that gets a copy of every patch, empty for none."""

    push: bool = False
    pull_request: bool = False
    patches: str = ""
    limit: int = 0
    sample: int = 0
    seed: str = "0"
    wave: str = ""

    def plain(self) -> dict[str, Any]:
        """As JSON knows it."""
        return {name.replace("_", "-"): value for name, value in vars(self).items()}


def wish_of(options: Mapping[str, Any]) -> Wish:
    """What `plain` gave."""
    return Wish(**{name.replace("-", "_"): value for name, value in options.items()})
