"""Which names hold a file, a connection or a cursor that a block opened, or something that still reads from one.

What an expression gives is *free* only when that is proved: rows that were fetched, text that was read, numbers. All
else that mentions a tied name is tied too.
"""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from transforms.facts import Function, arguments_of
from transforms.flow import own_nodes
from transforms.index import Index
from transforms.values import External, FunctionValue

_READING = {
    "read", "readline", "readlines", "readall", "readinto", "read1", "peek", "getvalue", "tell", "seek", "write", "writelines", "flush", "truncate", "close", "fileno",
    "readable", "writable", "seekable", "fetchone", "fetchall", "fetchmany", "commit", "rollback", "namelist", "infolist", "getinfo", "getnames",
    "getmembers", "testzip", "writestr", "extract", "extractall", "json", "raise_for_status", "send_message", "sendmail", "login", "starttls", "quit", "ehlo", "noop",
}  # fmt: skip
_PLAIN = {
    "name", "mode", "closed", "encoding", "rowcount", "lastrowid", "description", "total_changes", "status_code", "headers", "ok", "reason", "text", "content", "url",
    "filename", "size", "width", "height", "format",
}  # fmt: skip
_CONSUMING = {
    "json.load", "json.dump", "pickle.load", "pickle.dump", "marshal.load", "tomllib.load", "tomli.load", "toml.load", "plistlib.load", "yaml.safe_load", "yaml.load",
    "yaml.full_load", "yaml.safe_dump", "yaml.dump", "shutil.copyfileobj", "hashlib.file_digest", "configparser.ConfigParser.read_file",
    *(f"builtins.{name}" for name in ("print", "len", "str", "repr", "bool", "int", "float", "bytes", "sum", "any", "all", "isinstance", "id", "hash")),
}  # fmt: skip
_COLLECTING = {f"builtins.{name}" for name in ("list", "tuple", "set", "frozenset", "sorted", "dict", "min", "max", "next")}
_ITERATING = {"csv.reader", "csv.DictReader", "builtins.enumerate", "builtins.iter", "builtins.reversed"}


@dataclass
class Tied:
    """`sources` are the calls that open something; `names` what is tied; `readers` those of them that give plain items."""

    index: Index
    function: Function
    sources: set[ast.AST]
    names: set[str] = field(default_factory=set)
    readers: set[str] = field(default_factory=set)

    def spread(self, body: Sequence[ast.stmt]) -> None:
        """Add the names that the statements tie, until nothing is added."""
        while True:
            size = len(self.names)
            for node in own_nodes(body):
                for target, value, item in _bindings(node):
                    self._bind(target, value, item)
            if len(self.names) == size:
                return

    def _bind(self, target: ast.expr, value: ast.expr, item: bool) -> None:
        if not (self.items_hold(value) if item else self.holds(value)):
            return
        found = {node.id for node in ast.walk(target) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        self.names |= found
        if isinstance(target, ast.Name) and not item and self._reads(value):
            self.readers |= found

    def _reads(self, value: ast.expr) -> bool:
        """Whether the value is itself a file, a cursor or a reader, not a collection of them."""
        match value:
            case ast.Call(func=ast.Attribute(value=owner)) if self.holds(owner):
                return True
            case ast.Call(func=func):
                return value in self.sources or self.name(func) in _ITERATING
            case ast.Name(id=name):
                return name in self.readers
        return False

    def holds(self, node: ast.expr | None) -> bool:
        """Whether the value may be tied, or hold something tied."""
        match node:
            case None | ast.Constant() | ast.JoinedStr() | ast.Compare():
                return False
            case ast.Name():
                return node.id in self.names
            case ast.Attribute():
                return self.holds(node.value) and node.attr not in _PLAIN
            case ast.Call():
                return node in self.sources or self._call_holds(node)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp():
                return self._comprehension_holds(node, [node.elt])
            case ast.DictComp():
                return self._comprehension_holds(node, [node.key, node.value])
            case ast.Lambda():
                return any(isinstance(item, ast.Name) and item.id in self.names or item in self.sources for item in ast.walk(node))
            case ast.UnaryOp(op=ast.Not()):
                return False
        return any(self.holds(item) for item in ast.iter_child_nodes(node) if isinstance(item, ast.expr))

    def _call_holds(self, node: ast.Call) -> bool:
        given = arguments_of(node)
        if isinstance(node.func, ast.Attribute) and self.holds(node.func.value):
            return node.func.attr not in _READING or any(self.holds(item) for item in given)
        name = self.name(node.func)
        if name in _CONSUMING:
            return False
        if name in _COLLECTING and given:
            return any(self.items_hold(item) for item in given)
        return self.holds(node.func) or any(self.holds(item) for item in given)

    def _comprehension_holds(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp, parts: list[ast.expr]) -> bool:
        if isinstance(node, ast.GeneratorExp) and any(isinstance(item, ast.Name) and item.id in self.names or item in self.sources for item in ast.walk(node)):
            return True
        return any(self.items_hold(part.iter) for part in node.generators) or any(self.holds(item) for item in parts)

    def items_hold(self, node: ast.expr) -> bool:
        """Whether the items that it gives when it is looped over may be tied."""
        match node:
            case ast.Name(id=name) if name in self.readers:
                return False
            case ast.Call() if node in self.sources:
                return False
            case ast.Call(func=ast.Attribute(value=owner)) if self.holds(owner):
                return any(self.holds(item) for item in node.args)
            case ast.Call(func=func, args=[first, *rest]) if self.name(func) in _ITERATING:
                return self.items_hold(first) or any(self.holds(item) for item in rest)
            case ast.GeneratorExp():
                return any(self.items_hold(part.iter) for part in node.generators) or self.holds(node.elt)
        return self.holds(node)

    def name(self, node: ast.expr) -> str:
        """The dotted name of something outside the project; empty for anything else."""
        value = self.index.resolver.value(node, self.function.scope)
        return value.name if isinstance(value, External) else ""

    def _is_plain_function(self, value: External, owner: ast.expr | None) -> bool:
        """Whether it is a function or class of a library, not a method of an object, which may keep what it is given."""
        of = self.index.resolver.value(owner, self.function.scope) if owner is not None else None
        return not value.instance and "()" not in value.name and not (isinstance(of, External) and of.instance)

    def escapes(self, body: Sequence[ast.stmt]) -> Iterator[tuple[ast.AST, str]]:
        """Where something tied is given away: returned, stored outside, handed to code that may keep it."""
        for node in own_nodes(body):
            match node:
                case ast.Return(value=value) if value is not None and self.holds(value):
                    yield node, "it returns something that still needs what the block opens"
                case ast.Assign(targets=targets, value=value) if self.holds(value) and not all(_is_local(target) for target in targets):
                    yield node, "it stores something that still needs what the block opens"
                case ast.Call():
                    yield from self._handed(node)

    def _handed(self, node: ast.Call) -> Iterator[tuple[ast.AST, str]]:
        if not any(self.holds(item) for item in arguments_of(node)):
            return
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        value = self.index.resolver.value(node.func, self.function.scope)
        if owner is not None and self.holds(owner) or isinstance(value, External) and (value.name in _CONSUMING or self._is_plain_function(value, owner)):
            return
        what = "code of the project" if isinstance(value, FunctionValue) else "code"
        yield node, f"{ast.unparse(node.func)[:40]}() is handed what the block opens: {what} that may keep it"


def _bindings(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr, bool]]:
    """Targets with what they are bound to; True where they get its items."""
    match node:
        case ast.Assign():
            yield from ((target, node.value, False) for target in node.targets)
        case ast.AnnAssign(value=value) if value is not None:
            yield node.target, value, False
        case ast.AugAssign() | ast.NamedExpr():
            yield node.target, node.value, False
        case ast.For():
            yield node.target, node.iter, True
        case ast.withitem(optional_vars=target) if target is not None:
            yield target, node.context_expr, False


def _is_local(target: ast.expr) -> bool:
    return all(isinstance(item, ast.Name | ast.Tuple | ast.List | ast.Starred | ast.expr_context) for item in ast.walk(target))
