"""The static side of a trace: the index of what is on disk, and what every stage decides on it."""

from transforms.catalogue import Catalogue
from transforms.index import Index, ParseCache, build_index
from transforms.model import Decision, Project, Settings
from transforms.stages import STAGES


def decided(project: Project, settings: Settings, catalogue: Catalogue) -> tuple[Index, list[Decision]]:
    """The decisions of each stage on the code as it is, so that their lines are those of the running program."""
    index = build_index(project, catalogue, ParseCache())
    return index, [decision for plan in STAGES.values() for decision in plan(index, settings).decisions]
