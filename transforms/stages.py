"""The stages in order, and how one is carried out: plan, accept, rewrite, guard."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from transforms import clients, executor, gather, routes, server
from transforms.awaited import never_awaited
from transforms.catalogue import Catalogue
from transforms.index import Index, ParseCache, build_index
from transforms.model import Decision, FileChange, Outcome, Project, Settings, Verdict
from transforms.planning import Change, Plan
from transforms.progress import Tick, no_tick
from transforms.suppression import NOT_OPTED_IN, not_opted_in

_NUMBER = re.compile(r"#\d+$")
NOT_ACCEPTED = "not accepted by the user"
Accepts = Callable[[str], bool]
Planner = Callable[[Index, Settings], Plan]
STAGES: Mapping[str, Planner] = {routes.NAME: routes.plan, clients.NAME: clients.plan, executor.NAME: executor.plan}
ON_DEMAND: Mapping[str, Planner] = {gather.NAME: gather.plan, server.NAME: server.plan}
ALL_STAGES: Mapping[str, Planner] = {**STAGES, **ON_DEMAND}


@dataclass(frozen=True)
class Staged:
    """The result of one stage and the project after it."""

    outcome: Outcome
    project: Project
    index: Index
    plan: Plan


def accept_all(group: str) -> bool:
    """Take every group of decisions."""
    return True


def run_stage(
    name: str,
    project: Project,
    catalogue: Catalogue,
    settings: Settings,
    accepts: Accepts = accept_all,
    cache: ParseCache | None = None,
    tick: Tick = no_tick,
) -> Staged:
    """Carry out one stage in memory. Groups whose result fails a guard are refused with the reason, the others go on."""
    cache = cache or ParseCache()
    index = build_index(project, catalogue, cache, tick=tick)
    plan = ALL_STAGES[name](index, settings)
    refused = not_opted_in(plan, settings)
    while True:
        carried = {group for group in _groups(plan) if accepts(group) and group not in refused}
        changes, failed = _carry_out(index, plan, carried, tick) if carried else ([], {})
        after = _after(project, changes)
        if not failed and changes:
            failed = _unsound(index, build_index(after, catalogue, cache), plan, settings, carried)
        if not failed:
            return Staged(_outcome(name, index, plan, changes, accepts, refused), after, index, plan)
        refused |= failed


def _carry_out(index: Index, plan: Plan, carried: Collection[str], tick: Tick) -> tuple[list[FileChange], dict[str, tuple[str, str]]]:
    """Imported here: LibCST and black take half a second, and an audit or a run without changes needs neither."""
    from transforms.carrying import carry_out

    return carry_out(index, plan, carried, tick)


def _unsound(index: Index, after: Index, plan: Plan, settings: Settings, carried: Collection[str]) -> dict[str, tuple[str, str]]:
    """Groups of files in which a coroutine of ours is not awaited, or in which a second run would change something."""
    again = {change.path: "a second run would change the file again" for change in _unasked(plan, ALL_STAGES[plan.stage](after, settings), carried)}
    found: dict[str, tuple[str, str]] = {}
    for path, reason in {**again, **never_awaited(index, after)}.items():
        mine = {change.group for change in plan.changes if change.path == path} & set(carried)
        found |= dict.fromkeys(mine or carried, ("F002", reason))
    return found


def _unasked(plan: Plan, again: Plan, carried: Collection[str]) -> list[Change]:
    """What the stage would change on its own result, except for what was not taken: groups are numbered, so they are counted."""
    declined = Counter(_unnumbered(group) for group in _groups(plan) - set(carried))
    left = Counter(_unnumbered(group) for group in _groups(again))
    return [change for change in again.changes if left[_unnumbered(change.group)] > declined[_unnumbered(change.group)]]


def _unnumbered(group: str) -> str:
    """`executor:app.py:index:open#2` without its number: once the first call is changed, the second is the first."""
    return _NUMBER.sub("", group)


def _groups(plan: Plan) -> set[str]:
    lines = {group for rows in plan.lines.values() for _, _, group in rows}
    made = {group for _, groups in plan.created.values() for group in groups}
    return {change.group for change in plan.changes} | lines | made


def _after(project: Project, changes: Collection[FileChange]) -> Project:
    beside = [change for change in changes if change.path in project.metadata_bytes and not change.path.endswith(".py")]
    code = [change for change in changes if change not in beside]
    files = {**project.python, **{change.path: change.after for change in code}}
    return project.replace_python(files, frozenset(change.path for change in code if change.before is None)).replace_metadata(beside)


def _outcome(name: str, index: Index, plan: Plan, changes: Iterable[FileChange], accepts: Accepts, refused: Mapping[str, tuple[str, str]]) -> Outcome:
    decisions = [_final(decision, accepts, refused) for decision in plan.decisions]
    decisions += [Decision(path, line, "", "F001", Verdict.REFUSE, reason) for path, (line, reason) in index.broken.items() if path in index.project.editable]
    needs = tuple(sorted(need for need, groups in plan.needs.items() if any(accepts(group) and group not in refused for group in groups)))
    real = tuple(change for change in changes if change.before != change.after)
    return Outcome(name, real, tuple(sorted(decisions)), needs)


def _final(decision: Decision, accepts: Accepts, refused: Mapping[str, tuple[str, str]]) -> Decision:
    if decision.group in refused and decision.group:
        code, reason = refused[decision.group]
        verdict = Verdict.LEAVE if code == NOT_OPTED_IN else Verdict.REFUSE
        return Decision(decision.path, decision.line, decision.symbol, code, verdict, reason, "", decision.subject, decision.safety)
    if decision.group and not accepts(decision.group):
        return Decision(decision.path, decision.line, decision.symbol, decision.code, Verdict.LEAVE, NOT_ACCEPTED, "", decision.subject)
    return decision
