"""redis.RedisCluster and its asynchronous form against a real cluster of one node: the fixture, and every method that is listed."""

import asyncio
import contextlib
import json
import shutil
import socket
import subprocess
import time

import pytest
from small_cases import swap_cases
from test_clients_behind import CATALOGUE, migrated
from test_typed_swaps_run import answers

CALLS = {
    "get": ("text",), "set": ("text", "x"), "setex": ("soon", 100, "x"), "setnx": ("once", 1), "getset": ("text", "y"), "getdel": ("once",), "append": ("text", "!"),
    "strlen": ("text",), "delete": ("soon",), "exists": ("text",), "expire": ("text", 100), "ttl": ("text",), "persist": ("text",), "incr": ("number",),
    "incrby": ("number", 5), "decr": ("number",), "decrby": ("number", 2), "hset": ("hash", "a", 1), "hget": ("hash", "a"), "hgetall": ("hash",),
    "hmget": ("hash", ["a", "b"]), "hexists": ("hash", "a"), "hincrby": ("hash", "n", 2), "hkeys": ("hash",), "hlen": ("hash",), "hvals": ("hash",), "hdel": ("hash", "a"),
    "lpush": ("list", "a", "b"), "rpush": ("list", "c"), "lrange": ("list", 0, -1), "llen": ("list",), "lindex": ("list", 0), "ltrim": ("list", 0, 1), "lpop": ("list",),
    "rpop": ("list",), "sadd": ("set", "a", "b"), "smembers": ("set",), "sismember": ("set", "a"), "scard": ("set",), "srem": ("set", "a"), "zadd": ("sorted", {"a": 1, "b": 2}),
    "zscore": ("sorted", "a"), "zrange": ("sorted", 0, -1), "zcard": ("sorted",), "zincrby": ("sorted", 3, "a"), "zrank": ("sorted", "a"), "zrem": ("sorted", "a"),
}  # fmt: skip
ROW = CATALOGUE.swaps["redis.RedisCluster"]


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    redis = pytest.importorskip("redis")
    if not shutil.which("redis-server"):
        pytest.skip("redis-server is not installed (Debian package redis-server)")
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1] - 10_000  # the nodes of a cluster talk on the port 10000 above
    folder = tmp_path_factory.mktemp("cluster")
    options = ["--cluster-enabled", "yes", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(folder)]
    server = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
    try:
        with redis.Redis(port=port) as node:
            reached(lambda: node.ping())
            node.execute_command("CLUSTER ADDSLOTSRANGE", 0, 16383)
            reached(lambda: node.execute_command("CLUSTER INFO")["cluster_state"] == "ok")
            yield port
    finally:
        server.terminate()
        server.wait(30)


def reached(ready, seconds=60):
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(Exception):
            if ready():
                return
        assert time.monotonic() < end
        time.sleep(0.1)


def test_every_listed_method_gives_the_same(port):
    import redis
    import redis.asyncio

    assert set(CALLS) == set(ROW.methods) - {"close"}

    def before():
        with redis.RedisCluster("127.0.0.1", port) as store:
            store.flushall()
            return [once(getattr(store, name), given) for name, given in CALLS.items()] + [once(store.incr, ("hash",)), sorted(store.sscan_iter("set"))]

    async def after():
        async with redis.asyncio.RedisCluster("127.0.0.1", port) as store:
            await store.flushall()
            found = [await once_async(getattr(store, name), given) for name, given in CALLS.items()]
            return [*found, await once_async(store.incr, ("hash",)), sorted([item async for item in store.sscan_iter("set")])]

    assert asyncio.run(after()) == before()


def once(method, given):
    try:
        return repr(method(*given))
    except Exception as error:
        return f"{type(error).__name__}: {error}"


async def once_async(method, given):
    try:
        return repr(await method(*given))
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def test_the_fixture_does_the_same(port, tmp_path, monkeypatch):
    import redis

    folder = next(case.folder for case in swap_cases() if case.library == "redis_cluster")
    found = {}
    for which in ("before", "after"):
        with redis.RedisCluster("127.0.0.1", port) as store:
            store.flushall()
            store.hset("agents", "a", 1)
            store.set("hits", 1)
        found[which] = answers(folder, which, [("7000", str(port))], ["/agents", "/wrong", "/caught", "/all"], tmp_path, monkeypatch)
    assert found["after"] == found["before"]
    assert json.loads(found["after"][0][2]) == {"a": "1"}
    assert [status for _, status, _ in found["after"]] == [200] * 4


LATE = "the asynchronous client connects when it is first used"
MADE = {
    "in a try": ("", 'try:\n    r = redis.RedisCluster("h")\nexcept redis.RedisError:\n    return "down"\nreturn r.get("k")', LATE),
    "in suppress": ("import contextlib", 'with contextlib.suppress(redis.RedisError):\n    r = redis.RedisCluster("h")\n    return r.get("k")', LATE),
    "by a factory, in a try": ("def store():\n    return redis.RedisCluster('h')", 'try:\n    r = store()\nexcept redis.RedisError:\n    return "down"\nreturn r.get("k")', LATE),
    "other nodes": ("", 'with redis.RedisCluster(startup_nodes=[]) as r:\n    return r.get("k")', "startup_nodes is not proved"),
    "a pipeline": ("", 'with redis.RedisCluster("h") as r:\n    r.pipeline().get("k")\n    return r.get("k")', "what a pipeline of a cluster does"),
    "a command that is not listed": ("", 'with redis.RedisCluster("h") as r:\n    return str(r.keys("*"))', ".keys() is not proved"),
}  # fmt: skip


@pytest.mark.parametrize("case", MADE)
def test_it_is_left(case):
    before, body, reason = MADE[case]
    files, said = migrated(before, body)
    assert "redis.asyncio" not in files["app.py"]
    assert reason in said
