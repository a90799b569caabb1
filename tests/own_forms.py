"""The asynchronous forms that libraries offer themselves and that the tool leaves: the same done with both, on real servers.

Each probe yields its name, what the synchronous form did and what the asynchronous one did, as text. `test_own_forms.py`
holds what differs to the list in docs/explanation/other-libraries.md.
"""

import asyncio
import contextlib
import os
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "differential"))

from servers import Postgres, free_port  # noqa: E402
from showing import showing_http  # noqa: E402


def said(work):
    """What the work gives or raises, as text."""
    try:
        return repr(work())
    except Exception as error:
        return f"{type(error).__name__}: {' '.join(str(error).split())[:80]}"


# grpc and grpc.aio


@contextlib.contextmanager
def shop():
    """A gRPC server on loopback; gives its address."""
    import grpc

    def price(request, context):
        time.sleep(0.5 * (request == "slow"))
        if request == "missing":
            context.set_trailing_metadata((("why", "sold"),))
            context.abort(grpc.StatusCode.NOT_FOUND, "no such item")
        return b"\xff" if request == "odd" else f"{request or 'everything'} costs 5".encode()

    def prices(request, context):
        for number in range(3):
            yield f"{request} {number}".encode()
        if request == "missing":
            context.abort(grpc.StatusCode.NOT_FOUND, "no more")

    methods = {
        "Price": grpc.unary_unary_rpc_method_handler(price, bytes.decode),
        "Prices": grpc.unary_stream_rpc_method_handler(prices, bytes.decode),
    }
    server = grpc.server(ThreadPoolExecutor(64))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("shop.Shop", methods),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(0).wait()


class ShopStub:
    """A stub as the protocol compiler writes it; texts stand for messages."""

    def __init__(self, channel):
        self.Price = channel.unary_unary("/shop.Shop/Price", request_serializer=str.encode, response_deserializer=bytes.decode)
        self.Prices = channel.unary_stream("/shop.Shop/Prices", request_serializer=str.encode, response_deserializer=bytes.decode)


CALLS = {
    "an answer": (("lamp",), {}),
    "an error": (("missing",), {}),
    "too late": (("slow",), {"timeout": 0.05}),
    "metadata": (("lamp",), {"metadata": (("k", "v"),)}),
    "a request that cannot be serialized": ((5,), {}),
    "an answer that cannot be read": (("odd",), {}),
    "metadata with a key in capitals": (("lamp",), {"metadata": (("K", "v"),)}),
    "the timeout by its place": (("lamp", 5), {}),
}


def asked_grpc():
    """Calls, streams, errors and what is read of them."""
    import grpc

    def told(error):
        return f"RpcError {error.code().name} {error.details()}"

    with shop() as address:
        for name, (given, named) in CALLS.items():

            def before(given=given, named=named):
                with grpc.insecure_channel(address) as channel:
                    try:
                        return ShopStub(channel).Price(*given, **named)
                    except grpc.RpcError as error:
                        return told(error)

            async def after(given=given, named=named):
                async with grpc.aio.insecure_channel(address) as channel:
                    try:
                        return await ShopStub(channel).Price(*given, **named)
                    except grpc.RpcError as error:
                        return told(error)

            yield name, said(before), said(lambda after=after: asyncio.run(after()))
        yield from _streamed(address, told)
        yield from _errors(address)


def _streamed(address, told):
    import grpc

    for request in ("lamp", "missing"):

        def before(request=request):
            found = []
            with grpc.insecure_channel(address) as channel:
                try:
                    for item in ShopStub(channel).Prices(request):
                        found.append(item)
                except grpc.RpcError as error:
                    found.append(told(error))
            return found

        async def after(request=request):
            found = []
            async with grpc.aio.insecure_channel(address) as channel:
                try:
                    async for item in ShopStub(channel).Prices(request):
                        found.append(item)
                except grpc.RpcError as error:
                    found.append(told(error))
            return found

        yield f"a stream ({request})", said(before), said(lambda after=after: asyncio.run(after()))


def _errors(address):
    import grpc

    def failed():
        with grpc.insecure_channel(address) as channel:
            try:
                ShopStub(channel).Price("missing")
            except grpc.RpcError as error:
                return error

    async def failed_after():
        async with grpc.aio.insecure_channel(address) as channel:
            try:
                await ShopStub(channel).Price("missing")
            except grpc.RpcError as error:
                return error

    first, second = failed(), asyncio.run(failed_after())
    for name, look in {
        "names and values of an error's metadata": lambda error: [(key, value) for key, value in error.trailing_metadata()],
        "`.key` of an error's metadata": lambda error: [item.key for item in error.trailing_metadata()],
        "an error as text": lambda error: str(error).partition(" of ")[0],
        "an error is a grpc.Call": lambda error: isinstance(error, grpc.Call),
    }.items():
        yield name, said(lambda look=look: look(first)), said(lambda look=look: look(second))


# twilio


@contextlib.contextmanager
def telephone():
    """An HTTP server that keeps what arrives, and a function that makes both clients for it: (synchronous, asynchronous)."""
    from twilio.http.async_http_client import AsyncTwilioHttpClient
    from twilio.http.http_client import TwilioHttpClient
    from twilio.rest import Client

    port = free_port()

    class Here(TwilioHttpClient):
        """To this machine in place of twilio.com."""

        def request(self, method, url, *given, **named):
            return super().request(method, f"http://127.0.0.1:{port}{_path(url)}", *given, **named)

    class AsyncHere(AsyncTwilioHttpClient):
        """The same."""

        async def request(self, method, url, *given, **named):
            return await super().request(method, f"http://127.0.0.1:{port}{_path(url)}", *given, **named)

    def clients(**options):
        return Client("AC1", "secret", http_client=Here(**options)), Client("AC1", "secret", http_client=AsyncHere(pool_connections=False, **options))

    with showing_http(port) as server:
        yield server, clients


def _path(url):
    """Paths of the API; one host of it answers late, as `/slow` of the server does."""
    path = "/" + url.partition("://")[2].partition("/")[2]
    return f"/slow{path}" if "Calls" in path else path


def asked_twilio():
    """What arrives of the same calls, and what limits them."""
    from twilio.base.exceptions import TwilioException

    def sends(**named):
        return lambda client: client.messages.create(**named), lambda client: client.messages.create_async(**named)

    def content():
        from twilio.rest.content.v1.content import ContentList

        what = ContentList.ContentCreateRequest({"friendly_name": "hello", "language": "en", "variables": {"1": "name"}})
        return lambda client: client.content.v1.contents.create(what), lambda client: client.content.v1.contents.create_async(what)

    with telephone() as (server, clients):
        cases = {
            "a message": (sends(to="+1", from_="+2", body="caf\u00e9 & more"), {}),
            "several pictures": (sends(to="+1", from_="+2", media_url=["http://a/1", "http://a/2"]), {}),
            "an argument that is None": (sends(to="+1", from_="+2", body="x", media_url=None), {}),
            "numbers and truth": (sends(to="+1", from_="+2", body="x", validity_period=60, smart_encoded=True), {}),
            "a body of JSON": (content(), {}),
            "the client's timeout": ((lambda client: client.calls.create(to="+1", from_="+2", url="http://a"), lambda client: client.calls.create_async(to="+1", from_="+2", url="http://a")), {"timeout": 0.05}),
        }  # fmt: skip
        for name, ((first, second), options) in cases.items():
            plain, asynchronous = clients(**options)

            def told(work, server=server):
                server.arrived.clear()
                limit = ""
                try:
                    work()
                except TwilioException:
                    pass
                except Exception as error:
                    limit = type(error).__name__
                return limit or [(method, path, body) for method, path, _, body in server.arrived]

            yield name, said(lambda: told(lambda: first(plain))), said(lambda: told(lambda: asyncio.run(second(asynchronous))))  # noqa: B023 - called at once
        yield from _proxied(clients, *sends(to="+1", from_="+2", body="x"))


def _proxied(clients, first, second):
    """Whether the proxy that the environment names is asked."""
    port = free_port()
    with showing_http(port) as proxy:
        kept = dict(os.environ)
        os.environ.update(http_proxy=f"http://127.0.0.1:{port}", no_proxy="")
        try:
            found = []
            for client, send in zip(clients(), (first, second), strict=True):
                proxy.arrived.clear()
                with contextlib.suppress(Exception):
                    given = send(client)
                    asyncio.run(given) if asyncio.iscoroutine(given) else None
                found.append(f"{len(proxy.arrived)} through the proxy")
        finally:
            os.environ.clear()
            os.environ.update(kept)
    yield "the proxy of the environment", *found


# psycopg_pool


def asked_pool():
    """How a pool is opened, and what one that a module keeps costs the server. Needs PostgreSQL."""
    import psycopg
    import psycopg_pool

    server = Postgres()

    def count():
        with psycopg.connect(server.dsn) as connection:
            return connection.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pool'").fetchone()

    with server.start(free_port()):
        dsn = f"{server.dsn} application_name=pool"

        async def asked(pool):
            async with pool.connection() as connection:
                return await (await connection.execute("SELECT 1")).fetchone()

        async def made():
            pool = psycopg_pool.AsyncConnectionPool(dsn)
            try:
                return await asked(pool)
            finally:
                await pool.close()

        async def beside():
            async with psycopg_pool.AsyncConnectionPool(dsn, open=False) as pool:
                await pool.wait()
                return await asked(pool), await asyncio.to_thread(count)

        with psycopg_pool.ConnectionPool(dsn) as pool:
            pool.wait()
            with pool.connection() as connection:
                answer = connection.execute("SELECT 1").fetchone()
            alone, (opened, both) = count(), asyncio.run(beside())
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield "used as it is made", said(lambda: answer), said(lambda: asyncio.run(made()))
        yield "opened with `await`, and used", said(lambda: answer), said(lambda: opened)
        yield "connections of a process in which a module keeps it", said(lambda: alone), said(lambda: both)
