"""The fixture apps: each stage is what the tool makes of the one before, and answers what the original answers."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fixture_apps import all_files, apps, folders, made, project_of, steps

STEPS = [step for app in apps() for step in steps(app)]
STAGES = [(app, folder) for app in apps() for folder in folders(app)]
HERE = Path(__file__).resolve().parent


def clean_environment():
    """Without proxies, so that 127.0.0.1 is reached, and without our own code on the path."""
    return {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy") and name != "PYTHONPATH"} | {
        "PYTHONDONTWRITEBYTECODE": "1"
    }


def observe(app, folder, *more):
    command = [sys.executable, "-W", "error::RuntimeWarning", str(HERE / "observe.py"), str(app), str(app / folder), *more]
    result = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    assert "never awaited" not in result.stderr
    return json.loads(result.stdout)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_stage_is_what_the_tool_makes(step):
    """`python tests/regenerate.py` rewrites the folders; read the difference before committing it."""
    files, kept = made(step), all_files(step.app / step.result)
    assert sorted(files) == sorted(kept)
    assert {path: data.decode() for path, data in files.items() if kept[path] != data} == {}


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_stage_does_something(step):
    """A fixture in which a stage changes nothing documents nothing."""
    assert project_of(step.app, step.source).python != project_of(step.app, step.result).python


@pytest.mark.parametrize("app", apps(), ids=lambda app: app.name)
def test_every_stage_answers_the_same(app):
    original = observe(app, "0-original")
    assert len(original) >= 5
    assert "500" not in json.dumps(original), "the original must work"
    for folder in folders(app)[1:]:
        assert observe(app, folder) == original, folder


@pytest.mark.parametrize(("app", "folder"), STAGES, ids=lambda item: item if isinstance(item, str) else item.name)
def test_its_own_tests_pass(app, folder):
    command = [sys.executable, "-W", "error::RuntimeWarning", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--rootdir", ".", "tests"]
    environment = {**clean_environment(), "PYTHONPATH": "."}
    result = subprocess.run(command, cwd=app / folder, env=environment, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "never awaited" not in result.stdout + result.stderr
