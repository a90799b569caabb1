"""What belongs to a thread or a context, used on another one: connections (T500), `threading.local` (T501), context variables (T508).

Measured: a SQLite connection that a hook keeps in `g` raises ProgrammingError in an async view, a `threading.local` that a
hook sets is missing there, and one that a view sets is another view's after an await (facts of issue 3, sections D and I).
"""

import ast
from collections.abc import Iterator, Sequence

from transforms.facts import Binding, Call, Function, Reference, last_name
from transforms.graph import Edge
from transforms.hazards.finding import Finding, awaits, body, is_constant, keyword, module_binding, position, type_of
from transforms.index import Index
from transforms.reach import Reach
from transforms.values import External, FunctionValue

_CONNECTION = ("sqlite3.Connection", "sqlite3.Cursor")
_LOCALS = ("threading.local", "_thread._local", "_threading_local.local")


def find(index: Index, reach: Reach, own: Sequence[Function]) -> Iterator[Finding]:
    """All of them."""
    yield from _variables(index, reach, own)
    for function in own:
        if function.is_async:
            yield from _moved(index, reach, function)
            if function in index.registry.handlers:
                yield from _kept(index, reach, function, function, function.node)
                yield from _locals(index, reach, function)


def _sure(edge: Edge) -> bool:
    return edge.sure and edge.how in ("call", "constructor")


def _steps(reach: Reach, function: Function) -> list[Function]:
    """The function, and all that it surely calls."""
    waiting, seen = [function], [function]
    while waiting:
        for edge in reach.graph.edges(waiting.pop()):
            if _sure(edge) and edge.target not in seen:
                seen.append(edge.target)
                waiting.append(edge.target)
    return seen


# Connections


def _moved(index: Index, reach: Reach, function: Function) -> Iterator[Finding]:
    """`await asyncio.to_thread(load)`, where `load` works on a connection that was opened on another thread."""
    for call in function.calls:
        target = _taken(index, call)
        value = index.resolver.value(target, call.scope) if target is not None else None
        if isinstance(value, FunctionValue):
            yield from _kept(index, reach, function, value.function, call.node)


def _taken(index: Index, call: Call) -> ast.expr | None:
    """The function that a call hands to another thread."""
    name, args = last_name(call.node.func), call.node.args
    if name == "to_thread" and args and index.resolver.value(call.node.func, call.scope) == External("asyncio.to_thread"):
        return args[0]
    if name == "run_in_executor" and len(args) > 1:
        return args[1]
    return None


def _kept(index: Index, reach: Reach, holder: Function, start: Function, node: ast.AST) -> Iterator[Finding]:
    """A connection that something outside of what runs here opened: at module level, or in `g`."""
    steps = _steps(reach, start)
    for step in steps:
        for call in step.calls:
            found = _connection(index, call, steps)
            if found:
                text, opened = found
                way = f"{step.name} " if step is not holder else ""
                at = call.node if step is holder else node
                yield Finding(
                    holder, at, "T500", f"{way}uses the SQLite connection `{text}`, which {opened} opened on another thread: it raises ProgrammingError", text
                )


def _connection(index: Index, call: Call, steps: Sequence[Function]) -> tuple[str, str] | None:
    target = call.node.func
    if not isinstance(target, ast.Attribute) or target.attr not in ("execute", "executemany", "executescript", "commit", "cursor", "rollback"):
        return None
    binding = module_binding(index, target.value, call.scope)
    if binding is not None and binding.kind == "assign" and _opens(index, binding):
        return ast.unparse(target.value), f"the module ({binding.scope.owner.module.path}:{position(binding.node)[0]})"
    opened = _in_g(index, target.value, call)
    if opened and all(item.scope.owner not in steps for item in opened):
        owner = opened[0].scope.owner
        return ast.unparse(target.value), f"{owner.name} ({owner.module.path}:{position(opened[0].node)[0]})"
    return None


def _opens(index: Index, binding: Binding) -> bool:
    """`sqlite3.connect(…)`, with the check of the thread left on."""
    node = binding.node
    if not isinstance(node, ast.Call) or index.resolver.value(node.func, binding.scope) != External("sqlite3.connect"):
        return False
    return not is_constant(keyword(node, "check_same_thread"), False) and not any(item.arg is None for item in node.keywords) and len(node.args) < 5


def _in_g(index: Index, node: ast.expr, call: Call) -> list[Binding]:
    """Where `g.name` was given a connection; empty unless all assignments of it do that."""
    if not isinstance(node, ast.Attribute) or not _is_g(index, node.value, call.scope.owner):
        return []
    stores = [binding for target, binding in index.resolver.names.stores(node.attr) if _is_g(index, target.value, binding.scope.owner)]
    return stores if stores and all(_opens(index, binding) for binding in stores) else []


def _is_g(index: Index, node: ast.expr, function: Function) -> bool:
    value = index.resolver.value(node, function.scope)
    return isinstance(value, External) and value.name in ("flask.g", "flask.globals.g")


# threading.local


def _locals(index: Index, reach: Reach, function: Function) -> Iterator[Finding]:
    steps = _steps(reach, function)
    for step in steps:
        for reference in step.references:
            node = reference.node
            if not isinstance(node, ast.Attribute) or not isinstance(node.ctx, ast.Load) or type_of(index, node.value, reference.scope) not in _LOCALS:
                continue
            stores = [binding for target, binding in index.resolver.names.stores(node.attr) if type_of(index, target.value, binding.scope) in _LOCALS]
            text = ast.unparse(node)
            at = node if step is function else function.node
            if stores and all(binding.scope.owner not in steps and _is_handler(index, binding.scope.owner) for binding in stores):
                where = stores[0].scope.owner
                yield Finding(
                    function, at, "T501", f"`{text}` is set by {where.name} ({where.place}) on the request's thread, and is missing on the view's", text
                )
            elif step is function and _crossed(function, reference, [binding for binding in stores if binding.scope.owner is function]):
                yield Finding(
                    function, at, "T501", f"`{text}` is set before the view waits and read after it: on a shared loop it may be another request's by then", text
                )


def _is_handler(index: Index, function: Function) -> bool:
    handler = index.registry.handlers.get(function)
    return handler is not None and handler.slot == "hook"


def _crossed(function: Function, read: Reference, stores: Sequence[Binding]) -> bool:
    """Whether the function sets it, waits, and reads it, in this order."""
    between = [position(node) for node in awaits(body(function))]
    return any(position(binding.node) < place < position(read.node) for binding in stores for place in between)


# Context variables


def _variables(index: Index, reach: Reach, own: Sequence[Function]) -> Iterator[Finding]:
    """`variable.set(…)` in a view, never reset, read by another view: the next request of the thread sees it."""
    handlers = [(item, handler) for item in own if (handler := index.registry.handlers.get(item)) is not None]
    views = [(item, set(_steps(reach, item))) for item, handler in handlers if handler.slot in ("view", "class-based view")]
    hooks = {step for item, handler in handlers if handler.slot == "hook" for step in _steps(reach, item)}
    for function in own:
        for call in function.calls:
            binding = _variable(index, call, "set")
            setting = [item for item, steps in views if function in steps]
            if binding is None or not setting or function in hooks or _calls(index, binding, "reset") or _set_by(index, binding) & hooks:
                continue
            readers = _set_by(index, binding, "get")
            others = [item for item, steps in views if item not in setting and steps & readers]
            if others:
                name = ast.unparse(call.node.func).rpartition(".")[0]
                reason = f"`{name}` is set and never reset: a later request on the same thread reads it in {others[0].name} ({others[0].place})"
                yield Finding(function, call.node, "T508", reason, name)


def _variable(index: Index, call: Call, method: str) -> Binding | None:
    target = call.node.func
    if not isinstance(target, ast.Attribute) or target.attr != method or not isinstance(target.value, ast.Name):
        return None
    if type_of(index, target.value, call.scope) != "contextvars.ContextVar":
        return None
    return _origin(index, target.value, call)


def _origin(index: Index, name: ast.Name, call: Call) -> Binding | None:
    found = index.resolver.bindings(name.id, call.scope)
    return found[0] if len(found) == 1 and found[0].scope.kind == "module" and found[0].kind == "assign" else None


def _calls(index: Index, binding: Binding, method: str) -> bool:
    return bool(_set_by(index, binding, method))


def _set_by(index: Index, binding: Binding, method: str = "set") -> set[Function]:
    """The functions that call this method of the variable; with `reset`, of any variable."""
    found = set()
    for owner, use in index.resolver.names.uses(method):
        if isinstance(use, Call) and (method == "reset" or _variable(index, use, method) is binding):
            found.add(owner)
    return found
