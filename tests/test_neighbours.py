"""Callers outside of the project's own folder: elsewhere in the repository, and in hidden folders."""

from pathlib import Path

import pytest

from codemods.pipeline import run_stages
from codemods.project import load
from transforms.model import Settings

APP = """\
import time

from flask import Flask

app = Flask(__name__)


def fetch():
    time.sleep(0.1)
    return "1"


@app.get("/")
def index():
    return fetch()
"""
CALLER = "from shop import fetch\n\nprint(fetch())\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "web").mkdir()
    (tmp_path / "web/pyproject.toml").touch()
    (tmp_path / "web/shop.py").write_text(APP)
    return tmp_path


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def helper_is_async(repository: Path) -> bool:
    changes = run_stages(load(repository / "web"), [], Settings()).changes
    return any(b"async def fetch" in change.after for change in changes)


@pytest.mark.parametrize("place", ["worker/main.py", "nightly.py", ".github/smoke.py", "web/.ci/smoke.py"])
def test_callers_around_the_project_keep_a_helper_synchronous(repository: Path, place: str) -> None:
    put(repository / place, CALLER)
    assert not helper_is_async(repository)
    loaded = load(repository / "web")
    assert loaded.project.editable == {"shop.py"}


@pytest.mark.parametrize("place", ["worker/main.py", ".venv/lib/main.py", "web/.tox/main.py", "node_modules/x/main.py"])
def test_others_do_not_count(repository: Path, place: str) -> None:
    """A folder with a `shop` of its own, environments, and files that do not import the project."""
    put(repository / place, CALLER)
    put((repository / place).parent / "shop.py", "def fetch():\n    return 1\n")
    put(repository / "other/main.py", "fetch = 1\nprint(fetch)  # shop\n")
    assert helper_is_async(repository)


def test_without_a_repository_nothing_around_is_read(repository: Path) -> None:
    (repository / ".git").rmdir()
    put(repository / "worker/main.py", CALLER)
    assert helper_is_async(repository)


def test_what_cannot_be_parsed_still_counts(repository: Path) -> None:
    put(repository / "worker/main.py", "from shop import fetch\nprint fetch()\n")
    assert not helper_is_async(repository)
