"""One number for a project: the blocking calls that what Flask calls makes itself, on its thread or on its loop."""

from transforms.graph import Edge
from transforms.index import Index
from transforms.judge import own_handlers, selected
from transforms.model import Settings
from transforms.reach import Reach, is_movable, is_orm

_RUN = ("call", "constructor", "property", "implicit")


def blocking_calls(index: Index, settings: Settings) -> int:
    """Places that block, each counted once. What is handed to a worker thread, or awaited, is none."""
    reach, places = Reach(index.graph), set()
    for handler in own_handlers(index):
        if selected(index, handler, settings):
            for item in reach.walk(handler.function, _runs_there):
                entry = item.site.entry
                if is_movable(entry) or is_orm(entry) or entry.thread_bound or entry.verdict == "refuse":
                    places.add((item.place, entry.name))
    return len(places)


def _runs_there(edge: Edge) -> bool:
    """Not what is only handed on, such as to a thread."""
    return edge.sure or edge.how in _RUN
