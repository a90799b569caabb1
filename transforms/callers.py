"""Who calls a function, surely or possibly: proved calls, values, strings, templates, computed names, replacements."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from transforms.embedded import STUBS
from transforms.escapes import Escapes
from transforms.facts import Binding, Call, Class, Function, Reference, Scope, last_name
from transforms.holding import held
from transforms.layout import is_test
from transforms.names import Mention
from transforms.registry import Handler, Registry
from transforms.resolve import Resolver
from transforms.searches import Search, find_searches, may_find
from transforms.signature import fits
from transforms.tables import is_only_looked_at
from transforms.templates import ANY
from transforms.values import NOTHING, ClassValue, FunctionValue, Instance, ModuleValue, Value, may_be_ours

_TABLES = {"view_functions": "view", "before_request_funcs": "hook", "after_request_funcs": "hook", "error_handler_spec": "error handler"}


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


class Callers:
    """The heart of safety: a function becomes async only if each of its callers is a proved call that can await."""

    def __init__(self, resolver: Resolver, registry: Registry, unread: Unread, escapes: Escapes) -> None:
        self.resolver = resolver
        self.registry = registry
        self.unread = unread
        self.escapes = escapes
        self.names = resolver.names
        self._known: dict[Function, list[Caller]] = {}
        self._found: list[Search] | None = None
        self._strings: list[tuple[Mention, Value]] | None = None
        self._entries: list[tuple[str, Class]] | None = None
        self._registered = {node for handler in registry.handlers.values() for node in handler.registrations}

    def of(self, function: Function) -> list[Caller]:
        """Everything that calls the function, may call it, or takes it as a value; registrations with Flask excepted."""
        if function not in self._known:
            self._known[function] = self._find(function)
        return self._known[function]

    def _find(self, function: Function) -> list[Caller]:
        found: list[Caller] = []
        for owner, use in self.names.everywhere(function.name):
            found += self._use(function, owner, use)
        found += self._mentions(function)
        return sorted(found, key=lambda caller: (caller.path, caller.line, caller.column, caller.why))

    def _use(self, function: Function, owner: Function, use: Call | Reference) -> Iterator[Caller]:
        node = use.named
        if node in self._registered:
            return
        value = self.resolver.value(node, use.scope)
        if isinstance(value, FunctionValue) and value.function is function:
            if isinstance(use, Call):
                yield _caller(owner, use.node, True)
            else:
                yield _caller(owner, node, False, "is passed on as a value")
        elif may_be_ours(value) and self._may_mean(function, node, use.scope) and not (isinstance(use, Call) and not self._fits(use, function)):
            yield _caller(
                owner,
                use.node,
                False,
                "may be meant by a call on an object of unknown type" if isinstance(use, Call) else "may be taken from an object of unknown type",
            )

    def _fits(self, use: Call, function: Function) -> bool:
        """Whether the call may be one of the function: also `kinds["a"].allowed(thing)`, on the class that has it."""
        if fits(use.node, function):
            return True
        first = self.resolver.value(use.node.args[0], use.scope) if use.node.args and function.cls else NOTHING
        ours = may_be_ours(first) or (isinstance(first, Instance) and function.cls is not None and self.resolver.classes.related(first.cls, function.cls))
        return ours and fits(use.node, function, unbound=True)

    def _may_mean(self, function: Function, node: ast.expr, scope: Scope) -> bool:
        """Whether an expression of unknown value, with a right last name, may be the function."""
        if isinstance(node, ast.Attribute):
            base = self.resolver.value(node.value, scope)
            if isinstance(base, ModuleValue):
                return True
            family = self.resolver.classes.behind_super(node.value, scope)
            if family is not None and function.cls is not None:
                return function.cls in family
            if isinstance(base, Instance | ClassValue) and function.cls is not None and self._has_its_own(base.cls, node.attr):
                return self._is_of(base.cls, function.cls)
            return function.cls is not None or function.module.path in self.escapes.loose_modules()
        bindings = self.resolver.bindings(last_name(node), scope)
        if not bindings:
            return bool(scope.owner.module.star_imports)
        return any(self._may_bind(binding, function) for binding in bindings)

    def _has_its_own(self, cls: Class, name: str) -> bool:
        """Whether objects of the class keep something under that name. A method of another class that is put there is taken from its object first, which is a use of its own."""
        return any(name in current.stored or name in current.scope.bindings for current in self.resolver.classes.lineage(cls))

    def _is_of(self, cls: Class, owner: Class) -> bool:
        """Whether an object that is of the one class, or of one below, may be of the other too, or be given another class."""
        classes = self.resolver.classes
        below = [cls, *classes.descendants(cls)]
        return any(owner in classes.lineage(current) for current in below) or any(True for _ in self.names.stores("__class__"))

    def _may_bind(self, binding: Binding, function: Function) -> bool:
        value = self.resolver.bound(binding)
        if may_be_ours(value):
            return binding.kind == "from"
        return isinstance(value, FunctionValue) and value.function is function

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
                return function.cls is not None and self.resolver.classes.related(base.cls, function.cls)
        loose = function.cls is not None or function.module.path in self.escapes.loose_modules()
        return may_be_ours(base) and loose

    def _named_values(self, function: Function) -> Iterator[Caller]:
        """Dotted strings that mean the function, or an object or module that has it: mock targets, import strings."""
        if self._strings is None:
            self._strings = list(self._resolve_strings())
        for mention, value in self._strings:
            means = isinstance(value, FunctionValue) and value.function is function
            module = isinstance(value, ModuleValue) and is_test(mention.path)
            if means or ((module or isinstance(value, Instance | ClassValue)) and self._holds(value, function)):
                why = "is named in a string" if means else "stands in a module or class that is named in a string"
                yield Caller(mention.path, mention.line, 0, False, why, self.resolver.modules[mention.path].body)

    def _resolve_strings(self) -> Iterator[tuple[Mention, Value]]:
        for table in self.names.tables:
            for name, mentions in table.mentions.items():
                for mention in mentions:
                    found = self.resolver.layout.find(mention.head, mention.path) if mention.head else None
                    if found:
                        yield mention, self.resolver.attribute(ModuleValue(found), name)

    def _unread(self, function: Function, handled: bool) -> Iterator[Caller]:
        place = self.unread.template_names.get(function.name)
        computed = self.unread.template_names.get(ANY)
        if (place or computed) and function.cls and not handled:
            path, _, line = (place or computed or "").rpartition(":")
            yield Caller(path, int(line), 0, False, "is named in a template" if place else "may be called by a template under a computed name")
        entry = self.unread.entry_points.get(function.name) or (function.cls and self._started(function.cls))
        if entry and not handled:
            path, _, line = entry.rpartition(":")
            yield Caller(path, int(line), 0, False, "is named as an entry point")
        pattern = re.compile(rb"\b" + re.escape(function.name.encode()) + rb"\b")
        for path, text in sorted(self.unread.texts.items()):
            if path.endswith(STUBS) and (handled or path.removesuffix("i") != function.module.path):
                continue
            if found := pattern.search(text):
                why = "is named in a file that could not be read" if path.endswith(".py") else "is named in code that is not followed"
                yield Caller(path, text.count(b"\n", 0, found.start()) + 1, 0, False, why)

    def _started(self, cls: Class) -> str:
        """The entry point that names the class, an object of it or a function that gives one; empty when none does."""
        if self._entries is None:
            modules = self.resolver.modules.values()
            named = [(place, module.scope.bindings.get(name, ())) for name, place in self.unread.entry_points.items() for module in modules]
            self._entries = [(place, item) for place, bindings in named for binding in bindings for item in self._offered(self.resolver.bound(binding))]
        return next((place for place, item in self._entries if self.resolver.classes.related(item, cls)), "")

    def _offered(self, value: Value) -> Iterator[Class]:
        """The classes of the project of which code that is given the value gets hold."""
        if isinstance(value, Instance | ClassValue):
            yield value.cls
        elif isinstance(value, FunctionValue):
            for node in [*value.function.returns, *value.function.yields]:
                if node is not None:
                    yield from held(self.resolver, node, value.function.scope)

    def _tables(self, handler: Handler) -> Iterator[Caller]:
        """`app.view_functions[...]` and its like, from which the handler may be taken and called."""
        for name in (table for table, slot in _TABLES.items() if slot == handler.slot or (slot == "view" and handler.slot == "class-based view")):
            for owner, use in self.names.uses(name):
                node = use.named
                item = owner.module.parents.get(node)
                key = item.slice if isinstance(item, ast.Subscript) else None
                adds = isinstance(item, ast.Attribute) and item.attr == "setdefault" or isinstance(item, ast.Subscript) and isinstance(item.ctx, ast.Store)
                if adds or name == "view_functions" and is_only_looked_at(owner, node):
                    continue
                if not (isinstance(key, ast.Constant) and isinstance(key.value, str) and key.value not in (handler.endpoint, handler.function.name)):
                    yield _caller(owner, node, False, f"may be taken from {name}")

    def _searches(self, function: Function, handled: bool) -> Iterator[Caller]:
        if self._found is None:
            self._found = find_searches(self.resolver)
        for search in self._found:
            if may_find(self.resolver, search, function, handled):
                yield _caller(search.owner, search.node, False, "may be taken by a computed name")
