"""SQLite databases in memory: each thread finds one of its own, so work on them cannot leave the thread that filled it.

SQLAlchemy keeps a connection for each thread of such an engine (`SingletonThreadPool`,
https://docs.sqlalchemy.org/en/20/dialects/sqlite.html#threading-pooling-behavior), unless it is given `poolclass=StaticPool`;
Flask-SQLAlchemy gives it that by itself. peewee keeps one for each thread too. What is read after the call, when an
attribute is loaded on the event loop's thread, would be read from an empty database. Alchemical makes such an engine from
its setting (alchemical 1.0: `create_engine(url, **options)`, and no pool of its own).
"""

import ast
import re
from collections.abc import Iterator

from transforms.facts import Call, Scope, assigned, last_name
from transforms.index import Index
from transforms.values import External

_ENGINES = {f"{module}.create_engine" for module in ("sqlalchemy", "sqlalchemy.engine", "sqlalchemy.engine.create", "sqlmodel")}
_PEEWEE = {"peewee.SqliteDatabase", "playhouse.sqlite_ext.SqliteExtDatabase", "playhouse.pool.PooledSqliteDatabase"}
_SETTING = "ALCHEMICAL_DATABASE_URL"
_URL = re.compile(r"sqlite(?:\+pysqlite)?://(?:/|/:memory:|/file::memory:.*|.*[?&]mode=memory.*)?(?:\?.*)?")
_UNKNOWN = "…"  # stands for a part of a text that is not known; it is taken for a path
_FILE = re.compile(r":memory:|file::memory:.*|file:.*[?&]mode=memory.*")


def memory_database(index: Index) -> str:
    """Why database work stays on its thread: `path:line` of a database in memory that each thread has of its own; empty when there is none."""
    for path, line in sorted(_found(index)):
        return f"{path}:{line} makes a SQLite database in memory, and another thread would find another one, an empty one (SQLAlchemy: `poolclass=StaticPool` shares it)"
    return ""


def _found(index: Index) -> Iterator[tuple[str, int]]:
    for name in sorted({item.rpartition(".")[2] for item in _ENGINES | _PEEWEE}):
        for owner, use in index.resolver.names.everywhere(name):
            if isinstance(use, Call) and _is_in_memory(index, use):
                yield owner.module.path, use.node.lineno
    for path, module in index.modules.items():
        kept = [binding for scope in (module.scope, *(cls.scope for cls in module.classes)) for binding in scope.bindings.get(_SETTING, [])]
        kept += [binding for item, binding in module.items if isinstance(item.slice, ast.Constant) and item.slice.value == _SETTING]
        for binding in kept:
            if any(_URL.fullmatch(text) for text in _texts(index, binding.node, binding.scope, 2)):
                yield path, getattr(binding.node, "lineno", 1)


def _is_in_memory(index: Index, call: Call) -> bool:
    value = index.resolver.value(call.node.func, call.scope)
    known = isinstance(value, External) and value.name in _ENGINES | _PEEWEE
    named = [item.value for item in call.node.keywords if item.arg in ("url", "database")]
    given = [*call.node.args[:1], *named]
    if not known or not given or any(item.arg == "poolclass" and last_name(item.value) == "StaticPool" for item in call.node.keywords):
        return False
    pattern = _URL if isinstance(value, External) and value.name in _ENGINES else _FILE
    return any(pattern.fullmatch(text) for text in _texts(index, given[0], call.scope, 2))


def _texts(index: Index, node: ast.AST, scope: Scope, depth: int) -> Iterator[str]:
    """Every text that the expression may be, as far as names lead to plain assignments."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        ends = list(_texts(index, node.right, scope, depth)) or [_UNKNOWN]
        yield from (start + end for start in _texts(index, node.left, scope, depth) for end in ends)
    elif isinstance(node, ast.JoinedStr):
        yield "".join(next(_texts(index, part, scope, depth), _UNKNOWN) for part in node.values)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.Name) and depth:
        for binding in index.resolver.bindings(node.id, scope):
            value = assigned(binding)
            if binding.kind in ("assign", "annotation") and isinstance(value, ast.expr):
                yield from _texts(index, value, binding.scope, depth - 1)
    else:
        for part in ast.iter_child_nodes(node):
            yield from _texts(index, part, scope, depth)
