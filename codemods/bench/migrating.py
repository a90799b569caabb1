"""The migration that is measured: the stages, and once more as long as that changes something.

On one event loop clients may be shared that on Flask's own loops must stay as they are: what the stage server makes
possible is done by a second pass of the others.
"""

from collections.abc import Sequence
from dataclasses import replace

from codemods.pipeline import Migration, changed_files, run_stages
from codemods.project import Loaded
from transforms.model import Settings
from transforms.stages import ALL_STAGES

ON_REQUEST = ("gather",)  # stages that only run when they are named
_PASSES = 3


def migrated(loaded: Loaded, stages: Sequence[str], settings: Settings) -> Migration:
    """What the named stages make of the project; for none, all but those that only run on request."""
    names = stages or [name for name in ALL_STAGES if name not in ON_REQUEST]
    found = run_stages(loaded, names, settings)
    outcomes, staged = found.outcomes, found.staged
    for _ in range(_PASSES - 1):
        if not found.changes:
            break
        found = run_stages(replace(loaded, project=staged[-1].project), names, settings)
        outcomes, staged = (*outcomes, *found.outcomes), found.staged
    return Migration(outcomes, tuple(changed_files(loaded.project, staged[-1].project)), staged)
