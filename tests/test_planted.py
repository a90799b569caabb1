"""Eleven ways to go wrong that other migrations fell into: each stands in an app of `fixtures/differential`, as a view.

Here: what the tool makes of the view, and the reason that it gives. That the view then does the same against a real server
is `tests/differential`, where the same views run.
"""

import ast
from functools import cache

import pytest
from fixture_apps import FIXTURES
from pure import migrated

from transforms.model import Settings

# The trap; app, view and what requests becomes; what the view holds outside of functions that run in a thread; a reason given.
WHOLE = "all of it moves as"
URL = "URL is not seen to be plain"
BRIDGED = "requests still prepares the request and makes the response"
PLANTED = {
    "list(find()) on an async cursor": ("mongo_calls", "listed", "auto", "return await asyncio.to_thread(query_pymongo)", WHOLE),
    "params= with a query in the URL": ("http_requests", "parameters_and_query", "auto", "to_thread(requests.get, f'{BASE}/show?a=1&b=2', params={'c': 3})", URL),
    "params= with a query in a name": ("http_requests", "parameters_and_query_apart", "auto", "to_thread(requests.get, address, params={'c': 3})", URL),
    "params={} with a query": ("http_requests", "parameters_emptied", "auto", "asyncio.to_thread(requests.get", URL),
    "params= with a query, bridged": ("http_requests", "parameters_and_query", "bridge", "await async_requests.get(f'{BASE}/show?a=1&b=2', params={'c': 3})", BRIDGED),
    "if r: on a 404": ("http_requests", "missing_is_false", "auto", "response = await asyncio.to_thread(requests.get", "`response` itself is used"),
    "not r on a 500": ("http_requests", "missing_negated", "auto", "response = await asyncio.to_thread(requests.get", "`response` itself is used"),
    "if r: on a 404, bridged": ("http_requests", "missing_is_false", "bridge", "response = await async_requests.get(", BRIDGED),
    "interval '%s days' in psycopg2": ("postgres_psycopg2", "interval", "auto", "row = await asyncio.to_thread(query_row)", WHOLE),
    "interval '%s days' in psycopg 3": ("postgres_psycopg", "interval", "auto", "interval '%s days')::text\", (3,))", "psycopg.AsyncConnection has the same methods"),
    "un-awaited f.write": ("files_blocks", "write", "auto", "await asyncio.to_thread(write_file)", WHOLE),
    "a pipeline after watch": ("redis_commands", "watched", "auto", "int(await asyncio.to_thread(pipe.get, 'balance'))", "redis.client.Pipeline.get blocks"),
    "commands queued after multi": ("redis_commands", "watched", "auto", "\n                pipe.set('balance', balance - 3)", "redis.client.Pipeline.execute blocks"),
    "a watched pipeline in a helper": ("redis_commands", "watched_in_a_helper", "auto", "await asyncio.to_thread(sum_of, pipe, 'left', 'right')", "Pipeline.get"),
    "IN %s with a tuple in psycopg2": ("postgres_psycopg2", "in_tuple", "auto", "rows = await asyncio.to_thread(query_rows)", WHOLE),
    "IN %s with a tuple in psycopg 3": ("postgres_psycopg", "in_tuple", "auto", "WHERE id IN %s', ((1, 2),))", "psycopg.AsyncConnection has the same methods"),
    "raise_for_status on 304": ("http_requests", "raised_304", "auto", "if 400 <= response.status_code < 600:", "proved equal"),
    "the value of raise_for_status": ("http_requests", "raised_in_one", "auto", "to_thread(requests.get", "raise_for_status` is not proved"),
    "raise_for_status on 304, bridged": ("http_requests", "raised_304", "bridge", "\n    response.raise_for_status()", BRIDGED),
    "a streamed response": ("http_requests_kept", "streamed_block", "auto", "await asyncio.to_thread(download_size, size)", WHOLE),
    "a streamed response passed on": ("http_requests_kept", "passed_on", "auto", "def passed_on():\n    response = requests.get(", "still needs what the block opens"),
    "a streamed response, bridged": ("http_requests_kept", "streamed_block", "bridge", "await asyncio.to_thread(download_size, size)", "blocks while it is read"),
    "a session with mounted adapters": ("http_requests_kept", "mounted", "auto", "await asyncio.to_thread(session.get", "requests.Session.get blocks"),
    "a mounted adapter in a block": ("http_requests_kept", "mounted_block", "auto", "await asyncio.to_thread(session.get", ".mount() is not proved"),
    "a mounted adapter, bridged": ("http_requests_kept", "mounted", "bridge", "await async_requests.call(session.get", BRIDGED),
    "session.verify = False set later": ("http_requests_kept", "unverified_later", "auto", "await asyncio.to_thread(session.get", "another way than by its methods"),
    "session.verify = False, bridged": ("http_requests_kept", "unverified_later", "bridge", "await async_requests.call(session.get", BRIDGED),
}  # fmt: skip


@cache
def after(app: str, http: str):
    """The app's text after the migration, and all decisions."""
    files, decisions = migrated((FIXTURES / "differential" / f"{app}.py").read_text(), Settings(http=http))
    return files["app.py"], decisions


def own_code(text: str, view: str) -> str:
    """The view without the functions in it, which run in a thread."""
    tree = next(node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == view)
    tree.body = [node for node in tree.body if not isinstance(node, ast.FunctionDef)]
    return ast.unparse(tree)


@pytest.mark.parametrize("trap", PLANTED)
def test_planted(trap):
    app, view, http, holds, reason = PLANTED[trap]
    text, decisions = after(app, http)
    code = own_code(text, view)
    assert holds in code
    assert "AsyncClient" not in code or trap == "raise_for_status on 304"
    assert reason in " · ".join(item.reason for item in decisions if item.symbol == view)


def test_a_cursor_that_is_exchanged_is_read_with_async_for():
    """`list(find())` gives an empty list on an asynchronous cursor, without a word."""
    files, _ = migrated((FIXTURES / "swaps" / "pymongo" / "before.py").read_text())
    assert "[item async for item in shop.users.find()]" in files["app.py"]
    assert "list(shop.users.find())" not in files["app.py"]
