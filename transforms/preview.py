"""What one group of decisions does by itself, on top of groups that are accepted already."""

from collections.abc import Collection
from dataclasses import replace

from transforms.index import Index
from transforms.model import FileChange
from transforms.planning import Plan


def preview(index: Index, plan: Plan, accepted: Collection[str], group: str) -> list[FileChange]:
    """The files that the group touches, before and after it; only these are rewritten, so it is quick.

    The checks of the whole program are those of `run_stage`: this is for looking at, not for writing.
    """
    from transforms.carrying import carry_out

    paths = {change.path for change in plan.changes if change.group == group}
    part = replace(plan, changes=[change for change in plan.changes if change.path in paths])
    before = {change.path: change.after for change in carry_out(index, part, set(accepted) - {group})[0]}
    after = {change.path: change.after for change in carry_out(index, part, {*accepted, group})[0]}
    first = {path: before.get(path, index.project.python.get(path)) for path in after}
    return [FileChange(path, first[path], data) for path, data in sorted(after.items()) if first[path] != data]
