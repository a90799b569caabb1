"""`migrate -`: one module on standard input, its result on standard output."""

import contextlib
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from codemods.pipeline import Migration, run_stages
from codemods.project import METADATA, Loaded, find_root
from transforms.model import Outcome, Project, Settings
from transforms.stages import NOT_ACCEPTED

NAME = "stdin.py"
_ALONE = "it needs a second file beside the module; run the tool on the folder"


def load_standard_input() -> Loaded:
    """A project of that one module. Requirements and settings are those of the project around the current folder."""
    root = find_root(Path.cwd())
    metadata = {}
    for name in (*METADATA, "requirements.txt"):
        with contextlib.suppress(OSError):
            metadata[name] = (root / name).read_text(errors="replace")
    return Loaded(root, Project({NAME: sys.stdin.buffer.read()}, frozenset({NAME}), metadata), {})


def run_alone(loaded: Loaded, stages: Sequence[str], settings: Settings) -> Migration:
    """The stages over one module; what needs a second file is left, because there is nowhere to put it."""
    result = run_stages(loaded, stages, settings)
    without = {group for staged in result.staged for _, groups in staged.plan.created.values() for group in groups}
    if not any(change.path != NAME for change in result.changes):
        return result
    again = run_stages(loaded, stages, settings, lambda stage, group: group not in without)
    return replace(again, outcomes=tuple(_told(outcome) for outcome in again.outcomes))


def _told(outcome: Outcome) -> Outcome:
    return replace(outcome, decisions=tuple(replace(item, reason=_ALONE) if item.reason == NOT_ACCEPTED else item for item in outcome.decisions))


def result_of(loaded: Loaded, result: Migration) -> bytes:
    """The module after the stages; as it came in when nothing changes."""
    return next((change.after for change in result.changes if change.path == NAME), loaded.project.python[NAME])
