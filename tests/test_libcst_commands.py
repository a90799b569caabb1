"""The stages under stock LibCST: `python -m libcst.tool codemod` gives the same tree as `migrate --stage NAME --write`."""

import shutil
import subprocess
import sys

import pytest
from fixture_apps import FIXTURES
from test_cli import STYLES, VIEW, contents, run

CLASSES = {"routes": "Routes", "clients": "Clients", "executor": "Executor"}
STEPS = (
    ("newsroom", "0-original", "1-routes", "routes", []),
    ("newsroom", "1-routes", "2-clients", "clients", []),
    ("newsroom", "2-clients", "3-executor", "executor", []),
    ("ledger", "3-executor", "4-orm-executor", "executor", ["--orm", "executor"]),
)


def python_files(folder):
    """The Python files: a LibCST command is given no others, so it adds nothing to requirements."""
    return {name: data for name, data in contents(folder).items() if name.endswith(".py")}


def libcst(stage, *args, cwd, code=0, stdin=None):
    """LibCST's own command, from a folder where nothing of ours lies."""
    command = [sys.executable, "-m", "libcst.tool", "codemod", "--hide-progress", "-x", f"flask_to_async.{CLASSES[stage]}", *map(str, args)]
    result = subprocess.run(command, cwd=cwd, capture_output=True, text=True, input=stdin, timeout=120)
    assert result.returncode == code, result.stdout + result.stderr
    return result


def copy(source, target):
    return shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))


@pytest.mark.parametrize("app, before, after, stage, options", STEPS, ids=lambda value: value if isinstance(value, str) else "")
def test_same_as_migrate(tmp_path, app, before, after, stage, options):
    work = copy(FIXTURES / app / before, tmp_path / "work")
    libcst(stage, *options, "-j", "2", work, cwd=tmp_path)
    assert python_files(work) == python_files(copy(FIXTURES / app / after, tmp_path / "wanted"))


def test_second_run_changes_nothing_and_nothing_is_left_behind(project, tmp_path, monkeypatch):  # noqa: F811
    (tmp_path / "scratch").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
    (project / "app.py").write_text(VIEW + PLAIN)
    result = libcst("routes", project, cwd=tmp_path)
    assert "WARNING: changed  R100  app.py:9 index: it will await time.sleep" in result.stderr
    assert "WARNING: left     R101  app.py:15 plain" in result.stderr
    once = contents(project)
    assert once["app.py"] == (VIEW + PLAIN).replace("def index", "async def index").encode()
    libcst("routes", project, cwd=tmp_path)
    assert contents(project) == once
    assert not list((tmp_path / "scratch").iterdir())


def test_bytes_are_those_of_migrate(tmp_path):
    """Also where LibCST would lose a byte, where black would reformat, and where LibCST would skip a generated file."""
    for twin in ("ours", "theirs"):
        folder = tmp_path / twin
        folder.mkdir()
        (folder / "requirements.txt").write_text("flask>=3\n")
        for number, (before, _) in enumerate(STYLES.values()):
            (folder / f"module{number}.py").write_bytes(before)
        (folder / "made.py").write_text(f"# @{'generated'}\n" + VIEW + "x = {  'a':1 }\n")
    run("migrate", tmp_path / "ours", "--stage", "routes", "--stage", "clients", "--write", code=0)
    for stage in ("routes", "clients"):
        libcst(stage, tmp_path / "theirs", cwd=tmp_path)
    assert python_files(tmp_path / "theirs") == python_files(tmp_path / "ours")
    assert (tmp_path / "theirs" / "module0.py").read_bytes() == STYLES["bom"][0].replace(b"import time", b"import asyncio").replace(
        b"def index", b"async def index"
    ).replace(b"time.sleep", b"await asyncio.sleep")


def test_diff_writes_nothing_and_shows_the_new_file(tmp_path):
    work = copy(FIXTURES / "newsroom" / "0-original", tmp_path / "work")
    before = contents(work)
    out = libcst("routes", "--unified-diff", "3", "--", work, cwd=tmp_path).stdout
    assert contents(work) == before
    assert "+++ b/newsroom/async_support.py" in out and "+async def weather" in out


PLAIN = "\n\n@app.route('/b')\ndef plain():\n    return 'y'\n"
HELPER = "import time\n\n\ndef fetch():\n    time.sleep(1)\n    return 1\n"
CALLER = "from flask import Flask\n\nimport helper\n\napp = Flask(__name__)\n\n\n@app.route('/')\nasync def index():\n    return str(helper.fetch())\n"


def test_no_half_of_a_group(tmp_path):
    """The helper may become async only together with its caller: a caller that LibCST does not offer holds it back."""
    (tmp_path / "requirements.txt").write_text("flask>=3\n")
    (tmp_path / "helper.py").write_text(HELPER)
    (tmp_path / "app.py").write_text(CALLER)
    before = contents(tmp_path)
    libcst("clients", "helper.py", cwd=tmp_path)
    assert contents(tmp_path) == before
    (tmp_path / ".libcst.codemod.yaml").write_text("blacklist_patterns: ['.*/app.py']\n")
    libcst("clients", ".", cwd=tmp_path)
    (tmp_path / ".libcst.codemod.yaml").unlink()
    assert contents(tmp_path) == before
    libcst("clients", "helper.py", "app.py", cwd=tmp_path)
    assert "async def fetch" in (tmp_path / "helper.py").read_text() and "await helper.fetch" in (tmp_path / "app.py").read_text()


def test_a_file_that_cannot_be_parsed_and_folders_of_the_users_named_like_ours(project):  # noqa: F811
    """The first fails and the rest goes on; the second are not imported."""
    (project / "odd.py").write_text("def (:\n")
    for name in ("codemods", "transforms"):
        (project / name).mkdir()
        (project / name / "__init__.py").write_text("raise RuntimeError('the user has this too')\n")
    libcst("routes", ".", cwd=project, code=1)
    assert "async def index" in (project / "app.py").read_text()
    assert (project / "odd.py").read_text() == "def (:\n"


@pytest.mark.parametrize("args, words", [(["-"], "whole program"), (["nowhere"], "does not exist"), (["--python", "three", "."], "such as 3.9")])
def test_errors_are_sentences(project, args, words):  # noqa: F811
    result = libcst("routes", *args, cwd=project, code=2, stdin=VIEW)
    assert words in result.stderr and "Traceback" not in result.stderr
    assert (project / "app.py").read_text() == VIEW
