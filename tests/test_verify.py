"""Verify: the application's own tests decide, in a copy; a planted fault is found and taken back, the user's tree is only read."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from importlib import import_module
from itertools import combinations

import pytest
from test_cli import ROOT, contents
from test_cli import run as command
from typer.testing import CliRunner

from codemods.catalogue_files import load_catalogue
from codemods.verify import scratch
from codemods.verify import session as verify_module
from codemods.verify.bisect import smallest
from codemods.verify.gate import Gate, Taken, Verified
from codemods.verify.judging import Baseline, BaselineError, baseline, failures
from codemods.verify.report import Evidence, markdown_lines
from codemods.verify.run import INSIDE, Case, Run, read_run
from codemods.verify.tester import Trial
from transforms.index import ParseCache
from transforms.model import Project
from transforms.stages import run_stage

PYTEST = f"{sys.executable} -m pytest -q -p no:cacheprovider"


def source(names):
    views = "".join(f"\n\n@app.route('/{name}')\ndef {name}():\n    time.sleep(0)\n    return '{name}'\n" for name in names)
    return f"import time\n\nfrom flask import Flask\n\napp = Flask(__name__)\n{views}"


def checks(names):
    cases = "".join(f"\n\ndef test_{name}(client):\n    assert client.get('/{name}').text == '{name}'\n" for name in names)
    return f"import pytest\n\nfrom app import app\n\n\n@pytest.fixture\ndef client():\n    return app.test_client()\n{cases}"


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "requirements.txt").write_text("flask>=3\n")
    (folder / "app.py").write_text(source(["a", "b", "c"]))
    (folder / "test_app.py").write_text(checks(["a", "b", "c"]))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # the target's pytest starts in half the time
    return folder


def verify(folder, *arguments, test=PYTEST, code=0):
    return command("verify", folder, "--test", test, *arguments, cwd=folder, env={"XDG_CACHE_HOME": str(folder.parent / "cache")}, code=code)


def planted(*groups):
    """The stages, with a wrong decision in these groups: the view answers something else."""

    def stage(name, project, catalogue, settings, accepts, cache=None):
        staged = run_stage(name, project, catalogue, settings, accepts, cache)
        wrong = [group for group in groups if group.startswith(f"{name}:") and accepts(group)]
        text = dict(staged.project.python)
        for group in wrong:
            view = group.split(":")[2]
            text["app.py"] = text["app.py"].replace(f"return '{view}'".encode(), f"return 'not {view}'".encode())
        return replace(staged, project=staged.project.replace_python(text))

    return stage


# The search


@pytest.mark.parametrize("size", [1, 2, 3, 64, 100])
@pytest.mark.parametrize("width", [1, 3])
def test_one_culprit_takes_a_logarithmic_number_of_runs(size, width):
    groups = [f"g{number}" for number in range(size)]
    for culprit in groups:
        rounds = []

        def fails(sets, rounds=rounds, culprit=culprit):
            rounds.append(sets)
            return [culprit in item for item in sets]

        assert smallest(groups, fails, width) == {culprit}
        assert len(rounds) <= size.bit_length() + 1


def test_culprits_that_fail_only_together():
    groups = [f"g{number}" for number in range(9)]
    for pair in combinations(groups, 2):
        assert smallest(groups, lambda sets, pair=pair: [set(pair) <= item for item in sets]) == set(pair)


def test_what_never_fails_again_has_no_culprit():
    assert smallest(["a", "b"], lambda sets: [False for _ in sets]) == frozenset()


class FakeTester:
    """Judges a candidate by its text, so that many groups can be tried in no time. `flicker`: a test that fails at every third full run."""

    def __init__(self, names, culprits, flicker="", pairs=()):
        self.pairs = pairs
        self.names, self.culprits, self.flicker, self.jobs, self.runs, self.full = names, culprits, flicker, 1, 0, 0
        self.done = {}
        good = Run("ended", 0, 1.0, "log", {name: Case("passed") for name in names}, loaded=frozenset({"app.py"}))
        self.base = baseline(good, good)

    def all(self, trials):
        return [self.done.setdefault(trial.key, None) or self.done.update({trial.key: self.one(trial)}) or self.done[trial.key] for trial in trials]

    def one(self, trial):
        self.runs += 1
        text = trial.files.get("app.py", b"").decode()
        broken = {name for name in self.culprits if f"async def {name}(" in text}
        broken |= {pair[0] for pair in self.pairs if all(f"async def {name}(" in text for name in pair)}
        if trial.select is None:
            self.full += 1
            broken |= {self.flicker} if self.flicker and self.full % 3 == 1 else set()
        return Run(
            "ended",
            0,
            1.0,
            "log",
            {name: Case("failed" if name in broken else "passed") for name in self.names if trial.select is None or name in trial.select},
        )


@pytest.mark.parametrize(("culprits", "most", "flicker"), [([], 7, "v5"), (["v11"], 12, ""), (["v2", "v9", "v10", "v14", "v15"], 41, "v5")])
def test_exactly_the_planted_groups_are_taken_back(culprits, most, flicker):
    names = [f"v{number}" for number in range(16)]
    gate = gate_for(names, culprits=culprits, flicker=flicker)
    result, tester = gate.verify(["routes"]), gate.tester
    assert sorted(taken.group for taken in result.taken) == sorted(f"routes:app.py:{name}" for name in culprits)
    assert all(set(taken.tests) == {taken.group.rpartition(":")[2]} and not taken.beside for taken in result.taken)
    assert tester.runs <= most
    refused = {item.symbol for item in result.outcomes[0].decisions if item.code == "V400"}
    assert refused == set(culprits)
    assert result.project.python["app.py"].count(b"async def") == 16 - len(culprits)
    assert result.flaky == ({flicker} if flicker else set())


def gate_for(names, **faults):
    data = Project({"app.py": source(names).encode()}, frozenset({"app.py"}))
    tester, catalogue, cache = FakeTester(names, faults.pop("culprits", []), **faults), load_catalogue(), ParseCache()
    return Gate(lambda name, item, accepts: run_stage(name, item, catalogue, verify_module.Settings(), accepts, cache), tester, data, "", lambda text: None)


@pytest.mark.parametrize(
    ("pairs", "back"),
    [
        ([("v3", "v12")], {"v3"}),
        ([("v2", "v7", "v9")], {"v2"}),
        ([("v4", "v11"), ("v6", "v11"), ("v11", "v13")], {"v11"}),
        ([("v1", "v2"), ("v8", "v9")], {"v1", "v8"}),
    ],
)
def test_of_groups_that_fail_only_together_one_is_taken_back(pairs, back):
    gate = gate_for([f"v{number}" for number in range(16)], pairs=pairs)
    result = gate.verify(["routes"])
    assert {taken.group.rpartition(":")[2] for taken in result.taken} == back
    assert all(taken.beside for taken in result.taken)
    reasons = [item.reason for item in result.outcomes[0].decisions if item.code == "V400"]
    assert len(reasons) == len(back) and all("together with routes:app.py:v" in reason and "which stay" in reason for reason in reasons)
    assert result.project.python["app.py"].count(b"async def") == 16 - len(back)
    assert gate.tester.runs <= 22 * len(back)


# The command


def test_planted_fault_end_to_end(project, monkeypatch):
    """One wrong group among several, with a test that fails now and then."""
    flaky = "\n\ndef test_flaky(tmp_path_factory):\n    import random\n\n    assert random.random() < 0.5\n"
    (project / "test_app.py").write_text(checks(["a", "b", "c"]) + flaky)
    (project / "untracked.txt").write_text("x")
    before = contents(project)
    monkeypatch.setattr(verify_module, "run_stage", planted("clients:app.py:b:time.sleep#1"))
    arguments = ["verify", str(project), "--test", PYTEST, "--evidence", str(project.parent / "proof.md")]
    from codemods.cli import app

    monkeypatch.chdir(project)
    dry = CliRunner().invoke(app, arguments)
    assert dry.exit_code == 0, dry.output
    assert contents(project) == before
    groups = re.findall(r"refused  V400  (\S+): refused", dry.output)
    assert groups and all(":b" in group for group in groups) and "test_b" in dry.output
    assert "not b" in dry.output, "the test's own words"
    proof = (project.parent / "proof.md").read_text()
    assert "| routes | 3 | 0 |" in proof and "V400" in proof and "test_app.py::test_b" in proof
    ran = len(list(project.parent.glob("cache/**/logs/*.log")))
    wet = CliRunner().invoke(app, [*arguments, "--write", "--resume"])
    assert wet.exit_code == 0, wet.output
    assert len(list(project.parent.glob("cache/**/logs/*.log"))) == ran, "resumed: no run is made twice"
    text = (project / "app.py").read_text()
    assert "async def a" in text and "await asyncio.sleep(0)\n    return 'a'" in text and "not b" not in text
    assert contents(project).keys() == before.keys()
    command("undo", project, code=0)
    assert contents(project) == before


def test_killed_and_resumed(project):
    before = contents(project)
    environment = os.environ | {"XDG_CACHE_HOME": str(project.parent / "cache")}
    child = subprocess.Popen(
        [sys.executable, str(ROOT / "flask_to_async.py"), "verify", str(project), "--test", PYTEST],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not any(item.stat().st_size for item in project.parent.glob("cache/**/runs.jsonl")):
        time.sleep(0.05)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert contents(project) == before
    first = len(list(project.parent.glob("cache/**/runs.jsonl"))[0].read_bytes().splitlines())
    assert first >= 1
    verify(project, "--resume", "--write")
    assert "async def a" in (project / "app.py").read_text()


def test_resume_without_a_run_and_after_a_change(project):
    assert "nothing to resume" in verify(project, "--resume", code=2).err
    (project.parent / "cache").mkdir(exist_ok=True)
    scratch.make(project, scratch.default_folder(project), False)
    (project / "app.py").write_text(source(["a"]))
    assert "was changed since" in verify(project, "--resume", code=2).err


REFUSED = {
    "no such program": ("no-such-program -q", "there is no program"),
    "no command": ("", "needs a command"),
    "a torn quote": ("pytest 'x", "cannot be split"),
    "nothing collected": (f"{PYTEST} -k nothing_of_that_name", "collects no test"),
    "fails before": (f"{sys.executable} -c 'raise SystemExit(3)'", "exit status 3"),
    "loads nothing": (f"{sys.executable} -c 'pass'", "load no file of the application"),
    "hangs": (f"{sys.executable} -c 'import time; time.sleep(60)'", "time limit"),
    "killed": (f"{sys.executable} -c 'import os; os.kill(os.getpid(), 9)'", "killed by signal 9"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_judge_is_refused_in_clear_words(project, kind):
    before = contents(project)
    test, words = REFUSED[kind]
    assert words in verify(project, *(["--timeout", "1"] if kind == "hangs" else []), test=test, code=2).err
    assert contents(project) == before


def test_tests_that_load_the_original_are_refused(project):
    (project / "conftest.py").write_text(f"import sys\n\nsys.path.insert(0, {str(project)!r})\nimport app\n")
    assert "would judge the wrong code" in verify(project, code=2).err


def test_an_editable_install_of_the_original_leads_to_the_copy(project):
    """PYTHONPATH and a `.pth` file in the environment name the original; the tests lie elsewhere and import by name."""
    shutil.move(project / "test_app.py", project / "checks_app.py")
    (project / "run.py").write_text("import app, sys\nsys.exit(app.app.test_client().get('/a').text != 'a')\n")
    out = command(
        "verify",
        project,
        "--test",
        f"{sys.executable} -m run",
        cwd=project,
        env={"XDG_CACHE_HOME": str(project.parent / "cache"), "PYTHONPATH": str(project)},
        code=0,
    )
    assert "no pytest" in out.out


def test_other_command_by_exit_status(project, monkeypatch):
    (project / "run.py").write_text("import app, sys\nsys.exit(app.app.test_client().get('/b').text != 'b')\n")
    monkeypatch.setattr(verify_module, "run_stage", planted("routes:app.py:b"))
    from codemods.cli import app

    monkeypatch.chdir(project)
    found = CliRunner().invoke(app, ["verify", str(project), "--test", f"{sys.executable} run.py", "--stage", "routes", "-j", "2"])
    assert found.exit_code == 0, found.output
    assert re.findall(r"refused  V400  (\S+): refused", found.output) == ["routes:app.py:b"]


# Judging


def ended(**outcomes):
    return Run("ended", 0, 1.0, "log", {name: Case(outcome) for name, outcome in outcomes.items()}, loaded=frozenset({"app.py"}))


def test_judging():
    base = baseline(ended(a="passed", b="failed", c="passed", d="skipped"), ended(a="passed", b="failed", c="failed", d="skipped"))
    assert base.flaky == {"c"} and base.failing == {"b"}
    assert failures(ended(a="passed", b="failed", c="failed", d="passed"), base, None) == {}
    assert set(failures(ended(a="failed", b="passed", d="failed"), base, None)) == {"a", "d"}
    assert "no longer" in failures(ended(d="skipped"), base, None)["a"]
    assert "skipped now" in failures(ended(a="skipped", d="skipped"), base, None)["a"]
    assert failures(ended(d="skipped"), base, frozenset({"d"})) == {}
    crash = replace(ended(d="skipped"), ending="crashed", running="a")
    assert list(failures(crash, base, None)) == ["a"]
    assert failures(replace(ended(a="passed", d="skipped"), code=1), base, None), "a failed threshold of coverage counts"
    with pytest.raises(BaselineError, match="no test passes"):
        baseline(ended(a="failed"), ended(a="failed"))


def test_a_torn_event_counts_for_nothing(tmp_path):
    (tmp_path / "x.events").write_text('{"event": "begin", "id": "t"}\n{"event": "test", "id": "t", "outc')
    run = read_run(tmp_path / "x.events", "ended", 0, 1.0, "log")
    assert run.ending == "crashed" and run.running == "t"


# The copy


def test_the_copy_is_what_is_on_disk(tmp_path):
    top = tmp_path / "top"
    for name in ("app.py", ".env", "static/x.css", "node_modules/m.js", "env/pyvenv.cfg", ".git/HEAD", "pkg/__pycache__/a.pyc"):
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(name)
    (top / "inside").symlink_to(top / "static" / "x.css")
    (top / "outside").symlink_to("/etc/hostname")
    place = scratch.make(top, tmp_path / "scratch", False)
    names = {path.relative_to(place.base).as_posix() for path in place.base.rglob("*") if not path.is_dir()}
    assert names >= {"app.py", ".env", "static/x.css", "inside", "outside"} and not names & {".git/HEAD", "pkg/__pycache__/a.pyc"}
    assert (place.base / "env").is_symlink() and (place.base / "inside").resolve() == (place.base / "static/x.css").resolve()
    work = place.work(0)
    scratch.restore(place, work)
    assert (work / "inside").resolve() == (work / "static/x.css").resolve()
    (work / "litter").mkdir()
    (work / "litter/x").write_text("x")
    (work / "app.py").write_text("changed by a test")
    (work / ".env").unlink()
    scratch.restore(place, work)
    assert (work / "app.py").read_text() == "app.py" and (work / ".env").exists() and not (work / "litter").exists()


def test_scratch_folder_with_somebody_elses_files(project):
    (project.parent / "mine").mkdir()
    (project.parent / "mine/thesis.txt").write_text("x")
    assert "not from this tool" in verify(project, "--scratch", project.parent / "mine", code=2).err
    assert (project.parent / "mine/thesis.txt").exists()


def test_the_same_trial_has_the_same_key():
    assert Trial({"a": b"x"}).key == Trial({"a": b"x"}).key != Trial({"a": b"x"}, frozenset()).key


def test_finders_of_editable_installs_lead_to_the_copy(tmp_path, monkeypatch):
    """setuptools' and editables' finders hold paths of their own; what is installed inside the project stays."""
    from types import ModuleType, SimpleNamespace

    monkeypatch.syspath_prepend(str(INSIDE))
    inside = import_module("flask_to_async_inside")
    original, copy = str(tmp_path / "original"), str(tmp_path / "copy")
    finder, editables = ModuleType("__editable___site_finder"), ModuleType("editables.redirector")
    finder.MAPPING, finder.NAMESPACES = {"site": f"{original}/src/site", "other": "/elsewhere/other"}, {"space": [f"{original}/space"]}
    editables.RedirectingFinder = SimpleNamespace(_redirections={"site": f"{original}/site/__init__.py"})
    monkeypatch.setitem(sys.modules, finder.__name__, finder)
    monkeypatch.setitem(sys.modules, editables.__name__, editables)
    monkeypatch.setattr(sys, "path", [f"{original}/src", f"{original}/.venv/lib/site-packages", f"{original}2", *sys.path])
    inside.redirect(original, copy)
    assert {"site": f"{copy}/src/site", "other": "/elsewhere/other"} == finder.MAPPING and {"space": [f"{copy}/space"]} == finder.NAMESPACES
    assert editables.RedirectingFinder._redirections == {"site": f"{copy}/site/__init__.py"}
    assert sys.path[:3] == [f"{copy}/src", f"{original}/.venv/lib/site-packages", f"{original}2"]


def test_evidence_cannot_be_broken_by_names():
    """A test id and a path may hold anything: they stay in code spans, and mention nobody."""
    run = Run("ended", 0, 1.0, "log", {})
    name = "test_a.py::test[`|@team<b>]"
    result = Verified(taken=[Taken("routes", "app.py:a", {name: "said"})])
    found = Evidence("pytest `x`", Baseline((run, run), {name: "passed"}, frozenset(), frozenset()), result, ("a`b.py",), ("a`b.py",), 3)
    text = "\n".join(markdown_lines(found))
    assert "``test_a.py::test[`\\|@team<b>]``" in text and "``a`b.py``" in text and "`` pytest `x` ``," in text
