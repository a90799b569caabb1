"""A swap that is made: its edits, imports, needs and files in the plan of a stage, and the decision."""

from transforms.facts import Function
from transforms.model import Verdict
from transforms.planning import Change, Plan
from transforms.swaps.model import Swap


def plan_swap(function: Function, swap: Swap, group: str, result: Plan) -> None:
    """Plan the swap in that function, so that it stands or falls with the group."""
    path = function.module.path
    result.changes += [Change(path, edit, group, swap.imports, swap.constants) for edit in swap.edits]
    result.changes += [Change(home, edit, group, imports) for home, edit, imports in swap.elsewhere]
    for need in swap.needs:
        result.need(need, group)
    for where, text in swap.creates:
        if text:
            result.created.setdefault(where, (text, set()))[1].add(group)
    result.decide(function, swap.edits[0].place[0], swap.code, Verdict.CHANGE, swap.reason, group, swap.subject)
