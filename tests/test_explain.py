"""Pages of the rules: complete, current, and readable in a terminal."""

import tomllib

import pytest
import rule_pages
from fixture_apps import ROOT
from test_cli import run

from codemods.explain import page
from transforms.rules import RULES

# What no fixture can show: a file that cannot be read is no fixture, F002 would be a defect.
WITHOUT_EXAMPLE = {
    "F001",
    "F002",
    "E307",
    "B400",
    "B401",
    "B402",
    "B403",
    "S400",
    "S401",
    "S402",
    "S403",
    "S404",
    "S405",
    "S406",
    "S407",
    "S408",
    "S409",
    "D500",
    "D501",
    "V400",
    "V401",
    "U400",
    "U401",
    "U402",
    "U403",
}


def test_pages_are_current():
    """`python tests/rule_pages.py` was run after the last change of rules, texts, fixtures or decisions."""
    assert rule_pages.EXAMPLES.read_text() == rule_pages.examples_text()
    assert {path.name: path.read_text() for path in (ROOT / "docs" / "rules").glob("*.md")} == rule_pages.pages()
    assert (ROOT / "docs" / "schema" / "flask-to-async-1.json").read_text() == (ROOT / "codemods" / "formats" / "schema.json").read_text()


def test_examples_survive_toml():
    assert tomllib.loads(rule_pages.examples_text()) == rule_pages.examples()


@pytest.mark.parametrize("code", RULES)
def test_every_rule_is_explained(code):
    rule = page(code)
    assert rule.what and rule.why and rule.verdict in ("change", "leave", "refuse") and rule.safety
    assert (rule.example is None) <= (code in WITHOUT_EXAMPLE), "a fixture should show it"
    assert (f"leave[{code}]" in rule.markdown) == (code[0] == "T" or rule.verdict == "change" and code[0] not in "BSD")
    if rule.example and rule.verdict == "change":
        assert rule.example.before != rule.example.after


def test_explain():
    out = run("explain", "c201", code=0).out
    assert out.startswith("C201: ") and "Why" in out and "Before" in out and "await" in out and "leave[C201]" in out
    every = run("explain", code=0).out
    assert all(f"{code}  " in every for code in RULES)


@pytest.mark.parametrize(("wrong", "near"), [("R10", "R100"), ("e3o1", "E301"), ("C2O2", "C202")])
def test_explain_an_unknown_code(wrong, near):
    result = run("explain", wrong, code=2)
    assert f"did you mean {near}?" in result.err and result.out == ""


def test_explain_nonsense():
    assert "did you mean" not in run("explain", "zzz", code=2).err
