#!/usr/bin/env python3
"""What aiobotocore would bring over boto3 in worker threads, and what of it would differ.

    pip install 'aiobotocore[boto3]' 'moto[server]'    (in an environment of its own: it brings a boto3 of its own choice)
    python benchmarks/aws.py

Speed: GetObject of 10 kB from a server that takes 100 ms for it, clients kept as an application keeps them, for 10 seconds each.
Then the probes of tests/aws_forms.py, on moto's server. Prints Markdown; nothing is asserted. Results and what follows from
them: docs/explanation/other-libraries.md.
"""

import asyncio
import contextlib
import resource
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
from aiobotocore.session import get_session
from botocore.config import Config

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "differential")]

from aws_forms import ACCOUNT, asked_aws  # noqa: E402

THREADS, AT_ONCE, SECONDS = 64, 48, 10
SLOW = """
import asyncio, sys
answer = b"HTTP/1.1 200 OK\\r\\nContent-Length: 10000\\r\\nETag: \\"1\\"\\r\\nContent-Type: text/plain\\r\\n\\r\\n" + b"x" * 10000
async def serve(reader, writer):
    try:
        while await reader.readuntil(b"\\r\\n\\r\\n"):
            await asyncio.sleep(0.1)
            writer.write(answer)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


def main():
    """Time the pairs, then ask both sides the same."""
    print(*speed(), "", *differences(list(asked_aws())), sep="\n")


def speed():
    """Rows: requests per second, CPU of this process each, threads at the end."""
    yield f"| {AT_ONCE} at once for {SECONDS} s | per second | CPU each, ms | threads |"
    yield "|---|---|---|---|"
    with slow_server() as address:
        for name, way in WAYS.items():
            count, seconds, cpu, threads = asyncio.run(way(address))
            yield f"| {name} | {count / seconds:.0f} | {cpu * 1000 / max(count, 1):.2f} | {threads} |"


@contextlib.contextmanager
def slow_server():
    """A server that answers every request with 10 kB after 100 ms; gives its address."""
    with subprocess.Popen([sys.executable, "-c", SLOW], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()


async def loaded(one):
    """Calls, seconds, seconds of CPU, and the number of threads at the end."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS))

    async def calls(end):
        count = 0
        while time.perf_counter() < end:
            await one()
            count += 1
        return count

    async def all_at_once(seconds):
        return sum(await asyncio.gather(*[calls(time.perf_counter() + seconds) for _ in range(AT_ONCE)]))

    await all_at_once(1)
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    count = await all_at_once(SECONDS)
    after = resource.getrusage(resource.RUSAGE_SELF)
    return count, time.perf_counter() - start, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, threading.active_count()


def given(address, connections):
    """Arguments of either client."""
    config = Config(s3={"addressing_style": "path"}, **({"max_pool_connections": connections} if connections else {}))
    return {**ACCOUNT, "endpoint_url": address, "config": config}


def in_threads(connections=None, kept=True):
    """The block of call and reading in a worker thread, as stage executor moves it."""

    async def way(address):
        session = boto3.Session()
        shared, lock = session.client("s3", **given(address, connections)), threading.Lock()

        def block():
            client = shared
            if not kept:
                with lock:  # a session is not thread-safe
                    client = session.client("s3", **given(address, connections))
            return client.get_object(Bucket="b", Key="k")["Body"].read()

        return await loaded(lambda: asyncio.to_thread(block))

    return way


def on_the_loop(connections=None, kept=True):
    """aiobotocore; its default pool has ten connections, and whoever wants an eleventh waits."""

    async def way(address):
        session = get_session()
        async with session.create_client("s3", **given(address, connections)) as shared:

            async def call(client):
                return await (await client.get_object(Bucket="b", Key="k"))["Body"].read()

            async def alone():
                async with session.create_client("s3", **given(address, connections)) as client:
                    return await call(client)

            return await loaded((lambda: call(shared)) if kept else alone)

    return way


WAYS = {
    "boto3, the block in a thread": in_threads(),
    "boto3, the block in a thread, 64 connections": in_threads(64),
    "aiobotocore": on_the_loop(),
    "aiobotocore, 64 connections": on_the_loop(64),
    "boto3, a client for each call": in_threads(kept=False),
    "aiobotocore, a client for each call": on_the_loop(kept=False),
}


def differences(rows):
    """Rows of what differs."""
    differing = [row for row in rows if row[1] != row[2]]
    yield f"boto3 → aiobotocore: {len(rows) - len(differing)} of {len(rows)} the same"
    yield ""
    yield "| | boto3 | aiobotocore |"
    yield "|---|---|---|"
    for name, before, after in differing:
        yield f"| {name} | {short(before)} | {short(after)} |"


def short(text):
    """One cell of a table."""
    return "`" + " ".join(text.split()).replace("|", "\u00a6")[:110] + "`"


if __name__ == "__main__":
    main()
