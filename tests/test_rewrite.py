"""Edits: nothing but the node changes, whatever stands around it."""

import ast
import warnings

import pytest
from pure import migrated

from transforms.edits import AwaitCall, ClientBlock, GuardStatus, MakeAsync, SwapBlock, WrapCall, WrapExpression, place_of
from transforms.located import NotRewritable
from transforms.rewrite import rewrite


def call_named(tree, name="f"):
    return next(node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == name)


def wrapped(line, spelling="to_thread", name="f"):
    body = f"async def view():\n    {line}\n"
    tree = ast.parse(body)
    after = rewrite(body, tree, [WrapCall(place_of(call_named(tree, name)), spelling)])
    compile(after, "x", "exec")
    return after.removeprefix("async def view():\n    ").removesuffix("\n")


WRAPS = {
    "f()": "await asyncio.to_thread(f)",
    "x = f(1, a=2)": "x = await asyncio.to_thread(f, 1, a=2)",
    "x = f(*a, **b)": "x = await asyncio.to_thread(f, *a, **b)",
    "f( 1 )": "await asyncio.to_thread( f, 1 )",
    "x = f(1).y": "x = (await asyncio.to_thread(f, 1)).y",
    "x = f(1)[0]": "x = (await asyncio.to_thread(f, 1))[0]",
    "x = f(1)()": "x = (await asyncio.to_thread(f, 1))()",
    "x = -f(1)": "x = -await asyncio.to_thread(f, 1)",
    "x = f(1) ** 2": "x = await asyncio.to_thread(f, 1) ** 2",
    "x = (f(1))": "x = (await asyncio.to_thread(f, 1))",
    "x = not f(1)": "x = not await asyncio.to_thread(f, 1)",
    "return f(1)": "return await asyncio.to_thread(f, 1)",
    "x = '\U0001f600é', f(1)": "x = '\U0001f600é', await asyncio.to_thread(f, 1)",
    "f(1)  # why": "await asyncio.to_thread(f, 1)  # why",
    "f(1); g(2)": "await asyncio.to_thread(f, 1); g(2)",
    "f(\n        1,\n        b=2,  # why\n    )": "await asyncio.to_thread(\n        f,\n        1,\n        b=2,  # why\n    )",
    "x = [f(1) for y in z]": "x = [await asyncio.to_thread(f, 1) for y in z]",
    "if f(1): pass": "if await asyncio.to_thread(f, 1): pass",
    "x = f(1) if y else z": "x = await asyncio.to_thread(f, 1) if y else z",
    "x = g(f(1))": "x = g(await asyncio.to_thread(f, 1))",
    "x = f(1,)": "x = await asyncio.to_thread(f, 1,)",
    "x = f(1)is True": "x = (await asyncio.to_thread(f, 1))is True",
    "x = f()or f": "x = (await asyncio.to_thread(f))or f",
    "x = [f()for y in z]": "x = [(await asyncio.to_thread(f))for y in z]",
    "return(f(1))": "return(await asyncio.to_thread(f, 1))",
}


@pytest.mark.parametrize("line", WRAPS)
def test_wrap(line):
    assert wrapped(line) == WRAPS[line]


@pytest.mark.parametrize(
    ("spelling", "line", "wanted"),
    [
        ("run_in_executor", "f(1)", "await asyncio.get_running_loop().run_in_executor(None, contextvars.copy_context().run, f, 1)"),
        ("run_in_executor", "f(a=1)", "await asyncio.get_running_loop().run_in_executor(None, contextvars.copy_context().run, functools.partial(f, a=1))"),
        ("sync_to_async", "f(1, a=2)", "await sync_to_async(f)(1, a=2)"),
        ("sync_to_async", "x = f(1).y", "x = (await sync_to_async(f)(1)).y"),
    ],
)
def test_spellings(spelling, line, wanted):
    assert wrapped(line, spelling) == wanted


def rewritten(body, make):
    tree = ast.parse(body)
    return rewrite(body, tree, make(tree))


def test_make_async_keeps_everything_else():
    body = "@a\n@b( 1 )\ndef  f ( x ) :   # why\n  return x\n"
    after = rewritten(body, lambda tree: [MakeAsync(place_of(tree.body[0]))])
    assert after == body.replace("def  f", "async def  f")


def test_adapter_is_the_innermost_decorator():
    body = "@a\n@b\ndef f():\n    pass\n"
    after = rewritten(body, lambda tree: [MakeAsync(place_of(tree.body[0]), "run_async")])
    assert after == "@a\n@b\n@run_async\nasync def f():\n    pass\n"


def test_await_replaces_the_callee():
    body = "async def f():\n    time.sleep(1)\n"
    assert (
        rewritten(body, lambda tree: [AwaitCall(place_of(call_named(tree, "time.sleep")), "asyncio.sleep")]) == "async def f():\n    await asyncio.sleep(1)\n"
    )


def test_expression_on_the_request_thread():
    body = "async def f():\n    x = A.query.all()\n"
    after = rewritten(body, lambda tree: [WrapExpression(place_of(call_named(tree, "A.query.all")))])
    assert after == "async def f():\n    x = await sync_to_async(lambda: A.query.all())()\n"


def test_client_block():
    body = "async def f():\n    # why\n    r = requests.get(u, timeout=5, allow_redirects=True)\n    return r\n"

    def edits(tree):
        call = call_named(tree, "requests.get")
        return [ClientBlock(place_of(call), place_of(tree.body[0].body[0]), "httpx.AsyncClient()", "client", "get", drop=("allow_redirects",))]

    assert (
        rewritten(body, edits)
        == "async def f():\n    # why\n    async with httpx.AsyncClient() as client:\n        r = await client.get(u, timeout=5)\n    return r\n"
    )


def test_swap_block_and_its_calls():
    body = "async def f():\n    with httpx.Client(timeout=3) as c:\n        return c.get(u)\n"

    def edits(tree):
        call = call_named(tree, "httpx.Client")
        return [SwapBlock(place_of(call), place_of(call), "httpx.AsyncClient"), AwaitCall(place_of(call_named(tree, "c.get")))]

    assert rewritten(body, edits) == "async def f():\n    async with httpx.AsyncClient(timeout=3) as c:\n        return await c.get(u)\n"


def test_guard():
    body = "async def f():\n    r.raise_for_status()  # why\n"
    after = rewritten(body, lambda tree: [GuardStatus(place_of(call_named(tree, "r.raise_for_status")), "r")])
    assert after == "async def f():\n    if 400 <= r.status_code < 600:\n        r.raise_for_status()  # why\n"


def test_nested_calls_together():
    body = "async def f():\n    return a(b(1), b(2))\n"
    tree = ast.parse(body)
    edits = [WrapCall(place_of(node), "to_thread") for node in ast.walk(tree) if isinstance(node, ast.Call)]
    wanted = "async def f():\n    return await asyncio.to_thread(a, await asyncio.to_thread(b, 1), await asyncio.to_thread(b, 2))\n"
    assert rewrite(body, tree, edits) == wanted


def test_all_other_bytes_stay():
    """Also those that LibCST would lose: the trailing line of blanks."""
    body = "\x0cx = 1\n\n   \n\ndef f():\n\treturn g( )\n\n   \n"
    after = rewritten(body, lambda tree: [MakeAsync(place_of(tree.body[1]))])
    assert after == body.replace("def f", "async def f")


def test_no_place_is_an_error_not_silence():
    body = "def f():\n    pass\n\n\ndef g():\n    pass\n"
    with pytest.raises(NotRewritable):
        rewrite(body, ast.parse(body), [AwaitCall((2, 4, 2, 8))])
    with pytest.raises(NotRewritable):
        rewrite(body, ast.parse(body), [AwaitCall((40, 0, 40, 1))])


def test_nothing_to_do_is_nothing_done():
    body = "x  =  1\r\n\x0c"
    assert rewrite(body, ast.parse(body), []) == body


def test_the_warnings_of_the_project_are_not_ours():
    """Python warns of `"\\d"` and of `1if x else y` when it compiles them; that is nobody's news here."""
    source = 'import time\n\nfrom flask import Flask\n\napp = Flask(__name__)\n\n\n@app.route("/")\ndef view():\n    time.sleep(0.1)\n    return "\\d" if 1in (1, 2)else "x"\n'
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        texts, _ = migrated(source)
    assert "await asyncio.sleep(0.1)" in texts["app.py"]
    assert not heard


def test_a_word_that_touches_the_call_from_the_left():
    assert wrapped("""return"".join(x)""", name="''.join") == """return(await asyncio.to_thread("".join, x))"""
