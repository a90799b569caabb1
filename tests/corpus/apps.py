"""The applications: what apps.toml says of each, and where one lives on disk."""

import os
import socket
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PORTS = {"redis": 6379, "postgres": 5432}
_OURS = ("FLASK", "PYTEST", "PYTHON", "DATABASE")


@dataclass(frozen=True)
class App:
    """One application; the fields are the keys of apps.toml."""

    name: str
    sdist: str
    root: str
    install: list[str]
    test: str
    subdir: str = "."
    services: list[str] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    serve: str = ""
    before_serving: str = ""
    pages: list[str] = field(default_factory=lambda: ["/"])
    note: str = ""

    @property
    def version(self) -> str:
        """The released version."""
        return self.sdist.rpartition("==")[2]

    def missing_services(self) -> list[str]:
        """The services that do not answer on 127.0.0.1."""
        return [name for name in self.services if not _listens(PORTS[name])]


@dataclass(frozen=True)
class Home:
    """The folder of one application: `src` (a git repository), `venv`, logs and test results."""

    folder: Path

    @property
    def src(self) -> Path:
        """The unpacked source distribution."""
        return self.folder / "src"

    @property
    def python(self) -> Path:
        """The interpreter of the application's own venv."""
        return self.folder / "venv" / "bin" / "python"

    def env(self, app: App) -> Mapping[str, str]:
        """The environment of its commands: the venv first, nothing of ours, no compiled files in the source."""
        clean = {key: value for key, value in os.environ.items() if not key.startswith(_OURS)}
        path = f"{self.python.parent}{os.pathsep}{os.environ['PATH']}"
        fixed = {"PATH": path, "VIRTUAL_ENV": str(self.folder / "venv"), "HOME": str(self.folder), "LC_ALL": "C.UTF-8"}
        return clean | fixed | {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "GIT_CONFIG_GLOBAL": os.devnull} | app.env


def read_apps(path: Path) -> dict[str, App]:
    """The applications of a list, by name."""
    return {name: App(name, **keys) for name, keys in tomllib.loads(path.read_text()).items()}


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except OSError:
        return False
    return True
