"""An app before and after the migration, each run against a fresh server: what is seen of both."""

import ast
import contextlib
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from servers import CLOSED, SERVERS, free_port

from codemods.bench.migrating import migrated
from codemods.project import load
from transforms.model import Settings

HERE = Path(__file__).resolve().parent
APPS = HERE.parent.parent / "fixtures" / "differential"


@dataclass(frozen=True)
class Seen:
    """`answers`: by view, status, body and exceptions; `arrived`: by view, what the server saw; `files`: what is left."""

    answers: dict
    at_once: list
    files: dict
    lost: list
    arrived: dict

    def of(self, view: str) -> list:
        """All that is seen of one view."""
        return [self.answers.get(view), self.arrived.get(view)]


@dataclass(frozen=True)
class Bench:
    """A running server and the app's source with the real ports in it."""

    server: object
    port: int
    source: str
    folder: Path

    def migrated(self, name: str, settings: Settings, stages: tuple[str, ...] = ()) -> dict[str, str]:
        """The files of the app as the tool makes them."""
        result = migrated(load(self._write(f"{name} from", {"app.py": self.source})), stages, settings)
        changed = {change.path: change.after.decode() for change in result.changes if change.path.endswith(".py")}
        return {"app.py": self.source, **changed}

    def seen(self, name: str, files: dict[str, str]) -> Seen:
        """What is seen of the app with these files, on a fresh server."""
        self.server.fresh()
        folder = self._write(name, files)
        told = [self.server.name, "127.0.0.1", str(self.port)] if self.server.name else []
        command = [sys.executable, "-W", "error::RuntimeWarning", str(HERE / "observing.py"), *told]
        result = subprocess.run(command, cwd=folder, env=_environment(folder), capture_output=True, text=True, timeout=90)
        assert result.returncode == 0, result.stderr[-3000:]
        return Seen(**json.loads(result.stdout), arrived=by_view(self.server.arrived()))

    def _write(self, name: str, files: dict[str, str]) -> Path:
        folder = self.folder / name
        folder.mkdir()
        for path, text in {"requirements.txt": "flask>=3\nhttpx\nhttpx2\n", **files}.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        return folder


def _environment(folder: Path) -> dict[str, str]:
    """Without proxies, and without our own code on the path."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy") and name != "PYTHONPATH"}
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1", "HOME": str(folder), "TMPDIR": str(folder.parent)}


@contextlib.contextmanager
def bench(name: str, folder: Path):
    """The app `NAME_….py` beside its server NAME."""
    server, port = SERVERS[name.partition("_")[0]](), free_port()
    with server.start(port):
        source = (APPS / f"{name}.py").read_text().replace(CLOSED, str(free_port()))
        yield Bench(server, port, source.replace(server.mark, str(port)) if server.mark else source, folder)


def by_view(arrived: list) -> dict[str, list]:
    """What arrived, by the view that sent it; (view, None) marks where one begins. Random boundaries are made equal."""
    found: dict[str, list] = {}
    for first, *rest in arrived:
        if rest == [None]:
            current = found.setdefault(first, [])
        else:
            current.append(json.loads(re.sub(r"\b[0-9a-f]{32}\b", "boundary", json.dumps([first, *rest]))))
    found["at-once"] = sorted(found.get("at-once", []))
    return found


def without_awaits(source: str, pick: str) -> tuple[str, list[str]]:
    """The source with one `await` less in every view that has one (the first or the last), and the names of these views."""
    lines = source.splitlines(keepends=True)
    found = []
    for function in ast.parse(source).body:
        if isinstance(function, ast.AsyncFunctionDef) and function.decorator_list:
            awaits = sorted((node.lineno, node.col_offset) for node in ast.walk(function) if isinstance(node, ast.Await))
            if awaits:
                line, column = awaits[0 if pick == "first" else -1]
                text = lines[line - 1].encode()
                assert text[column:].startswith(b"await ")
                lines[line - 1] = (text[:column] + text[column + 6 :]).decode()
                found.append(function.name)
    return "".join(lines), found
