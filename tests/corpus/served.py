"""The application on a real server: what it answers before and after the migration."""

import gzip
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.message import Message
from pathlib import Path

from apps import App, Home
from shell import Shell, Stop

Answers = dict[str, str]
"""Path to status, content type and body, with what varies from request to request levelled."""

_SECRETS = re.compile(r"[\w.+/=-]{40,}|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\d\d:\d\d:\d\d(\.\d+)?|\.\d{3,}")


def answers(app: App, home: Home, label: str, asgi: str = "") -> Answers:
    """What each page of the list answers on gunicorn with threads, or of that name on Uvicorn; raises Stop when the server does not start."""
    log = home.folder / f"served-{label}.log"
    log.unlink(missing_ok=True)
    if app.before_serving:
        Shell(home.src / app.subdir, home.env(app), log).must(app.before_serving)
    with _serving(app, home, log, asgi) as port:
        return {page: _ask(port, page) for page in app.pages}


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """One line a page that answers something else now."""
    return [f"{page} answered {_short(before[page])} before and {_short(after[page])} now" for page in before if before[page] != after[page]]


@contextmanager
def _serving(app: App, home: Home, log: Path, asgi: str) -> Iterator[int]:
    port = _free_port()
    gunicorn = ["gunicorn", "-k", "gthread", "--threads", "8", "-b", f"127.0.0.1:{port}", app.serve]
    command = [str(home.python), "-m", *(["uvicorn", "--port", str(port), asgi] if asgi else gunicorn)]
    with log.open("a") as out:
        process = subprocess.Popen(command, cwd=home.src / app.subdir, env=home.env(app), stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        try:
            _wait(process, port, log)
            yield port
        finally:
            process.terminate()
            process.wait(30)


def _wait(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    for _ in range(600):
        if process.poll() is not None:
            raise Stop(f"the server ended with {process.returncode} (see {log})")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise Stop(f"the server did not answer within a minute (see {log})")


def _ask(port: int, page: str) -> str:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{page}", headers={"Host": "localhost"})
    try:
        with urllib.request.build_opener(_Stay).open(request, timeout=60) as answer:
            return _level(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        return _level(error.code, error.headers, error.read())


class _Stay(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer, not a step."""

    def redirect_request(self, *args: object) -> None:
        """Never follow."""


def _level(status: int, headers: Message, body: bytes) -> str:
    plain = gzip.decompress(body) if headers.get("Content-Encoding") == "gzip" else body  # its header holds the time
    return f"{status} {headers.get('Content-Type')}\n{_SECRETS.sub('*', plain.decode('utf-8', 'backslashreplace'))}"


def _short(text: str) -> str:
    return f"{text[:60]!r}"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
