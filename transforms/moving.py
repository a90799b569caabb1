"""Whether statements can become a function of their own that runs on a worker thread: names, jumps, threads, exceptions."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from transforms.facts import Function, FunctionNode, last_name
from transforms.flow import Assigned, Suppresses, binds, bound, captured, falls_through, own_nodes, read, watch
from transforms.index import Index
from transforms.placement import in_handler, stands_alone, why_not_here
from transforms.reach import Reach, is_bound, is_caught, is_orm, starts_loop
from transforms.tied import Tied
from transforms.values import NOTHING, External, FunctionValue

_FRAME = {*(f"builtins.{name}" for name in ("locals", "vars", "dir", "eval", "exec")), "sys._getframe", "inspect.currentframe", "inspect.stack"}
_ENDING = {"sys.exit", "os._exit", "os.abort", "builtins.exit", "builtins.quit"}
_FATAL = {"SystemExit", "KeyboardInterrupt", "GeneratorExit"}
_SCALARS = {f"builtins.{name}" for name in ("str", "int", "float", "bool", "bytes", "NoneType")}
_CLOSING = {"file", "client", "mail"}


@dataclass(frozen=True)
class Values:
    """What goes in by argument and comes out by return. `tail`: the last statement assigns the only value, once."""

    takes: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()
    returns: bool = False
    tail: bool = False


def suppressing(index: Index, function: Function, node: ast.With | ast.AsyncWith) -> bool:
    """Whether the `with` may swallow an exception: all but files, connections and the like."""
    for item in node.items:
        value = index.resolver.value(_closed(function, item.context_expr), function.scope)
        known = index.catalogue.types.get(value.name) if isinstance(value, External) and value.instance else None
        wrapper = isinstance(item.context_expr, ast.Call) and index.resolver.value(item.context_expr.func, function.scope) == External("contextlib.closing")
        if not wrapper and (known is None or known.kind not in _CLOSING):
            return True
    return False


def _closed(function: Function, manager: ast.expr) -> ast.expr:
    """Of a name that `with closing(x) as name` binds: x."""
    bindings = function.scope.bindings.get(manager.id, []) if isinstance(manager, ast.Name) else []
    if len(bindings) == 1 and bindings[0].kind == "with" and isinstance(bindings[0].node, ast.Call) and last_name(bindings[0].node) == "closing":
        return bindings[0].node.args[0] if bindings[0].node.args else manager
    return manager


def values_of(index: Index, function: Function, body: Sequence[ast.stmt]) -> Values:
    """The names that have to be handed in and back."""
    whole: list[ast.stmt] = function.node.body  # type: ignore[attr-defined]
    names = bound(body)
    swallows = _swallows(index, function)
    after = watch(whole, body[-1]).after
    gives = tuple(name for name in _in_order(body, names) if name in after)
    inner = Assigned(names, swallows)
    ended = inner.run(body, frozenset())
    takes = tuple(name for name in _in_order(body, names) if name in inner.early & _bound_outside(function, body) or (name in gives and name not in ended))
    returns = any(isinstance(node, ast.Return) for node in own_nodes(body))
    return Values(takes, gives, returns, not returns and len(gives) == 1 and not takes and _assigns_last(index, function, body, gives[0]))


def _swallows(index: Index, function: Function) -> Suppresses:
    return lambda node: suppressing(index, function, node)


def _bound_outside(function: Function, body: Sequence[ast.stmt]) -> frozenset[str]:
    """Names that are parameters, or that the function binds outside the block too."""
    node = function.node
    assert isinstance(node, FunctionNode)
    inside = {item for statement in body for item in ast.walk(statement)}
    parameters = frozenset(item.arg for item in ast.walk(node.args) if isinstance(item, ast.arg))
    return parameters | frozenset(name for item in own_nodes(node.body) if item not in inside for name in binds(item))


def _in_order(body: Sequence[ast.stmt], names: frozenset[str]) -> list[str]:
    """By the place where each is bound first."""
    seen = dict.fromkeys(node.id for node in own_nodes(body) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    return [name for name in seen if name in names] + sorted(names - set(seen))


def _assigns_last(index: Index, function: Function, body: Sequence[ast.stmt], name: str) -> bool:
    """Whether the last thing done is `name = …`, the only place that binds it: `return …` then says the same."""
    if sum(isinstance(node, ast.Name) and node.id == name for node in own_nodes(body)) != 1:
        return False
    last = body[-1]
    while True:
        if (
            isinstance(last, ast.With)
            and not suppressing(index, function, last)
            and last.body[0].lineno > last.lineno
            or isinstance(last, ast.Try)
            and not last.handlers
            and not last.orelse
            and not bound(last.finalbody)
        ):
            last = last.body[-1]
        else:
            break
    return isinstance(last, ast.Assign) and len(last.targets) == 1 and isinstance(last.targets[0], ast.Name) and last.targets[0].id == name


def why_not_moved(index: Index, reach: Reach, function: Function, body: Sequence[ast.stmt], values: Values, tied: Tied) -> str:
    """The first reason why the statements cannot move; empty when they can."""
    checks = (
        _misplaced(index, function, body),
        _jumps(body),
        _names(function, body),
        _frames(index, function, body),
        _flow(index, function, body, values),
        (reason for _, reason in tied.escapes(body)),
        _given(index, function, body, values, tied),
        _threads(index, reach, function, body, tied),
        _database_objects(index, reach, function, body),
        _stops(index, reach, function, body),
    )
    return next((reason for check in checks for reason in check), "")


def _misplaced(index: Index, function: Function, body: Sequence[ast.stmt]) -> Iterator[str]:
    reason = why_not_here(index, function, body[0])  # type: ignore[arg-type]
    if reason:
        yield reason
    if in_handler(function, body[0]):
        yield "it runs while an exception is being handled"
    if not all(stands_alone(function, statement) for statement in (body[0], body[-1])):
        yield "it shares its lines with another statement"


def _jumps(body: Sequence[ast.stmt]) -> Iterator[str]:
    for node in own_nodes(body):
        if isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith) or isinstance(node, ast.comprehension) and node.is_async:
            yield f"the block awaits (line {getattr(node, 'lineno', body[0].lineno)}), which a worker thread cannot"
        if isinstance(node, ast.Yield | ast.YieldFrom):
            yield f"the block yields (line {node.lineno})"
        if isinstance(node, FunctionNode | ast.ClassDef):
            yield f"the block defines {node.name} (line {node.lineno}), which would become local to it"
        if isinstance(node, ast.Import | ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            yield "the block imports everything from a module"
    yield from _leaving(body, False)


def _leaving(body: Sequence[ast.stmt], loop: bool) -> Iterator[str]:
    """`break` and `continue` of a loop around the block."""
    for node in body:
        if isinstance(node, ast.Break | ast.Continue) and not loop:
            yield f"`{'break' if isinstance(node, ast.Break) else 'continue'}` (line {node.lineno}) leaves the block for a loop around it"
        if isinstance(node, FunctionNode | ast.ClassDef):
            continue
        inner = loop or isinstance(node, ast.For | ast.While)
        yield from _leaving(getattr(node, "body", []) if isinstance(getattr(node, "body", []), list) else [], inner)
        yield from _leaving(getattr(node, "orelse", []), loop if isinstance(node, ast.For | ast.While) else inner)
        for part in [*getattr(node, "handlers", []), *getattr(node, "cases", [])]:
            yield from _leaving(part.body, loop)
        yield from _leaving(getattr(node, "finalbody", []), loop)


def _names(function: Function, body: Sequence[ast.stmt]) -> Iterator[str]:
    names = bound(body)
    for name in sorted(names & set(function.scope.outer_names)):
        yield f"the block rebinds {name}, which is {function.scope.outer_names[name]}"
    for node in own_nodes(body):
        if isinstance(node, ast.Global | ast.Nonlocal):
            yield "the block declares a name global or nonlocal"
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Del):
            yield f"the block deletes {node.id}"
    inside = {item for statement in body for item in ast.walk(statement)}
    outside = [node for node in own_nodes(function.node.body) if node not in inside]  # type: ignore[attr-defined]
    for name in sorted(names & captured(outside)):
        yield f"a function outside the block uses {name}, which the block binds"
    used = {node.id for node in outside if isinstance(node, ast.Name)}
    kept = captured(own_nodes(body)) | _generated(body)
    for name in sorted(names & kept & used):
        yield f"a function inside the block uses {name}, which is used outside the block too"
    for node in outside:
        if isinstance(node, ast.GeneratorExp) and isinstance(function.module.parents.get(node), ast.Assign) and names & read(node):
            yield "a generator expression outside the block uses what the block binds"


def _generated(body: Sequence[ast.stmt]) -> frozenset[str]:
    """Names that generator expressions read, which may run later."""
    return frozenset(name for node in own_nodes(body) if isinstance(node, ast.GeneratorExp) for name in read(node))


def _frames(index: Index, function: Function, body: Sequence[ast.stmt]) -> Iterator[str]:
    for node in own_nodes(function.node.body):  # type: ignore[attr-defined]
        name = _external(index, function, node) if isinstance(node, ast.Call) else ""
        if name in _FRAME and not (last_name(node) in ("vars", "dir") and getattr(node, "args", [])):
            yield f"{last_name(node)}() (line {getattr(node, 'lineno', 0)}) looks at the function's own variables"
    for node in own_nodes(body):
        if isinstance(node, ast.Name) and node.id in ("super", "__class__") or isinstance(node, ast.Name) and node.id in _FATAL:
            yield f"{node.id} (line {node.lineno}) does not work in a function of its own"
        if isinstance(node, ast.Call) and _external(index, function, node) in _ENDING:
            yield f"{last_name(node)}() (line {node.lineno}) ends the program, which a worker thread cannot"
    yield from (f"a bare `raise` (line {line}) has nothing to raise in another thread" for line in _bare(body))


def _external(index: Index, function: Function, node: ast.Call) -> str:
    value = index.resolver.value(node.func, function.scope)
    return value.name if isinstance(value, External) else ""


def _bare(body: Sequence[ast.AST]) -> Iterator[int]:
    for node in body:
        if isinstance(node, ast.Raise) and node.exc is None:
            yield node.lineno
        elif not isinstance(node, ast.ExceptHandler | FunctionNode | ast.Lambda | ast.ClassDef):
            yield from _bare(list(ast.iter_child_nodes(node)))


def _flow(index: Index, function: Function, body: Sequence[ast.stmt], values: Values) -> Iterator[str]:
    whole: list[ast.stmt] = function.node.body  # type: ignore[attr-defined]
    names = bound(body)
    live = watch(whole, body[-1])
    for name in sorted(names & live.raised):
        yield f"{name} may be read after an exception has left the block half done"
    handled = {node.name for node in own_nodes(whole) if isinstance(node, ast.ExceptHandler) and node.name}
    deleted = {node.id for node in own_nodes(whole) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Del)}
    for name in [*values.gives, *values.takes]:
        if name in handled | deleted:
            yield f"{name} is unbound again on some paths"
    before = _before(index, function, body[0], frozenset(values.takes))
    for name in values.takes:
        if name not in before:
            yield f"{name} may be unbound when the block ends" if name in values.gives else f"{name} may be unbound when the block begins"
    if values.returns and (falls_through(body, _swallows(index, function)) and body[-1] is not whole[-1]):
        yield "it returns from the function on some paths only"
    if values.returns and values.gives:
        yield f"it returns from the function, and {values.gives[0]} is used afterwards too"


def _before(index: Index, function: Function, statement: ast.stmt, names: frozenset[str]) -> frozenset[str]:
    """Those of the names that are surely assigned when the statement begins."""
    node = function.node
    assert isinstance(node, FunctionNode)
    parameters = frozenset(item.arg for item in ast.walk(node.args) if isinstance(item, ast.arg))
    flow = Assigned(names, _swallows(index, function), statement)
    flow.run(node.body, parameters & names)
    return flow.at if flow.at is not None else frozenset()


def _given(index: Index, function: Function, body: Sequence[ast.stmt], values: Values, tied: Tied) -> Iterator[str]:
    for name in values.gives:
        if name in tied.names:
            yield f"{name} still needs what the block opens, and is used after it"


def _threads(index: Index, reach: Reach, function: Function, body: Sequence[ast.stmt], tied: Tied) -> Iterator[str]:
    """Work that belongs to the request's thread, or that needs a thread without or with an event loop."""
    inside = {item for statement in body for item in ast.walk(statement)}
    for site in index.graph.sites(function):
        if site.node not in inside or site.node in tied.sources:
            continue
        owner = site.node.func.value if isinstance(site.node, ast.Call) and isinstance(site.node.func, ast.Attribute) else site.node
        own = isinstance(owner, ast.expr) and tied.holds(owner)
        line = getattr(site.node, "lineno", body[0].lineno)
        if is_bound(site.entry) and not own:
            yield f"{site.entry.name} (line {line}) belongs to the request's thread"
        if starts_loop(site.entry) or site.entry.kind in ("signal", "frames"):
            yield f"{site.entry.name} (line {line}) does not work in a worker thread"
    for edge in index.graph.edges(function):
        if edge.node in inside and edge.node not in tied.sources:
            yield from _reached(reach, edge.target, getattr(edge.node, "lineno", body[0].lineno), edge.sure and edge.how == "call")
    for node in inside:
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load) and not tied.holds(node):
            value = index.resolver.value(node, function.scope)
            known = index.catalogue.types.get(value.name) if isinstance(value, External) and value.instance and value != NOTHING else None
            if known is not None and (known.thread_bound or known.kind == "orm"):
                yield f"{ast.unparse(node)} (line {node.lineno}) belongs to the request's thread"


def _database_objects(index: Index, reach: Reach, function: Function, body: Sequence[ast.stmt]) -> Iterator[str]:
    """Objects of a database session load more rows when their attributes are read, on whatever thread that is."""
    inside = {item for statement in body for item in ast.walk(statement)}
    if not any(is_orm(item.site.entry) for item in reach.everything(function)):
        return
    for name in sorted({node.id for node in inside if isinstance(node, ast.Name)} & _bound_outside(function, body)):
        value = index.resolver.name(name, function.scope)
        if not (isinstance(value, External) and value.instance and value.name in _SCALARS):
            yield f"the function works on a database session, and {name} may be an object of it"


def _reached(reach: Reach, target: Function, line: int, sure: bool) -> Iterator[str]:
    if target.is_async and sure:
        yield f"{target.name}() (line {line}) is a coroutine, which has to be awaited"
    for item in reach.everything(target):
        if is_bound(item.site.entry):
            yield f"{item.path} ({item.place}) belongs to the request's thread"
        if starts_loop(item.site.entry) or item.site.entry.kind in ("signal", "frames"):
            yield f"{item.path} ({item.place}) does not work in a worker thread"


def _stops(index: Index, reach: Reach, function: Function, body: Sequence[ast.stmt]) -> Iterator[str]:
    """StopIteration never leaves a worker thread: the await would not end."""
    inside = {item for statement in body for item in ast.walk(statement)}
    for call in function.calls:
        if call.node in inside and reach.may_exhaust(call) and not is_caught(function, call.node, inside):
            yield f"next() at line {call.node.lineno} may raise StopIteration, which never leaves a worker thread; give it a default"
        target = index.resolver.value(call.node.func, call.scope) if call.node in inside else None
        if isinstance(target, FunctionValue) and (place := reach.may_stop(target.function)):
            yield f"next() at {place} may raise StopIteration, which never leaves a worker thread; give it a default"
    for node in inside:
        if isinstance(node, ast.Raise) and node.exc is not None and last_name(node.exc) == "StopIteration":
            yield f"StopIteration (line {node.lineno}) never leaves a worker thread"
