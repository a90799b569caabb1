"""Suppression comments and settings: what is left, what follows from it, and comments that do nothing."""

import ast
import io
import random
import shutil
import tokenize
from dataclasses import replace

import laws
import pytest
from fixture_apps import FIXTURES, apps, project_of
from forked import run
from test_cli import contents

from codemods.pipeline import run_stages
from codemods.project import load
from transforms.model import Decision, Safety, Settings, Verdict
from transforms.planning import Plan
from transforms.suppression import not_opted_in

HEAD = "import time\n\nimport requests\nfrom flask import Flask\n\napp = Flask(__name__)\n\n\n"
HELPER = "def fetch():\n    return requests.get('https://example.org/feed', timeout=3).json()\n\n\n"
VIEW = "@app.route('/')\ndef index():\n    time.sleep(1)\n    return 'x'\n"
CALLING = "@app.route('/')\ndef index():\n    return fetch()\n\n\n@app.route('/b')\ndef other():\n    time.sleep(1)\n    return fetch()\n"


@pytest.fixture
def migrated(tmp_path):
    """The text after all stages, and the rows `CODE line symbol: reason` of the suppression rules, unused comments included."""

    def migrate(source, settings=None, name="app.py"):
        (tmp_path / "requirements.txt").write_text("flask>=3\nrequests\nhttpx\n")
        (tmp_path / name).write_text(source)
        loaded = load(tmp_path)
        result = run_stages(loaded, [], settings or Settings())
        text = {**loaded.project.python, **{change.path: change.after for change in result.changes}}[name].decode()
        compile(text, name, "exec")
        rows = [f"{item.code} {item.line} {item.symbol}: {item.reason}" for outcome in result.outcomes for item in outcome.decisions]
        return text, [row for row in rows if row.startswith("U4")]

    return migrate


def test_without_a_comment_all_of_it_changes(migrated):
    """The other tests suppress something that would change."""
    text, rows = migrated(HEAD + HELPER + CALLING)
    assert text.count("async def") == 3 and "await asyncio.sleep(1)" in text and not rows


def test_the_only_awaited_call(migrated):
    """The handler stays synchronous too, and says why."""
    source = HEAD + VIEW.replace("sleep(1)", "sleep(1)  # async: leave  a hardware delay")
    text, rows = migrated(source)
    assert text == source
    assert rows == ["U400 10 index: time.sleep (line 11): left by the comment at app.py:11: a hardware delay"]


def test_one_call_of_two(migrated):
    source = HEAD + VIEW.replace("    time.sleep(1)\n", "    time.sleep(1)  # async: leave\n    time.sleep(2)\n")
    text, rows = migrated(source)
    assert "async def index" in text and "    time.sleep(1)  # async: leave\n" in text and "await asyncio.sleep(2)" in text
    assert not [row for row in rows if row.startswith("U403")]


@pytest.mark.parametrize("line", ["@app.route('/')", "def index():"])
def test_a_whole_function(migrated, line):
    source = HEAD + VIEW.replace(line, line + "  # async: leave") + "\n\n@app.route('/b')\ndef other():\n    time.sleep(1)\n    return 'x'\n"
    text, rows = migrated(source)
    assert "async def index" not in text and "    time.sleep(1)\n" in text and "async def other" in text
    assert len(rows) == 1 and rows[0].startswith("U400 10 index: left by the comment")


def test_a_whole_file(migrated):
    source = '"""Words."""\n\n# async: leave  not this year\n' + HEAD + VIEW
    text, rows = migrated(source)
    assert text == source and "not this year" in rows[0] and not [row for row in rows if row.startswith("U403")]


def test_a_helper_keeps_all_its_callers(migrated):
    """Both callers go on calling it in the same way; the calls of it may still move to a thread."""
    text, rows = migrated(HEAD + HELPER.replace("fetch():", "fetch():  # async: leave") + CALLING)
    assert "def fetch():  # async: leave\n    return requests.get(" in text and "async def fetch" not in text
    assert text.count("asyncio.to_thread(fetch)") == 2
    assert rows == ["U400 9 fetch: left by the comment at app.py:9"] or all(row.startswith("U400 ") for row in rows)


def test_a_caller_keeps_the_helper(migrated):
    """One caller is suppressed: the helper cannot become async for the other, half a group is never applied."""
    text, _ = migrated(HEAD + HELPER + CALLING.replace("return fetch()\n\n", "return fetch()  # async: leave\n\n"))
    assert "async def fetch" not in text and "    return fetch()  # async: leave\n" in text
    assert "async def other" in text and "asyncio.to_thread(fetch)" in text and "async def index" not in text


def test_only_the_rule_that_is_named(migrated):
    """`leave[C200]`: no swap, so the executor stage moves the call."""
    source = HEAD + VIEW.replace("time.sleep(1)", "requests.get('https://example.org', timeout=3)  # async: leave[C200] mocked")
    text, rows = migrated(source)
    assert "await asyncio.to_thread(requests.get, 'https://example.org', timeout=3)  # async: leave[C200] mocked" in text
    assert any("mocked" in row and row.startswith("U400") for row in rows) and not [row for row in rows if row.startswith("U403")]


def test_a_move_is_left_and_the_swap_is_not(migrated):
    text, _ = migrated(HEAD + VIEW.replace("sleep(1)", "sleep(1)  # async: leave[E300]"))
    assert "await asyncio.sleep(1)  # async: leave[E300]" in text


def test_a_second_run_changes_nothing(migrated):
    source = HEAD + HELPER.replace("timeout=3).json()", "timeout=3).json()  # async: leave[C200]") + CALLING
    once, _ = migrated(source)
    assert migrated(once)[0] == once


LOOKALIKES = {
    "in a string": ("time.sleep(1)", "time.sleep(1); x = '# async: leave'"),
    "in a long string": ("return 'x'", "return '''\n# async: leave\n'''"),
    "prose": ("sleep(1)", "sleep(1)  # async: this blocks"),
    "prose about leave": ("sleep(1)", "sleep(1)  # leave async alone"),
}


@pytest.mark.parametrize("kind", LOOKALIKES)
def test_what_is_no_comment_suppresses_nothing(migrated, kind):
    text, rows = migrated(HEAD + VIEW.replace(*LOOKALIKES[kind]))
    assert "async def index" in text and not rows


IDLE = {
    "no blocking call": ("return 'x'", "return 'x'  # async: leave", "no effect"),
    "above the function": ("@app.route", "# async: leave\n@app.route", "no effect"),
    "on an import": ("@app.route", "import os  # async: leave\n\n\n@app.route", "no effect"),
}
MISSPELT = {
    "the word": ("sleep(1)", "sleep(1)  # async: leav", "not understood"),
    "the bracket": ("sleep(1)", "sleep(1)  # async: leave[C200", "not understood"),
    "the code": ("sleep(1)", "sleep(1)  # async: leave[C20]", "did you mean C210?"),
    "no code": ("sleep(1)", "sleep(1)  # async: leave[]", "is no rule code"),
    "a rule that changes nothing": ("sleep(1)", "sleep(1)  # async: leave[R101]", "R101 changes nothing"),
}


@pytest.mark.parametrize("kind", IDLE)
def test_a_comment_without_effect_is_a_row(migrated, kind):
    old, new, words = IDLE[kind]
    text, rows = migrated(HEAD + VIEW.replace(old, new))
    assert "async def index" in text
    assert [row for row in rows if row.startswith("U403") and words in row], rows


@pytest.mark.parametrize("kind", MISSPELT)
def test_a_misspelt_comment_is_a_row_and_leaves_the_code(migrated, kind):
    old, new, words = MISSPELT[kind]
    source = HEAD + VIEW.replace(old, new)
    text, rows = migrated(source)
    assert text == source
    assert len([row for row in rows if row.startswith("U403 11 ") and words in row]) == 1, rows


def test_settings_leave_a_rule(migrated):
    text, rows = migrated(HEAD + VIEW, Settings(ignore=("R100",)))
    assert text == HEAD + VIEW and rows == ["U401 10 index: the setting ignore leaves R100"]
    text, _ = migrated(HEAD + HELPER + CALLING, Settings(ignore=("C200", "C201")))
    assert "requests.get" in text and "asyncio.to_thread(fetch)" in text


def test_settings_leave_a_path(migrated):
    per_path = (("*/app.py", ("R100",)),)
    assert "async def" in migrated(HEAD + VIEW, Settings(per_path_ignore=per_path))[0]
    assert migrated(HEAD + VIEW, Settings(per_path_ignore=(("app.py", ("R100",)),)))[0] == HEAD + VIEW


def test_unsafe_changes_are_taken_only_when_opted_in():
    """Whole groups of a plan; asking for database work to be moved is opting in to its rule."""
    change = Decision("app.py", 3, "index", "E302", Verdict.CHANGE, "it may differ", "a group", "", Safety.UNSAFE)
    plan = Plan("executor", decisions=[change, replace(change, group="another", safety=Safety.SAFE)])
    left = not_opted_in(plan, Settings())
    assert list(left) == ["a group"] and left["a group"][0] == "U402" and "--unsafe E302" in left["a group"][1]
    assert not_opted_in(plan, Settings(unsafe=("E302",))) == not_opted_in(plan, Settings(orm="executor")) == {}


def test_asking_for_database_work_is_opting_in(tmp_path):
    work = tmp_path / "ledger"
    folder = next(path for path in FIXTURES.glob("*/4-orm-executor")).parent / "3-executor"
    shutil.copytree(folder, work, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))
    run("migrate", work, "--orm", "executor", "--stage", "executor", "--write", code=0)
    wanted = {name: data for name, data in contents(folder.parent / "4-orm-executor").items() if "__pycache__" not in name and ".pytest_cache" not in name}
    assert {name: data for name, data in contents(work).items() if name in wanted} == wanted


def _marked(data, choose):
    """The file with comments at the ends of some of its lines, and those lines."""
    text = data.decode()
    ends = {token.start[0] for token in tokenize.generate_tokens(io.StringIO(text).readline) if token.type == tokenize.NEWLINE and token.string}
    starts = {node.lineno for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call | ast.FunctionDef)}
    lines = text.splitlines(keepends=True)
    chosen = [number for number in sorted(ends & starts) if "#" not in lines[number - 1] and choose.random() < 0.3]
    for number in chosen:
        lines[number - 1] = lines[number - 1].rstrip("\n") + "  # async: leave\n"
    return "".join(lines).encode(), [lines[number - 1] for number in chosen]


def _marked_functions(data):
    text = data.decode()
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [ast.get_source_segment(text, node) for node in functions if text.splitlines()[node.lineno - 1].endswith("# async: leave")]


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("app", apps(), ids=lambda app: app.name)
def test_comments_anywhere_keep_the_laws(app, seed):
    """Random comments: no marked line and no marked function changes, and what does change is whole."""
    start, choose = project_of(app, "0-original"), random.Random(f"{app.name}{seed}")
    kept, python = {}, {}
    for path in sorted(start.python):
        python[path], kept[path] = _marked(start.python[path], choose)
    settings = Settings(orm="executor", helpers="twin" if seed == 3 else "executor")
    run = laws.Run(start.replace_python(python), settings)
    breaches = [breach for law in (laws.law_1_compiles, laws.law_2_once_is_enough, laws.law_3_changed_if_decided, laws.law_6_names) for breach in law(run)]
    assert breaches + laws.law_9_all_awaited(run) == []
    assert any(kept.values())
    for path, data in run.projects[-1].python.items():
        text = data.decode()
        assert [line for line in kept.get(path, []) if line not in text] == []
        assert [body for body in _marked_functions(python.get(path, b"")) if body not in text] == []
