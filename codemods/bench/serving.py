"""A server that is started for a measurement, asked until it answers, and ended whatever happens."""

import contextlib
import os
import shlex
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from codemods.bench.load import BenchError

HOST = "127.0.0.1"
KEEPER = Path(__file__).with_name("keeper.py")
UPSTREAM = Path(__file__).with_name("slow_upstream.py")
_START = 60  # seconds that a server may take until it listens
_ANSWER = 90  # seconds that one answer may take: what an ended load left in the queue comes first
_ENDING = 15  # seconds that ending may take; the keeper kills long before
_LINES = 12  # of a server's output, in an error


@dataclass(frozen=True)
class Server:
    """How to start one: the words of the command may hold {host} and {port}."""

    name: str
    command: Sequence[str]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Running:
    """A server that answers. `pid` is its keeper's: the server is everything below it."""

    server: Server
    port: int
    pid: int
    process: "subprocess.Popen[bytes]"
    log: Path

    def url(self, route: str) -> str:
        """The address of a route."""
        return f"http://{HOST}:{self.port}{route}"


@dataclass(frozen=True)
class Answer:
    """What a route answered."""

    status: int
    body: bytes


@contextlib.contextmanager
def running(server: Server, log: Path) -> Iterator[Running]:
    """The server, started and listening; its output goes to `log`. Raises BenchError with its last lines."""
    port = free_port()
    words = [word.replace("{host}", HOST).replace("{port}", str(port)) for word in server.command]
    environment = {**os.environ, **server.environment, "PORT": str(port), "HOST": HOST}
    with log.open("wb") as output, _kept(words, server.folder, environment, output) as process:
        found = Running(server, port, process.pid, process, log)
        _wait(found)
        yield found


@contextlib.contextmanager
def _kept(words: Sequence[str], folder: Path, environment: Mapping[str, str], output: IO[bytes]) -> Iterator["subprocess.Popen[bytes]"]:
    """The command under its keeper, which sees its standard input end when we do."""
    process = subprocess.Popen(
        [sys.executable, "-I", str(KEEPER), *words],
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdin is not None
    try:
        yield process
    finally:
        process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_ENDING)


@contextlib.contextmanager
def upstream(milliseconds: float, log: Path) -> Iterator[Running]:
    """A slow service. Raises BenchError."""
    command = [sys.executable, "-I", str(UPSTREAM), "{port}", str(milliseconds)]
    with running(Server("upstream", command, log.parent), log) as found:
        yield found


def _wait(found: Running) -> None:
    end = time.monotonic() + _START
    while time.monotonic() < end:
        if found.process.poll() is not None:
            raise BenchError(f"the server {found.server.name!r} ended before it served: {_told(found)}")
        with contextlib.suppress(OSError), socket.create_connection((HOST, found.port), 1):
            return
        time.sleep(0.05)
    raise BenchError(f"the server {found.server.name!r} did not listen on port {found.port} within {_START} s: {_told(found)}")


def ask(found: Running, route: str) -> Answer:
    """One request; an error status is an answer too. Raises BenchError when there is none."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())
    try:
        with opener.open(found.url(route), timeout=_ANSWER) as answer:
            return Answer(answer.status, answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.read())
    except (OSError, ValueError) as error:
        raise BenchError(f"the server {found.server.name!r} does not answer {route}: {getattr(error, 'reason', error)}; {_told(found)}") from None


def expect_answer(found: Running, route: str) -> Answer:
    """One request that must succeed. Raises BenchError."""
    answer = ask(found, route)
    if answer.status >= 400:
        raise BenchError(f"the server {found.server.name!r} answers {answer.status} to {route}, so there is nothing to measure; {_told(found)}")
    return answer


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: object) -> None:
        """A redirection is an answer: the load would not follow it either."""


def _told(found: Running) -> str:
    lines = found.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-_LINES:]
    said = "".join(f"\n    {line}" for line in lines)
    return f"`{shlex.join(found.server.command)}`" + (f" said:{said}" if said else " said nothing")


def free_port() -> int:
    """A port on which nothing listens now."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        return int(free.getsockname()[1])
