"""Every row of the tables about Flask: migrated, started, and asked, on the current Flask and on Flask 2.3."""

import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import rows_page
from rows import migrate, original, topics
from test_fixture_apps import clean_environment

RUNNER = Path(__file__).resolve().parent / "rows_runner.py"
OLD = ("flask==2.3.3", "werkzeug==2.3.8")
TOPICS = topics()
ROWS = [(topic, row) for topic in TOPICS for row in topic.rows]
by_name = [f"{topic.name}: {row.name}" for topic, row in ROWS]


@pytest.fixture(scope="module")
def projects(tmp_path_factory):
    """Each topic three times: as it was, migrated, and migrated while no decorator of a library counts as proved."""
    home = tmp_path_factory.mktemp("rows")
    made = {}
    for topic in TOPICS:
        made[topic.name] = (
            original(topic, home / topic.name / "original"),
            migrate(topic, home / topic.name / "migrated"),
            migrate(topic, home / topic.name / "unproved", False),
        )
    return made


def observed(projects, path=""):
    """What every project answers, from one process."""
    jobs = [{"folder": str(folder), "asks": topic.asks, "modules": topic.modules} for topic in TOPICS for folder in folders(projects[topic.name])]
    environment = {**clean_environment(), **({"PYTHONPATH": path} if path else {})}
    result = subprocess.run([sys.executable, str(RUNNER)], input=json.dumps(jobs), env=environment, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    assert "never awaited" not in result.stderr
    answers = iter(json.loads(result.stdout))
    return {topic.name: [next(answers) for _ in range(3)] for topic in TOPICS}


def folders(made):
    before, after, unproved = made
    return before, after.folder, unproved.folder


@pytest.fixture(scope="module")
def current(projects):
    return observed(projects)


@pytest.fixture(scope="module")
def older(projects):
    return observed(projects, old_flask())


def old_flask():
    """Flask 2.3 laid over what is installed here; kept in the temporary folder for the next run."""
    key = hashlib.sha256(f"{sys.version}{OLD}".encode()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"flask-to-async-flask-2.3-{key}"
    if not (folder / "flask").is_dir():
        with tempfile.TemporaryDirectory(dir=tempfile.gettempdir()) as place:
            made = Path(place) / "made"
            command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(made), *OLD]
            result = subprocess.run(command, capture_output=True, text=True, timeout=300)
            if result.returncode:
                pytest.skip(f"Flask 2.3 cannot be installed here: {result.stderr.strip()[-200:]}")
            if not folder.exists():
                made.rename(folder)
    return str(folder)


def same(topic, found):
    before, after, unproved = found
    if "skipped" in before:
        pytest.skip(before["skipped"])
    assert "failed" not in before, before
    assert [item["ask"] for item in before["answers"]] == topic.asks
    assert not before["unraisable"], "the original must be sound"
    for other in (after, unproved):
        assert "failed" not in other, other["failed"]
        for one, two in zip(before["answers"], other["answers"], strict=True):
            assert one == two
        assert other["served"] == before["served"]
        assert not other["unraisable"]


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_answers_as_before(topic, current):
    same(topic, current[topic.name])


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_answers_as_before_on_flask_2_3(topic, older):
    if topic.flask:
        pytest.skip(f"the installed library needs Flask {topic.flask}")
    same(topic, older[topic.name])


@pytest.mark.parametrize(("topic", "row"), ROWS, ids=by_name)
def test_what_the_tool_makes_of_it(topic, row, projects):
    migrated = projects[topic.name][1]
    left = row.becomes not in ("async", "adapter", "plain")
    assert migrated.became[row.handler] == ("plain" if left else row.becomes), migrated.codes.get(row.handler)
    assert not left or row.becomes in migrated.codes[row.handler]


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_nothing_is_proved_without_a_known_version(topic, projects):
    """Where the requirements name no library, its decorators get the adapter."""
    migrated = projects[topic.name][2]
    for row in topic.rows if topic.requires else ():
        assert row.becomes != "async" or migrated.became[row.handler] in ("async", "adapter") or "R107" in migrated.codes[row.handler]


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_the_original_answers_what_it_should(topic, current):
    """A row that only ever gets a server error shows nothing."""
    for item in current[topic.name][0].get("answers", ()):
        assert (
            not isinstance(item["answer"], list)
            or item["answer"][0] in (0, *range(200, 500))
            or "/fails" in item["ask"]
            or item["ask"].startswith(("CLI", "SHELL", "CALL"))
        ), item


def test_the_page_is_current():
    assert rows_page.PAGE.read_text(encoding="utf-8") == rows_page.text(), "run `python tests/rows_page.py`"
