"""What starts the application: Procfile, Dockerfile, compose, systemd, supervisor and shell files, one command at a time.

Changed: `uvicorn` and `hypercorn` straight onto a Flask object, which break it (measured, see docs/explanation/hosts.md), to
gunicorn with threads, when every argument has an equal there. Only said: development servers, gunicorn without threads,
`WsgiToAsgi`, commands whose arguments or application are not understood, and those that are written over several lines.
"""

import ast
import json
import re
from collections.abc import Iterator, Sequence

from transforms.facts import ModuleFacts
from transforms.index import Index
from transforms.layout import is_test
from transforms.server.command import ASGI_WORKER, COMMAND, Command, NewLine, is_comment
from transforms.server.lines import Line, logical_lines
from transforms.server.onto_asgi import onto_asgi
from transforms.server.served import Served
from transforms.values import External

THREADS = 64
_ASGI_CLASS = re.compile(r"[\w.]*(?:[uU]vicorn|[hH]ypercorn)[\w.]*|asgi")
_RUN = re.compile(r"""["', ]+run\b""")
_WSGI = re.compile(r"^(?:wsgi:)?([A-Za-z_][\w.]*):([A-Za-z_]\w*)$")
COMMANDS_IN = re.compile(
    r"(?:^|/)(?:Procfile[^/]*|Dockerfile[^/]*|[^/]*\.Dockerfile|(?:docker-)?compose[^/]*\.ya?ml|[^/]+\.(?:service|sh)|[^/]*supervisor[^/]*\.(?:conf|ini))$|(?:^|/)supervisor[^/]*/(?:[^/]+/)*[^/]+\.(?:conf|ini)$"
)
_SCRIPT = re.compile(r"""(?:(?<=^)|(?<=[\s\["'=/:]))python[\d.]*["']?[,\s]+(?:["']?-[uBOE]+["']?[,\s]+)*["']?(?P<script>[\w./-]+\.py)(?=["'\s]|$)""")
_VALUES = {
    "uvicorn": {"--host": "host", "--port": "port", "--workers": "workers", "--log-level": "log", "--forwarded-allow-ips": "forwarded"},
    "hypercorn": {"-b": "bind", "--bind": "bind", "-w": "workers", "--workers": "workers", "--log-level": "log"},
}


def commands(index: Index, served: Served | None = None) -> Iterator[Command]:
    """Every command and every wrapper of a Flask object of which something is to be said; `served` is what an ASGI server may serve."""
    for path in sorted(index.project.metadata):
        if COMMANDS_IN.search(path):
            for line in logical_lines(path, index.project.metadata[path]):
                yield from served and onto_asgi(index, path, line, served) or _command(index, path, line)
    for path in sorted(index.modules):
        module = index.modules[path]
        yield from _config(module)
        for owner in [module.body, *module.functions] if not is_test(path) else []:
            for call in owner.calls:
                if index.resolver.value(call.node.func, call.scope) == External("asgiref.wsgi.WsgiToAsgi"):
                    yield Command(
                        path,
                        call.node.lineno,
                        "WsgiToAsgi",
                        "it serves one request at a time, and fails at random on uvicorn: serve the Flask object itself with gunicorn and threads",
                    )


def _config(module: ModuleFacts) -> Iterator[Command]:
    """`worker_class` in gunicorn's configuration."""
    name = module.path.rpartition("/")[2]
    for binding in module.scope.bindings.get("worker_class", ()) if "gunicorn" in name and "conf" in name else ():
        value = binding.node.value if isinstance(binding.node, ast.Constant) else None
        if isinstance(value, str) and _ASGI_CLASS.fullmatch(value):
            reason = f'the worker {value} answers 500 to every request of a Flask application: `worker_class = "gthread"` and `threads = {THREADS}`'
            yield Command(module.path, getattr(binding.node, "lineno", 1), "gunicorn", reason)


def _command(index: Index, path: str, item: Line) -> Iterator[Command]:
    number, line = item.number, item.text
    if is_comment(line):
        return
    found = COMMAND.search(line)
    while found and found.group("program") == "flask" and not _RUN.match(found.group("quote") + found.group("rest")):
        found = COMMAND.search(line, found.start("rest"))  # `flask db upgrade && gunicorn …`
    if not found:
        yield from _script(index, path, item)
        return
    editable = item.whole and path in index.project.metadata_editable
    program, rest = found.group("program"), found.group("rest")
    if program == "flask":
        yield Command(path, number, program, f"Flask's own server is for development: serve it with {_advice()}")
    elif program == "gunicorn" and (worker := ASGI_WORKER.search(rest)):
        yield from _asgi_worker(index, path, number, line, worker, found.start("rest"), editable)
    elif program == "gunicorn":
        if not re.search(r"thread|worker-class|-k\b|-c\b|--config|\.conf", rest) and not _has_config(index):
            yield Command(
                path,
                number,
                program,
                f"each of its workers takes one request at a time, so async views gain nothing: {_advice()}, if the application is safe with threads",
            )
    else:
        yield from _asgi(index, path, number, line, found, editable)


def _script(index: Index, path: str, item: Line) -> Iterator[Command]:
    """`python app.py`, when that file starts Flask's own server."""
    found = _SCRIPT.search(item.text)
    module = index.modules.get(found.group("script").removeprefix("./")) if found else None
    for call in module.body.calls if module else ():
        if index.resolver.value(call.node.func, call.scope) == External("flask.Flask.run"):
            reason = f"it starts Flask's own server ({module.path if module else ''}:{call.node.lineno}), which is for development: serve the application with {_advice()}"
            yield Command(path, item.number, "python", reason)


def _asgi_worker(index: Index, path: str, number: int, line: str, worker: re.Match[str], offset: int, editable: bool) -> Iterator[Command]:
    """`gunicorn -k uvicorn.workers.UvicornWorker app:app`: only the worker's class is another one afterwards."""
    target = next((item for item in re.split(r"""["',\s]+""", line) if _WSGI.match(item)), "")
    if _serves_other(index, target):
        return
    reason = f"the worker {worker.group('worker')} answers 500 to every request of a Flask application"
    if not _is_flask(index, target) or "--threads" in line or not editable:
        yield Command(path, number, "gunicorn", f"{reason}: {_advice()}")
        return
    words = ["gthread", "--threads", str(THREADS)]
    new = worker.group("gap").join(words) if "," in worker.group("gap") else " ".join(words)
    text = line[: offset + worker.start("worker")] + new + line[offset + worker.end("worker") :]
    yield Command(path, number, "gunicorn", f"{reason}; threads serve it", NewLine(path, text))


def _asgi(index: Index, path: str, number: int, line: str, found: re.Match[str], editable: bool) -> Iterator[Command]:
    program = found.group("program")
    tokens, exact = _tokens(found)
    target = next((item for item in tokens if ":" in item and _WSGI.match(item)), "")
    if _serves_other(index, target):
        return
    broken = (
        "answers 500 to every request of a Flask application" if program == "uvicorn" else "breaks empty responses and large uploads of a Flask application"
    )
    if "--interface" in tokens and "wsgi" in tokens:
        return
    whole = not found.group("quote") or line[found.start("program") - 1] == found.group("quote")  # no folder in front, in a list
    arguments = _arguments(program, tokens, target) if exact and whole and target else None
    if not _is_flask(index, target) or arguments is None or not editable:
        yield Command(path, number, program, f"`{program}` straight on a Flask object {broken}: {_advice()}")
        return
    words = ["gunicorn", *arguments]
    if found.group("quote"):
        new = ", ".join(json.dumps(word) for word in words)
        text = line[: found.start("program") - 1] + new + line[found.start("rest") + found.group("rest").rindex("]") :]
    else:
        text = line[: found.start("program")] + " ".join(words)
    yield Command(path, number, program, f"`{program}` straight on a Flask object {broken}; gunicorn with threads serves it", NewLine(path, text))


def _tokens(found: re.Match[str]) -> tuple[list[str], bool]:
    """The arguments, and whether they are read exactly: no quoting, no second command, nothing continued."""
    rest = found.group("rest")
    if found.group("quote"):
        try:
            values = json.loads('["x"' + rest[: rest.rindex("]") + 1])
        except ValueError:
            return re.findall(r"[\w.:/$-]+", rest), False
        return [str(item) for item in values[1:]], not rest[rest.rindex("]") + 1 :].strip()
    if re.search(r"""["'\\;&|<>#`*?()]""", rest):
        return re.findall(r"[\w.:/${}=-]+", rest), False
    return rest.split(), True


def _arguments(program: str, tokens: Sequence[str], target: str) -> list[str] | None:
    """The same for gunicorn; None when one of them has no equal there."""
    known = _VALUES[program]
    values: dict[str, str] = {}
    waiting = [part for item in tokens for part in (item.split("=", 1) if item.startswith("--") else [item])]
    while waiting:
        item = waiting.pop(0)
        if item == target:
            continue
        if item not in known or not waiting or known[item] in values:
            return None
        values[known[item]] = waiting.pop(0)
    bind = values.get("bind") or f"{values.get('host', '127.0.0.1')}:{values.get('port', '8000')}"
    if ":" not in bind or bind.count(":") > 1:
        return None
    more = [
        part
        for name, option in (("workers", "-w"), ("log", "--log-level"), ("forwarded", "--forwarded-allow-ips"))
        if name in values
        for part in (option, values[name])
    ]
    return ["-k", "gthread", "--threads", str(THREADS), *more, "-b", bind, target.removeprefix("wsgi:")]


def _is_flask(index: Index, target: str) -> bool:
    found = _WSGI.match(target)
    path = index.layout.find(found.group(1), "") if found else None
    module = index.modules.get(path or "")
    return bool(found and module and index.resolver.name(found.group(2), module.scope) == External("flask.Flask", True))


def _serves_other(index: Index, target: str) -> bool:
    """Whether the command serves something that is known to be no Flask object: an ASGI application beside it."""
    found = _WSGI.match(target)
    path = index.layout.find(found.group(1), "") if found else None
    module = index.modules.get(path or "")
    if not found or not module:
        return not target
    value = index.resolver.name(found.group(2), module.scope)
    return value is not None and value != External("flask.Flask", True)


def _has_config(index: Index) -> bool:
    return any(path.rpartition("/")[2] == "gunicorn.conf.py" for path in index.project.python)


def _advice() -> str:
    return f"`gunicorn -k gthread --threads {THREADS} …`"
