"""What can be offered as a fix: only whole groups, so all groups that share a file, and all files that they change.

Half a change breaks an application. Groups and files are joined into parts that have nothing in common; the fix of a
part is what the whole migration makes of its files. A changed file without a decision joins everything.
Requirement files are left out: the text of a fix says what it needs.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_Group = tuple[str, str]
_MOST = 25


@dataclass(frozen=True)
class Fix:
    """The groups that are carried out together, and the changes (as in the record) that do it."""

    groups: frozenset[_Group]
    changes: tuple[Mapping[str, Any], ...]


def fixes(record: Mapping[str, Any], most: int = _MOST) -> dict[_Group, Fix]:
    """By stage and group; parts of more than `most` decisions are left out: one does not click them, one migrates."""
    sizes: dict[_Group, int] = defaultdict(int)
    paths: dict[_Group, set[str]] = defaultdict(set)
    for stage in record["stages"]:
        for decision in stage["decisions"]:
            if decision["group"]:
                sizes[stage["name"], decision["group"]] += 1
                paths[stage["name"], decision["group"]].add(decision["path"])
    changed = {change["path"]: change for change in record["changes"] if change["path"].endswith(".py")}
    found: dict[_Group, Fix] = {}
    for groups, files in _parts(paths, set(changed)):
        if sum(sizes[group] for group in groups) <= most:
            fix = Fix(frozenset(groups), tuple(changed[path] for path in sorted(files) if path in changed))
            found |= dict.fromkeys(groups, fix)
    return found


def _parts(paths: Mapping[_Group, set[str]], changed: set[str]) -> list[tuple[set[_Group], set[str]]]:
    if not changed <= set().union(*paths.values()):
        return [(set(paths), changed)]
    parts: list[tuple[set[_Group], set[str]]] = []
    for group, files in sorted(paths.items()):
        touching = [part for part in parts if part[1] & files]
        parts = [part for part in parts if not part[1] & files]
        parts.append((set().union({group}, *(part[0] for part in touching)), set().union(files, *(part[1] for part in touching))))
    return parts
