"""Commands that serve the Flask object, where an `asgi.py` is written for it: they serve what is in that.

An ASGI server gets the other object. gunicorn with threads or synchronous workers gets asynchronous ones, which it has since 25.
"""

import re

from transforms.index import Index
from transforms.server.command import ASGI_WORKER, COMMAND, Command, NewLine, is_comment
from transforms.server.lines import Line
from transforms.server.served import Served

GUNICORN = (25,)  # the oldest with workers for ASGI
_GAP = r"""(?:[ =]+|["'],\s*["'])"""
_WORKER = re.compile(rf"""(?:-k|--worker-class){_GAP}(?P<worker>[\w.]+)(?=["'\s]|$)""")
_THREADS = re.compile(rf"""(?:\s+|["'],\s*["'])--threads{_GAP}\d+(?=["'\s]|$)""")


def onto_asgi(index: Index, path: str, item: Line, served: Served) -> list[Command]:
    """What is to be said of the command on that line; nothing when it serves another object, or is left to what is said without an `asgi.py`."""
    found = COMMAND.search(item.text)
    target = re.compile(rf"""(?:(?<=[\s"'])wsgi:|(?<=[\s"'])){re.escape(served.target)}(?=["'\s]|$)""")
    if not found or is_comment(item.text) or found.group("program") == "flask" or "--interface" in item.text or not target.search(found.group("rest")):
        return []
    rest = target.sub(lambda _: served.name, found.group("rest"), count=1)
    if found.group("program") == "gunicorn" and not ASGI_WORKER.search(rest):
        return _gunicorn(index, path, item, found, rest, served) if served.saves else []
    return _changed(index, path, item, found, rest, f"{served.name} is what an ASGI server serves")


def _gunicorn(index: Index, path: str, item: Line, found: re.Match[str], rest: str, served: Served) -> list[Command]:
    """With threads or synchronous workers: asynchronous ones in their place, which count no threads."""
    worker = _WORKER.search(rest)
    if worker and worker.group("worker") not in ("gthread", "sync") or re.search("[;&|]", rest):
        return []
    for asked in index.requirements.find("gunicorn"):
        if asked.excludes_from(GUNICORN):
            reason = f"it goes on serving the Flask object with threads, because {asked.source} asks for a gunicorn below 25, which cannot serve {served.name}"
            return [Command(path, item.number, "gunicorn", reason)]
    if worker:
        rest = rest[: worker.start("worker")] + "asgi" + rest[worker.end("worker") :]
    else:
        quote = found.group("quote")
        rest = (f", {quote}-k{quote}, {quote}asgi{quote}" if quote else " -k asgi") + rest
    reason = f"asynchronous workers serve {served.name} (gunicorn 25 or later)"
    return _changed(index, path, item, found, _THREADS.sub("", rest), reason)


def _changed(index: Index, path: str, item: Line, found: re.Match[str], rest: str, reason: str) -> list[Command]:
    """The command with other arguments; only said where the line cannot be changed."""
    text = item.text[: found.start("rest")] + rest
    editable = item.whole and path in index.project.metadata_editable
    if editable:
        return [Command(path, item.number, found.group("program"), reason, NewLine(path, text))]
    return [Command(path, item.number, found.group("program"), f"{reason}: change it to `{found.group('program')}{rest.rstrip()}`")]
