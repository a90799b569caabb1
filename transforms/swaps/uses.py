"""What becomes of every use of a client, and of what it gives, in one function: the edits, or the first use that has no form.

An object is followed by what the catalogue says of its type: through names, methods that give pipelines, cursors and
collections, `with`, `for`, comprehensions, `list(…)`. A use that is not followed stops the whole swap: half a swap
would mix coroutines with values.
"""

import ast
from dataclasses import dataclass, field

from transforms.catalogue.library import Swap as Row
from transforms.edits import AsyncBlock, AsyncLoop, AwaitCall, AwaitTwin, AwaitValue, Collect, Edit, Unthread, place_of
from transforms.facts import Function, FunctionNode
from transforms.index import Index
from transforms.placement import free_name, is_awaited
from transforms.values import External

STREAM = Row("an asynchronous iterator", "", "", iterates=True, context="", closes=frozenset())
NOT_SAME, LEAVES = "C213", "C214"
_COLLECTING = {"builtins.list": True, "builtins.tuple": False, "builtins.set": False, "builtins.frozenset": False, "builtins.sorted": False}
_LOOKING = {"builtins.len": "len", "builtins.bool": "bool", "builtins.next": "next()", "builtins.iter": "iter()"}
_NESTED = (*FunctionNode.__args__, ast.Lambda, ast.ClassDef)


class Stop(Exception):
    """A use that has no asynchronous form: rule code, node, and the reason as a clause."""

    def __init__(self, code: str, node: ast.AST, reason: str) -> None:
        super().__init__(reason)
        self.code, self.node, self.reason = code, node, reason


@dataclass
class Uses:
    """All that is found by following one client. `awaited` are the expressions that will stand under `await` or `async`."""

    index: Index
    function: Function
    root: Row
    edits: dict[Edit, None] = field(default_factory=dict)
    awaited: list[ast.expr] = field(default_factory=list)
    blocks: list[ast.With] = field(default_factory=list)
    names: dict[str, Row] = field(default_factory=dict)
    seeds: set[ast.AST] = field(default_factory=set)
    calls: list[ast.Call] = field(default_factory=list)
    items: set[ast.withitem] = field(default_factory=set)
    closed: bool = False

    def finish(self) -> None:
        """What can only be said of all uses together; raises Stop."""
        for block in self.blocks:
            if not self.items.issuperset(block.items):
                raise Stop(NOT_SAME, block.items[0].context_expr, "`with` enters something else at once: write one `with` for each")

    def follow(self, node: ast.expr, row: Row) -> None:
        """One expression that gives an object of that type; raises Stop."""
        parent = self.function.module.parents.get(node)
        match parent:
            case ast.Attribute():
                self._attribute(parent, row)
            case ast.Subscript() if parent.value is node:
                self._subscript(parent, row)
            case ast.Call() if parent.func is node:
                self._method(parent, "__call__", row)
            case ast.Call() | ast.keyword():
                self._argument(node, parent, row)
            case ast.Assign() if parent.value is node:
                self._assigned(parent.targets, row)
            case ast.AnnAssign(target=ast.Name() as target) if parent.value is node:
                self._assigned([target], row)
            case ast.withitem() if parent.context_expr is node:
                self._entered(parent, row)
            case ast.For() if parent.iter is node:
                self._loop(node, row)
            case ast.comprehension() if parent.iter is node:
                self._comprehension(node, parent, row)
            case ast.Expr():
                return
            case ast.Compare() if self._is_identity(parent):
                return
            case _:
                raise Stop(*self._odd(node, parent, row))

    # Members

    def _attribute(self, node: ast.Attribute, row: Row) -> None:
        parent = self.function.module.parents.get(node)
        if isinstance(node.ctx, ast.Store) and node.attr in row.settable and isinstance(parent, ast.Assign):
            return
        if not isinstance(node.ctx, ast.Load):
            raise Stop(NOT_SAME, node, f"`.{node.attr}` is set on it, which is not proved to mean the same")
        if isinstance(parent, ast.Call) and parent.func is node and not self._is_attribute(node.attr, row):
            self._method(parent, node.attr, row)
        elif isinstance(parent, ast.Call) and node in parent.args[:1] and self._moves(parent):
            self._threaded(parent, node.attr, row)
        elif node.attr in row.properties:
            self._await(node, AwaitValue(place_of(node)))
        elif node.attr in row.same:
            return
        elif (kind := row.attributes.get(node.attr) or row.attributes.get("*")) and not row.has_method(node.attr):
            self.follow(node, self._row(kind, node))
        else:
            raise Stop(NOT_SAME, node, f"`.{node.attr}` is not proved to mean the same")

    @staticmethod
    def _is_attribute(name: str, row: Row) -> bool:
        """`client.users(…)`: called like a method, and no method that is known."""
        return name in row.attributes and not row.has_method(name)

    def _subscript(self, node: ast.Subscript, row: Row) -> None:
        operation = {ast.Store: "[]=", ast.Del: "del []"}.get(type(node.ctx), "[]")
        if operation == "[]" and "[]" in row.same:
            return
        kind = row.attributes.get("[]") if operation == "[]" else None
        if kind is None:
            raise Stop(NOT_SAME, node, self._operation(operation, row))
        self.follow(node, self._row(kind, node))

    def _operation(self, operation: str, row: Row) -> str:
        shown = {"[]": "`x[…]`", "[]=": "`x[…] = …`", "del []": "`del x[…]`", "in": "`in`", "for": "`for`", "len": "`len()`", "bool": "its truth", "==": "`==`"}
        return row.refused.get(operation) or f"{shown.get(operation, operation)} does not work on {row.target or row.type}"

    def _method(self, call: ast.Call, name: str, row: Row) -> None:
        """A call of a method of the object."""
        if name in row.refused:
            raise Stop(NOT_SAME, call, f".{name}(): {row.refused[name]}")
        if is_awaited(self.function, call):
            raise Stop(NOT_SAME, call, f".{name}() is awaited already")
        self._check_arguments(call, row)
        self.calls.append(call)
        self.closed = self.closed or row is self.root and name in row.closes
        if name in row.iterators:
            self.follow(call, STREAM)
        elif name in row.plain:
            self._given(call, name, row)
        elif name in row.methods or "*" in row.methods and not name.startswith("_"):
            new = row.rename.get(name, f"{name}{row.suffix}")
            self._await(call, AwaitTwin(place_of(call), new) if new != name else AwaitCall(place_of(call)))
            self._given(call, name, row)
        elif "*" in row.plain and not name.startswith("_"):
            self._given(call, name, row)
        else:
            raise Stop(NOT_SAME, call, f".{name}() is not proved to be the same when awaited")

    @staticmethod
    def _check_arguments(call: ast.Call, row: Row) -> None:
        """Raise Stop where an argument of a method does not mean the same, or one of `**` may not."""
        for keyword in call.keywords if row.without else []:
            if keyword.arg is None or keyword.arg in row.without:
                raise Stop(NOT_SAME, call, f"its argument {keyword.arg or '**'} is not proved to mean the same")

    def _given(self, call: ast.Call, name: str, row: Row) -> None:
        """What the method gives is followed when it needs the server again."""
        kind = self._flagged(call, row) or self.gives(name, row)
        if kind:
            self.follow(call, self._row(kind, call))

    def _flagged(self, call: ast.Call, row: Row) -> str:
        """The type that `stream=True` makes of the result; raises Stop where that is decided at run time."""
        for keyword in call.keywords if row.flags else []:
            if keyword.arg is None:
                raise Stop(NOT_SAME, call, "`**` may hold an argument on which the kind of the result depends")
            if keyword.arg in row.flags and not isinstance(keyword.value, ast.Constant):
                raise Stop(NOT_SAME, call, f"the kind of the result depends on {keyword.arg}, which is only known at run time")
            if keyword.arg in row.flags and keyword.value.value:  # type: ignore[attr-defined]
                return row.flags[keyword.arg]
        return ""

    def gives(self, name: str, row: Row) -> str:
        """The type of what a method gives; empty for plain values."""
        known = self.index.catalogue.types.get(row.type)
        every = row.returns.get("*", "") if name not in row.methods else ""
        return row.returns.get(name) or every or (known.returns.get(name, "") if known else "")

    def _row(self, kind: str, node: ast.AST) -> Row:
        row = self.index.catalogue.swaps.get(self._known(kind))
        if row is None:
            raise Stop(NOT_SAME, node, f"what it gives, {kind}, has no asynchronous form that is proved")
        return row

    def _await(self, node: ast.expr, edit: Edit) -> None:
        self.edits[edit] = None
        self.awaited.append(node)

    # Calls that a run before moved to a thread

    def _moves(self, call: ast.Call) -> bool:
        value = self.index.resolver.value(call.func, self.function.scope)
        return value == External("asyncio.to_thread") and is_awaited(self.function, call)

    def _threaded(self, call: ast.Call, name: str, row: Row) -> None:
        if name in row.refused:
            raise Stop(NOT_SAME, call, f".{name}(): {row.refused[name]}")
        awaited = name in row.methods or "*" in row.methods and not name.startswith("_")
        if not awaited or name in row.plain | row.iterators or self.gives(name, row) or self._flagged(call, row):
            raise Stop(NOT_SAME, call, f".{name}() is not proved to be the same when awaited")
        self._check_arguments(call, row)
        new = row.rename.get(name, f"{name}{row.suffix}")
        self.closed = self.closed or row is self.root and name in row.closes
        self.calls.append(call)
        self._await(call, Unthread(place_of(call), new if new != name else ""))

    # Names

    def _assigned(self, targets: list[ast.expr], row: Row) -> None:
        for target in targets:
            if not isinstance(target, ast.Name):
                kept = "it is kept in a container" if isinstance(target, ast.Subscript | ast.Tuple | ast.List) else f"it is kept as {ast.unparse(target)}"
                raise Stop(LEAVES, target, kept)
            self.bind(target.id, row, target)

    def bind(self, name: str, row: Row, node: ast.AST) -> None:
        """A local name for the object: all that the name is bound to must be of the type, and all its uses are followed."""
        if name in self.names:
            if self.names[name] is not row:
                raise Stop(NOT_SAME, node, f"{name} stands for different things")
            return
        scope = self.function.scope
        if name in scope.outer_names or name not in scope.bindings:
            raise Stop(LEAVES, node, f"{name} is kept outside the function")
        self.names[name] = row
        for item in ast.walk(self.function.node):
            if isinstance(item, ast.Name) and item.id == name:
                self._named(item, row)

    def _named(self, node: ast.Name, row: Row) -> None:
        inner = next((parent for parent in self.function.module.ancestors(node) if isinstance(parent, _NESTED)), None)
        if inner is not self.function.node:
            raise Stop(LEAVES, node, f"{node.id} is used in a nested function")
        if isinstance(node.ctx, ast.Load):
            self.follow(node, row)
        elif not isinstance(node.ctx, ast.Store) or not self._is_of(node, row):
            raise Stop(NOT_SAME, node, f"{node.id} stands for different things")

    def _is_of(self, target: ast.Name, row: Row) -> bool:
        """Whether what the name is bound to there is an object of the type."""
        parent = self.function.module.parents.get(target)
        if isinstance(parent, ast.withitem):
            return self.typed(parent.context_expr) is row
        if isinstance(parent, ast.Assign | ast.AnnAssign) and parent.value is not None:
            return self.typed(parent.value) is row
        return False

    def typed(self, node: ast.expr) -> Row | None:
        """The row of what the expression gives, as far as names that are followed say."""
        swaps = self.index.catalogue.swaps
        if node in self.seeds:
            value = self.index.resolver.value(node, self.function.scope)
            return swaps.get(value.name) if isinstance(value, External) else None
        match node:
            case ast.Name():
                return self.names.get(node.id)
            case ast.Call(func=ast.Attribute(value=owner, attr=name)):
                row = self.typed(owner)
                return None if row is None else STREAM if name in row.iterators else swaps.get(self._known(self.gives(name, row)))
            case ast.Attribute(value=owner, attr=name):
                row = self.typed(owner)
                return None if row is None else swaps.get(self._known(row.attributes.get(name) or row.attributes.get("*", "")))
            case ast.Subscript(value=owner):
                row = self.typed(owner)
                return None if row is None else swaps.get(self._known(row.attributes.get("[]", "")))
        return None

    def _known(self, kind: str) -> str:
        """The name under which the type has its row: its own, or that of the type it is listed with."""
        known = self.index.catalogue.types.get(kind)
        return known.name if known and kind not in self.index.catalogue.swaps else kind

    # Blocks and loops

    def _entered(self, item: ast.withitem, row: Row) -> None:
        block = self.function.module.parents.get(item)
        if not isinstance(block, ast.With):
            raise Stop(NOT_SAME, item.context_expr, "it is entered asynchronously already")
        if not row.context:
            raise Stop(NOT_SAME, item.context_expr, row.refused.get("with", f"`with` is not proved to mean the same on {row.target or row.type}"))
        self.edits[AsyncBlock(place_of(block.items[0].context_expr))] = None
        self.blocks.append(block)
        self.items.add(item)
        self.awaited.append(item.context_expr)
        self.closed = self.closed or row is self.root
        if isinstance(item.optional_vars, ast.Name):
            self.bind(item.optional_vars.id, row if row.context == "self" else self._row(row.context, item.context_expr), item.optional_vars)
        elif item.optional_vars is not None:
            raise Stop(LEAVES, item.context_expr, f"it is kept as {ast.unparse(item.optional_vars)}")

    def _loop(self, node: ast.expr, row: Row) -> None:
        if not row.iterates:
            raise Stop(NOT_SAME, node, self._operation("for", row))
        self._await(node, AsyncLoop(place_of(node)))

    def _comprehension(self, node: ast.expr, part: ast.comprehension, row: Row) -> None:
        parents = self.function.module.parents
        around = parents.get(part)
        if not row.iterates:
            raise Stop(NOT_SAME, node, self._operation("for", row))
        if isinstance(around, ast.GeneratorExp):
            raise Stop(NOT_SAME, node, "a generator expression would become an asynchronous generator")
        if around is not None and any(isinstance(item, ast.comprehension) for item in self.function.module.ancestors(around)):
            raise Stop(NOT_SAME, node, "it stands inside nested comprehensions")
        self._await(node, AsyncLoop(place_of(node)))

    def _argument(self, node: ast.expr, parent: ast.AST, row: Row) -> None:
        """Handed to a call: `list(cursor)` and the like are known, all else may keep it or use it in other ways."""
        call = self.function.module.parents.get(parent) if isinstance(parent, ast.keyword) else parent
        assert isinstance(call, ast.Call)
        value = self.index.resolver.value(call.func, self.function.scope)
        name = value.name if isinstance(value, External) and not value.instance else ""
        if row.iterates and name in _COLLECTING and call.args[:1] == [node]:
            self._collected(node, call, name)
        elif name in _LOOKING and _LOOKING[name] in row.same or name in ("builtins.id", "builtins.isinstance"):
            return
        elif name in _LOOKING:
            raise Stop(NOT_SAME, node, self._operation(_LOOKING[name], row))
        elif name == "builtins.getattr":
            raise Stop(NOT_SAME, node, "a method of it is looked up by a name that is only known at run time")
        else:
            raise Stop(LEAVES, node, f"it is handed to {ast.unparse(call.func)[:40]}(), which takes the synchronous client")

    def _collected(self, node: ast.expr, call: ast.Call, name: str) -> None:
        if any(isinstance(item, ast.comprehension) for item in self.function.module.ancestors(call)):
            raise Stop(NOT_SAME, node, "it stands inside a comprehension")
        bare = _COLLECTING[name] and len(call.args) == 1 and not call.keywords
        self._await(call if bare else node, Collect(place_of(call if bare else node), free_name(self.function, "item"), bare))

    # What stops it

    @staticmethod
    def _is_identity(node: ast.Compare) -> bool:
        return all(isinstance(item, ast.Is | ast.IsNot) for item in node.ops)

    def _odd(self, node: ast.expr, parent: ast.AST | None, row: Row) -> tuple[str, ast.AST, str]:
        match parent:
            case ast.Compare():
                return NOT_SAME, node, self._operation("in" if any(isinstance(item, ast.In | ast.NotIn) for item in parent.ops) else "==", row)
            case ast.IfExp() if parent.test is not node:
                return LEAVES, node, "it is one of several values"
            case ast.If() | ast.While() | ast.BoolOp() | ast.UnaryOp() | ast.IfExp() | ast.Assert():
                return NOT_SAME, node, "whether it is true is asked: write `is not None`"
            case ast.Return() | ast.Yield():
                return LEAVES, node, "it is returned, and its callers are not followed"
            case ast.Tuple() | ast.List() | ast.Dict() | ast.Set() | ast.Starred():
                return LEAVES, node, "it is kept in a container"
        return LEAVES, node, f"it is used in a way that is not followed (line {getattr(node, 'lineno', 0)})"
