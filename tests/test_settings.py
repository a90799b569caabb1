"""`[tool.flask-to-async]`: each setting has its effect, the command line wins, what is wrong is an error with the place."""

import pytest
from fixture_apps import copy_of
from forked import run
from test_cli import MIGRATED, VIEW, contents

from codemods.config_file import ConfigError
from codemods.settings import effective

HELPED = VIEW.replace("time.sleep(1)", "wait()") + "\n\ndef wait():\n    time.sleep(1)\n"
QUERYING = (
    "import time\n\nfrom flask import Flask\nfrom flask_sqlalchemy import SQLAlchemy\n\napp = Flask(__name__)\ndb = SQLAlchemy(app)\n\n\n"
    "@app.route('/')\ndef index():\n    db.session.commit()\n    return 'x'\n"
)


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "site"
    (folder / "shop" / "legacy").mkdir(parents=True)
    (folder / "app.py").write_text(VIEW)
    (folder / "shop" / "legacy" / "old.py").write_text(VIEW)

    def configured(text=""):
        (folder / "pyproject.toml").write_text(f"[project]\nname = 'site'\n\n[tool.flask-to-async]\n{text}\n")
        return folder

    return configured


def changed(out):
    return {line.removeprefix("+++ b/") for line in out.splitlines() if line.startswith("+++ b/")}


def test_nothing_set(project):
    assert changed(run("migrate", project(), code=0).out) == {"app.py", "shop/legacy/old.py"}


@pytest.mark.parametrize(
    ("text", "files"),
    [
        ("exclude = ['shop/legacy']", {"app.py"}),
        ("exclude = ['shop/*', 'none.py']", {"app.py"}),
        ("include = ['shop']", {"shop/legacy/old.py"}),
        ("include = ['*.py']\nexclude = ['*old*']", {"app.py"}),
        ("only = ['shop/*']", {"shop/legacy/old.py"}),
        ("stages = ['executor']", set()),
        ("ignore = ['R100']", set()),
        ("per-path-ignore = { 'shop/legacy' = ['R100'] }", {"app.py"}),
        ("[tool.flask-to-async.per-path-ignore]\n'app.py' = ['R100', 'C200']", {"shop/legacy/old.py"}),
    ],
)
def test_which_files_change(project, text, files):
    assert changed(run("migrate", project(text), code=0).out) == files


def test_excluded_files_are_read(project):
    """A caller in an excluded file keeps the helper as it is."""
    folder = project("exclude = ['jobs.py']")
    (folder / "app.py").write_text(HELPED)
    assert "async def wait" in run("migrate", folder, code=0).out
    (folder / "jobs.py").write_text("from app import wait\n\n\ndef job():\n    wait()\n")
    assert "async def wait" not in run("migrate", folder, code=0).out


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("executor = 'run_in_executor'", "run_in_executor"),
        ("executor = 'sync_to_async'", "sync_to_async("),
        ("python = '3.8'", "sync_to_async("),
        ("", "asyncio.to_thread("),
    ],
)
def test_spelling(project, text, words):
    folder = project(text)
    (folder / "shop" / "legacy" / "old.py").unlink()
    (folder / "app.py").write_text(VIEW.replace("time.sleep(1)", "subprocess.run(['true'])").replace("import time", "import subprocess"))
    assert words in run("migrate", folder, "--verbose", code=0).out


def test_http_helpers_and_all_handlers(project, tmp_path):
    folder = project("http = 'httpx'\nall-handlers = true\nhelpers = 'twin'")
    (folder / "shop" / "legacy" / "old.py").unlink()
    body = HELPED.replace("import time", "import requests").replace("time.sleep(1)", "return requests.get('https://example.org/a', timeout=3).json()")
    (folder / "app.py").write_text(body + "\n\n@app.route('/b')\ndef empty():\n    return 'x'\n\n\n@app.cli.command()\ndef tell():\n    print(wait())\n")
    out = run("migrate", folder, code=0).out
    assert "httpx.AsyncClient" in out and "async def empty" in out and "async def wait_async" in out
    out = run("migrate", folder, "--no-all-handlers", "--helpers", "executor", code=0).out
    assert "async def empty" not in out and "wait_async" not in out


def test_database_work_moves_when_the_settings_ask_for_it(project):
    folder = project("orm = 'executor'")
    (folder / "app.py").write_text(QUERYING)
    assert "await sync_to_async(db.session.commit)()" in run("migrate", folder / "app.py", code=0).out


def test_the_command_line_wins(project):
    folder = project("only = ['shop/*']\nstages = ['executor']")
    assert changed(run("migrate", folder, "--only", "app", "--stage", "routes", code=0).out) == {"app.py"}


def test_audit_uses_the_same_settings(project):
    assert "2 would become async" in run("audit", project(), code=0).out
    assert "1 would become async" in run("audit", project("ignore = []\nper-path-ignore = {'app.py' = ['R100']}"), code=0).out
    out = run("audit", project("exclude = ['shop']"), code=0).out
    assert "1 handler:" in out
    assert "2 handlers" in run("audit", project("only = ['nothing']"), "--only", "*", code=0).out


WRONG = {
    "exlude = ['x']": ("5", "did you mean 'exclude'"),
    "all_handlers = true": ("5", "did you mean 'all-handlers'"),
    "zzz = 1": ("5", "known are"),
    "only = 'x'": ("5", "only has to be a list of texts"),
    "orm = true": ("5", "orm has to be one of leave, executor"),
    "\nall-handlers = 'yes'": ("6", "has to be true or false"),
    "stages = ['routes', 'client']": ("5", "did you mean 'clients'"),
    "python = 3.9": ("5", "as a text"),
    "unsafe = ['E999']": ("5", "E999"),
    "unsafe = ['T504']": ("5", "makes no change that is unsafe, so opting in has no effect; the rules that do are C220, C230, E302, G600"),
    "unsafe = ['R100']": ("5", "makes no change that is unsafe"),
    "ignore = ['R101']": ("5", "changes nothing"),
    "per-path-ignore = ['C200']": ("5", "has to be a table"),
    "per-path-ignore = { 'a' = 'C200' }": ("5", "list of texts"),
    "baseline = 1": ("5", "has to be a text"),
}


@pytest.mark.parametrize("text", WRONG)
def test_wrong_settings(project, text):
    line, words = WRONG[text]
    with pytest.raises(ConfigError) as caught:
        effective(project(text), {})
    assert f"pyproject.toml:{line}" in str(caught.value) and words in str(caught.value)


def test_wrong_settings_stop_the_run(project):
    folder = project("exlude = ['x']")
    result = run("migrate", folder, "--write", code=2)
    assert "pyproject.toml:5" in result.err and "'exclude'" in result.err and "async def" not in (folder / "app.py").read_text()


def test_every_command_refuses_wrong_settings(project):
    folder = project("zzz = 1")
    for command in (["audit"], ["config", "show"]):
        assert "zzz" in run(*command, folder, code=2).err


def test_broken_toml(project):
    """It matters when our settings are in it."""
    folder = project("only = [")
    assert "not valid TOML" in run("migrate", folder, code=2).err
    (folder / "pyproject.toml").write_text("[broken\n")
    run("migrate", folder, code=0)
    (folder / "pyproject.toml").write_text("tool.flask-to-async = 3\n")
    assert "has to be a table" in run("migrate", folder, code=2).err


def test_config_show(project):
    folder = project("# orm = 'x'\nonly = [  # orm = 'leave'\n  'a*',\n  'b']\norm = 'executor'\n\n[tool.flask-to-async.per-path-ignore]\n'a.py' = ['C200']")
    out = run("config", "show", folder / "app.py", "--python", "3.9", "--unsafe", "E302", code=0).out
    rows = dict(line.partition("  # ")[::2] for line in out.splitlines())
    assert rows['only = ["a*", "b"]'].startswith("pyproject.toml:6;")
    assert rows['orm = "executor"'].startswith("pyproject.toml:9;")
    assert rows['per-path-ignore = { "a.py" = ["C200"] }'].startswith("pyproject.toml:11;")
    assert rows['python = "3.9"'].startswith("command line;") and rows['unsafe = ["E302"]'].startswith("command line;")
    assert rows['helpers = "executor"'].startswith("default;")
    (folder / "pyproject.toml").write_text(f"[tool.flask-to-async]\n{out}")
    assert '"a*", "b"' in run("config", "show", folder, code=0).out, "what is shown can be pasted"


@pytest.mark.parametrize(
    "text", ["[tool]\nflask-to-async = { orm = 'executor' }\n", "tool.flask-to-async.orm = 'executor'\n", "[tool]\nflask-to-async.orm = 'executor'\n"]
)
def test_other_spellings_of_the_table(project, text):
    folder = project()
    (folder / "pyproject.toml").write_text(text)
    line = text.count("\n")
    assert f'orm = "executor"  # pyproject.toml:{line};' in run("config", "show", folder, code=0).out


def test_every_option_of_config_show(project):
    options = ["--stage", "routes", "--only", "x", "--all-handlers", "--orm", "executor", "--executor", "sync_to_async", "--http", "httpx"]
    out = run("config", "show", project(), *options, "--helpers", "twin", "--baseline", "known.json", code=0).out
    assert out.count("# command line;") == 8
    assert "does not exist" in run("config", "show", "nowhere", code=2).err


def test_settings_are_those_of_the_root(project, tmp_path):
    folder = project("exclude = ['shop/legacy']")
    result = run("migrate", folder / "shop" / "legacy", "--write", code=0)
    assert "async def" not in (folder / "shop" / "legacy" / "old.py").read_text() and "0 files" in result.out


def test_write_with_settings(project):
    folder = project("exclude = ['shop']")
    run("migrate", folder, "--write", code=0)
    assert (folder / "app.py").read_text() == MIGRATED and (folder / "shop" / "legacy" / "old.py").read_text() == VIEW


def test_a_fixture_app_with_a_pyproject(tmp_path):
    work = tmp_path / "newsroom"
    copy_of("newsroom", work)
    (work / "pyproject.toml").write_text("[tool.flask-to-async]\nignore = ['C200', 'C201', 'E300', 'E301', 'R100']\n")
    before = contents(work)
    run("migrate", work, "--write", code=0)
    assert contents(work) == before
