"""Replacing a blocking client call by its asynchronous form, where both are proved equal."""

from transforms.swaps.find import find_swaps
from transforms.swaps.model import Swap, Unproved

__all__ = ["Swap", "Unproved", "find_swaps"]
