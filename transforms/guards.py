"""Checks of our own output, before anybody sees it."""

from collections.abc import Iterator

from pyflakes.checker import Checker
from pyflakes.messages import UndefinedName

from transforms.parsing import parse, why_not_compiled


def compiles(path: str, body: str) -> str:
    """Why the text does not compile; empty when it does."""
    reason = why_not_compiled(path, body)
    return f"the result would not compile: {reason}" if reason else ""


def new_names(before: str, after: str) -> str:
    """A name that is undefined only after the change; empty when there is none."""
    names = list(_undefined(after))
    old = set(_undefined(before)) if names else set()
    return next((f"undefined name {name!r}" for name in names if name not in old), "")


def _undefined(body: str) -> Iterator[str]:
    for message in Checker(parse(body)).messages:
        if isinstance(message, UndefinedName):
            yield str(message.message_args[0])
