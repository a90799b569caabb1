"""What a trace saw, in the catalogue's words."""

from collections.abc import Sequence

from transforms.catalogue import Catalogue, Entry
from transforms.model import Seen


def traced(seen: Sequence[Seen], catalogue: Catalogue) -> Entry:
    """The catalogue's entry of what ran in that call; an entry that refuses when it is unknown, or not always the same."""
    known = {_known(item.name, catalogue) for item in seen}
    entry = known.pop() if len(known) == 1 else None
    if entry:
        return entry
    names, blocks = (", ".join(sorted({getattr(item, what) for item in seen})) for what in ("name", "blocks"))
    reason = f"it blocked a loop at run time ({blocks}), and the catalogue does not know {names}: look at whether it may run in another thread"
    return Entry(seen[0].name, "trace", "client", "refuse", reason)


def _known(name: str, catalogue: Catalogue) -> Entry | None:
    """`requests.sessions.Session.get` is known as `requests.Session.get`."""
    parts = name.split(".")
    for inner in range(1, len(parts)):
        short = ".".join([parts[0], *parts[inner:]])
        owner, _, method = short.rpartition(".")
        entry = catalogue.functions.get(short) or catalogue.method(owner, method)
        if entry:
            return entry
    return None
