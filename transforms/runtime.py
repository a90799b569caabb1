"""What a trace saw, in the catalogue's words."""

from transforms.catalogue import Catalogue, Entry
from transforms.model import Seen


def traced(seen: Seen, catalogue: Catalogue) -> Entry:
    """The catalogue's entry of what ran; without one, an entry that refuses and says what was seen."""
    parts = seen.name.split(".")
    for inner in range(1, len(parts)):
        name = ".".join([parts[0], *parts[inner:]])  # requests.sessions.Session.get is known as requests.Session.get
        owner, _, method = name.rpartition(".")
        known = catalogue.functions.get(name) or catalogue.method(owner, method)
        if known:
            return known
    reason = f"it blocked a loop at run time ({seen.blocks}), and the catalogue does not know {seen.name}: look at whether it may run in another thread"
    return Entry(seen.name, "trace", "client", "refuse", reason)
