"""Stage gather: what runs at once, and the many cases in which the order stays."""

import subprocess
import sys

import pytest
from fixture_apps import FIXTURES
from small_cases import small_cases

from codemods.catalogue_files import load_catalogue
from transforms.model import Project, Settings, Verdict
from transforms.stages import run_stage

FOLDER = FIXTURES / "gather"


def gathered(source, settings=None, name="app.py"):
    data = source if isinstance(source, bytes) else source.encode()
    return run_stage("gather", Project({name: data}, frozenset({name})), load_catalogue(), settings or Settings())


def test_before_and_after():
    """`python tests/regenerate.py gather` writes the result; read the difference."""
    assert gathered((FOLDER / "before.py").read_bytes()).project.python["app.py"].decode() == (FOLDER / "after.py").read_text()


def test_a_second_run_changes_nothing():
    assert not gathered((FOLDER / "after.py").read_bytes()).outcome.changes


@pytest.mark.parametrize("case", small_cases("gather/left"), ids=lambda case: case.name)
def test_left(case):
    staged = run_stage("gather", case.project, load_catalogue(), case.settings)
    assert staged.project.python == case.project.python
    assert {(decision.code, decision.symbol) for decision in staged.outcome.decisions} == case.expected
    assert all(decision.verdict != Verdict.CHANGE and not decision.group for decision in staged.outcome.decisions)


TWO = """
import asyncio, requests
from flask import Flask
app = Flask(__name__)

@app.get("/")
async def index():
    a = await asyncio.to_thread(requests.get, "http://a.example")
    b = await asyncio.to_thread(requests.get, "http://b.example")
    c = await asyncio.to_thread(requests.get, b.url)
    d = await asyncio.to_thread(requests.get, "http://d.example")
    return a.text + b.text + c.text + d.text
"""


def test_of_two_groups_one_may_be_taken():
    project = Project({"app.py": TWO.replace("b.url", "f'{b}'").encode()}, frozenset({"app.py"}))
    groups = sorted({decision.group for decision in run_stage("gather", project, load_catalogue(), Settings()).outcome.decisions if decision.group})
    assert len(groups) == 2
    for group in groups:
        staged = run_stage("gather", project, load_catalogue(), Settings(), lambda name, wanted=group: name == wanted)
        assert staged.project.python["app.py"].count(b"asyncio.gather(") == 1


def test_a_comment_leaves_it():
    source = TWO.replace('requests.get, "http://a.example")', 'requests.get, "http://a.example")  # async: leave[G600] in this order')
    decisions = gathered(source).outcome.decisions
    assert [decision.code for decision in decisions if "a.example" in source.splitlines()[decision.line - 1]] == ["U400"]


def test_only_when_it_is_named(tmp_path):
    (tmp_path / "requirements.txt").write_text("flask\n")
    (tmp_path / "app.py").write_bytes((FOLDER / "before.py").read_bytes())
    command = [sys.executable, "-m", "flask_to_async", "migrate", str(tmp_path)]
    usual = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    named = subprocess.run([*command, "--stage", "gather"], capture_output=True, text=True, check=True).stdout
    assert "asyncio.gather" not in usual and "asyncio.gather" in named and "(unsafe)" in named


def test_the_settings_leave_it(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[tool.flask-to-async]\nignore = ["G600"]\n')
    (tmp_path / "app.py").write_bytes((FOLDER / "before.py").read_bytes())
    out = subprocess.run(
        [sys.executable, "-m", "flask_to_async", "migrate", str(tmp_path), "--stage", "gather"], capture_output=True, text=True, check=True
    ).stdout
    assert " U401 " in out and "0 changed" in out


def test_two_sessions_have_two_jars():
    source = TWO.replace("app = Flask(__name__)", "app = Flask(__name__)\none = requests.Session()\nother = requests.Session()")
    apart = source.replace('requests.get, "http://a', 'one.get, "http://a').replace('requests.get, "http://b', 'other.get, "http://b')
    same = apart.replace('other.get, "http://b', 'one.get, "http://b')
    assert gathered(apart).project.python["app.py"].count(b"asyncio.gather(") == 2
    assert gathered(same).project.python["app.py"].count(b"asyncio.gather(") == 1


def test_what_a_known_call_gives_is_used_at_once():
    helper = 'def known(number):\n    return requests.get(f"http://a.example/{number}").json()\n\n\n'
    source = (
        TWO.replace("@app.get", helper + "@app.get")
        .replace('requests.get, "http://a.example"', "known, 1")
        .replace('requests.get, "http://b.example"', "known, 2")
    )
    assert "asyncio.to_thread(known, 1), asyncio.to_thread(known, 2)" in gathered(source).project.python["app.py"].decode().replace("\n        ", " ")
