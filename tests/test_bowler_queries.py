"""Users' Bowler queries as stages: `migrate --stage PATH.py:NAME`, end to end."""

import subprocess

import pytest
from test_cli import VIEW, contents, project, run, write  # noqa: F401

from codemods.pipeline import in_order, run_stages
from codemods.project import load
from transforms.model import Settings, Verdict

QUERIES = """
import sys
from bowler import Query
from fissix.pytree import Leaf
import word

print("a query may print")
rename = Query().select_function("charge").rename(word.NEW)


def script():
    assert sys.argv[1:] == []
    return Query(".").select_function("charge").rename("bill").write()


def fails():
    def boom(node, capture, filename):
        if "other" in filename:
            raise KeyError("no such thing")
        node.children[0].value = "bill"
    return Query().select_pattern("power< 'charge' any* >").modify(boom)


def unsound():
    return Query().select_pattern("power< 'charge' any* >").modify(lambda node, capture, filename: node.replace(Leaf(1, "1 +", prefix=node.prefix)))


def undefined():
    return Query().select_pattern("power< 'charge' any* >").modify(lambda node, capture, filename: node.replace(Leaf(1, "nobody()", prefix=node.prefix)))


def first_hunk_only():
    return Query().select_pattern("power< 'log' any* >").modify(lambda n, c, f: n.replace(Leaf(1, "log(2)", prefix=n.prefix))).process(
        lambda filename, hunk: "-2," in hunk[2]
    )


def only_tests():
    return Query().select_function("charge").is_filename(include="tests/").rename("bill")


elsewhere = Query("no/such/folder").select_function("charge").rename("bill")
number = 3


def raises():
    raise SystemExit("this query does not want to be made")
"""
HELPER = "def charge(x):\n    return x\n\n\ny = charge(1)\n"


@pytest.fixture
def site(project, tmp_path):  # noqa: F811
    """A Flask app with a helper module, and a file of queries beside it."""
    write(project, HELPER.encode(), "helper.py")
    write(project, b"from helper import charge\n\nprint(charge(2))\n", "other.py")
    (tmp_path / "queries.py").write_text(QUERIES)
    (tmp_path / "word.py").write_text("NEW = 'bill'\n")
    return project


def migrate(site, name, *args, code=0):
    return run("migrate", site, "--stage", f"queries.py:{name}", *args, cwd=site.parent, code=code)


def test_dry_run_shows_and_writes_nothing(site):
    before = contents(site.parent)
    result = migrate(site, "rename")
    assert contents(site.parent) == before, "not even a __pycache__ beside the query"
    assert "+def bill(x):" in result.out and "+from helper import bill" in result.out and "B400" in result.out
    assert "a query may print" in result.err and "a query may print" not in result.out, "our output is a patch"


def test_write_with_a_script_as_bowler_runs_it(site):
    """The script ends in `.write()`: nothing but our own write may happen, and that only at the end."""
    before = contents(site)
    migrate(site, "script", "--check", code=1)
    assert contents(site) == before
    migrate(site, "script", "--write")
    assert (site / "helper.py").read_text() == HELPER.replace("charge", "bill")
    assert (site / "other.py").read_text() == "from helper import bill\n\nprint(bill(2))\n"
    assert (site / "app.py").read_text() == VIEW
    migrate(site, "script", "--check", "--write", code=0)


def test_the_diff_applies_with_git(site):
    out = migrate(site, "rename").stdout
    patch = out[out.index(b"--- ") : out.index(b"\nchanged ")] + b"\n"
    subprocess.run(["git", "apply", "-p1", "-"], cwd=site, input=patch, check=True)
    assert (site / "helper.py").read_text() == HELPER.replace("charge", "bill")


def test_a_file_that_bowler_cannot_parse_is_a_row(site):
    write(site, b"def pick(a, /):\n    match a:\n        case 1:\n            return 2\n", "modern.py")
    result = migrate(site, "rename", "--write", code=2)
    assert "refused  B401  modern.py:1" in result.out and "Bowler's grammar cannot parse it" in result.out
    assert "def bill" in (site / "helper.py").read_text(), "the rest was done"


def test_no_half_of_a_rename(site):
    """The caller cannot be parsed by Bowler, so the helper keeps its name, and so does the other caller."""
    before = contents(site)
    write(site, b"from helper import charge\n\nmatch charge(3):\n    case 1:\n        pass\n", "modern.py")
    result = migrate(site, "rename", "--write", code=2)
    assert "B403  helper.py:1" in result.out and "other code still takes" in result.out and "B403  other.py:1" in result.out
    assert {name: data for name, data in contents(site).items() if name != "modern.py"} == before


def test_a_file_that_is_no_python_is_a_row(site):
    write(site, b"def (:\n", "odd.py")
    write(site, b"x = '\xe9'\n", "latin.py")
    result = migrate(site, "rename", code=2)
    assert "F001  odd.py" in result.out and "F001  latin.py" in result.out and "+def bill" in result.out


def test_a_query_that_fails_on_a_file_is_a_row(site):
    result = migrate(site, "fails", "--write", code=2)
    assert "refused  B402  other.py:1" in result.out and "KeyError: 'no such thing'" in result.out
    assert (site / "other.py").read_text() == "from helper import charge\n\nprint(charge(2))\n"


@pytest.mark.parametrize("name, words", [("unsound", "would not compile"), ("undefined", "undefined name 'nobody'")])
def test_guards(site, name, words):
    before = contents(site)
    result = migrate(site, name, "--write", code=2)
    assert "B403" in result.out and words in result.out
    assert contents(site) == before


STYLES = {
    "crlf": HELPER.replace("\n", "\r\n").encode(),
    "bom, no final newline": b"\xef\xbb\xbf" + HELPER.rstrip().encode(),
    "mixed newlines, blanks at the end": HELPER.replace("\n", "\r\n", 2).encode() + b"\n   \n",
    "latin-1": b"# coding: latin-1\n" + HELPER.encode() + b"z = '\xe9'\n",
    "form feed": HELPER.replace("\n\n\n", "\n\f\n\n").encode(),
}


def test_style_is_kept_to_the_byte(site):
    for number, data in enumerate(STYLES.values()):
        write(site, data, f"style{number}.py")
    migrate(site, "rename", "--write")
    assert {name: (site / f"style{number}.py").read_bytes() for number, name in enumerate(STYLES)} == {
        name: data.replace(b"charge", b"bill") for name, data in STYLES.items()
    }


def test_process_of_the_query_decides_on_hunks(site):
    text = "def log(x):\n    pass\n\n\nlog(1)\n" + "x = 0\n" * 20 + "log(1)\n"
    write(site, text.encode(), "logs.py")
    result = migrate(site, "first_hunk_only", "--write")
    assert (site / "logs.py").read_text() == text.replace("log(1)", "log(2)", 1)
    assert result.out.count("B400") == 1


def test_filters_of_the_query_hold(site):
    assert "nothing to decide" in migrate(site, "only_tests", "--check").out


@pytest.mark.parametrize(
    "stage, words",
    [
        ("queries.py:elsewhere", "no/such/folder"),
        ("queries.py:number", "is no Bowler query"),
        ("queries.py:raises", "does not want to be made"),
        ("missing.py:rename", "does not exist"),
        ("router", "'routes', 'clients', 'executor'"),
    ],
)
def test_errors_are_sentences(site, stage, words):
    result = run("migrate", site, "--stage", stage, cwd=site.parent, code=2)
    assert words in result.err and not result.out


def test_order_of_the_stages():
    assert in_order([]) == ["routes", "clients", "executor"]
    assert in_order(["executor", "routes"]) == ["routes", "executor"]
    assert in_order(["q.py:a"]) == ["q.py:a"]
    assert in_order(["clients", "q.py:a", "routes", "q.py:b"]) == ["routes", "q.py:a", "clients", "q.py:b"]
    assert in_order(["routes", "routes"]) == ["routes"]


def test_between_our_stages_and_by_choice(site, monkeypatch):
    """A query sees what the stage before it made; a file that is not chosen is left, and what depends on it too."""
    monkeypatch.chdir(site.parent)
    stages = ["queries.py:rename", "routes", "clients"]
    result = run_stages(load(site), stages, Settings())
    assert [outcome.stage for outcome in result.outcomes] == stages
    assert sorted(change.path for change in result.changes) == ["app.py", "helper.py", "other.py"]

    result = run_stages(load(site), stages[:1], Settings(), lambda stage, group: (stage, group) != (stages[0], "bowler:other.py"))
    (outcome,) = result.outcomes
    assert not result.changes, "helper.py alone would tear other.py from it"
    assert {(row.path, row.code, row.verdict) for row in outcome.decisions} == {
        ("helper.py", "B403", Verdict.REFUSE),
        ("other.py", "B400", Verdict.LEAVE),
    }


def test_an_index_of_a_project_without_flask(site):
    (site / "app.py").unlink()
    write(site, b"from helper import charge\n\nmatch charge(3):\n    case 1:\n        pass\n", "modern.py")
    assert "B403" in migrate(site, "rename", code=2).out
