"""Stage gather: `a = await x(…)`, `b = await y(…)` become `a, b = await asyncio.gather(x(…), y(…))`.

What changes for the program: all calls start even when the first fails, and which of several errors is raised may
differ. So it runs only when it is named, and only for calls that are proved to read: never on a database.
"""

import ast
import io
import tokenize
from collections.abc import Iterable

from transforms.edits import Gather, Import, place_of
from transforms.executor import async_functions
from transforms.facts import Function
from transforms.gather.cookies import Jars, both
from transforms.gather.proof import Proof
from transforms.gather.runs import Step, early_argument, held, independent, runs
from transforms.index import Index
from transforms.judge import stopped
from transforms.model import Safety, Settings, Verdict
from transforms.placement import stands_alone
from transforms.planning import Change, Plan, shadowed
from transforms.reach import Reach
from transforms.suppression import left

NAME = "gather"
CHANGED, NEEDED, UNPROVED, EARLY, HELD, UNWRITABLE = "G600", "G601", "G602", "G603", "G604", "G605"
_IMPORTS = (Import("asyncio"),)


def plan(index: Index, settings: Settings) -> Plan:
    """Every run of awaited calls in async functions that a handler reaches: what runs at once, and why not."""
    result = Plan(NAME)
    if stopped(index):
        return result
    proof, jars = Proof(index), Jars(index)
    for function in async_functions(index, Reach(index.graph), settings):
        groups = [together for steps in runs(function) for together in _groups(index, function, steps, proof, jars, result)]
        for number, together in enumerate(groups, 1):
            _gather(index, function, together, settings, result, f"{NAME}:{function.module.path}:{function.qualname}#{number}")
    return result


def _groups(index: Index, function: Function, steps: Iterable[Step], proof: Proof, jars: Jars, result: Plan) -> list[list[Step]]:
    """The longest stretches that may run at once; a decision for each statement that ends one."""
    found: list[list[Step]] = [[]]
    for step in steps:
        needed = independent(found[-1], step) or _same_jar(function, found[-1], step, jars)
        code, reason = _obstacle(index, function, step, proof)
        if needed or reason:
            result.decide(function, step.statement.lineno, NEEDED if needed else code, Verdict.LEAVE, needed or reason, subject=_what(step))
            found.append([])
        if not reason:
            found[-1].append(step)
    return [group for group in found if len(group) > 1]


def _same_jar(function: Function, steps: Iterable[Step], after: Step, jars: Jars) -> str:
    """Why the call may send what the answer to one before it set; empty when it does not."""
    mine = jars.of(function, after.call)
    if mine and any(both(jars.of(function, step.call), mine) for step in steps):
        return (
            "it goes over the same session as a call before it, and sends the cookies that the answer to that set (a session whose policy keeps no cookies may)"
        )
    return ""


def _obstacle(index: Index, function: Function, step: Step, proof: Proof) -> tuple[str, str]:
    if reason := held(function, step.statement):
        return HELD, reason
    if step.name in function.scope.outer_names:
        return HELD, f"{step.name} is set outside the function, where others may look at it meanwhile"
    if reason := proof.awaited(function, step.call):
        return UNPROVED, reason
    return EARLY, early_argument(index, function, step)


def _gather(index: Index, function: Function, steps: list[Step], settings: Settings, result: Plan, group: str) -> None:
    first, last = steps[0].statement, steps[-1].statement
    subject = ", ".join(_what(step) for step in steps)
    unwanted = next((found for step in steps if (found := left(index, settings, function, step.statement, CHANGED))), None)
    if unwanted:
        result.decide(function, first.lineno, unwanted.code, Verdict.LEAVE, unwanted.reason, subject=subject)
        return
    if reason := _unwritable(index, function, steps):
        result.decide(function, first.lineno, UNWRITABLE, Verdict.REFUSE, reason, subject=subject)
        return
    edit = Gather((*place_of(first)[:2], *place_of(last)[2:]), place_of(last), tuple(step.name for step in steps))
    result.changes.append(Change(function.module.path, edit, group, _IMPORTS))
    reason = f"{len(steps)} calls that only read and do not need each other start at once; all of them start, also when the first fails"
    result.decide(function, first.lineno, CHANGED, Verdict.CHANGE, reason, group, subject, Safety.UNSAFE)


def _unwritable(index: Index, function: Function, steps: list[Step]) -> str:
    if name := shadowed(index, function, _IMPORTS):
        return f"the name {name} means something else here"
    if not all(stands_alone(function, step.statement) for step in steps):
        return "a statement shares its line with another one"
    lines = range(steps[0].statement.lineno, (steps[-1].statement.end_lineno or 0) + 1)
    if any(line in lines for line in _commented(index.files[function.module.path].text.body)):
        return "comments stand between the calls and would lose their place; move them above the first"
    return ""


def _commented(body: str) -> set[int]:
    """The lines that hold a comment."""
    return {token.start[0] for token in tokenize.generate_tokens(io.StringIO(body).readline) if token.type == tokenize.COMMENT}


def _what(step: Step) -> str:
    function = step.call.args[0] if ast.unparse(step.call.func) == "asyncio.to_thread" and step.call.args else step.call.func
    return ast.unparse(function)[:50]
