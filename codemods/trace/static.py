"""The static side of a trace: the index of what is on disk, and what every stage decides on it."""

from collections.abc import Sequence
from dataclasses import replace

from codemods.trace.events import Event
from codemods.trace.match import Matched, match
from transforms.catalogue import Catalogue
from transforms.index import Index, ParseCache, build_index
from transforms.model import Decision, Project, Settings
from transforms.stages import STAGES


def decided(project: Project, settings: Settings, catalogue: Catalogue, cache: ParseCache | None = None) -> tuple[Index, list[Decision]]:
    """The decisions of each stage on the code as it is, so that their lines are those of the running program."""
    index = build_index(project, catalogue, cache or ParseCache())
    return index, [decision for plan in STAGES.values() for decision in plan(index, settings).decisions]


def settled(project: Project, settings: Settings, catalogue: Catalogue, events: Sequence[Event]) -> tuple[Index, list[Decision], list[Matched]]:
    """The events with the decisions that `--trace` gives: what was seen is known when they are made."""
    cache = ParseCache()
    first = match(*decided(project, settings, catalogue, cache), events)
    known = replace(project, seen=project.seen | {item.seen for item in first if item.seen})
    index, decisions = decided(known, settings, catalogue, cache)
    second = match(index, decisions, events)
    return index, decisions, [replace(after, seen=before.seen) for before, after in zip(first, second, strict=True)]
