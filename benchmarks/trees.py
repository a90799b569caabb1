"""The source trees that are measured: released archives, fetched with pip and unpacked once."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

_APP = """\
from flask import Flask, jsonify

from django.core.cache import caches
from django.db import connection
from django.utils import timezone

app = Flask(__name__)


@app.route("/")
def index():
    caches["default"].set("seen", timezone.now())
    with connection.cursor() as cursor:
        cursor.execute("select 1")
    return jsonify(cursor.fetchone())
"""


@dataclass(frozen=True)
class Tree:
    """A folder of a released archive; `extra` holds files that are added beside it, by name."""

    requirement: str
    folder: str
    why: str
    extra: tuple[tuple[str, str], ...] = ()


TREES = {
    "django": Tree("django==5.2.8", "django", "no Flask in it: read, parsed, and seen to be none of our business"),
    "django-with-app": Tree("django==5.2.8", "django", "the same and one Flask app that imports it, so that every file is indexed", (("app.py", _APP),)),
    "alerta": Tree("alerta-server==9.1.0", "alerta", "about 100 handlers"),
    "octoprint": Tree("octoprint==1.11.8", "src", "about 110 handlers, blueprints, 80,000 lines"),
    "superset": Tree("apache-superset==6.1.0", "superset", "200,000 lines, Flask-AppBuilder"),
    "pgadmin4": Tree("pgadmin4==9.18", "pgadmin4", "about 300 routes on subclasses of Blueprint, 200,000 lines"),
}


def unpack(name: str, work: Path) -> Path:
    """The folder of a tree, alone in a project of its own below `work`; fetched when it is not there."""
    tree, home = TREES[name], work / name
    target = home / tree.folder
    if not target.is_dir():
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        shutil.move(_folder(tree, work / "archives"), target)
        (home / "setup.cfg").write_text("[metadata]\n")
        for path, text in tree.extra:
            (home / path).write_text(text)
    return home if tree.extra else target


def _folder(tree: Tree, archives: Path) -> Path:
    """The wanted folder, freshly unpacked."""
    place = archives / "unpacked"
    shutil.rmtree(place, ignore_errors=True)
    archive = _archive(tree, archives)
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            wheel.extractall(place)
        return place / tree.folder
    with tarfile.open(archive) as tar:
        tar.extractall(place, filter="data")
    return next(place.iterdir()) / tree.folder


def _archive(tree: Tree, archives: Path) -> Path:
    """The source distribution, or the wheel where there is none."""
    place = archives / tree.requirement
    for only_source in (["--no-binary", ":all:"], []):
        if not (place.is_dir() and any(place.iterdir())):
            command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", *only_source, "-d", str(place), tree.requirement]
            done = subprocess.run(command, check=False, capture_output=True, text=True)
    if not (place.is_dir() and any(place.iterdir())):
        raise SystemExit(f"{tree.requirement} could not be fetched: {done.stderr.strip()}")
    return next(place.iterdir())
