"""The call graph: what a function calls, surely or possibly."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from transforms.bridge import names as bridge
from transforms.callers import Caller, Callers, Unread
from transforms.catalogue import Entry
from transforms.escapes import Escapes
from transforms.facts import Binding, Call, Function, Reference, Scope, last_name
from transforms.handing import is_handed, runs_elsewhere, taker_of
from transforms.layout import is_test
from transforms.model import Seen
from transforms.operators import operations
from transforms.queued import sent_at_once
from transforms.registry import RENDERING, Registry
from transforms.resolve import Resolver, is_property
from transforms.runtime import CALL, READ, text_of, traced
from transforms.signature import Shape, Signature, shape_of, signature_of
from transforms.values import ClassValue, External, FunctionValue, Instance, Value, may_be_ours

# Names that builtin containers and strings have too: an unknown `x.get()` is then hardly a view class.
_PLAIN = {name for kind in (dict, list, set, str, bytes, tuple, int) for name in dir(kind)}
_CURSOR = {"execute", "executemany", "executescript", "cursor", "commit", "rollback", "fetchone", "fetchall", "fetchmany"}
_MOVING = {"to_thread", "run_in_executor", "sync_to_async", "run_sync", "submit", "Thread", "Timer"}
_ENTERING = ("__enter__", "__exit__")


@dataclass(frozen=True)
class Edge:
    """From a function to one that it runs. `how`: call, constructor, property, reference, nested, implicit, name.

    Only `how == "call"` with `sure` is a call that is proved to reach exactly this function. `elsewhere`: the function is
    only handed to what runs it on another thread.
    """

    target: Function
    node: ast.AST
    how: str
    sure: bool
    elsewhere: bool = False


@dataclass(frozen=True)
class Site:
    """A call of something that the catalogue knows."""

    node: ast.AST
    scope: Scope
    entry: Entry


class Graph:
    """Edges are computed when first asked for: most of a program is never reached from a handler."""

    def __init__(self, resolver: Resolver, registry: Registry, unread: Unread, seen: Iterable[Seen] = ()) -> None:
        self.resolver = resolver
        self._traced: dict[tuple[str, str, str, str], list[Seen]] = {}
        for item in sorted(seen):
            self._traced.setdefault((item.path, item.function, item.what, item.call), []).append(item)
        self.registry = registry
        self.escapes = Escapes(resolver)
        self._callers = Callers(resolver, registry, unread, self.escapes)
        self.names = resolver.names
        self._out: dict[Function, tuple[list[Edge], list[Site]]] = {}
        self._unknown: dict[Function, list[ast.Call]] = {}
        self._signatures: dict[Function, Signature] = {}
        self._guesses: dict[tuple[str, Shape | None, bool], tuple[Function, ...]] = {}

    # Outgoing

    def edges(self, function: Function) -> list[Edge]:
        """What the function runs, in source order."""
        return self._outgoing(function)[0]

    def sites(self, function: Function) -> list[Site]:
        """The calls in its own body that the catalogue knows."""
        return self._outgoing(function)[1]

    def _guessed(self, call: Call) -> Iterator[Site]:
        """`x.execute()` on an object of unknown type, in a project that has database connections: it may be one."""
        name = last_name(call.node.func)
        if isinstance(call.node.func, ast.Attribute) and name in _CURSOR and self.registry.has_connections:
            what = f"{ast.unparse(call.node.func)[:40]} (of unknown type)"
            yield Site(
                call.node, call.scope, Entry(what, "sqlite3", "client", "refuse", "it may be a database connection, which belongs to its thread", False, True)
            )
        if any(keyword.arg == "_async_wrapper" for keyword in call.node.keywords):
            yield Site(call.node, call.scope, Entry(name, "blinker", "loop", "refuse", "it runs async receivers, which fails inside a running event loop"))

    def seen(self, owner: Function, node: ast.AST) -> list[Seen]:
        """What a trace saw at this call or attribute."""
        what = CALL if isinstance(node, ast.Call) else READ
        return self._traced.get((owner.module.path, owner.qualname, what, text_of(node)), []) if self._traced else []

    def _seen(self, node: ast.AST, scope: Scope, sites: list[Site]) -> None:
        """What blocked at run time and of which nothing else is known: it is what ran there."""
        found = self.seen(scope.owner, node)
        if found and not any(site.node is node for site in sites):
            sites.append(Site(node, scope, traced(found, self.resolver.catalogue)))

    def unknown(self, function: Function) -> list[ast.Call]:
        """Calls in its own body whose target is not known."""
        self._outgoing(function)
        return self._unknown.get(function, [])

    def _outgoing(self, function: Function) -> tuple[list[Edge], list[Site]]:
        found = self._out.get(function)
        if found is None:
            found = ([], [])
            self._out[function] = found
            for call in function.calls:
                self._call(call, *found)
            for reference in function.references:
                self._reference(reference, *found)
            for manager in function.managers:
                self._protocol(manager, _ENTERING, found[1])
            for iterated in function.iterated:
                self._protocol(iterated, ("__iter__",), found[1])
            for operated in function.operated:
                found[1].extend(self._operation(operated))
            for nested in function.nested:
                found[0].append(Edge(nested, nested.node, "nested", False, runs_elsewhere(nested)))
            found[0].sort(key=lambda edge: (getattr(edge.node, "lineno", 0), getattr(edge.node, "col_offset", 0), edge.how))
        return found

    def _call(self, call: Call, edges: list[Edge], sites: list[Site]) -> None:
        target = self.resolver.value(call.node.func, call.scope)
        if target is None:
            self._unknown.setdefault(call.scope.owner, []).append(call.node)
            sites += self._guessed(call)
            edges += self._possible(call.node, call.scope)
        elif isinstance(target, FunctionValue):
            edges.append(Edge(target.function, call.node, "call", True))
            edges += self.wrappers(target.function, call.node)
        elif isinstance(target, ClassValue | Instance):
            edges += self._object(target, call.node)
        elif isinstance(target, External):
            sites += [site for site in self._guessed(call) if site.entry.kind == "loop"]
            entry = self.entry(target) or sent_at_once(self.resolver, call, target)
            if entry:
                sites.append(Site(call.node, call.scope, entry))
            edges += self._implicit(target, call.node)
            if target.loose:
                edges += self._possible(call.node, call.scope)
        self._seen(call.node, call.scope, sites)

    def _protocol(self, used: Reference, methods: tuple[str, ...], sites: list[Site]) -> None:
        """`with lock:` takes the lock, `for attempt in Retrying():` waits between the attempts."""
        value = self.resolver.value(used.node, used.scope)
        known = self.resolver.catalogue.types.get(value.name) if isinstance(value, External) and value.instance else None
        method = next((name for name in methods if known and name in known.blocks), "")
        if known and method:
            reason = known.reason or "entering or leaving the block waits: the whole block has to move together"
            entry = Entry(f"{known.name}.{method}", known.library, known.kind, "refuse", reason, False, known.thread_bound)
            sites.append(Site(used.node, used.scope, entry))

    def _operation(self, used: Reference) -> Iterator[Site]:
        """`client[key]`, `client[key] = value`, `del client[key]`, `key in client`, where the object's type asks its server for that."""
        for operand, method in operations(used.node, used.scope.owner.module.parents):
            value = self.resolver.value(operand, used.scope)
            entry = self.resolver.catalogue.operating(value.name, method) if isinstance(value, External) and value.instance else None
            if entry:
                yield Site(used.node, used.scope, entry)

    def entry(self, target: External) -> Entry | None:
        """What the catalogue knows of calling it."""
        catalogue = self.resolver.catalogue
        known = catalogue.functions.get(target.name) or catalogue.constructor(target.name)
        if target.name in RENDERING and self.registry.async_rendering:
            return Entry(target.name, "flask", "loop", "refuse", f"it runs {self.registry.async_rendering}, which fails inside a running event loop")
        if known:
            return known
        if target.instance:
            return catalogue.method(target.name, "__call__")
        owner, _, method = target.name.rpartition(".")
        return catalogue.method(owner, method) or self._touch(owner, target.name)

    def _touch(self, owner: str, name: str) -> Entry | None:
        """Work on a session that asks the database later, if at all: it is still tied to the session."""
        known = self.resolver.catalogue.types.get(owner)
        if known is None or known.kind != "orm" or "*" in known.pure and name != owner:
            return None
        return Entry(name, known.library, "orm", "leave", "it only prepares work on the database session")

    def _object(self, target: ClassValue | Instance, node: ast.AST) -> Iterator[Edge]:
        names = ("__init__", "__new__", "__post_init__", *_ENTERING) if isinstance(target, ClassValue) else ("__call__",)
        for name in names:
            for cls in self.resolver.classes.lineage(target.cls):
                if name in cls.methods:
                    yield Edge(cls.methods[name], node, "constructor", isinstance(target, ClassValue))
                    break

    def wrappers(self, function: Function, node: ast.AST) -> Iterator[Edge]:
        """The decorators of the project that may run when the function is called."""
        scope = function.scope.parent
        for decorator in function.decorators:
            target = decorator.func if isinstance(decorator, ast.Call) else decorator
            value = self.resolver.value(target, scope) if scope else None
            if isinstance(value, FunctionValue):
                yield Edge(value.function, node, "decorator", False)

    def _possible(self, call: ast.Call, scope: Scope) -> Iterator[Edge]:
        """Methods of the project that an unknown receiver may have."""
        if isinstance(call.func, ast.Attribute):
            key = (call.func.attr, shape_of(call), is_test(scope.owner.module.path))
            if key not in self._guesses:
                self._guesses[key] = tuple(self._guess(*key))
            family = self.resolver.classes.behind_super(call.func.value, scope)
            for method in self._guesses[key]:
                if family is None or method.cls in family:
                    yield Edge(method, call, "name", False)

    def _guess(self, name: str, shape: Shape | None, tested: bool) -> Iterator[Function]:
        for method in self.names.methods(name):
            handled = name in _PLAIN and method in self.registry.handlers
            if (tested or not is_test(method.module.path)) and not handled and self._signature(method).takes(shape):
                yield method

    def _signature(self, function: Function) -> Signature:
        if function not in self._signatures:
            self._signatures[function] = signature_of(function)
        return self._signatures[function]

    def _implicit(self, target: External, node: ast.AST) -> Iterator[Edge]:
        for name, functions in self.registry.implicit.items():
            if target.name == name or target.name.startswith(f"{name}."):
                for function in functions:
                    yield Edge(function, node, "implicit", False)

    def _reference(self, reference: Reference, edges: list[Edge], sites: list[Site]) -> None:
        node, scope = reference.node, reference.scope
        value = self.resolver.value(node, scope)
        if isinstance(value, FunctionValue) and value.function.kind == "function" and not reference.base:
            edges.append(Edge(value.function, node, "reference", False, is_handed(node, scope.owner.module.parents)))
        elif isinstance(value, External):
            edges += self._implicit(value, node)
            touched = self._touch(value.name, value.name) if value.instance and not reference.base else None
            touched = touched or self._thread_state(value) or self._handed_on(value, reference)
            sites += [Site(node, scope, touched)] if touched else []
        if isinstance(node, ast.Attribute):
            self._attribute(node, scope, edges, sites)
        elif isinstance(value, External | Instance | None):
            edges += self._proxied(node, scope)
        if isinstance(value, Instance):
            sites += self._own_state(value, node, scope)

    def _handed_on(self, value: External, reference: Reference) -> Entry | None:
        """`map(time.sleep, delays)`: a blocking function that somebody else is to call."""
        entry = self.resolver.catalogue.functions.get(value.name)
        if entry is None or entry.verdict == "refuse" or reference.base:
            return None
        taker = taker_of(reference.node, reference.scope.owner.module.parents)
        if isinstance(taker, ast.Assign) and _names_it(taker, reference.scope):
            return None  # every use of the name is looked at in its own place
        return None if isinstance(taker, ast.Call) and _is_moving(taker.func) else entry

    def _own_state(self, value: Instance, node: ast.AST, scope: Scope) -> Iterator[Site]:
        """An object of a class of the project that derives from such a type."""
        for base in self.resolver.classes.external_bases(value.cls):
            state = self._thread_state(External(base.name, True)) if base else None
            if state:
                yield Site(node, scope, state)

    def _thread_state(self, value: External) -> Entry | None:
        """An object such as `threading.local()`, of which every use is tied to the thread."""
        known = self.resolver.catalogue.types.get(value.name) if value.instance else None
        if known is None or not known.thread_bound or known.blocks or known.kind == "orm":
            return None
        return Entry(value.name, known.library, known.kind, "leave", known.reason, False, True)

    def _attribute(self, node: ast.Attribute, scope: Scope, edges: list[Edge], sites: list[Site]) -> None:
        base = self.resolver.value(node.value, scope)
        if isinstance(base, External) and (state := self._thread_state(base)):
            sites.append(Site(node, scope, state))
        if isinstance(base, External) and base.instance and (read := self.resolver.catalogue.reading(base.name, node.attr)):
            sites.append(Site(node, scope, read))
        for method in self.names.methods(node.attr):
            if is_property(method) and (may_be_ours(base) or isinstance(base, Instance) and self._may_be_of(method, base)):
                edges.append(Edge(method, node, "property", False))
        self._seen(node, scope, sites)

    def _may_be_of(self, method: Function, value: Instance) -> bool:
        """Whether an object of the class, of a subclass, or of a class that it is given later (`self.__class__ = …`) has the method."""
        return method.cls in self.resolver.classes.family(value.cls) or any(True for _ in self.names.stores("__class__"))

    def _proxied(self, node: ast.expr, scope: Scope) -> Iterator[Edge]:
        """`db = LocalProxy(get_db)`: every use of `db` calls `get_db`."""
        if not isinstance(node, ast.Name):
            return
        for binding in self.resolver.bindings(node.id, scope):
            maker = self._origin(binding)
            if isinstance(maker, FunctionValue):
                yield Edge(maker.function, node, "implicit", False)

    def _origin(self, binding: Binding) -> Value:
        """What a proxy stands for, followed through imports."""
        seen: set[Binding] = set()
        while binding.kind == "from" and binding not in seen:
            seen.add(binding)
            home = self.resolver.home(binding)
            bindings = home.scope.bindings.get(binding.text, []) if home else []
            if len(bindings) != 1:
                return None
            binding = bindings[0]
        if binding.kind == "assign" and isinstance(binding.node, ast.Call) and last_name(binding.node.func) == "LocalProxy" and binding.node.args:
            return self.resolver.value(binding.node.args[0], binding.scope)
        return None

    # Incoming

    def callers(self, function: Function) -> list[Caller]:
        """Everything that calls the function, may call it, or takes it as a value; registrations with Flask excepted."""
        return self._callers.of(function)


def _names_it(node: ast.Assign, scope: Scope) -> bool:
    """`fetch = requests.get`, where the name means nothing else."""
    target = node.targets[0]
    return len(node.targets) == 1 and isinstance(target, ast.Name) and target.id not in scope.outer_names and len(scope.bindings.get(target.id, [])) == 1


def _is_moving(called: ast.expr) -> bool:
    """Whether a function that is handed to that call does not run on the loop: a thread takes it, or the requests bridge."""
    return last_name(called) in _MOVING or ast.unparse(called) == f"{bridge.MODULE}.{bridge.CALL}"
