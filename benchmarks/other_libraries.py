#!/usr/bin/env python3
"""What another, asynchronous library would bring over the same block in a worker thread, and what of it would differ.

    pip install aiosqlite aiosmtplib aiosmtpd 'psycopg[binary]' psycopg2-binary
    python benchmarks/other_libraries.py

Every pair is the same work on the same server: the block as stage executor moves it, on the 64 worker threads that stage
server gives, and the asynchronous library on the loop. Below are probes of equality: both sides do the same, and what
they answer or raise is compared. Prints Markdown; nothing is asserted. Results and what follows from them:
docs/explanation/other-libraries.md.
"""

import asyncio
import contextlib
import datetime
import decimal
import resource
import smtplib
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import aiosqlite
import psycopg
import psycopg2
import psycopg2.extensions

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "differential"))

from servers import Postgres, Smtp, free_port  # noqa: E402

THREADS, TOTAL, AT_ONCE, ROUNDS = 64, 240, 48, 3
SECONDS = 0.1  # that the server, or the program, takes for one


def main():
    """Time every pair, then ask both sides the same."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as running:
        postgres, mail = Postgres(), Slow()
        ports = [free_port(), free_port()]
        running.enter_context(postgres.start(ports[0]))
        running.enter_context(mail.start(ports[1]))
        pairs = [*timed_postgres(postgres.dsn), *timed_sqlite(f"{folder}/a.db"), *timed_mail(ports[1]), *timed_process()]
        print(*speed(pairs), "", *differences(asked_postgres(postgres.dsn), "psycopg2", "psycopg"), sep="\n")
        print("", *differences(asked_sqlite(folder), "sqlite3", "aiosqlite"), sep="\n")
        print("", *differences(asked_mail(ports[1]), "smtplib", "aiosmtplib"), sep="\n")
        print("", *differences(asked_process(), "subprocess", "asyncio.subprocess"), sep="\n")


# Speed


def speed(pairs):
    """Rows: the least time of all rounds, requests per second, CPU of this process, threads."""
    yield f"| {TOTAL} times, {AT_ONCE} at once | per second | CPU each, ms | threads |"
    yield "|---|---|---|---|"
    for name, make in pairs:
        seconds, cpu, threads = min(asyncio.run(loaded(make)) for _ in range(ROUNDS))
        yield f"| {name} | {TOTAL / seconds:.0f} | {cpu * 1000 / TOTAL:.2f} | {threads} |"


async def loaded(make):
    """Seconds, seconds of CPU, and the number of threads at the end."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS))
    gate = asyncio.Semaphore(AT_ONCE)

    async def one():
        async with gate:
            await make()

    await asyncio.gather(*[one() for _ in range(AT_ONCE)])
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    await asyncio.gather(*[one() for _ in range(TOTAL)])
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - start, cpu, threading.active_count()


def timed_postgres(dsn):
    """Connect, one statement that takes a while, commit, close; also in psycopg2's own asynchronous mode."""
    statement = "SELECT pg_sleep(%s), 1"

    def block():
        with contextlib.closing(psycopg2.connect(dsn)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(statement, (SECONDS,))
            return cursor.fetchall()

    async def other():
        async with await psycopg.AsyncConnection.connect(dsn, cursor_factory=psycopg.AsyncClientCursor) as connection:
            return await (await connection.execute(statement, (SECONDS,))).fetchall()

    async def own_mode():
        connection = psycopg2.connect(dsn, async_=True)
        try:
            await polled(connection)
            cursor = connection.cursor()
            for text, given in (("BEGIN", None), (statement, (SECONDS,)), ("COMMIT", None)):
                cursor.execute(text, given)
                await polled(connection)
        finally:
            connection.close()

    return [
        ("psycopg2, the block in a thread", lambda: asyncio.to_thread(block)),
        ("psycopg 3, AsyncConnection", other),
        ("psycopg2, its own asynchronous mode", own_mode),
    ]


async def polled(connection):
    """Wait for what psycopg2 waits for in its asynchronous mode."""
    loop = asyncio.get_running_loop()
    while (state := connection.poll()) != psycopg2.extensions.POLL_OK:
        ready, descriptor = loop.create_future(), connection.fileno()
        watch, leave = (loop.add_reader, loop.remove_reader) if state == psycopg2.extensions.POLL_READ else (loop.add_writer, loop.remove_writer)
        watch(descriptor, lambda one=ready: one.done() or one.set_result(None))
        try:
            await ready
        finally:
            leave(descriptor)


def timed_sqlite(path):
    """Connect, insert, commit, select, close."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE item (name)")
        connection.executemany("INSERT INTO item VALUES (?)", [(str(number),) for number in range(1000)])
        connection.commit()
    statement = "SELECT name FROM item ORDER BY name LIMIT 20"

    def block():
        with contextlib.closing(sqlite3.connect(path)) as connection:
            return connection.execute(statement).fetchall()

    async def other():
        async with aiosqlite.connect(path) as connection, connection.execute(statement) as cursor:
            return await cursor.fetchall()

    return [("sqlite3, the block in a thread", lambda: asyncio.to_thread(block)), ("aiosqlite", other)]


class Slow(Smtp):
    """A mail server that takes its time over every letter."""

    async def handle_DATA(self, server, session, envelope):  # noqa: N802, D102
        await asyncio.sleep(SECONDS)
        return await super().handle_DATA(server, session, envelope)


def letter():
    """A letter as an application writes it."""
    found = EmailMessage()
    found["From"], found["To"], found["Subject"] = "a@example.org", "b@example.org", "Hello"
    found.set_content("A letter.\n")
    return found


def timed_mail(port):
    """Connect, send, quit."""

    def block():
        with smtplib.SMTP("127.0.0.1", port) as server:
            server.send_message(letter())

    async def other():
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False, timeout=None) as server:
            await server.send_message(letter())

    return [("smtplib, the block in a thread", lambda: asyncio.to_thread(block)), ("aiosmtplib", other)]


def timed_process():
    """A program that takes a while, and its output."""
    command = ["/bin/sleep", str(SECONDS)]

    async def other():
        process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        await process.communicate()

    return [("subprocess.run in a thread", lambda: asyncio.to_thread(subprocess.run, command, capture_output=True)), ("asyncio.create_subprocess_exec", other)]


# Equality


def differences(asked, old, new):
    """Rows of what differs; `asked` gives name, what the one side did, what the other did."""
    rows = list(asked)
    differing = [row for row in rows if row[1] != row[2]]
    yield f"{old} → {new}: {len(rows) - len(differing)} of {len(rows)} the same"
    yield ""
    if differing:
        yield f"| | {old} | {new} |"
        yield "|---|---|---|"
    for name, before, after in differing:
        yield f"| {name} | {short(before)} | {short(after)} |"


def short(text):
    """One cell of a table."""
    return "`" + " ".join(text.split()).replace("|", "¦")[:90] + "`"


def said(work):
    """What the work gives or raises, as text; how an error breaks its lines does not count."""
    try:
        return repr(work())
    except Exception as error:
        return " ".join(f"{type(error).__name__}: {error}".split())


STATEMENTS = {
    "numbers": ("SELECT %s, %s, %s, %s", (1, -2, 2.5, decimal.Decimal("9.90"))),
    "text": ("SELECT %s, %s, 'é%%'", ("it's", "a\\b")),
    "none and truth": ("SELECT %s, %s", (None, True)),
    "date and time": ("SELECT %s, %s, %s", (datetime.date(2026, 1, 2), datetime.datetime(2026, 1, 2, 3), datetime.time(4))),
    "timedelta": ("SELECT %s", (datetime.timedelta(days=2, seconds=3),)),
    "time with zone": ("SELECT '2026-01-31 12:00+02'::timestamptz", None),
    "infinity": ("SELECT 'infinity'::date", None),
    "list": ("SELECT %s, 2 = ANY(%s)", ([1, 2], [1, 2])),
    "list of texts": ("SELECT %s", (["a", "b"],)),
    "empty list": ("SELECT 1 = ANY(%s)", ([],)),
    "tuple after IN": ("SELECT 2 IN %s", ((1, 2),)),
    "interval in quotes": ("SELECT (date '2026-01-31' + interval '%s days')::text", (3,)),
    "bytes in": ("SELECT octet_length(%s)", (b"\x00\xff",)),
    "bytes out": ("SELECT '\\x00ff'::bytea", None),
    "uuid out": ("SELECT '00000000-0000-0000-0000-000000000005'::uuid", None),
    "uuid in": ("SELECT %s", (uuid.UUID(int=5),)),
    "inet": ("SELECT '10.0.0.1'::inet", None),
    "json": ("SELECT '{\"a\": 1}'::jsonb", None),
    "dict in": ("SELECT %s", ({"a": 1},)),
    "row": ("SELECT (1, 'a')", None),
    "range": ("SELECT int4range(1, 5)", None),
    "enum and domain": ("SELECT 'x'::name", None),
    "several statements": ("SELECT 1; SELECT 2", None),
    "names": ("SELECT %(a)s, %(a)s", {"a": 1}),
    "too few arguments": ("SELECT %s, %s", (1,)),
    "syntax": ("SELEC 1", None),
    "missing table": ("SELECT * FROM nothing", None),
    "division": ("SELECT 1 / 0", None),
    "nothing to fetch": ("SET statement_timeout = 0", None),
    "empty": ("", None),
}


def asked_postgres(dsn):
    """The same statements, arguments bound by the client on both sides."""

    def before(text, given):
        with contextlib.closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
            cursor.execute(text, given)
            return cursor.fetchall()

    async def after(text, given):
        async with await psycopg.AsyncConnection.connect(dsn, cursor_factory=psycopg.AsyncClientCursor) as connection:
            return await (await connection.execute(text, given)).fetchall()

    for name, (text, given) in STATEMENTS.items():
        yield name, said(lambda: before(text, given)), said(lambda: asyncio.run(after(text, given)))  # noqa: B023 - called at once

    def kept():
        with contextlib.closing(psycopg2.connect(dsn)) as connection:
            with connection:
                pass
            return bool(connection.closed)

    async def kept_after():
        connection = await psycopg.AsyncConnection.connect(dsn)
        async with connection:
            pass
        return connection.closed

    yield "closed after `with connection`", said(kept), said(lambda: asyncio.run(kept_after()))


def asked_sqlite(folder):
    """What blocks over a connection do."""

    def before(path, then):
        with contextlib.suppress(RuntimeError), contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE item (name)")
            with connection:
                connection.execute("INSERT INTO item VALUES ('a')")
                then()
        with contextlib.closing(sqlite3.connect(path)) as connection:
            return connection.execute("SELECT * FROM item").fetchall()

    async def after(path, then):
        with contextlib.suppress(RuntimeError):
            async with aiosqlite.connect(path) as connection:
                await connection.execute("CREATE TABLE item (name)")
                await connection.execute("INSERT INTO item VALUES ('a')")
                then()
        async with aiosqlite.connect(path) as connection:
            return [tuple(row) for row in await connection.execute_fetchall("SELECT * FROM item")]

    def fail():
        raise RuntimeError

    def used_late():
        connection = sqlite3.connect(f"{folder}/d.db")
        connection.close()
        return connection.execute("SELECT 1").fetchone()

    async def used_late_after():
        connection = await aiosqlite.connect(f"{folder}/d.db")
        await connection.close()
        return await (await connection.execute("SELECT 1")).fetchone()

    yield "`with connection` ends well", said(lambda: before(f"{folder}/b", int)), said(lambda: asyncio.run(after(f"{folder}/c", int)))
    yield "`with connection` ends badly", said(lambda: before(f"{folder}/d", fail)), said(lambda: asyncio.run(after(f"{folder}/e", fail)))
    yield "used after close", said(used_late), said(lambda: asyncio.run(used_late_after()))


def asked_mail(port):
    """What the methods give and raise."""
    closed = free_port()

    def before(to, at=port):
        with smtplib.SMTP("127.0.0.1", at) as server:
            return server.sendmail("a@example.org", to, "Hello")

    async def after(to, at=port):
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=at, timeout=None) as server:
            return await server.sendmail("a@example.org", to, "Hello")

    def wrong():
        with smtplib.SMTP("127.0.0.1", port) as server:
            return server.login("a", "wrong")

    async def wrong_after():
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False, timeout=None) as server:
            return await server.login("a", "wrong")

    def name(text):
        return text.partition(":")[0].strip("'") if "Error" in text or "Refused" in text else text

    for what, to, at in (
        ("sent", ["b@example.org"], port),
        ("one refused", ["nobody@x", "b@x"], port),
        ("all refused", ["nobody@x"], port),
        ("no server", ["b@x"], closed),
    ):
        yield what, name(said(lambda: before(to, at))), name(said(lambda: asyncio.run(after(to, at))))  # noqa: B023 - called at once
    yield "wrong password", said(lambda: issubclass(raised(wrong), smtplib.SMTPException)), said(
        lambda: issubclass(raised(lambda: asyncio.run(wrong_after())), smtplib.SMTPException)
    )


def raised(work):
    """The class of what the work raises."""
    try:
        work()
    except Exception as error:
        return type(error)
    return type(None)


def asked_process():
    """What running a program gives and raises."""
    script = ["/bin/sh", "-c", "echo started; exec sleep 5"]

    async def other(*command, timeout=None, **given):
        process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, **given)
        try:
            out, _ = await asyncio.wait_for(process.communicate(), timeout)
        finally:
            alive = process.returncode is None
            if alive:
                process.kill()
                await process.wait()
        return out, process.returncode

    def before(*command, **given):
        done = subprocess.run(command, stdout=subprocess.PIPE, **given)
        return done.stdout, done.returncode

    yield "bytes", said(lambda: before("/bin/echo", "a")), said(lambda: asyncio.run(other("/bin/echo", "a")))
    yield "text=True", said(lambda: before("/bin/echo", "a", text=True)), said(lambda: asyncio.run(other("/bin/echo", "a", text=True)))
    yield "too late", said(lambda: before(*script, timeout=0.2)), said(lambda: asyncio.run(other(*script, timeout=0.2)))
    yield "no such program", said(lambda: before("no-such-program")), said(lambda: asyncio.run(other("no-such-program")))
    yield "killed", said(lambda: before("/bin/sh", "-c", "kill -9 $$")), said(lambda: asyncio.run(other("/bin/sh", "-c", "kill -9 $$")))


if __name__ == "__main__":
    main()
