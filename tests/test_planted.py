"""Eleven ways to go wrong that other migrations fell into: each stands in an app of `fixtures/differential`, as a view.

Here: what the tool makes of the view, and the reason that it gives. That the view then does the same against a real server
is `tests/differential`, where the same views run.
"""

import ast
from functools import cache

import pytest
from fixture_apps import FIXTURES
from pure import migrated

# The trap; app and view; what the view must hold outside of functions that run in a thread, what it must not; the reason.
PLANTED = {
    "list(find()) on an async cursor": ("mongo_calls", "listed", "", "list(", ""),
    "params= with a query in the URL": (
        "http_requests",
        "parameters_and_query",
        "asyncio.to_thread(requests.get",
        "AsyncClient",
        "URL is not seen to be plain",
    ),
    "params= with a query in a name": ("http_requests", "parameters_and_query_apart", "to_thread(requests.get", "AsyncClient", "URL is not seen to be plain"),
    "params={} with a query": ("http_requests", "parameters_emptied", "asyncio.to_thread(requests.get", "AsyncClient", "URL is not seen to be plain"),
    "if r: on a 404": ("http_requests", "missing_is_false", "asyncio.to_thread(requests.get", "AsyncClient", "`response` itself is used"),
    "not r on a 500": ("http_requests", "missing_negated", "asyncio.to_thread(requests.get", "AsyncClient", "`response` itself is used"),
    "interval '%s days' in psycopg2": ("postgres_psycopg2", "interval", "", "AsyncConnection", ""),
    "interval '%s days' in psycopg 3": ("postgres_psycopg", "interval", "", "", ""),
    "un-awaited f.write": ("files_blocks", "write", "", ".write(", "all of it moves as write_file"),
    "a pipeline after watch": ("redis_commands", "watched", "", "await pipe.set(", ""),
    "IN %s with a tuple": ("postgres_psycopg2", "in_tuple", "", "AsyncConnection", ""),
    "raise_for_status on 304": ("http_requests", "raised_304", "if 400 <= response.status_code < 600:", "", "proved equal"),
    "the value of raise_for_status": ("http_requests", "raised_in_one", "to_thread(requests.get", "AsyncClient", "raise_for_status` is not proved"),
    "a streamed response": ("http_requests_kept", "streamed_block", "", "iter_content", "all of it moves as"),
    "a streamed response passed on": ("http_requests_kept", "passed_on", "", "AsyncClient", ""),
    "a session with mounted adapters": ("http_requests_kept", "mounted", "", "AsyncClient", ""),
    "a mounted adapter in a block": ("http_requests_kept", "mounted_block", "", "AsyncClient", ".mount() is not proved"),
    "session.verify = False set later": ("http_requests_kept", "unverified_later", "", "AsyncClient", "another way than by its methods"),
}


@cache
def after(app: str):
    """The app's text after the migration, and all decisions."""
    files, decisions = migrated((FIXTURES / "differential" / f"{app}.py").read_text())
    return files["app.py"], decisions


def own_code(text: str, view: str) -> str:
    """The view without the functions in it, which run in a thread."""
    tree = next(node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == view)
    tree.body = [node for node in tree.body if not isinstance(node, ast.FunctionDef)]
    return ast.unparse(tree)


@pytest.mark.parametrize("trap", PLANTED)
def test_planted(trap):
    app, view, holds, lacks, reason = PLANTED[trap]
    text, decisions = after(app)
    code = own_code(text, view)
    assert holds in code
    assert not lacks or "async def" not in code or lacks not in code
    assert reason in " · ".join(item.reason for item in decisions if item.symbol == view)
