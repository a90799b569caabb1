"""One requirement as text (PEP 508): its name, its extras, and adding an extra without touching the rest of it."""

import re
from dataclasses import dataclass

from packaging.utils import canonicalize_name

_HEAD = re.compile(r"(\s*)([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(\s*\[([^\]]*)\])?(?=\s*(?:$|[;,#(@<>=!~\\\[]|--|\s))")


@dataclass(frozen=True)
class Need:
    """A distribution by its canonical name, and the extra that is wanted of it (empty for none)."""

    name: str
    extra: str = ""

    @property
    def text(self) -> str:
        """As a requirement is written."""
        return f"{self.name}[{self.extra}]" if self.extra else self.name


def need_of(text: str) -> Need:
    """`flask[async]` as a need."""
    name, _, extra = text.rstrip("]").partition("[")
    return Need(canonicalize_name(name), extra)


def name_of(requirement: str) -> str:
    """The canonical name that the line asks for; empty for options, comments and bare URLs."""
    found = _HEAD.match(requirement)
    if not found or requirement.lstrip().startswith(("#", "-")) or re.match(r"\s*[\w+.-]+://|\s*[\w.-]+:", requirement):
        return ""
    return canonicalize_name(found.group(2))


def has_extra(requirement: str, extra: str) -> bool:
    """Whether the requirement asks for that extra already."""
    found = _HEAD.match(requirement)
    return bool(found) and extra in {item.strip().lower() for item in ((found and found.group(4)) or "").split(",")}


def with_extra(requirement: str, extra: str) -> str:
    """The same requirement with that extra; version, marker and comment stay byte for byte."""
    found = _HEAD.match(requirement)
    if not found or not extra or has_extra(requirement, extra):
        return requirement
    known = [item.strip() for item in (found.group(4) or "").split(",") if item.strip()]
    return f"{requirement[: found.end(2)]}[{','.join([*known, extra])}]{requirement[found.end() :]}"


def place_for(names: list[str], name: str) -> int:
    """Where a new name goes: in order when the others stand in order, otherwise at the end."""
    known = [item.lower() for item in names]
    if len(known) < 2 or known != sorted(known):
        return len(names)
    return sum(item < name for item in known)
