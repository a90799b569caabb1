"""The real servers of the differential tests: each on a free port of 127.0.0.1, in a temporary folder, gone afterwards.

A server offers `start()` (a context manager), `fresh()`, which brings it to the same state before every run, and
`arrived()`, what it saw since then (with `(view, None)` where a view begins). `missing()` says which program or package is not installed; empty when it can run.
"""

import contextlib
import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from blobs import showing_blobs
from showing import showing_http

PATIENCE = 60  # seconds for a server to come up on a busy machine


def free_port():
    """A port that nobody listens on now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def _packages(*names):
    """The first package that is not installed, as a sentence."""
    return next((f"the Python package {name} is not installed" for name in names if importlib.util.find_spec(name) is None), "")


def _program(name, *folders):
    """The program's path, or None; Debian keeps some outside PATH."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", *folders]))


@contextlib.contextmanager
def _process(command, ready, folder=None, user=None):
    """A server program, from the moment on at which `ready()` is true."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, **_as(user))
        try:
            end = time.monotonic() + PATIENCE
            while not ready():
                if process.poll() is not None or time.monotonic() > end:
                    log.seek(0)
                    raise RuntimeError(f"{command[0]} did not start:\n{log.read().decode(errors='replace')}")
                time.sleep(0.05)
            yield process
        finally:
            process.terminate()
            process.wait(PATIENCE)


def _as(user):
    """Arguments for subprocess: PostgreSQL and MariaDB refuse to run as root."""
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user and os.geteuid() == 0 else {}


def _unprivileged(*names):
    known = {item.pw_name: item for item in pwd.getpwall()}
    return next((known[name] for name in (*names, "nobody") if name in known), None)


@contextlib.contextmanager
def _folder(user):
    """A new folder that belongs to the user; short, because it holds sockets."""
    with tempfile.TemporaryDirectory(prefix="differ-") as name:
        if user and os.geteuid() == 0:
            os.chown(name, user.pw_uid, user.pw_gid)
        yield Path(name)


def _answers(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


class Nothing:
    """No server: files, processes, databases in files. `mark` stands for the port in the apps; `name` if it can be told things."""

    mark, name = None, ""

    def missing(self):
        return ""

    @contextlib.contextmanager
    def start(self, port):
        yield

    def fresh(self):
        pass

    def arrived(self):
        return []


class Http(Nothing):
    mark, name = "47001", "http"

    @contextlib.contextmanager
    def start(self, port):
        with showing_http(port) as self.server:
            yield

    def fresh(self):
        self.server.arrived.clear()

    def arrived(self):
        return [(path[3:], None) if path.startswith("/-/") else (method, path, sorted(headers), body) for method, path, headers, body in self.server.arrived]


class Redis(Nothing):
    """Debian package redis-server."""

    mark = "47003"

    def missing(self):
        return "" if _program("redis-server") else "redis-server is not installed (Debian package redis-server)"

    @contextlib.contextmanager
    def start(self, port):
        import redis

        self.client = redis.Redis(port=port)
        with _folder(None) as folder:
            options = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no", "--dir", str(folder)]
            with _process([_program("redis-server"), *options], lambda: _answers(port)), self.client:
                yield

    def fresh(self):
        self.client.flushall()


class Postgres(Nothing):
    """Debian package postgresql."""

    mark = "47004"

    def _bin(self, name):
        return _program(name, *sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True))

    def missing(self):
        if not self._bin("initdb") or not self._bin("postgres"):
            return "PostgreSQL is not installed (Debian package postgresql)"
        return _packages("psycopg2", "psycopg")

    @contextlib.contextmanager
    def start(self, port):
        user = _unprivileged("postgres")
        with _folder(user) as folder:
            make = [self._bin("initdb"), "-D", str(folder / "data"), "-U", "app", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
            subprocess.run(make, check=True, capture_output=True, cwd=folder, **_as(user))
            quick = ["-c", "fsync=off", "-c", "shared_buffers=16MB", "-c", "listen_addresses=127.0.0.1", "-c", "timezone=UTC", "-c", "lock_timeout=5s"]
            with _process(
                [self._bin("postgres"), "-D", str(folder / "data"), "-p", str(port), "-k", str(folder), *quick], lambda: self._ready(port), folder, user
            ):
                yield

    def _ready(self, port):
        import psycopg2

        self.dsn = f"host=127.0.0.1 port={port} user=app dbname=postgres"
        with contextlib.suppress(psycopg2.OperationalError):
            psycopg2.connect(self.dsn).close()
            return True
        return False

    def fresh(self):
        import psycopg2

        connection = psycopg2.connect(self.dsn)
        with connection, connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA public CASCADE")
            cursor.execute("CREATE SCHEMA public")
        connection.close()


class MariaDb(Nothing):
    """Debian package mariadb-server."""

    mark = "47007"

    def missing(self):
        if not _program("mariadbd") or not _program("mariadb-install-db"):
            return "MariaDB is not installed (Debian package mariadb-server)"
        return _packages("pymysql")

    @contextlib.contextmanager
    def start(self, port):
        user = _unprivileged("mysql")
        with _folder(user) as folder:
            data = folder / "data"
            make = [_program("mariadb-install-db"), "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal", "--skip-test-db"]
            subprocess.run(make, check=True, capture_output=True, cwd=folder, **_as(user))
            options = [f"--datadir={data}", f"--port={port}", f"--socket={folder}/s", "--bind-address=127.0.0.1", "--innodb-buffer-pool-size=8M"]
            self.port = port
            with _process([_program("mariadbd"), "--no-defaults", *options, "--skip-name-resolve"], lambda: self._ready(port), folder, user):
                yield

    def _ready(self, port):
        import pymysql

        with contextlib.suppress(pymysql.OperationalError):
            pymysql.connect(host="127.0.0.1", port=port, user="root").close()
            return True
        return False

    def fresh(self):
        import pymysql

        connection = pymysql.connect(host="127.0.0.1", port=self.port, user="root")
        with connection, connection.cursor() as cursor:
            cursor.execute("DROP DATABASE IF EXISTS app")
            cursor.execute("CREATE DATABASE app CHARACTER SET utf8mb4")


class Smtp(Nothing):
    """PyPI package aiosmtpd; what arrived is each session's sender, recipients and data."""

    mark, name = "47005", "smtp"

    def missing(self):
        return _packages("aiosmtpd")

    @contextlib.contextmanager
    def start(self, port):
        from aiosmtpd.controller import Controller
        from aiosmtpd.smtp import AuthResult

        self.messages = []
        controller = Controller(
            self,
            hostname="127.0.0.1",
            port=port,
            authenticator=lambda server, session, envelope, mechanism, data: AuthResult(success=data.password == b"right", handled=False),
            auth_require_tls=False,
        )
        controller.start()
        try:
            yield
        finally:
            controller.stop()

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if address.startswith("nobody@"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        self.messages.append((envelope.mail_from, list(envelope.rcpt_tos), envelope.content.decode("latin-1"), bool(session.authenticated)))
        return "250 taken"

    def fresh(self):
        self.messages.clear()

    def arrived(self):
        return [(to[0], None) if sender == "-" else (sender, to, *rest) for sender, to, *rest in self.messages]


class Mongo(Nothing):
    """PyPI package SecantusDB: not MongoDB itself, but a server that speaks its protocol, on the same storage engine."""

    mark = "47006"

    def missing(self):
        return _packages("pymongo", "secantus")

    @contextlib.contextmanager
    def start(self, port):
        import pymongo

        with _folder(None) as folder:
            command = [sys.executable, "-m", "secantus", "--host", "127.0.0.1", "--port", str(port), "--storage-path", ":memory:", "--log-level", "ERROR"]
            with _process(command, lambda: _answers(port), folder), pymongo.MongoClient(port=port) as self.client:
                yield

    def fresh(self):
        self.client.drop_database("app")


class Azure(Nothing):
    """Our own server for azure-storage-blob; Microsoft's emulator is no package of PyPI or Debian."""

    mark, name = "47007", "http"

    def missing(self):
        return _packages("azure.storage.blob") if importlib.util.find_spec("azure") else "the Python package azure-storage-blob is not installed"

    @contextlib.contextmanager
    def start(self, port):
        with showing_blobs(port) as self.server:
            yield

    def fresh(self):
        self.server.arrived.clear()
        self.server.kept.clear()

    def arrived(self):
        return [(path[3:], None) if path.startswith("/-/") else (method, path, *rest) for method, path, *rest in self.server.arrived]


CLOSED = "47002"  # the mark of a port that nobody listens on
SERVERS = {"http": Http, "redis": Redis, "postgres": Postgres, "mariadb": MariaDb, "smtp": Smtp, "mongo": Mongo, "azure": Azure, "files": Nothing}
