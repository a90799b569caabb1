"""Stage gather: independent awaited calls in consecutive statements are made at once. Only when it is asked for."""

from transforms.gather.stage import NAME, plan

__all__ = ["NAME", "plan"]
