#!/usr/bin/env python3
"""The applications of apps.toml as one `bulk run`, each with its own tests; the report is the example page of the docs.

    python tests/corpus/many.py --work FOLDER --page docs/examples/bulk.html

FOLDER gets a repository for each application, as released, and the `repos.toml` that is run. What an application needs is
installed by the commands in that file, into a venv in its clone; services as in README.md.
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from apps import App, Home, read_apps
from prepare import fetch
from tool import CHECKOUT

_HEAD = """\
[defaults]
branch = "async-migration"
test-timeout = 3600
"""
_PYTHON = ".venv/bin/python"
_IDENTITY = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in (("NAME", "corpus"), ("EMAIL", "corpus@localhost"))}


def main() -> int:
    """The exit status of `bulk run`."""
    args = _arguments()
    folder, apps = args.work.resolve(), read_apps(args.apps)
    chosen = [apps[name] for name in args.name or apps]
    if missing := {service for app in chosen for service in app.missing_services()}:
        print(f"{', '.join(sorted(missing))} does not listen on 127.0.0.1", file=sys.stderr)
        return 2
    for app in chosen:
        _released(app, folder)
    (folder / "repos.toml").write_text("\n".join([_HEAD, *("\n".join(_table(app)) for app in chosen)]))
    status = _bulk(["run", "--jobs", str(args.jobs)], folder)
    if args.page:
        shutil.copyfile(folder / ".flask-to-async-bulk" / "report" / "index.html", args.page)
    return status


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="*", help="applications of the list; all for none")
    parser.add_argument("--work", type=Path, required=True, help="folder for the repositories and the run")
    parser.add_argument("--apps", type=Path, default=Path(__file__).with_name("apps.toml"), help="another list")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write the report's page there")
    parser.add_argument("--jobs", type=int, default=1, help="applications at the same time")
    return parser.parse_args()


def _released(app: App, folder: Path) -> None:
    """The repository `folder/NAME`, unless an earlier run made it."""
    if not (folder / app.name).exists():
        home = Home(folder / ".download" / app.name)
        fetch(app, home)
        home.src.rename(folder / app.name)
        shutil.rmtree(home.folder)


def _table(app: App) -> Iterator[str]:
    """The application in repos.toml: what apps.toml says of it, with a venv in the clone instead of one on the PATH."""
    yield "[[repository]]"
    yield f"url = {_text(app.name)}"
    yield f"path = {_text(app.root)}"
    yield f"folder = {_text(app.subdir)}"
    commands = ["python -m venv .venv", *(_in_venv(item) for item in app.install), f"{_PYTHON} -m pip install -q pytest asgiref httpx2"]
    yield "install = [\n" + "".join(f"    {_text(command)},\n" for command in commands) + "]"
    yield f"test = {_text(_with_environment(app, _in_venv(app.test)))}\n"


def _in_venv(command: str) -> str:
    """The command with the interpreter of `.venv`; one with shell operators is given to a shell."""
    words = command.split()
    if words[0] in ("pip", "pytest"):
        command = f"{_PYTHON} -m {command}"
    elif words[0] == "python":
        command = f"{_PYTHON} {command.removeprefix('python ')}"
    return f"sh -c {shlex.quote(command)}" if "||" in words else command


def _with_environment(app: App, command: str) -> str:
    given = [f"{name}={shlex.quote(value)}" for name, value in app.env.items()]
    return " ".join(["env", *given, command]) if given else command


def _text(value: str) -> str:
    """A TOML string."""
    return "'" + value + "'" if '"' in value and "'" not in value else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _bulk(arguments: Sequence[str], folder: Path) -> int:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | _IDENTITY
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    return subprocess.run([sys.executable, str(CHECKOUT / "flask_to_async.py"), "bulk", *arguments], cwd=folder, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
