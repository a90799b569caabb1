"""Waiting that stops an event loop: locks held across an await (T502), waits for other threads (T503), heavy loops (T509).

Measured: a `threading.Lock` held across an await stops the whole process when two tasks of one loop want it; an `RLock`
keeps nobody out, because all tasks of a loop share a thread (facts of issue 3, section I).
"""

import ast
from collections.abc import Iterator, Sequence

from transforms.facts import Call, Function
from transforms.hazards.finding import AWAITING, Finding, awaits, body, calls_of, end, is_constant, keyword, position, type_of
from transforms.index import Index
from transforms.reach import Reach

_LOCKS = ("threading.Lock", "threading.RLock", "threading.Condition", "threading.Semaphore", "threading.BoundedSemaphore")
_STOPS = "a second task that wants it stops the whole event loop"
_OPEN = "it keeps no other task of the loop out, because they all run on one thread"
_WAITS = {
    "threading.Lock": ("acquire",), "threading.RLock": ("acquire",), "threading.Condition": ("wait", "wait_for"), "threading.Event": ("wait",),
    "threading.Semaphore": ("acquire",), "threading.BoundedSemaphore": ("acquire",), "threading.Barrier": ("wait",), "threading.Thread": ("join",), "threading.Timer": ("join",),
    "queue.Queue": ("get", "join"), "queue.LifoQueue": ("get", "join"), "queue.PriorityQueue": ("get", "join"), "queue.SimpleQueue": ("get",),
}  # fmt: skip


def find(index: Index, reach: Reach, own: Sequence[Function]) -> Iterator[Finding]:
    """All of them, in the bodies of async functions."""
    for function in own:
        if function.is_async:
            held = list(_held(index, function))
            yield from held
            yield from _acquired(index, function)
            yield from _waits(index, function)
            yield from _computes(index, function)


def _held(index: Index, function: Function) -> Iterator[Finding]:
    for node in body(function):
        if isinstance(node, ast.With):
            first = next(awaits(_inside(function, node)), None)
            for item in node.items:
                kind = type_of(index, item.context_expr, function.scope)
                if first and kind in _LOCKS:
                    yield _lock(function, node, item.context_expr, kind, first)


def _inside(function: Function, node: ast.With) -> list[ast.AST]:
    return [item for item in body(function) if position(node.body[0]) <= position(item) and end(item) <= end(node) and hasattr(item, "lineno")]


def _lock(function: Function, node: ast.AST, lock: ast.expr, kind: str, first: ast.AST) -> Finding:
    why = _OPEN if kind in ("threading.RLock", "threading.Condition") else _STOPS
    text = ast.unparse(lock)[:40]
    return Finding(function, node, "T502", f"`{text}` is a {kind} and is held while the function waits (line {position(first)[0]}): {why}", text)


def _acquired(index: Index, function: Function) -> Iterator[Finding]:
    """`lock.acquire()`, an await, `lock.release()`, in this order."""
    nodes = body(function)
    for call in calls_of(function):
        target = call.node.func
        if isinstance(target, ast.Attribute) and target.attr == "acquire" and (kind := type_of(index, target.value, call.scope)) in _LOCKS:
            later = sorted((node for node in nodes if position(node) > end(call.node) and _matters(node, target.value)), key=position)
            released = any(_releases(node, target.value) for node in later)
            if later and isinstance(later[0], AWAITING) and released:
                yield _lock(function, call.node, target.value, kind, later[0])


def _matters(node: ast.AST, lock: ast.expr) -> bool:
    return isinstance(node, AWAITING) or _releases(node, lock)


def _releases(node: ast.AST, lock: ast.expr) -> bool:
    named = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "release"
    return named and ast.dump(node.func.value) == ast.dump(lock)  # type: ignore[attr-defined]


def _waits(index: Index, function: Function) -> Iterator[Finding]:
    for call in calls_of(function):
        target = call.node.func
        if not isinstance(target, ast.Attribute) or _at_once(call) or _is_new(index, function, target):
            continue
        kind = type_of(index, target.value, call.scope)
        if target.attr in _WAITS.get(kind, ()):
            text = ast.unparse(target)[:40]
            yield Finding(function, call.node, "T503", f"`{text}()` ({kind}) waits for another thread, and the event loop with it", text)


def _is_new(index: Index, function: Function, target: ast.Attribute) -> bool:
    """`lock = Lock(); lock.acquire()`: nobody else can hold it yet."""
    bindings = index.resolver.bindings(target.value.id, function.scope) if isinstance(target.value, ast.Name) else []
    return target.attr == "acquire" and any(binding.scope is function.scope and isinstance(binding.node, ast.Call) for binding in bindings)


def _at_once(call: Call) -> bool:
    """`acquire(blocking=False)`, `get(False)`, `wait(timeout=0)`."""
    node = call.node
    first = node.args[0] if node.args else None
    return is_constant(first, False) or any(is_constant(keyword(node, name), False, 0) for name in ("block", "blocking", "timeout"))


def _computes(index: Index, function: Function) -> Iterator[Finding]:
    """A loop, without an await of its own, around computing that the catalogue knows to take long."""
    heavy = {site.node: site.entry.name for site in index.graph.sites(function) if site.entry.kind == "cpu" and site.entry.verdict == "wrap"}
    for node, name in heavy.items():
        loop = _loop_around(function, node)
        if loop is not None:
            yield Finding(function, node, "T509", f"{name} computes again and again, and the event loop stands still meanwhile", name)


def _loop_around(function: Function, node: ast.AST) -> ast.AST | None:
    """The loop in which the call stands, unless something in that loop lets other tasks run."""
    child = node
    for parent in function.module.ancestors(node):
        if parent is function.node or isinstance(parent, ast.Lambda | ast.FunctionDef | ast.AsyncFunctionDef):
            return None
        if isinstance(parent, ast.For | ast.While) and child in parent.body:
            return parent if not any(isinstance(item, AWAITING) for item in ast.walk(parent)) else None
        if isinstance(parent, ast.ListComp | ast.SetComp | ast.DictComp) and not isinstance(child, ast.comprehension):
            return parent if not any(isinstance(item, ast.Await) for item in ast.walk(parent)) else None
        child = parent
    return None
