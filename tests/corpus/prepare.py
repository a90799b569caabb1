"""From a name on the package index to an installed application with a git repository around its source."""

import shutil
import sys
import tarfile

from apps import App, Home
from shell import Shell, Stop

BASELINE = "baseline"


def prepare(app: App, home: Home, keep: bool) -> None:
    """Leave `home.src` as released and `home.venv` installed; with `keep`, what an earlier run prepared is used again."""
    shell = Shell(home.src, home.env(app), home.folder / "install.log")
    if keep and (home.folder / "baseline.json").exists():
        shell.must(f"git checkout -q -f {BASELINE} && git clean -fdq")
        return
    fetch(app, home)
    _install(app, home)


def fetch(app: App, home: Home) -> None:
    """Leave `home.src` as released, in a git repository with one commit; what was in `home.folder` is gone."""
    shutil.rmtree(home.folder, ignore_errors=True)
    home.folder.mkdir(parents=True)
    _download(app, home)
    shell = Shell(home.src, home.env(app), home.folder / "install.log")
    shell.must("git init -q")
    shell.commit("as released", everything=True)


def mark_baseline(app: App, home: Home) -> None:
    """Commit what installing and testing left behind: it is no part of a migration."""
    shell = Shell(home.src, home.env(app), home.folder / "install.log")
    shell.commit("installed and tested")
    shell.must(f"git tag -f {BASELINE}")


def _download(app: App, home: Home) -> None:
    shell = Shell(home.folder, home.env(app), home.folder / "install.log")
    shell.must(f"'{sys.executable}' -m pip download -q --no-deps --no-binary :all: -d . '{app.sdist}'")
    archive = next(home.folder.glob("*.tar.gz"), None)
    if archive is None:
        raise Stop("pip brought no source distribution")
    with tarfile.open(archive) as tar:
        tar.extractall(home.folder, filter="data")
    next(path.parent for path in home.folder.glob("*/PKG-INFO")).rename(home.src)


def _install(app: App, home: Home) -> None:
    shell = Shell(home.src / app.subdir, home.env(app), home.folder / "install.log")
    shell.must(f"'{sys.executable}' -m venv '{home.folder / 'venv'}'")
    for command in [*app.install, "pip install -q pytest"]:
        shell.must(command)
