"""The call graph: what a function calls, surely or possibly, and who calls it, surely or possibly."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from transforms.catalogue import Entry
from transforms.facts import Binding, Call, Class, Function, FunctionNode, ModuleFacts, Reference, Scope, last_name
from transforms.layout import is_test
from transforms.names import Mention
from transforms.registry import RENDERING, Handler, Registry
from transforms.resolve import Resolver, is_property
from transforms.searches import Search, find_searches, may_find, related
from transforms.values import ClassValue, External, FunctionValue, Instance, ModuleValue, Value

# Names that builtin containers and strings have too: an unknown `x.get()` is then hardly a view class.
_PLAIN = {name for kind in (dict, list, set, str, bytes, tuple, int) for name in dir(kind)}
_TABLES = {"view_functions": "view", "before_request_funcs": "hook", "after_request_funcs": "hook", "error_handler_spec": "error handler"}
_CURSOR = {"execute", "executemany", "executescript", "cursor", "commit", "rollback", "fetchone", "fetchall", "fetchmany"}
_LOOKING = {"isinstance", "issubclass", "type", "id", "repr", "str", "len", "bool", "hash", "print", "super", "cast", "field", "TypeVar"}
_ENTERING = ("__enter__", "__exit__")


@dataclass(frozen=True)
class Edge:
    """From a function to one that it runs. `how`: call, constructor, property, reference, nested, implicit, name.

    Only `how == "call"` with `sure` is a call that is proved to reach exactly this function.
    """

    target: Function
    node: ast.AST
    how: str
    sure: bool


@dataclass(frozen=True)
class Site:
    """A call of something that the catalogue knows."""

    node: ast.AST
    scope: Scope
    entry: Entry


@dataclass(frozen=True)
class Caller:
    """A use of a function: a proved call, or something that may call it (`why` says what).

    `function` is None where the use stands in no code that was read: a template, a file that cannot be parsed.
    """

    path: str
    line: int
    column: int
    sure: bool
    why: str = ""
    function: Function | None = None
    node: ast.AST | None = None

    @property
    def place(self) -> str:
        """`path:line`."""
        return f"{self.path}:{self.line}"

    @property
    def name(self) -> str:
        """The function that holds the use, as people read it."""
        return self.function.qualname if self.function else ""


def _caller(function: Function, node: ast.AST, sure: bool, why: str = "") -> Caller:
    return Caller(function.module.path, getattr(node, "lineno", 1), getattr(node, "col_offset", 0), sure, why, function, node)


@dataclass(frozen=True)
class Unread:
    """What is known of files that are not Python or could not be parsed: names in templates, and raw texts by path."""

    template_names: Mapping[str, str]
    entry_points: Mapping[str, str]
    texts: Mapping[str, bytes]


class Graph:
    """Edges are computed when first asked for: most of a program is never reached from a handler."""

    def __init__(self, resolver: Resolver, registry: Registry, unread: Unread) -> None:
        self.resolver = resolver
        self.unread = unread
        self._found: list[Search] | None = None
        self._strings: list[tuple[Mention, Value]] | None = None
        self.registry = registry
        self.names = resolver.names
        self._out: dict[Function, tuple[list[Edge], list[Site]]] = {}
        self._unknown: dict[Function, list[ast.Call]] = {}
        self._registered = {node for handler in registry.handlers.values() for node in handler.registrations}
        self._handed: dict[Class, str] | None = None
        self._loose: frozenset[str] | None = None

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
                self._manager(manager, found[1])
            for nested in function.nested:
                found[0].append(Edge(nested, nested.node, "nested", False))
            found[0].sort(key=lambda edge: (getattr(edge.node, "lineno", 0), getattr(edge.node, "col_offset", 0), edge.how))
        return found

    def _call(self, call: Call, edges: list[Edge], sites: list[Site]) -> None:
        target = self.resolver.value(call.node.func, call.scope)
        if target is None:
            self._unknown.setdefault(call.scope.owner, []).append(call.node)
            sites += self._guessed(call)
            edges += self._possible(call.node, call.node.func, call.scope)
        elif isinstance(target, FunctionValue):
            edges.append(Edge(target.function, call.node, "call", True))
            edges += self._wrappers(target.function, call.node)
        elif isinstance(target, ClassValue | Instance):
            edges += self._object(target, call.node)
        elif isinstance(target, External):
            sites += [site for site in self._guessed(call) if site.entry.kind == "loop"]
            entry = self.entry(target)
            if entry:
                sites.append(Site(call.node, call.scope, entry))
            edges += self._implicit(target, call.node)

    def _manager(self, manager: Reference, sites: list[Site]) -> None:
        """`with lock:` takes the lock."""
        value = self.resolver.value(manager.node, manager.scope)
        if isinstance(value, External) and value.instance:
            known = self.resolver.catalogue.types.get(value.name)
            waits = next((name for name in _ENTERING if known and name in known.blocks), "")
            if known and waits:
                reason = known.reason or "entering or leaving the block waits: the whole block has to move together"
                sites.append(
                    Site(manager.node, manager.scope, Entry(f"{known.name}.{waits}", known.library, known.kind, "refuse", reason, False, known.thread_bound))
                )

    def entry(self, target: External) -> Entry | None:
        """What the catalogue knows of calling it."""
        catalogue = self.resolver.catalogue
        known = catalogue.functions.get(target.name) or catalogue.constructor(target.name)
        if target.name in RENDERING and self.registry.async_rendering:
            return Entry(target.name, "flask", "loop", "refuse", f"it runs {self.registry.async_rendering}, which fails inside a running event loop")
        if known:
            return known
        owner, _, method = target.name.rpartition(".")
        return catalogue.method(owner, method) or self._touch(owner, target.name)

    def _touch(self, owner: str, name: str) -> Entry | None:
        """Work on a session that asks the database later, if at all: it is still tied to the session."""
        known = self.resolver.catalogue.types.get(owner)
        if known is None or known.kind != "orm":
            return None
        return Entry(name, known.library, "orm", "leave", "it only prepares work on the database session")

    def _object(self, target: ClassValue | Instance, node: ast.AST) -> Iterator[Edge]:
        names = ("__init__", "__new__", "__post_init__", *_ENTERING) if isinstance(target, ClassValue) else ("__call__",)
        for name in names:
            for cls in self.resolver.lineage(target.cls):
                if name in cls.methods:
                    yield Edge(cls.methods[name], node, "constructor", isinstance(target, ClassValue))
                    break

    def _wrappers(self, function: Function, node: ast.AST) -> Iterator[Edge]:
        scope = function.scope.parent
        for decorator in function.decorators:
            target = decorator.func if isinstance(decorator, ast.Call) else decorator
            value = self.resolver.value(target, scope) if scope else None
            if isinstance(value, FunctionValue):
                yield Edge(value.function, node, "decorator", False)

    def _possible(self, node: ast.AST, target: ast.expr, scope: Scope) -> Iterator[Edge]:
        """Methods of the project that an unknown receiver may have."""
        if not isinstance(target, ast.Attribute):
            return
        for method in self.names.methods(target.attr):
            handled = method in self.registry.handlers
            if self._same_world(method, scope) and not (target.attr in _PLAIN and handled) and (not isinstance(node, ast.Call) or fits(node, method)):
                yield Edge(method, node, "name", False)

    @staticmethod
    def _same_world(target: Function, scope: Scope) -> bool:
        return not is_test(target.module.path) or is_test(scope.owner.module.path)

    def _implicit(self, target: External, node: ast.AST) -> Iterator[Edge]:
        for name, functions in self.registry.implicit.items():
            if target.name == name or target.name.startswith(f"{name}."):
                for function in functions:
                    yield Edge(function, node, "implicit", False)

    def _reference(self, reference: Reference, edges: list[Edge], sites: list[Site]) -> None:
        node, scope = reference.node, reference.scope
        value = self.resolver.value(node, scope)
        if isinstance(value, FunctionValue) and value.function.kind == "function" and not reference.base:
            edges.append(Edge(value.function, node, "reference", False))
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
        return entry if entry and entry.verdict == "wrap" and not reference.base and not self._is_moved(reference) else None

    def _is_moved(self, reference: Reference) -> bool:
        """`asyncio.to_thread(time.sleep, 1)` and its other spellings: it is handed to a thread, where it blocks nobody."""
        parents = reference.scope.owner.module.parents
        call = parents.get(reference.node)
        while isinstance(call, ast.Call) and self.resolver.value(call.func, reference.scope) == External("functools.partial"):
            call = parents.get(call)
        if not isinstance(call, ast.Call):
            return False
        value = self.resolver.value(call.func, reference.scope)
        return last_name(call.func) == "run_in_executor" or value in (External("asyncio.to_thread"), External("asgiref.sync.sync_to_async"))

    def _own_state(self, value: Instance, node: ast.AST, scope: Scope) -> Iterator[Site]:
        """An object of a class of the project that derives from such a type."""
        for base in self.resolver.external_bases(value.cls):
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
        for method in self.names.methods(node.attr):
            if is_property(method) and (base is None or isinstance(base, Instance) and method.cls in self.resolver.lineage(base.cls)):
                edges.append(Edge(method, node, "property", False))

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
        while binding.kind == "from" and isinstance(binding.node, ast.ImportFrom) and binding not in seen:
            seen.add(binding)
            home = self._home(binding.node, binding.scope)
            bindings = home.scope.bindings.get(binding.text, []) if home else []
            if len(bindings) != 1:
                return None
            binding = bindings[0]
        if binding.kind == "assign" and isinstance(binding.node, ast.Call) and last_name(binding.node.func) == "LocalProxy" and binding.node.args:
            return self.resolver.value(binding.node.args[0], binding.scope)
        return None

    def _home(self, node: ast.ImportFrom, scope: Scope) -> ModuleFacts | None:
        layout, importer = self.resolver.layout, scope.owner.module.path
        path = layout.relative(importer, node.level, node.module or "") if node.level else layout.find(node.module or "", importer)
        return self.resolver.modules.get(path or "")

    # Incoming

    def callers(self, function: Function) -> list[Caller]:
        """Everything that calls the function, may call it, or takes it as a value; registrations with Flask excepted."""
        found: list[Caller] = []
        for name in sorted(self.names.spellings(function.name)):
            for owner, use in self.names.uses(name):
                found += self._use(function, owner, use)
        found += self._mentions(function)
        return sorted(found, key=lambda caller: (caller.path, caller.line, caller.column, caller.why))

    def _use(self, function: Function, owner: Function, use: Call | Reference) -> Iterator[Caller]:
        node = use.node.func if isinstance(use, Call) else use.node
        if node in self._registered:
            return
        value = self.resolver.value(node, use.scope)
        if isinstance(value, FunctionValue) and value.function is function:
            if isinstance(use, Call):
                yield _caller(owner, use.node, True)
            else:
                yield _caller(owner, node, False, "is passed on as a value")
        elif value is None and self._may_mean(function, node, use.scope) and not (isinstance(use, Call) and not fits(use.node, function)):
            yield _caller(
                owner,
                use.node,
                False,
                "may be meant by a call on an object of unknown type" if isinstance(use, Call) else "may be taken from an object of unknown type",
            )

    def _may_mean(self, function: Function, node: ast.expr, scope: Scope) -> bool:
        """Whether an expression of unknown value, with a right last name, may be the function."""
        if isinstance(node, ast.Attribute):
            base = self.resolver.value(node.value, scope)
            if isinstance(base, ModuleValue):
                return True
            return function.cls is not None or function.module.path in self.loose_modules()
        bindings = self.resolver.bindings(last_name(node), scope)
        if not bindings:
            return bool(scope.owner.module.star_imports)
        return any(self._may_bind(binding, function) for binding in bindings)

    def _may_bind(self, binding: Binding, function: Function) -> bool:
        value = self.resolver.bound(binding)
        if value is None:
            return binding.kind == "from"
        return isinstance(value, FunctionValue) and value.function is function

    def handed_out(self, cls: Class) -> str:
        """Where an object of the class, or the class, is an argument of a call that leaves the project; empty when nowhere."""
        if self._handed is None:
            self._handed = dict(self._find_handed())
        family = [cls, *self.resolver.lineage(cls), *self.resolver.descendants(cls)]
        return next((self._handed[item] for item in family if item in self._handed), "")

    def _find_handed(self) -> Iterator[tuple[Class, str]]:
        for path in sorted(self.resolver.modules):
            module = self.resolver.modules[path]
            for owner in [module.body, *module.functions]:
                for call in owner.calls:
                    target = self.resolver.value(call.node.func, call.scope)
                    if isinstance(target, External | None) and last_name(call.node.func) not in _LOOKING:
                        for argument in [*call.node.args, *(item.value for item in call.node.keywords)]:
                            value = self.resolver.value(argument, call.scope)
                            if isinstance(value, Instance | ClassValue):
                                yield value.cls, f"{path}:{call.node.lineno}"

    def loose_modules(self) -> frozenset[str]:
        """Modules of the project that are used as values, so that any of their functions may be taken from them."""
        if self._loose is None:
            self._loose = frozenset(self._find_loose())
        return self._loose

    def _find_loose(self) -> Iterator[str]:
        for module in self.resolver.modules.values():
            imported = {name for name, bindings in module.scope.bindings.items() if any(item.kind in ("import", "from") for item in bindings)}
            for owner in [module.body, *module.functions]:
                for reference in owner.references:
                    if not reference.base and isinstance(reference.node, ast.Name) and reference.node.id in imported:
                        value = self.resolver.value(reference.node, reference.scope)
                        if isinstance(value, ModuleValue):
                            yield value.path

    def _mentions(self, function: Function) -> Iterator[Caller]:
        """Strings that name the function: mock targets, import strings, `getattr`."""
        module = function.module
        handler = self.registry.handlers.get(function)
        tails = {self.resolver.layout.module_name(module.path).rpartition(".")[2]}
        if function.cls:
            tails = {function.cls.name}
        yield from self._searches(function, handler is not None)
        if handler and handler.awaited:
            yield from self._tables(handler)
        yield from self._unread(function, handler is not None)
        yield from self._replaced(function)
        yield from self._named_values(function)
        for mention in self.names.mentions(function.name):
            if handler and (mention.loose or (mention.head and f".{mention.head}.{function.name}".endswith(f".{handler.endpoint}"))):
                continue  # an endpoint, as in url_for()
            tested = is_test(mention.path) and not handler
            if not mention.head or tested or mention.head.rpartition(".")[2] in tails:
                yield Caller(mention.path, mention.line, 0, False, "is named in a string", self.resolver.modules[mention.path].body)

    def _replaced(self, function: Function) -> Iterator[Caller]:
        """`services.fetch = fake`, `Service.fetch = fake`, `views.services = fake`: what is called then is another."""
        stem = self.resolver.layout.module_name(function.module.path).rpartition(".")[2]
        for target, binding in self.names.stores(stem):
            if isinstance(self.resolver.value(target.value, binding.scope), ModuleValue):
                yield _caller(binding.scope.owner, target, False, "stands in a module that is replaced by an assignment")
        for target, binding in self.names.stores(function.name):
            base = self.resolver.value(target.value, binding.scope)
            if self._holds(base, function):
                yield _caller(binding.scope.owner, target, False, "is replaced by an assignment")

    def _holds(self, base: Value, function: Function) -> bool:
        match base:
            case ModuleValue():
                return function.cls is None and base.path == function.module.path
            case ClassValue() | Instance():
                return function.cls is not None and related(self.resolver, base.cls, function.cls)
            case None:
                return function.cls is not None or function.module.path in self.loose_modules()
        return False

    def _named_values(self, function: Function) -> Iterator[Caller]:
        """Dotted strings that mean the function, or an object or module that has it: mock targets, import strings."""
        if self._strings is None:
            self._strings = list(self._resolve_strings())
        for mention, value in self._strings:
            means = isinstance(value, FunctionValue) and value.function is function
            module = isinstance(value, ModuleValue) and is_test(mention.path)
            if means or ((module or isinstance(value, Instance | ClassValue)) and self._holds(value, function)):
                yield Caller(mention.path, mention.line, 0, False, "is named in a string", self.resolver.modules[mention.path].body)

    def _resolve_strings(self) -> Iterator[tuple[Mention, Value]]:
        for table in self.names.tables:
            for name, mentions in table.mentions.items():
                for mention in mentions:
                    found = self.resolver.layout.find(mention.head, mention.path) if mention.head else None
                    if found:
                        yield mention, self.resolver.attribute(ModuleValue(found), name)

    def _unread(self, function: Function, handled: bool) -> Iterator[Caller]:
        place = self.unread.template_names.get(function.name)
        if place and function.cls and not handled:
            path, _, line = place.rpartition(":")
            yield Caller(path, int(line), 0, False, "is named in a template")
        entry = self.unread.entry_points.get(function.name)
        if entry and not handled:
            path, _, line = entry.rpartition(":")
            yield Caller(path, int(line), 0, False, "is named as an entry point")
        pattern = re.compile(rb"\b" + re.escape(function.name.encode()) + rb"\b")
        for path, text in sorted(self.unread.texts.items()):
            if found := pattern.search(text):
                yield Caller(path, text.count(b"\n", 0, found.start()) + 1, 0, False, "is named in a file that could not be read")

    def _tables(self, handler: Handler) -> Iterator[Caller]:
        """`app.view_functions[...]` and its like, from which the handler may be taken and called."""
        for name in (table for table, slot in _TABLES.items() if slot == handler.slot or (slot == "view" and handler.slot == "class-based view")):
            for owner, use in self.names.uses(name):
                node = use.node.func if isinstance(use, Call) else use.node
                item = owner.module.parents.get(node)
                key = item.slice if isinstance(item, ast.Subscript) else None
                adds = isinstance(item, ast.Attribute) and item.attr == "setdefault" or isinstance(item, ast.Subscript) and isinstance(item.ctx, ast.Store)
                if adds:
                    continue
                if not (isinstance(key, ast.Constant) and isinstance(key.value, str) and key.value not in (handler.endpoint, handler.function.name)):
                    yield _caller(owner, node, False, f"may be taken from {name}")

    def _searches(self, function: Function, handled: bool) -> Iterator[Caller]:
        if self._found is None:
            self._found = find_searches(self.resolver)
        for search in self._found:
            if may_find(self.resolver, search, function, handled):
                yield _caller(search.owner, search.node, False, "may be taken by a computed name")


def fits(call: ast.Call, function: Function) -> bool:
    """Whether the function's signature takes the call's arguments; a method is taken as bound."""
    if (
        not isinstance(function.node, FunctionNode)
        or any(isinstance(item, ast.Starred) for item in call.args)
        or any(item.arg is None for item in call.keywords)
    ):
        return True
    arguments = function.node.args
    names = [item.arg for item in [*arguments.posonlyargs, *arguments.args]][1 if function.cls else 0 :]
    if "staticmethod" in {last_name(item) for item in function.decorators} or (function.decorators and not function.cls):
        return True
    given = [item.arg for item in call.keywords]
    if len(call.args) > len(names) and not arguments.vararg:
        return False
    allowed = {*names, *(item.arg for item in arguments.kwonlyargs)}
    return bool(arguments.kwarg) or all(name in allowed for name in given)
