"""What one file says: its scopes, definitions, bindings, calls and references."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(eq=False, slots=True)
class Binding:
    """One way a name gets its value. `kind`: import, from, def, class, assign, annotation, param, rest (`*args`, `**kwargs`), with, for, unknown."""

    kind: str
    node: ast.AST
    scope: "Scope"
    text: str = ""


@dataclass(eq=False, slots=True)
class Scope:
    """A lexical scope. `kind`: module, class, function, lambda or comprehension."""

    kind: str
    node: ast.AST
    parent: "Scope | None"
    owner: "Function"
    cls: "Class | None" = None
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    outer_names: dict[str, str] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class Call:
    """A call expression and the scope it is evaluated in."""

    node: ast.Call
    scope: Scope

    @property
    def named(self) -> ast.expr:
        """What is called."""
        return self.node.func


@dataclass(eq=False, slots=True)
class Reference:
    """A name or attribute that is read, but not called. `base`: only an attribute is taken from it."""

    node: ast.expr
    scope: Scope
    base: bool = False

    @property
    def named(self) -> ast.expr:
        """What is read."""
        return self.node


@dataclass(eq=False, slots=True)
class Function:
    """A function, a lambda, or the body of a module (`kind` function, lambda, module)."""

    kind: str
    name: str
    qualname: str
    node: ast.AST
    module: "ModuleFacts"
    outer: "Function | None" = None
    cls: "Class | None" = None
    scope: Scope = None  # type: ignore[assignment]
    calls: list[Call] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    nested: list["Function"] = field(default_factory=list)
    returns: list[ast.expr] = field(default_factory=list)
    yields: list[ast.expr | None] = field(default_factory=list)
    handlers: list[ast.ExceptHandler] = field(default_factory=list)
    managers: list[Reference] = field(default_factory=list)
    iterated: list[Reference] = field(default_factory=list)
    operated: list[Reference] = field(default_factory=list)

    @property
    def is_async(self) -> bool:
        """Whether it is written `async def`."""
        return isinstance(self.node, ast.AsyncFunctionDef)

    @property
    def is_generator(self) -> bool:
        """Whether calling it only makes a generator."""
        return bool(self.yields)

    @property
    def line(self) -> int:
        """Line of the `def`, from 1 (1 for a module)."""
        return getattr(self.node, "lineno", 1)

    @property
    def decorators(self) -> list[ast.expr]:
        """Decorator expressions, outermost first."""
        return self.node.decorator_list if isinstance(self.node, FunctionNode) else []

    @property
    def uses(self) -> list[Call | Reference]:
        """What is called in it, then what is read."""
        return [*self.calls, *self.references]

    @property
    def place(self) -> str:
        """`path:line`, as people read it."""
        return f"{self.module.path}:{self.line}"


@dataclass(eq=False, slots=True)
class Class:
    """A class, its methods, and what its methods store on `self`."""

    name: str
    qualname: str
    node: ast.ClassDef
    module: "ModuleFacts"
    scope: Scope = None  # type: ignore[assignment]
    outer: Scope = None  # type: ignore[assignment]
    methods: dict[str, Function] = field(default_factory=dict)
    stored: dict[str, list[Binding]] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class ModuleFacts:
    """Everything known of one file on its own."""

    path: str
    tree: ast.Module
    body: Function = None  # type: ignore[assignment]
    functions: list[Function] = field(default_factory=list)
    classes: list[Class] = field(default_factory=list)
    parents: dict[ast.AST, ast.AST] = field(default_factory=dict)
    strings: list[tuple[str, int]] = field(default_factory=list)
    named: list[tuple[str, int]] = field(default_factory=list)
    templates: list[tuple[str, int]] = field(default_factory=list)
    stores: list[tuple[ast.Attribute, Binding]] = field(default_factory=list)
    items: list[tuple[ast.Subscript, Binding]] = field(default_factory=list)
    star_imports: list[Binding] = field(default_factory=list)

    @property
    def scope(self) -> Scope:
        """The module's own scope."""
        return self.body.scope

    def imported(self) -> Iterator[tuple[str, Binding]]:
        """The names that the module itself imports, each with its import."""
        for name, bindings in self.scope.bindings.items():
            yield from ((name, item) for item in bindings if item.kind in ("import", "from"))

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """Parents of `node`, innermost first."""
        current = self.parents.get(node)
        while current is not None:
            yield current
            current = self.parents.get(current)


def by_place(function: Function) -> tuple[str, int]:
    """The order of functions: by file, then by line."""
    return function.module.path, function.line


def is_local(name: str, scope: Scope | None) -> bool:
    """Whether the name, seen from that scope, belongs to a function and not to a module."""
    while scope is not None and scope.kind != "module":
        if scope.kind != "class" and name in scope.bindings and name not in scope.outer_names:
            return True
        scope = scope.parent
    return False


def first_parameter(function: Function) -> str:
    """What a method calls its object; empty where it takes nothing by its place."""
    args = function.node.args if isinstance(function.node, FunctionNode) else None
    return next((item.arg for item in [*args.posonlyargs, *args.args]), "") if args else ""


def arguments_of(call: ast.Call) -> list[ast.expr]:
    """Everything that a call is given, by place and by name."""
    return [*call.args, *(item.value for item in call.keywords)]


def asks_for_stream(call: ast.Call) -> bool:
    """Whether it is given `stream=True`, or a `stream` that is only known at run time."""
    return any(item.arg == "stream" and not (isinstance(item.value, ast.Constant) and not item.value.value) for item in call.keywords)


def assigned(binding: Binding) -> ast.AST | None:
    """The value that an assignment gives the name, with or without an annotation; None for `x: int`."""
    return binding.node.value if isinstance(binding.node, ast.AnnAssign) else binding.node


def imported_package(binding: Binding) -> str:
    """The topmost package that an import names; empty for a relative import, and for every other binding."""
    named = binding.text if binding.kind == "import" else ""
    if isinstance(binding.node, ast.ImportFrom) and not binding.node.level:
        named = binding.node.module or ""
    return named.partition(".")[0]


def caught_types(handler: ast.ExceptHandler) -> list[ast.expr]:
    """The classes that an `except` clause names."""
    if isinstance(handler.type, ast.Tuple):
        return handler.type.elts
    return [handler.type] if handler.type is not None else []


def last_name(node: ast.AST) -> str:
    """The last identifier of `a.b.c` or `a.b.c(...)`; empty where there is none."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr
    return last_name(node.func) if isinstance(node, ast.Call) else ""
