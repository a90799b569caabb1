"""Threads and context in `audit`: each finding has a fixture that shows it and a look-alike that stays silent."""

import json

import pytest
from jsonschema import validate
from small_cases import small_cases
from test_cli import run

from codemods.catalogue_files import load_catalogue
from transforms.hazards import hazards
from transforms.index import build_index
from transforms.model import Settings
from transforms.rules import FOUND

CASES = small_cases("hazards")


def found(project, settings=None):
    return hazards(build_index(project, load_catalogue()), settings or Settings())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_finding(case):
    assert {(item.code, item.symbol) for item in found(case.project)} == case.expected


def test_every_code_has_its_fixture_and_half_are_silent():
    assert {code for case in CASES for code, _ in case.expected} == set(FOUND)
    assert sum(not case.expected for case in CASES) >= 10


@pytest.mark.parametrize("case", [case for case in CASES if case.expected], ids=lambda case: case.name)
def test_a_comment_or_a_setting_leaves_it(case):
    codes = {code for code, _ in case.expected}
    assert not found(case.project, Settings(ignore=tuple(codes)))
    data = case.project.python["app.py"]
    lines = data.decode().splitlines()
    for item in found(case.project):
        lines[item.line - 1] += f"  # async: leave[{item.code}] known"
    commented = case.project.replace_python({"app.py": "\n".join(lines).encode()})
    left = {(item.code, item.line) for item in found(commented)}
    assert left < {(item.code, item.line) for item in found(case.project)} or not left


@pytest.fixture
def app(tmp_path):
    case = next(case for case in CASES if case.name == "coroutine_in_condition")
    (tmp_path / "app.py").write_bytes(case.project.python["app.py"])
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_app.py").write_bytes(case.project.python["app.py"])
    return tmp_path


def test_audit_prints_them(app):
    result = run("audit", str(app))
    assert result.returncode == 0, result.stderr
    printed = result.stdout.decode()
    assert "T506  app.py:20 index: `is_allowed()` gives a coroutine that is not awaited" in printed
    assert "Threads and context: 2 places" in printed and "tests/" not in printed


def test_every_format_carries_them(app):
    record = json.loads(run("audit", str(app), "--format", "json").stdout)
    assert [(item["code"], item["line"], item["symbol"]) for item in record["hazards"]] == [("T506", 20, "index"), ("T506", 22, "index")]
    assert record["summary"]["hazards"] == 2
    assert record["hazards"][0]["fingerprint"] != record["hazards"][1]["fingerprint"]
    schema = json.loads(run("schema").stdout)
    validate(record, schema)
    sarif = json.loads(run("audit", str(app), "--format", "sarif").stdout)
    assert [item["ruleId"] for item in sarif["runs"][0]["results"]].count("T506") == 2
    lines = [json.loads(line) for line in run("audit", str(app), "--format", "jsonl").stdout.decode().splitlines()]
    assert [line["code"] for line in lines if line["type"] == "hazard"] == ["T506", "T506"]
    assert run("audit", str(app), "--format", "github").stdout.count(b"T506") >= 2
    assert b"T506" in run("audit", str(app), "--format", "markdown").stdout
    assert len([item for item in json.loads(run("audit", str(app), "--format", "gitlab").stdout) if item["check_name"] == "T506"]) == 2


def test_a_project_without_them_says_nothing(tmp_path):
    (tmp_path / "app.py").write_text("from flask import Flask\n\napp = Flask(__name__)\n\n\n@app.get('/')\ndef index():\n    return 'x'\n")
    assert b"Threads and context" not in run("audit", str(tmp_path)).stdout
