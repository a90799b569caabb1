"""Stage clients: known blocking clients become async ones, and `async`/`await` spreads through the helpers between.

A helper becomes `async def` only if every caller is known, can await it, and is async itself afterwards. Tests, command
line, threads, sort keys, strings that name it, calls on objects of unknown type: any of them keeps it synchronous.
"""

import ast
from collections.abc import Collection
from dataclasses import dataclass, field

from transforms.edits import AddTwin, AwaitCall, AwaitTwin, MakeAsync, Unthread, place_of
from transforms.executor import async_functions
from transforms.facts import Class, Function, by_place, last_name
from transforms.index import Index
from transforms.judge import is_own, stopped
from transforms.model import Settings, Verdict
from transforms.moves import swap_left
from transforms.placement import why_not_here
from transforms.planning import Change, Plan
from transforms.reach import Reach
from transforms.reopened import Threaded, threaded_helpers
from transforms.suppression import Left, left
from transforms.swaps import Swap, Unproved, find_swaps
from transforms.swaps.planned import plan_swap
from transforms.twins import Twin, find_twins, twin_imports

NAME = "clients"
_DELEGATED = {"send", "throw", "close"}  # `yield from x` and `await x` call them on an iterator
_BINDING = {"staticmethod", "classmethod"}


@dataclass
class Spread:
    """The helpers that become async (`helpers`), why others on the way cannot (`kept`), and which get a twin.

    `threaded` are calls that a run before moved to a thread and that come back when their helper becomes async.
    """

    swaps: dict[Function, list[Swap | Unproved]] = field(default_factory=dict)
    helpers: set[Function] = field(default_factory=set)
    kept: dict[Function, str] = field(default_factory=dict)
    codes: dict[Function, str] = field(default_factory=dict)
    twins: dict[Function, Twin] = field(default_factory=dict)
    threaded: list[Threaded] = field(default_factory=list)

    def entered(self, function: Function) -> set[ast.With]:
        """The `with` blocks of the function that become `async with`."""
        return {block for item in self.swaps.get(function, ()) if isinstance(item, Swap) for block in item.blocks}


def plan(index: Index, settings: Settings) -> Plan:
    """Swaps in async functions, and in helpers that can become async together with all their callers."""
    result = Plan(NAME)
    if stopped(index):
        return result
    reach = Reach(index.graph)
    roots = async_functions(index, reach, settings)
    spread = find_spread(index, reach, roots, settings)
    groups = _groups(index, spread, roots)
    for function in sorted({*roots, *spread.helpers, *spread.twins}, key=by_place):
        if function in spread.twins and spread.twins[function].exists:
            continue  # its twin stands there already; the function itself stays as it is
        _swap(function, spread, groups, result)
        _await_helpers(index, function, spread, groups, settings, result)
        _await_threaded(index, function, spread, groups, result)
        if function in spread.helpers:
            _convert(index, function, groups[function], result)
        elif function in spread.twins:
            _add_twin(function, spread, groups[function], result)
    for function in sorted(set(spread.swaps) - {*roots, *spread.helpers, *spread.twins}, key=by_place):
        for item in spread.swaps[function]:
            if isinstance(item, Unproved):
                result.decide(function, item.node.lineno, item.code, Verdict.LEAVE, item.reason, subject=item.subject)
    for function, reason in sorted(spread.kept.items(), key=lambda item: (item[0].module.path, item[0].line)):
        if function in spread.twins:
            continue
        result.decide(function, function.line, spread.codes[function], Verdict.LEAVE, reason, subject=function.qualname)
    return result


def find_spread(index: Index, reach: Reach, roots: Collection[Function], settings: Settings) -> Spread:
    """The largest set of helpers in which every caller of each is in the set or async already."""
    spread = Spread(threaded=threaded_helpers(index, reach, roots, settings))
    near = list(dict.fromkeys([*_helpers_below(index, reach, roots), *(item.target for item in spread.threaded)]))
    for function in [*roots, *near]:
        spread.swaps[function] = [_unless_left(index, function, item, settings) for item in find_swaps(index, function, settings)]
    wanted = {function for function in near if any(isinstance(item, Swap) for item in spread.swaps[function])}
    candidates = _upwards(index, wanted, set(near))
    changed = True
    while changed:
        changed = False
        for function in sorted(candidates, key=by_place):
            reason = _why_kept(index, reach, function, candidates, set(roots), spread)
            unwanted = None if reason else _why_left(index, function, settings)
            if reason or unwanted:
                spread.kept[function] = unwanted.reason if unwanted else reason
                spread.codes[function] = unwanted.code if unwanted else "C203"
                candidates.discard(function)
                changed = True
        if settings.helpers != "twin":
            candidates &= _upwards(index, wanted & candidates, candidates)
    if settings.helpers == "twin":
        own = [function for function in spread.kept if not left(index, settings, function, function.node, "C204")]
        spread.twins = find_twins(index, [function for function in own if not _fixed(index, reach, function)])
        candidates &= _upwards(index, wanted & {*candidates, *spread.twins}, {*candidates, *spread.twins})
    spread.helpers = candidates
    return spread


def _unless_left(index: Index, function: Function, item: Swap | Unproved, settings: Settings) -> Swap | Unproved:
    unwanted = swap_left(index, function, item, settings) if isinstance(item, Swap) else None
    return Unproved(item.nodes[0], item.subject, unwanted.reason, unwanted.code) if unwanted and isinstance(item, Swap) else item


def _why_left(index: Index, function: Function, settings: Settings) -> Left | None:
    """Why the user wants the helper, or a call of it, left as it is."""
    nodes = [(caller.function, caller.node) for caller in index.graph.callers(function) if caller.function and caller.node]
    rows = (left(index, settings, holder, node, "C201") for holder, node in [(function, function.node), *nodes])
    return next((item for item in rows if item is not None), None)


def _helpers_below(index: Index, reach: Reach, roots: Collection[Function]) -> list[Function]:
    """Synchronous helpers that async functions reach by proved calls, nearest first."""
    found: list[Function] = []
    waiting = list(roots)
    while waiting:
        for edge in index.graph.edges(waiting.pop(0)):
            target = edge.target
            if edge.how == "call" and edge.sure and not target.is_async and target not in found and target not in roots and is_own(index, target):
                found.append(target)
                waiting.append(target)
    return found


def _upwards(index: Index, wanted: Collection[Function], within: Collection[Function]) -> set[Function]:
    """The wanted functions and all of `within` that call them, at any distance."""
    found = set(wanted)
    waiting = list(wanted)
    while waiting:
        for caller in index.graph.callers(waiting.pop()):
            if caller.sure and caller.function and caller.function in within and caller.function not in found:
                found.add(caller.function)
                waiting.append(caller.function)
    return found


def _why_kept(index: Index, reach: Reach, function: Function, candidates: Collection[Function], roots: Collection[Function], spread: Spread) -> str:
    """Why the helper stays synchronous; empty when it can become async."""
    fixed = _fixed(index, reach, function)
    if fixed:
        return fixed
    callers = index.graph.callers(function)
    threaded = {item.call.args[0] for item in spread.threaded}
    for caller in callers:
        place = caller.place
        if caller.node in threaded:
            continue
        if not caller.sure or caller.function is None:
            return f"{place}: it {caller.why}"
        if caller.function not in candidates and caller.function not in roots:
            return f"{place} ({caller.name}) calls it and cannot await it"
        if isinstance(caller.node, ast.Call) and (reason := why_not_here(index, caller.function, caller.node, spread.entered(caller.function))):
            return f"{place} ({caller.name}) calls it {reason}"
    return "" if callers else "nothing is seen to call it"


def _fixed(index: Index, reach: Reach, function: Function) -> str:
    if function in index.registry.handlers:
        return "Flask calls it too"
    if function.kind != "function":
        return "it is a lambda, which cannot await" if function.kind == "lambda" else "it is no function of its own"
    if function.is_generator:
        return "it is a generator"
    if function.name.startswith("__"):
        return "Python calls it by its special name"
    if function.cls and _is_python_calling(index, function.cls, function.name):
        return "Python calls a method of that name on an iterator (`yield from`) or a mapping (`**x`)"
    if function.cls and any(index.resolver.classes.has_member(other, function.name) for other in index.resolver.classes.family(function.cls)[1:]):
        return "another class of the hierarchy has a method of that name"
    if function.cls and any(base is None or base.name != "builtins.object" for base in index.resolver.classes.external_bases(function.cls)):
        return "its class has a base outside the project, which may call it"
    if function.cls and (handed := index.graph.escapes.handed_out(function.cls, "its class")):
        return f"{handed}, which may call it"
    if function.cls and _is_made_over(index, function):
        return "its class is changed by a decorator or a metaclass"
    other = [item for item in function.decorators if last_name(item) not in _BINDING]
    if other:
        return f"its decorator @{ast.unparse(other[0])} is not known to await it"
    stop = reach.may_stop(function)
    return f"next() at {stop} may raise StopIteration, which a coroutine turns into RuntimeError" if stop else ""


def _is_python_calling(index: Index, cls: Class, name: str) -> bool:
    """Whether Python itself calls the method, though its name is not special. What a library calls is found where it is given the object."""
    special = "__next__" if name in _DELEGATED else "__getitem__" if name == "keys" else ""
    family = [*index.resolver.classes.lineage(cls), *index.resolver.classes.descendants(cls)]
    return bool(special) and any(index.resolver.classes.has_member(item, special) for item in family)


def _is_made_over(index: Index, function: Function) -> bool:
    assert function.cls is not None
    for cls in index.resolver.classes.lineage(function.cls):
        decorated = [item for item in cls.node.decorator_list if last_name(item) not in ("dataclass", "total_ordering", "final")]
        if decorated or cls.node.keywords or {"__getattribute__", "__getattr__", "__init_subclass__"} & set(cls.methods):
            return True
    return False


def _groups(index: Index, spread: Spread, roots: Collection[Function]) -> dict[Function, str]:
    """One group for each set of converted helpers that call each other or share a caller that they change."""
    changed = {*spread.helpers, *spread.twins}
    leader: dict[Function, Function] = {function: function for function in changed}

    def find(function: Function) -> Function:
        while leader[function] is not function:
            function = leader[function]
        return function

    for function in sorted(changed, key=by_place):
        for caller in index.graph.callers(function):
            if caller.function and caller.function in leader:
                first, second = sorted((find(function), find(caller.function)), key=by_place)
                leader[second] = first
    return {function: f"{NAME}:{find(function).module.path}:{find(function).qualname}" for function in changed}


def _swap(function: Function, spread: Spread, groups: dict[Function, str], result: Plan) -> None:
    seen: dict[str, int] = {}
    for item in spread.swaps[function]:
        if isinstance(item, Unproved):
            result.decide(function, item.node.lineno, item.code, Verdict.LEAVE, item.reason, subject=item.subject)
            continue
        number = seen[item.subject] = seen.get(item.subject, 0) + 1
        group = groups.get(function) or f"{NAME}:{function.module.path}:{function.qualname}:{item.subject}#{number}"
        plan_swap(function, item, group, result)


def _await_helpers(index: Index, function: Function, spread: Spread, groups: dict[Function, str], settings: Settings, result: Plan) -> None:
    for edge in index.graph.edges(function):
        if edge.how != "call" or not edge.sure or not isinstance(edge.node, ast.Call):
            continue
        target, line = edge.target, edge.node.lineno
        if target in spread.helpers:
            group = groups[target]
            result.changes.append(Change(function.module.path, AwaitCall(place_of(edge.node)), group))
            result.decide(function, line, "C201", Verdict.CHANGE, f"{target.qualname} ({target.place}) becomes async", group, target.qualname)
        elif target in spread.twins and (unwanted := left(index, settings, function, edge.node, "C204")):
            result.decide(function, line, unwanted.code, Verdict.LEAVE, unwanted.reason, subject=target.qualname)
        elif target in spread.twins:
            _await_twin(index, function, edge.node, target, spread.twins[target], groups[target], result)


def _await_threaded(index: Index, function: Function, spread: Spread, groups: dict[Function, str], result: Plan) -> None:
    for item in spread.threaded:
        if item.function is function and item.target in spread.helpers:
            group = groups[item.target]
            result.changes.append(Change(function.module.path, Unthread(place_of(item.call)), group))
            reason = f"{item.target.qualname} ({item.target.place}) becomes async: on one loop its client can be kept, and it needs no thread any more"
            result.decide(function, item.call.lineno, "C201", Verdict.CHANGE, reason, group, item.target.qualname)


def _await_twin(index: Index, function: Function, node: ast.Call, target: Function, twin: Twin, group: str, result: Plan) -> None:
    imports = twin_imports(index, function, node, target, twin)
    obstacle = why_not_here(index, function, node) or ("the twin cannot be imported as the helper is" if imports is None else "")
    if obstacle:
        result.decide(function, node.lineno, "C203", Verdict.LEAVE, obstacle, subject=target.qualname)
        return
    result.changes.append(Change(function.module.path, AwaitTwin(place_of(node), twin.name), group, imports or ()))
    result.decide(function, node.lineno, "C204", Verdict.CHANGE, f"{twin.name} stands beside {target.qualname} ({target.place})", group, target.qualname)


def _add_twin(function: Function, spread: Spread, group: str, result: Plan) -> None:
    twin = spread.twins[function]
    if twin.exists:
        return
    result.changes.append(Change(function.module.path, AddTwin(place_of(function.node), twin.name, 1 if function.cls else 2), group))
    result.decide(
        function, function.line, "C204", Verdict.CHANGE, f"it stays for the callers that cannot await: {spread.kept[function]}", group, function.qualname
    )


def _convert(index: Index, function: Function, group: str, result: Plan) -> None:
    result.changes.append(Change(function.module.path, MakeAsync(place_of(function.node)), group))
    callers = ", ".join(sorted({caller.name for caller in index.graph.callers(function)}))
    result.decide(function, function.line, "C201", Verdict.CHANGE, f"every caller can await it: {callers}", group, function.qualname)
