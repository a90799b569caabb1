"""A user's own Bowler query as a stage: `migrate --stage PATH.py:NAME`.

The query's file is the user's and is named on the command line; it runs in this process. Bowler's own part is only to
match and to transform a tree in memory: it never opens, prints or writes a file of the project.
"""

import contextlib
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bowler import Query

from codemods.stage_names import QueryError


@contextlib.contextmanager
def loaded_query(stage: str) -> Iterator[Query]:
    """The query of that name; its folder can be imported from as long as the query is in use.

    NAME is a `Query` or a function without arguments that returns one. Whatever starts a query (`.diff()`, `.write()`
    and so on) only returns it here, so that existing scripts serve unchanged. Raises QueryError.
    """
    file, _, name = stage.rpartition(":")
    path = Path(file)
    if not path.is_file():
        raise QueryError(f"{file} does not exist; name the file of a Bowler query as PATH.py:NAME")
    with _as_a_script(path):
        try:
            found = getattr(_module(path), name, None)
            query = found() if callable(found) and not isinstance(found, Query) else found
        except (Exception, SystemExit) as error:
            raise QueryError(f"{stage}: the query could not be made: {type(error).__name__}: {error}") from None
        if not isinstance(query, Query):
            raise QueryError(f"{stage}: {name} is no Bowler query; name a Query, or a function without arguments that returns one")
        yield query


def _module(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("flask_to_async_query", path)
    if spec is None or spec.loader is None:
        raise QueryError(f"{path} cannot be read as a Python module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextlib.contextmanager
def _as_a_script(path: Path) -> Iterator[None]:
    """What `bowler run PATH` would give the file, without its writing, its prompts, its output and compiled files."""
    with (
        _set(Query, "execute", lambda query, **options: query),
        _set(sys, "argv", [str(path)]),
        _set(sys, "path", [*sys.path, str(path.parent.resolve())]),
        _set(sys, "dont_write_bytecode", True),
        contextlib.redirect_stdout(sys.stderr),
    ):
        yield


@contextlib.contextmanager
def _set(target: object, name: str, value: object) -> Iterator[None]:
    before = getattr(target, name)
    setattr(target, name, value)
    try:
        yield
    finally:
        setattr(target, name, before)
