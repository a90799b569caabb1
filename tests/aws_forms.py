"""boto3 beside aiobotocore: the same calls with both, on moto's server, which stands in for S3 and SQS.

Each probe yields its name, what boto3 did and what aiobotocore did with the same call, awaited, as text. `test_aws_forms.py`
holds what differs to the list in docs/explanation/other-libraries.md; `benchmarks/aws.py` prints it.
"""

import asyncio
import contextlib
import datetime
import inspect
import io
import json
import logging
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

import aiobotocore.response
import boto3
import botocore.response
import moto
from aiobotocore.session import get_session
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from moto.server import ThreadedMotoServer
from own_forms import said

ACCOUNT = {"region_name": "us-east-1", "aws_access_key_id": "k", "aws_secret_access_key": "s"}
LINES = b"one\ntwo\nthree\n"
KEY = {"Bucket": "shop", "Key": "lines"}
PATIENCE = 10  # seconds: what takes longer hangs


@contextlib.contextmanager
def aws():
    """moto's server on a free port; gives its address."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    try:
        yield "http://{}:{}".format(*server.get_host_and_port())
    finally:
        server.stop()


class _Stubborn(BaseHTTPRequestHandler):
    """Answers 503, below /slow after a second, below /short with less than it says; keeps what arrived."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.arrived.append(self.path)
        time.sleep("/slow" in self.path)
        short = "/short" in self.path
        self.send_response(200 if short else 503)
        self.send_header("Content-Length", "10" if short else "0")
        with contextlib.suppress(OSError):  # who waited too long is gone
            self.end_headers()
            self.wfile.write(b"12345" if short else b"")
        self.close_connection = short

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def stubborn():
    """That server; its `arrived` is a list of paths, `address` where it listens."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Stubborn)
    server.daemon_threads, server.arrived, server.address = True, [], f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def fresh(address, s3):
    """The same state before every probe."""
    urlopen(Request(f"{address}/moto-api/reset", method="POST")).close()
    s3.create_bucket(Bucket="shop")
    s3.put_object(Body=LINES, **KEY)
    for number in range(5):
        s3.put_object(Bucket="shop", Key=f"many/{number}", Body=b"x")


def plain(value):
    """What an answer says, without what is another each time."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if not key.startswith(("HTTPHeaders", "RequestId", "HostId", "MessageId", "ReceiptHandle"))}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, botocore.response.StreamingBody | aiobotocore.response.StreamingBody):
        return "a body"
    return "a time" if isinstance(value, datetime.datetime) else value


def parts_of(url):
    """A signed address without the signature, which holds the time."""
    found = urlsplit(url)
    return found.path, sorted(parse_qs(found.query))


# The very same expression: with aiobotocore what it gives is awaited

SAME = {
    "create_bucket": lambda s3: s3.create_bucket(Bucket="new"),
    "create_bucket, which is there": lambda s3: s3.create_bucket(Bucket="shop", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}),
    "put_object": lambda s3: s3.put_object(Bucket="shop", Key="a b/\u00e9", Body=b"x", Metadata={"m": "1"}, ContentType="text/plain"),
    "put_object of a text": lambda s3: s3.put_object(Bucket="shop", Key="t", Body="caf\u00e9"),
    "put_object of a file": lambda s3: s3.put_object(Bucket="shop", Key="f", Body=io.BytesIO(b"x" * 100_000)),
    "put_object of a number": lambda s3: s3.put_object(Bucket="shop", Key="f", Body=5),
    "get_object": lambda s3: s3.get_object(**KEY),
    "get_object, a range": lambda s3: s3.get_object(Range="bytes=4-6", **KEY),
    "get_object, a range that is not there": lambda s3: s3.get_object(Range="bytes=400-", **KEY),
    "get_object, no such key": lambda s3: s3.get_object(Bucket="shop", Key="nothing"),
    "get_object, no such bucket": lambda s3: s3.get_object(Bucket="nothing", Key="nothing"),
    "head_object": lambda s3: s3.head_object(**KEY),
    "head_object, no such key": lambda s3: s3.head_object(Bucket="shop", Key="nothing"),
    "list_buckets": lambda s3: s3.list_buckets(),
    "list_objects_v2": lambda s3: s3.list_objects_v2(Bucket="shop", Prefix="many/", MaxKeys=2),
    "copy_object": lambda s3: s3.copy_object(Bucket="shop", Key="copy", CopySource=KEY),
    "delete_object": lambda s3: s3.delete_object(**KEY),
    "delete_objects": lambda s3: s3.delete_objects(Bucket="shop", Delete={"Objects": [{"Key": "many/1"}, {"Key": "nothing"}]}),
    "delete_bucket, which is not empty": lambda s3: s3.delete_bucket(Bucket="shop"),
    "an argument that is missing": lambda s3: s3.get_object(Bucket="shop"),
    "an argument that does not exist": lambda s3: s3.get_object(Colour="red", **KEY),
    "build_full_result": lambda s3: s3.get_paginator("list_objects_v2").paginate(Bucket="shop", PaginationConfig={"PageSize": 2}).build_full_result(),
    "a waiter": lambda s3: s3.get_waiter("object_exists").wait(**KEY),
    "a waiter in vain": lambda s3: s3.get_waiter("object_exists").wait(Bucket="shop", Key="nothing", WaiterConfig={"Delay": 0, "MaxAttempts": 2}),
    "upload_fileobj": lambda s3: s3.upload_fileobj(io.BytesIO(b"x"), "shop", "u"),
    "download_fileobj": lambda s3: s3.download_fileobj("shop", "lines", io.BytesIO()),
    "upload_file": lambda s3: s3.upload_file(__file__, "shop", "u"),
    "download_file": lambda s3: s3.download_file("shop", "lines", os.devnull),
    "close": lambda s3: s3.close(),
}
SAME_SQS = {
    "send_message": lambda sqs, url: sqs.send_message(QueueUrl=url, MessageBody="hello", MessageAttributes={"n": {"DataType": "Number", "StringValue": "1"}}),
    "send_message_batch": lambda sqs, url: sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": str(n), "MessageBody": "x"} for n in range(3)]),
    "receive_message": lambda sqs, url: sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10),
    "get_queue_attributes": lambda sqs, url: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]),
    "delete_message, a wrong one": lambda sqs, url: sqs.delete_message(QueueUrl=url, ReceiptHandle="no"),
    "no such queue": lambda sqs, url: sqs.get_queue_url(QueueName="nothing"),
}


async def awaited(value):
    """What an asynchronous client gives, or a plain one."""
    return await value if inspect.isawaitable(value) else value


def ran(work):
    """What a coroutine function gives or raises, as text; no later than that."""
    return said(lambda: asyncio.run(asyncio.wait_for(work(), PATIENCE)))


def asked_aws():
    """Everything, with a session of each library."""
    session = get_session()
    with aws() as address:
        given = {**ACCOUNT, "endpoint_url": address}
        s3 = boto3.client("s3", **given)

        def again():
            fresh(address, s3)
            return s3

        for name, call in SAME.items():

            async def after(call=call):
                async with session.create_client("s3", **given) as other:
                    return plain(await awaited(call(other)))

            again()
            before = said(lambda call=call: plain(call(boto3.client("s3", **given) if call is SAME["close"] else s3)))
            again()
            yield name, before, ran(after)
        yield from _asked_queue(session, given, again)
        for probes in (_errors, _signed, _bodies, _pages, _made, _watched):
            for name, first, second in probes(session, given):
                again()
                before = said(first)
                again()
                yield name, before, ran(second)


def _asked_queue(session, given, again):
    sqs = boto3.client("sqs", **given)

    def made():
        again()
        url = sqs.create_queue(QueueName="letters")["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody="first")
        return url

    for name, call in SAME_SQS.items():

        async def after(url, call=call):
            async with session.create_client("sqs", **given) as other:
                return plain(await call(other, url))

        url = made()
        before = said(lambda call=call, url=url: plain(call(sqs, url)))
        url = made()
        yield name, before, ran(lambda after=after, url=url: after(url))


def _errors(session, given):
    """What except clauses of the application see."""
    s3 = boto3.client("s3", **given)

    def caught():
        try:
            s3.get_object(Bucket="shop", Key="nothing")
        except s3.exceptions.NoSuchKey as error:
            return error.response["Error"]["Code"], error.operation_name, isinstance(error, ClientError), str(error)

    async def caught_after():
        async with session.create_client("s3", **given) as other:
            try:
                await other.get_object(Bucket="shop", Key="nothing")
            except other.exceptions.NoSuchKey as error:
                return error.response["Error"]["Code"], error.operation_name, isinstance(error, ClientError), str(error)

    yield "except client.exceptions.NoSuchKey", caught, caught_after
    with stubborn() as server:
        for name, address, bucket, options in (
            ("nobody listens", "http://127.0.0.1:9", "b", {"retries": {"max_attempts": 0}}),
            ("too late", server.address, "slow", {"read_timeout": 0.2, "retries": {"max_attempts": 0}}),
            ("503, tried again", server.address, "b", {"retries": {"max_attempts": 2, "mode": "standard"}}),
            ("503, tried again in the way of old", server.address, "b", {"retries": {"max_attempts": 1}}),
        ):
            how = {**given, "endpoint_url": address, "config": Config(**options, s3={"addressing_style": "path"})}
            failed, failed_after = _failing(session, how, bucket, server)
            yield name, failed, failed_after


def _failing(session, how, bucket, server):
    def told(error):
        family = [item.__name__ for item in type(error).__mro__ if item.__module__ == "botocore.exceptions"]
        arrived = [path.partition("?")[0] for path in server.arrived]
        server.arrived.clear()
        return family, arrived, str(error)

    def failed():
        try:
            boto3.client("s3", **how).get_object(Bucket=bucket, Key="k")
        except Exception as error:
            return told(error)

    async def failed_after():
        async with session.create_client("s3", **how) as other:
            try:
                await other.get_object(Bucket=bucket, Key="k")
            except Exception as error:
                return told(error)

    return failed, failed_after


def _signed(session, given):
    s3 = boto3.client("s3", **given)

    async def url():
        async with session.create_client("s3", **given) as other:
            return parts_of(await other.generate_presigned_url("get_object", Params=KEY))

    async def url_unawaited():
        async with session.create_client("s3", **given) as other:
            found = other.generate_presigned_url("get_object", Params=KEY)
            found.close() if inspect.iscoroutine(found) else None
            return type(found).__name__

    async def post():
        async with session.create_client("s3", **given) as other:
            return sorted((await other.generate_presigned_post("shop", "k"))["fields"])

    yield "generate_presigned_url, awaited", lambda: parts_of(s3.generate_presigned_url("get_object", Params=KEY)), url
    yield "generate_presigned_url as it is called", lambda: type(s3.generate_presigned_url("get_object", Params=KEY)).__name__, url_unawaited
    yield "generate_presigned_post, awaited", lambda: sorted(s3.generate_presigned_post("shop", "k")["fields"]), post


def _bodies(session, given):
    """How the body of an answer is read."""
    s3 = boto3.client("s3", **given)

    def reading(read, read_after, how=given, **key):
        def before():
            return read(boto3.client("s3", **how).get_object(**{**KEY, **key})["Body"])

        async def after():
            async with session.create_client("s3", **how) as other:
                return await awaited(read_after((await other.get_object(**{**KEY, **key}))["Body"]))

        return before, after

    async def listed(iterator):
        return [item async for item in iterator]

    async def twice(body):
        return [await body.read(5), await body.read(), await body.read()]

    async def closing(body):
        async with body as stream:
            return await stream.read()

    async def decoded(body):
        return json.dumps((await body.read()).decode())

    yield "Body.read()", *reading(lambda body: body.read(), lambda body: body.read())
    yield "Body.read(5), twice", *reading(lambda body: [body.read(5), body.read(), body.read()], twice)
    yield "Body.iter_lines()", *reading(lambda body: list(body.iter_lines()), lambda body: listed(body.iter_lines()))
    yield "Body.iter_chunks(4)", *reading(lambda body: list(body.iter_chunks(4)), lambda body: listed(body.iter_chunks(4)))
    yield "for chunk in Body", *reading(list, listed)
    yield "with Body", *reading(lambda body: (contextlib.closing(body).__enter__().read()), closing)
    yield "json.loads(Body.read())", *reading(lambda body: json.dumps(body.read().decode()), decoded)
    yield "a file-like Body", *reading(lambda body: io.TextIOWrapper(body).read(), lambda body: io.TextIOWrapper(body).read())
    yield "Body.readline()", *reading(lambda body: body.readline(), lambda body: body.readline())
    yield "Body.tell()", *reading(lambda body: body.tell(), lambda body: body.tell())
    yield "Body.set_socket_timeout(1)", *reading(lambda body: body.set_socket_timeout(1), lambda body: body.set_socket_timeout(1))
    with stubborn() as server:
        how = {**given, "endpoint_url": server.address, "config": Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"})}
        yield "a body that ends early", *reading(lambda body: body.read(), lambda body: body.read(), how, Bucket="short")

    few = {**given, "config": Config(max_pool_connections=2, connect_timeout=1, read_timeout=1, retries={"max_attempts": 0})}

    def opened():
        one = boto3.client("s3", **few)
        one.put_object(Bucket="shop", Key="large", Body=b"x" * 5_000_000)
        return [len(body.read()) for body in [one.get_object(Bucket="shop", Key="large")["Body"] for _ in range(4)]]

    async def opened_after():
        s3.put_object(Bucket="shop", Key="large", Body=b"x" * 5_000_000)
        async with session.create_client("s3", **few) as one:
            bodies = [(await one.get_object(Bucket="shop", Key="large"))["Body"] for _ in range(4)]
            return [len(await body.read()) for body in bodies]

    yield "more open bodies than max_pool_connections", opened, opened_after


def _pages(session, given):
    s3 = boto3.client("s3", **given)
    how = {"Bucket": "shop", "PaginationConfig": {"PageSize": 2}}

    def pages():
        return [len(page["Contents"]) for page in s3.get_paginator("list_objects_v2").paginate(**how)]

    async def pages_after():
        async with session.create_client("s3", **given) as other:
            return [len(page["Contents"]) async for page in other.get_paginator("list_objects_v2").paginate(**how)]

    def searched():
        return list(s3.get_paginator("list_objects_v2").paginate(**how).search("Contents[].Key"))

    async def searched_after():
        async with session.create_client("s3", **given) as other:
            return [key async for key in other.get_paginator("list_objects_v2").paginate(**how).search("Contents[].Key")]

    async def pages_plain():
        async with session.create_client("s3", **given) as other:
            return [len(page["Contents"]) for page in other.get_paginator("list_objects_v2").paginate(**how)]

    yield "pages", pages, pages_after
    yield "pages in a plain for", pages, pages_plain
    yield "search()", searched, searched_after


def _made(session, given):
    """What is made of a session, and how long it lasts."""
    s3 = boto3.client("s3", **given)

    def resource():
        return [item.key for item in boto3.resource("s3", **given).Bucket("shop").objects.filter(Prefix="many/")]

    async def resource_after():
        async with session.resource("s3", **given) as found:
            return found

    async def kept():
        return plain(await session.create_client("s3", **given).list_buckets())

    def on_two_loops():
        return [len(s3.list_buckets()["Buckets"]) for _ in "ab"]

    async def on_two_loops_after():
        def other_loop(client):
            return asyncio.run(client.list_buckets())

        async with session.create_client("s3", **given) as other:
            first = await other.list_buckets()
            second = await asyncio.to_thread(other_loop, other)
            return [len(item["Buckets"]) for item in (first, second)]

    yield "boto3.resource", resource, resource_after
    yield "a client as it is made", lambda: plain(boto3.client("s3", **given).list_buckets()), kept
    yield "a client on a second event loop", on_two_loops, on_two_loops_after


class Told(io.BytesIO):
    """A file that notes whether an event loop runs on the thread that reads it."""

    on_loop = False

    def read(self, *given):
        with contextlib.suppress(RuntimeError):
            asyncio.get_running_loop()
            self.on_loop = True
        return super().read(*given)


def _watched(session, given):
    """What watches or replaces a client: handlers, the stubber of botocore, moto in the process; and files that are sent."""
    s3 = boto3.client("s3", **given)
    seen = []

    def handled():
        one = boto3.client("s3", **given)
        one.meta.events.register("before-call.s3.ListBuckets", lambda **_: seen.append(1))
        one.list_buckets()
        return len(seen), seen.clear()

    async def handled_after():
        async with session.create_client("s3", **given) as one:
            one.meta.events.register("before-call.s3.ListBuckets", lambda **_: seen.append(1))
            await one.list_buckets()
            return len(seen), seen.clear()

    def stubbed():
        one = boto3.client("s3", **given)
        with Stubber(one) as stub:
            stub.add_response("list_buckets", {"Buckets": []})
            return one.list_buckets()

    async def stubbed_after():
        async with session.create_client("s3", **given) as one:
            with Stubber(one) as stub:
                stub.add_response("list_buckets", {"Buckets": []})
                return await one.list_buckets()

    def mocked():
        with moto.mock_aws():
            one = boto3.client("s3", **ACCOUNT)
            one.create_bucket(Bucket="mocked")
            return [item["Name"] for item in one.list_buckets()["Buckets"]]

    async def mocked_after():
        with moto.mock_aws():
            async with get_session().create_client("s3", **ACCOUNT, config=Config(retries={"max_attempts": 0})) as one:
                await one.create_bucket(Bucket="mocked")
                return [item["Name"] for item in (await one.list_buckets())["Buckets"]]

    def sent():
        s3.put_object(Bucket="shop", Key="f", Body=(file := Told(b"x" * 100_000)))
        return file.on_loop

    async def sent_after():
        async with session.create_client("s3", **given) as one:
            await one.put_object(Bucket="shop", Key="f", Body=(file := Told(b"x" * 100_000)))
            return file.on_loop

    yield "an event handler", handled, handled_after
    yield "botocore's Stubber", stubbed, stubbed_after
    yield "moto's mock_aws", mocked, mocked_after
    yield "a file that is sent is read on the event loop", sent, sent_after
