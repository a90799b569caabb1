"""Every fixture obeys the ten laws."""

import hashlib
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import laws
import pytest
from fixture_apps import ROOT, all_files, apps, project_of
from small_cases import small_cases, swap_cases

from codemods.pipeline import run_stages
from codemods.project import Loaded
from transforms.model import Settings

KNOWN = frozenset((Path(__file__).parent / "data" / "known-blocking.txt").read_text().split())
NAMES = KNOWN | frozenset(name for name, entry in laws.CATALOGUE.functions.items() if entry.kind != "cpu")  # computing is not waiting


def starts():
    """Every fixture with the settings that it is run with, by name."""
    found = {f"app:{app.name}": (project_of(app, "0-original"), Settings()) for app in apps()}
    found |= {f"app:{app.name}:orm": (project_of(app, "0-original"), Settings(orm="executor")) for app in apps() if (app / "4-orm-executor").exists()}
    found |= {f"app:{app.name}:bridge": (project_of(app, "0-original"), Settings(http="bridge")) for app in apps() if (app / "2-clients-bridge").exists()}
    found |= {f"app:{app.name}:all": (project_of(app, "0-original"), Settings(all_handlers=True)) for app in apps()}
    found |= {f"swaps:{case.library}": (case.project, Settings()) for case in swap_cases()}
    for kind in ("untouched", "refused"):
        found |= {f"{kind}:{case.name}": (case.project, case.settings) for case in small_cases(kind)}
    return found


STARTS = starts()


@cache
def run_of(name):
    return laws.Run(*STARTS[name])


@pytest.mark.parametrize("law", laws.LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", STARTS)
def test_law(name, law):
    assert law(run_of(name)) == []


@pytest.mark.parametrize("name", STARTS)
def test_law_7_nothing_is_silent(name):
    assert laws.law_7_nothing_is_silent(run_of(name), NAMES) == []


@pytest.mark.parametrize("app", apps(), ids=lambda app: app.name)
def test_one_run_equals_stage_by_stage(app):
    """In memory all at once, and with a project read anew before each stage."""
    at_once = run_stages(Loaded(app / "0-original", project_of(app, "0-original"), {}), [], Settings())
    names = {change.path for change in at_once.changes}
    last, first = all_files(app / "3-executor"), all_files(app / "0-original")
    assert {change.path: change.after for change in at_once.changes} == {path: data for path, data in last.items() if path in names}
    assert {path for path in last if last[path] != first.get(path)} == names


def digest():
    """Every outcome of every fixture, as one number; run in processes of its own."""
    text = json.dumps({name: [repr(outcome) for outcome in run_of(name).outcomes] for name in STARTS})
    return hashlib.sha256(text.encode()).hexdigest()


def test_hash_seed_does_not_matter():
    seen = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
        result = subprocess.run(
            [sys.executable, "-c", "import test_laws; print(test_laws.digest())"], env=environment, capture_output=True, text=True, check=True
        )
        seen.add(result.stdout)
    assert len(seen) == 1


class TestTheLawsThemselves:
    """A law that cannot fail proves nothing: each finds the breach that it is about."""

    VIEW = b"import time\nfrom flask import Flask\n\napp = Flask(__name__)\n\n\n@app.route('/')\ndef index():\n    time.sleep(1)\n    return 'x'\n"

    def run(self, source=VIEW):
        from transforms.model import Project

        return laws.Run(Project({"app.py": source}, frozenset({"app.py"})))

    def tampered(self, stage, change):
        """A run in which the result of one stage was spoiled."""
        from dataclasses import replace

        run = self.run()
        outcome = run.outcomes[stage]
        changes = tuple(replace(item, after=change(item.after)) for item in outcome.changes)
        assert changes != outcome.changes, "the example must spoil something"
        run.outcomes[stage] = replace(outcome, changes=changes)
        project = run.projects[stage + 1]
        run.projects[stage + 1] = project.replace_python({**project.python, **{item.path: item.after for item in changes}})
        return run

    def test_the_example_is_good(self):
        run = self.run()
        assert run.outcomes[0].changes and run.outcomes[1].changes
        assert [law.__name__ for law in laws.LAWS if law(run)] == []

    def test_law_1(self):
        assert laws.law_1_compiles(self.tampered(0, lambda data: data + b"def (:\n"))

    def test_law_2(self):
        run = self.run()
        run.projects[-1] = run.projects[0]
        assert laws.law_2_once_is_enough(run)

    def test_law_3(self):
        from dataclasses import replace

        run = self.run()
        run.outcomes[0] = replace(run.outcomes[0], decisions=())
        assert laws.law_3_changed_if_decided(run)
        run.outcomes[0] = replace(self.run().outcomes[0], changes=())
        assert laws.law_3_changed_if_decided(run)

    def test_law_4(self):
        assert laws.law_4_only_what_is_decided(self.tampered(0, lambda data: data.replace(b"return 'x'", b"return 'y'")))
        assert laws.law_4_only_what_is_decided(self.tampered(0, lambda data: data + b"print('added')\n"))

    def test_law_5(self, monkeypatch):
        run = self.run()
        monkeypatch.setattr(run, "stage", lambda name, project, accepts=None: laws.run_stage(name, project, laws.CATALOGUE, run.settings))
        assert laws.law_5_any_choice_works(run)

    def test_law_6(self):
        run = self.run()
        run.projects[-1] = run.projects[-1].replace_python({"app.py": run.projects[-1].python["app.py"].replace(b"import asyncio", b"import time")})
        assert laws.law_6_names(run) == ["app.py: undefined asyncio is new", "app.py: unused import time is new"]

    def test_law_7(self):
        from dataclasses import replace

        run = self.run()
        run.projects[-2] = run.projects[1]
        run.outcomes[-1] = replace(run.outcomes[-1], decisions=())
        assert laws.law_7_nothing_is_silent(run, NAMES) == ["before the executor stage: app.py:9 calls time.sleep and nothing says why"]

    def test_law_8(self, monkeypatch):
        run = self.run()
        run.outcomes[0] = self.run(self.VIEW.replace(b"index", b"other")).outcomes[0]
        assert laws.law_8_order_does_not_matter(run)

    def test_law_9(self):
        run = self.tampered(0, lambda data: data + b"\n\nindex()\n")
        assert laws.law_9_all_awaited(run) == ["app.py:13: index() is not awaited"]

    POSSIBLE = (
        b"import requests\nfrom flask import Flask\nfrom shelf import find\n\napp = Flask(__name__)\n\n\nclass Rates:\n    def newest(self):\n        return requests.get('http://r/').json()\n\n\n"
        b"@app.route('/')\ndef index():\n    open('log').read()\n    return find('rates').newest()\n"
    )

    def test_law_10(self):
        from dataclasses import replace

        run = self.run(self.POSSIBLE)
        assert [(item.line, item.code, item.reason.partition("; ")[2]) for item in run.outcomes[-1].decisions if item.symbol == "Rates.newest"] == [
            (10, "E307", "possibly reached on the loop from index (app.py:14)")
        ]
        assert laws.law_10_what_stays_is_told(run) == []
        run.outcomes[-1] = replace(run.outcomes[-1], decisions=())
        assert laws.law_10_what_stays_is_told(run) == ["app.py:12: index → perhaps Rates.newest → requests.get stays on the loop and no row says so"]
