"""Where a repository stands: the phases in order, each compared with what the ledger has for the same key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from codemods.bulk.ledger import DONE, FAILED, SKIPPED, Pass, Step
from codemods.bulk.spec import Spec
from codemods.bulk.tasks import PHASES, Phase, digest, settings_of

MIGRATED, UNCHANGED, PENDING = "migrated", "unchanged", "pending"


@dataclass(frozen=True)
class Standing:
    """`outcome`: migrated, unchanged, skipped, failed, or pending; then `phase` and `key` say what comes next.

    `known` holds the results of the steps that count, `steps` their rows.
    """

    outcome: str
    reason: str = ""
    phase: str = ""
    key: str = ""
    known: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    steps: Mapping[str, Step] = field(default_factory=dict)


def standing(spec: Spec, current: Pass, steps: Mapping[str, Step]) -> Standing:
    """How far that repository is in that pass."""
    known: dict[str, Mapping[str, Any]] = {}
    counted: dict[str, Step] = {}
    for phase in PHASES.values():
        if not _wanted(phase, spec, current, known):
            continue
        key = _key(phase, spec, current, known)
        rows = {name: steps[name] for name in phase.steps if name in steps and steps[name].key == key}
        counted |= rows
        known |= {name: row.result for name, row in rows.items() if row.state == DONE}
        ended = next((row for row in rows.values() if row.state in (FAILED, SKIPPED)), None)
        if ended:
            return Standing(ended.state, ended.reason, phase.name, key, known, counted)
        if phase.main not in rows:
            return Standing(PENDING, "", phase.name, key, known, counted)
    return Standing(MIGRATED if known["commit"]["commits"] else UNCHANGED, "", "", "", known, counted)


def _wanted(phase: Phase, spec: Spec, current: Pass, known: Mapping[str, Mapping[str, Any]]) -> bool:
    if phase.name == "install":
        return bool(spec.install)
    if phase.name in ("push", "pull-request") and not known["commit"]["commits"]:
        return False
    if phase.name in ("push", "pull-request"):
        return bool(current.options.get("pull-request") or current.options.get(phase.name))
    return True


def _key(phase: Phase, spec: Spec, current: Pass, known: Mapping[str, Mapping[str, Any]]) -> str:
    """A digest of all that the phase depends on."""
    where = settings_of(spec, "path", "folder")
    if phase.name == "clone":
        return digest("clone", current.number, spec.url, settings_of(spec, "base", "branch", "submodules", "depth", "filter", "largest", "largest_file"))
    commit = known["clone"]["commit"]
    if phase.name == "install":
        return digest("install", commit, where, settings_of(spec, "install", "submodules"))
    if phase.name == "migrate":
        return digest(
            "migrate", commit, where, current.tool, settings_of(spec, "install", "test", "test_timeout", "branch", "migration", "submodules", "hooks")
        )
    tip = known["commit"]["tip"]
    if phase.name == "push":
        return digest("push", current.number, tip, spec.push_url or spec.url, spec.branch)
    return digest("pull-request", current.number, tip, known["clone"]["base"], settings_of(spec, "title", "draft", "branch"))
