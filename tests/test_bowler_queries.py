"""Users' Bowler queries as stages: `migrate --stage PATH.py:NAME`, end to end."""

import subprocess

import pytest
from test_cli import VIEW, contents, run, write

from codemods.pipeline import choose_all, in_order, run_stages
from codemods.project import load
from codemods.stage_names import QueryError
from transforms.model import Settings

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
        node.children[0].value = "repr"
    return Query().select_pattern("power< 'charge' any* >").modify(boom)


def quits():
    return Query().select_pattern("power< 'charge' any* >").modify(lambda node, capture, filename: sys.exit(0))


def comes_back():
    from bowler.types import RetryFile

    def later(node, capture, filename):
        raise RetryFile()

    return Query().select_pattern("power< 'charge' any* >").modify(later)


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


def made(site, name, chooses=choose_all):
    """What the query makes of the site, in this process: every file afterwards, and the rows of its outcome."""
    result = run_stages(load(site), [f"{site.parent}/queries.py:{name}"], Settings(), chooses)
    files = contents(site) | {change.path: change.after for change in result.changes}
    return files, [(row.code, row.path, row.line, row.reason) for row in result.outcomes[0].decisions]


def test_dry_run_shows_a_patch_and_writes_nothing(site):
    before = contents(site.parent)
    result = migrate(site, "rename")
    assert contents(site.parent) == before, "not even a __pycache__ beside the query"
    patch = result.stdout[result.stdout.index(b"--- ") : result.stdout.index(b"\nchanged ")] + b"\n"
    subprocess.run(["git", "apply", "-p1", "-"], cwd=site, input=patch, check=True)
    assert (site / "helper.py").read_text() == HELPER.replace("charge", "bill")
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


def test_a_file_that_bowler_cannot_parse_is_a_row(site):
    write(site, b"def pick(a, /):\n    match a:\n        case 1:\n            return 2\n", "modern.py")
    result = migrate(site, "rename", "--write", code=2)
    assert "refused  B401  modern.py:1" in result.out and "Bowler's grammar cannot parse it" in result.out
    assert "def bill" in (site / "helper.py").read_text(), "the rest was done"


def test_no_half_of_a_rename(site):
    """The caller cannot be parsed by Bowler, so the helper keeps its name, and so does the other caller; with Flask or without."""
    write(site, b"from helper import charge\n\nmatch charge(3):\n    case 1:\n        pass\n", "modern.py")
    for _ in range(2):
        files, rows = made(site, "rename")
        assert files == contents(site)
        assert [row[:2] for row in rows] == [("B403", "helper.py"), ("B401", "modern.py"), ("B403", "other.py")]
        assert "other code still takes" in rows[0][3] and "has no such name" in rows[2][3]
        (site / "app.py").unlink(missing_ok=True)


@pytest.mark.parametrize(
    "taker", ["from helper import *\n\nmatch charge(3):\n    case 1:\n        pass\n", "import helper\n\n\ndef f(a, /):\n    return helper.charge(a)\n"]
)
def test_no_half_of_a_rename_for_other_ways_to_take_a_name(site, taker):
    write(site, taker.encode(), "modern.py")
    files, rows = made(site, "rename")
    assert files == contents(site) and ("B403", "helper.py") in {row[:2] for row in rows}


def test_a_query_that_ends_the_program_or_wants_to_come_back_is_a_row(site):
    assert {row[:2] for row in made(site, "quits")[1]} == {("B402", "other.py"), ("B402", "helper.py")}
    assert ("B402", "other.py", 1, "the query asks for a later try each time") in made(site, "comes_back")[1]


def test_a_file_that_is_no_python_is_a_row(site):
    write(site, b"def (:\n", "odd.py")
    write(site, b"x = '\xe9'\n", "latin.py")
    files, rows = made(site, "rename")
    assert {row[:2] for row in rows if row[0] == "F001"} == {("F001", "odd.py"), ("F001", "latin.py")}
    assert b"def bill" in files["helper.py"]


def test_a_query_that_fails_on_a_file_is_a_row(site):
    files, rows = made(site, "fails")
    assert ("B402", "other.py", 1, "the query failed on this file: KeyError: 'no such thing'") in rows
    assert files["other.py"] == contents(site)["other.py"] and files["helper.py"] != contents(site)["helper.py"]


@pytest.mark.parametrize("name, words", [("unsound", "would not compile"), ("undefined", "undefined name 'nobody'")])
def test_guards(site, name, words):
    files, rows = made(site, name)
    assert files == contents(site)
    assert all(row[0] == "B403" and words in row[3] for row in rows) and len(rows) == 2


STYLES = {
    "crlf.py": HELPER.replace("\n", "\r\n").encode(),
    "bom_and_no_final_newline.py": b"\xef\xbb\xbf" + HELPER.rstrip().encode(),
    "mixed_newlines_and_blanks_at_the_end.py": HELPER.replace("\n", "\r\n", 2).encode() + b"\n   \n",
    "latin_1.py": b"# coding: latin-1\n" + HELPER.encode() + b"z = '\xe9'\n",
    "form_feed.py": HELPER.replace("\n\n\n", "\n\f\n\n").encode(),
    "empty.py": b"",
}


def test_style_is_kept_to_the_byte(site):
    for name, data in STYLES.items():
        write(site, data, name)
    files, _ = made(site, "rename")
    assert {name: files[name] for name in STYLES} == {name: data.replace(b"charge", b"bill") for name, data in STYLES.items()}


def test_process_of_the_query_decides_on_hunks(site):
    text = "def log(x):\n    pass\n\n\nlog(1)\n" + "x = 0\n" * 20 + "log(1)\n"
    write(site, text.encode(), "logs.py")
    files, rows = made(site, "first_hunk_only")
    assert files["logs.py"].decode() == text.replace("log(1)", "log(2)", 1)
    assert rows == [("B400", "logs.py", 5, "the query changes this place")]


def test_filters_of_the_query_hold(site):
    assert made(site, "only_tests") == (contents(site), [])


@pytest.mark.parametrize(
    "stage, words",
    [
        ("queries.py:elsewhere", "no/such/folder"),
        ("queries.py:raises", "does not want to be made"),
        ("router", "'routes', 'clients', 'executor'"),
    ],
)
def test_errors_are_sentences(site, stage, words):
    result = run("migrate", site, "--stage", stage, cwd=site.parent, code=2)
    assert words in result.err and not result.out


@pytest.mark.parametrize(
    "stage, words", [("queries.py:number", "is no Bowler query"), ("queries.py:nothing", "is no Bowler query"), ("missing.py:x", "not exist")]
)
def test_what_is_no_query(site, monkeypatch, stage, words):
    monkeypatch.chdir(site.parent)
    with pytest.raises(QueryError, match=words):
        run_stages(load(site), [stage], Settings())


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
    assert sorted(change.path for change in result.changes) == ["app.py", "helper.py", "other.py", "requirements.txt"]

    files, rows = made(site, "rename", lambda stage, group: group != "bowler:other.py")
    assert files == contents(site), "helper.py alone would tear other.py from it"
    assert [row[:2] for row in rows] == [("B403", "helper.py"), ("B400", "other.py"), ("B400", "other.py")]
