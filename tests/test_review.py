"""The interactive review: on a pipe, on a real pseudo-terminal, and what any choice of groups leaves behind."""

import json
import os
import random
import re
import select
import shutil
import signal
import subprocess
import sys
import time

import pytest
from fixture_apps import FIXTURES, ROOT, apps, copy_of, site
from forked import run
from test_cli import MIGRATED, VIEW, contents
from test_fixture_apps import observe

from codemods.choices import Choices
from codemods.pipeline import run_stages
from codemods.project import load
from codemods.review import Review
from transforms.model import Settings, Verdict

TWO = VIEW + "\n\n@app.route('/b')\ndef other():\n    time.sleep(2)\n    return 'y'\n"
PROMPT = "Take this change?"
CONFIRM = "Write the chosen changes"


@pytest.fixture
def project(tmp_path):
    return site(tmp_path / "site", TWO)


def piped(folder, answers, *args, code=0):
    return run("migrate", folder, "-i", *args, data="".join(f"{answer}\n" for answer in answers).encode(), code=code).out


def headings(out):
    return re.findall(r"^── (\w+) (\d+)/(\d+): \S+ (\S+)$", out, re.MULTILINE)


def test_every_group_is_asked_about_and_taken(project):
    out = piped(project, "yyyyy", "--write")
    assert headings(out) == [("routes", "1", "2", "index"), ("routes", "2", "2", "other"), ("clients", "1", "2", "index"), ("clients", "2", "2", "other")]
    assert CONFIRM not in out and "2 files written" in out
    text = (project / "app.py").read_text()
    assert text.count("async def") == 2 and text.count("await asyncio.sleep") == 2


def test_a_question_shows_rule_reason_safety_and_only_its_own_diff(project):
    out = piped(project, "q")
    first = out[: out.index(PROMPT)]
    assert "R100  the handler becomes `async def`  (safe)" in first and "it will await time.sleep" in first
    assert "+async def index():" in first and "+async def other" not in first


def test_nothing_is_written_without_a_yes(project):
    before = contents(project)
    for answers in (["y", "y", "y", "y", "n"], ["y", "y", "y", "y", ""], ["y", "q", "n"], ["y"], [], ["n"] * 2):
        piped(project, answers)
        assert contents(project) == before, answers
    out = piped(project, ["y", "q"], "--write")
    assert contents(project) == before, "stopped in the middle, and not confirmed"
    assert "the review ended before its last question" in out and "dry run" not in out
    out = piped(project, ["y"])
    assert "Nothing was written: the chosen changes were not confirmed." in out and "dry run" not in out


def test_confirmed(project):
    assert CONFIRM in piped(project, ["n", "y", "y", "y"])
    text = (project / "app.py").read_text()
    assert "\ndef index" in text and "async def other" in text and "await asyncio.sleep(2)" in text and "    time.sleep(1)" in text


def test_stopped_and_confirmed(project):
    piped(project, ["y", "q", "yes"])
    assert (project / "app.py").read_text() == TWO.replace("def index", "async def index")


def test_a_later_stage_sees_what_was_accepted(project):
    """The handler that stays synchronous has nothing to ask about in the next stage."""
    assert headings(piped(project, ["n", "y", "q"])) == [("routes", "1", "2", "index"), ("routes", "2", "2", "other"), ("clients", "1", "1", "other")]


def test_all_of_this_rule(project):
    assert headings(piped(project, ["a", "q"])) == [("routes", "1", "2", "index"), ("clients", "1", "2", "index")]


def test_rest_of_this_file(project):
    (project / "more.py").write_text(VIEW.replace("app", "more"))
    assert headings(piped(project, ["f", "q"])) == [("routes", "1", "3", "index"), ("routes", "3", "3", "index")]
    piped(project, ["f", "n"], "--write")
    assert (project / "app.py").read_text().count("await asyncio.sleep") == 2 and (project / "more.py").read_text() == VIEW.replace("app", "more")


def test_skip_this_handler(project):
    (project / "app.py").write_text(TWO.replace("    time.sleep(1)\n", "    time.sleep(1)\n    time.sleep(3)\n"))
    assert [row[0] + row[3] for row in headings(piped(project, ["y", "y", "s", "q"]))] == ["routesindex", "routesother", "clientsindex", "clientsother"]


def test_back(project):
    """Also over the border of a stage, and to the first question and no further."""
    out = piped(project, ["b", "y", "b", "n", "y", "b", "n", "q"])
    assert "This is the first question." in out
    assert [row[3] for row in headings(out)] == ["index", "other", "index", "other", "other", "other"] or [row[0] for row in headings(out)].count(
        "clients"
    ) == 1
    piped(project, ["n", "y", "b", "b", "y", "n", "y"], "--write")
    text = (project / "app.py").read_text()
    assert "async def index" in text and "async def other" not in text and "await asyncio.sleep(1)" in text


def test_explain_and_help(project):
    out = piped(project, ["e", "?", "nonsense", "q"])
    assert "group routes:app.py:index: these stand or fall together" in out and "app.py:9 index" in out.replace("app.py:9", "app.py:9")
    assert out.count("q  stop here") == 2 and len(headings(out)) == 1


def test_choices_are_saved_and_replayed(newsroom, tmp_path):
    file, twin = tmp_path / "choices.json", tmp_path / "twin"
    shutil.copytree(newsroom, twin)
    piped(newsroom, ["n", "a", "y", "n", "y", "y", "n", "y", "y", "n"], "--write", "--save-choices", file)
    run("migrate", twin, "--accept", file, "--write", code=0)
    assert contents(newsroom) == contents(twin)
    assert contents(twin) != contents(FIXTURES / "newsroom" / "0-original")
    accepted = json.loads(file.read_text())["accepted"]
    assert "routes:newsroom/views/admin.py:words" not in accepted["routes"] and len(accepted["routes"]) == 7


def test_choices_are_saved_when_stopped(project, tmp_path):
    piped(project, ["y", "q"], "--save-choices", tmp_path / "c.json")
    assert json.loads((tmp_path / "c.json").read_text())["accepted"]["routes"] == ["routes:app.py:index"]


def test_a_helper_and_its_callers_are_one_question(newsroom):
    out = piped(newsroom, ["a", "q"])
    clients = out[out.index("── clients 1/") :]
    assert "+async def headlines" in clients and clients.count("+++ b/") == 3 and "await feeds.headlines()" in clients


@pytest.mark.parametrize("options", [["--accept", "x"], ["--write-baseline", "x"]])
def test_options_that_contradict(project, options):
    assert run("migrate", project, "-i", *options, code=2).err


def test_save_choices_needs_a_review(project):
    assert "--interactive" in run("migrate", project, "--save-choices", "x", code=2).err


def test_a_file_that_cannot_be_written_is_told_before_the_review(project, tmp_path):
    assert PROMPT not in piped(project, ["y"], "--save-choices", tmp_path / "nowhere" / "c.json", code=2)


def test_nothing_to_ask(project):
    (project / "app.py").write_text(MIGRATED)
    out = piped(project, [])
    assert PROMPT not in out and "0 files" in out


@pytest.mark.parametrize("chosen", [(1,), (2,), (3,), (1, 3)])
def test_one_call_of_several_like_it(project, chosen):
    """Groups are numbered; the numbers of those that are left must not stand in the way of the one that is taken."""
    (project / "app.py").write_text(VIEW.replace("    time.sleep(1)\n", "".join(f"    time.sleep({number})\n" for number in (1, 2, 3))))
    answers = ["y", *("y" if number in chosen else "n" for number in (1, 2, 3)), *"nnn"]
    assert "F002" not in piped(project, answers, "--write")
    text = (project / "app.py").read_text()
    assert [number for number in (1, 2, 3) if f"await asyncio.sleep({number})" in text] == list(chosen)


class Terminal:
    """The command on a pseudo-terminal of its own."""

    def __init__(self, *args, env=None):
        import pty

        self.pid, self.file = pty.fork()
        if not self.pid:
            os.environ.pop("PYTHONPATH", None)
            os.environ.update({"TERM": "xterm", **(env or {})})
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # a test run in the background ignores it
            os.execv(sys.executable, [sys.executable, str(ROOT / "flask_to_async.py"), *map(str, args)])
        self.seen = ""

    def read(self, wait=0.2):
        """What has come within that time, in seconds; None at the end."""
        if not select.select([self.file], [], [], wait)[0]:
            return ""
        try:
            data = os.read(self.file, 65536)
        except OSError:
            return None
        return data.decode(errors="replace") or None

    def until(self, words, limit=60):
        """Read until the words have come; what came before them, and the words."""
        end = time.monotonic() + limit
        while words not in self.seen:
            text = self.read()
            assert text is not None and time.monotonic() < end, f"{words!r} never came: {self.seen}"
            self.seen += text
        before, _, self.seen = self.seen.partition(words)
        return before + words

    def send(self, text):
        os.write(self.file, text.encode())

    def end(self):
        """The rest of the output and the exit code."""
        rest, end = self.seen, time.monotonic() + 60
        while (text := self.read()) is not None:
            assert time.monotonic() < end, f"it does not end: {rest}"
            rest += text
        os.close(self.file)
        return rest, os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


needs_pty = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are not on Windows")


@needs_pty
def test_on_a_terminal(project):
    terminal = Terminal("migrate", project, "-i")
    first = terminal.until("q,?] ")
    assert "\x1b[32m+async def index():\x1b[0m" in first, "colour"
    terminal.send("y\n")
    assert "other" in terminal.until("q,?] ")
    terminal.send("b\n")
    assert "1/2" in terminal.until("q,?] ")
    terminal.send("n\n")
    terminal.until("q,?] ")
    terminal.send("y\n")
    assert "clients 1/1" in terminal.until("q,?] ")
    terminal.send("e\n")
    terminal.until("q,?] ")
    terminal.send("y\n")
    terminal.until("[y/N] ")
    terminal.send("y\n")
    rest, code = terminal.end()
    assert code == 0 and "2 files written" in rest
    text = (project / "app.py").read_text()
    assert "async def other" in text and "async def index" not in text


@needs_pty
@pytest.mark.parametrize(("env", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)])
def test_colour(project, env, coloured):
    rest, code = Terminal("migrate", project, env=env).end()
    assert code == 0 and bool(re.search(r"\x1b\[[\d;]*m", rest)) == coloured  # a slow run shows a bar, too, which is no colour


@needs_pty
@pytest.mark.parametrize("key", ["\x03", "\x04"])
def test_interrupted_on_a_terminal(project, key):
    """Control-C and the end of input: nothing is written, no traceback."""
    saved = project.parent / "choices.json"
    terminal = Terminal("migrate", project, "-i", "--write", "--save-choices", saved)
    terminal.until("q,?] ")
    terminal.send("y\n")
    terminal.until("q,?] ")
    terminal.send(key)
    if key == "\x04":
        terminal.until("[y/N] ")
        terminal.send(key)
    rest, code = terminal.end()
    assert "Traceback" not in rest and code == (2 if key == "\x03" else 0)
    assert (project / "app.py").read_text() == TWO
    assert json.loads(saved.read_text())["accepted"]["routes"] == ["routes:app.py:index"], "the work of the review is not lost"


@needs_pty
def test_no_progress_bar_on_a_short_run(project):
    rest, code = Terminal("migrate", project).end()
    assert code == 0 and "[?25h" not in rest


_LONG = "import time\nfrom codemods import progress\nprogress._PATIENCE = 0\nwith progress.progress() as tick:\n    for what in ('reading', 'routes: rewriting'):\n        for number in range(4):\n            tick(what, number, 4)\n            time.sleep(0.35)\nprint('after')\n"


@needs_pty
def test_progress_bar_on_a_terminal_only():
    """Each kind of work with its own bar, an estimate of the time, and nothing of it left at the end."""
    import pty

    pid, file = pty.fork()
    if not pid:
        os.execve(sys.executable, [sys.executable, "-c", _LONG], os.environ | {"TERM": "xterm", "PYTHONPATH": str(ROOT)})
    terminal = Terminal.__new__(Terminal)
    terminal.pid, terminal.file, terminal.seen = pid, file, ""
    rest, code = terminal.end()
    assert code == 0 and "reading" in rest and "routes: rewriting" in rest and "3/4" in rest and re.search(r"\d\d:\d\d:\d\d", rest), rest
    assert rest.rpartition("\x1b[K")[2].replace("\x1b[?25h", "").strip() == "after"
    quiet = subprocess.run([sys.executable, "-c", _LONG], capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}, timeout=60)
    assert quiet.stderr == "" and quiet.stdout == "after\n"


SUBSETS = [(app, seed) for app in apps() for seed in ((1,) if app.name in ("ledger", "kiosk") else (1, 2))]


@pytest.mark.parametrize(("app", "seed"), SUBSETS, ids=lambda item: str(getattr(item, "name", item)))
def test_any_choice_gives_an_app_that_answers_the_same(app, seed, tmp_path):
    """Random answers; what comes out compiles, answers as the original, and is what replaying the choices gives."""
    work = tmp_path / app.name
    copy_of(app.name, work)
    loaded, settings = load(work), Settings(orm="executor", helpers="twin" if seed == 2 else "executor")
    review, choose, answers = Review(loaded, settings), random.Random(f"{app.name}{seed}"), []
    while review.state(answers).question is not None:
        answers.append(choose.choice("yyynns"))
    choices = review.state(answers).choices
    result = run_stages(loaded, [], settings, choices.chooses)
    taken = {item.group for outcome in result.outcomes for item in outcome.decisions if item.group and item.verdict == Verdict.CHANGE}
    assert taken == {group for groups in choices.accepted.values() for group in groups}
    for change in result.changes:
        if change.path.endswith(".py"):
            compile(change.after, change.path, "exec", dont_inherit=True)
        (work / change.path).write_bytes(change.after)
    assert observe(app, work) == observe(app, "0-original")


def test_half_a_group_is_never_applied(newsroom):
    """Each single group of the clients stage: the helper is async if and only if its callers in other files await it."""
    loaded = load(newsroom)
    everything = run_stages(loaded, [], Settings())
    routes, clients = (frozenset(item.group for item in outcome.decisions if item.group) for outcome in everything.outcomes[:2])
    for group in sorted(clients):
        chosen = Choices({"routes": routes, "clients": frozenset({group})})
        result = run_stages(loaded, ["routes", "clients"], Settings(), chosen.chooses)
        after = {**loaded.project.python, **{change.path: change.after for change in result.changes}}
        views = (after["newsroom/views/admin.py"] + after["newsroom/views/front.py"]).decode()
        for name in ("headlines", "briefing"):
            is_async = f"async def {name}(" in after["newsroom/feeds.py"].decode()
            assert [is_async] * len(re.findall(rf"feeds\.{name}\(", views)) == [bool(found) for found in re.findall(rf"(await )?feeds\.{name}\(", views)], group
