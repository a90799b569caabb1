"""`bulk`, the installed command on real bare repositories: rows, branches, kills, workers, and what may never happen."""

import contextlib
import json
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from bulk_repositories import GOOD, KINDS, WHO, bare, forbidding, git, make_remotes
from fixture_apps import ROOT

NUMBER = int(os.environ.get("BULK_REPOSITORIES", "200"))
WORK = ".flask-to-async-bulk"
LARGEST = 16_000_000  # bytes of a file: in place of a full disk
ENVIRONMENT = {**{name: value for name, value in os.environ.items() if name != "PYTHONPATH"}, **WHO, "SOURCE_DATE_EPOCH": "1750000000"}


def limited():
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST, LARGEST))


def start(*arguments, cwd, **more):
    command = [sys.executable, str(ROOT / "flask_to_async.py"), "bulk", *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=cwd, env=ENVIRONMENT | more, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=limited
    )


def bulk(*arguments, cwd, code=None, **more):
    """What it printed; the command has ended, as it should."""
    process = start(*arguments, cwd=cwd, **more)
    out, err = process.communicate(timeout=900)
    assert "Traceback" not in out + err, out + err
    if code is not None:
        assert process.returncode == code, out + err
    return out + (err if code == 2 and not out else "")


def report_of(folder):
    return json.loads((folder / WORK / "report" / "report.json").read_text())


def rows_of(folder):
    return {row["name"]: row for row in report_of(folder)["repositories"]}


def ledger(folder, query):
    with contextlib.closing(sqlite3.connect(folder / WORK / "ledger.sqlite", timeout=30)) as base:
        return base.execute(query).fetchall()


def state(folder):
    """All that must be the same, however often it was killed and whoever did the work."""
    found = {path.name: path.read_bytes() for name in ("report", "patches", "bodies") for path in sorted((folder / WORK / name).iterdir())}
    found["steps"] = ledger(folder, "SELECT repository, step, pass, key, state, reason, result FROM step ORDER BY repository, step")
    found["made"] = ledger(folder, "SELECT * FROM made ORDER BY 1, 2, 3")
    found["measure"] = ledger(folder, "SELECT * FROM measure ORDER BY 1, 2")
    found["refs"] = {
        place.name: git("for-each-ref", "--format=%(refname) %(objectname)", cwd=place)
        for place in sorted((folder / "remotes").iterdir())
        if (place / "refs").exists()
    }
    return found


def same(one, other):
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert value == other[name], name


@pytest.fixture(scope="module")
def host():
    server = forbidding()
    yield server
    server.shutdown()


@pytest.fixture(scope="module")
def pristine(tmp_path_factory, host):
    folder = tmp_path_factory.mktemp("pristine")
    (folder / "repos.toml").write_text(make_remotes(folder / "remotes", NUMBER, host.server_port))
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Where every run takes place, so that all have the same paths."""
    return tmp_path_factory.mktemp("bulk") / "all"


def fresh(place, pristine):
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(pristine, place)
    return place


@pytest.fixture(scope="module")
def first(place, pristine):
    """The state after a run by two workers that nobody disturbed, and what it printed."""
    fresh(place, pristine)
    out = bulk("run", "--push", "-j2", cwd=place, code=2)
    return state(place), out


def test_every_kind_has_its_row(first, host):
    found = {row["name"]: row for row in json.loads(first[0]["report.json"])["repositories"]}
    assert len(found) == NUMBER
    for name, row in found.items():
        _, _, outcome, reason = KINDS[name.rpartition("-")[0]]
        assert row["outcome"] == outcome and reason in row["reason"], row
    assert found["syntax-0"]["unread"][0][0] == "broken.py"
    assert list(found) == [line.split()[1] for line in first[1].splitlines()[:NUMBER]], "the table stands in the order of the file"
    assert any(host.asked), "the credentials in the address were used"


def test_branches_and_commits(first, pristine, tmp_path):
    """One commit for each stage that changes something, on the base, whose tree is what `migrate --write` makes."""
    remotes = first[0]["refs"]
    for name, row in {row["name"]: row for row in json.loads(first[0]["report.json"])["repositories"]}.items():
        pushed = b"refs/heads/flask-to-async" in remotes.get(name, b"")
        assert pushed == (row["outcome"] == "migrated" or name.startswith("pushedto")), name
        assert row["commits"] == sum(stage["files"] > 0 for stage in row["stages"].values())
    clone = tmp_path / "clone"
    git("clone", "-q", pristine / "remotes" / "good-0", clone)
    subprocess.run([sys.executable, str(ROOT / "flask_to_async.py"), "migrate", str(clone), "--write"], env=ENVIRONMENT, capture_output=True, check=True)
    shutil.rmtree(clone / ".flask-to-async")
    git("add", "-A", cwd=clone)
    tree = git("write-tree", cwd=clone)
    patch = first[0]["good-0.patch"]
    git("reset", "-q", "--hard", cwd=clone)
    git("am", "-q", cwd=clone, data=patch)
    assert git("rev-parse", "HEAD^{tree}", cwd=clone) == tree
    subjects = git("log", "--reverse", "--format=%s", "origin/main..HEAD", cwd=clone).decode().splitlines()
    assert [subject.split(":")[0] for subject in subjects] == ["flask-to-async routes", "flask-to-async clients", "flask-to-async executor"]


def test_people_and_protection_win(first, pristine):
    for name in ("pushedto-0", "protected-0"):
        assert first[0]["refs"][name] == git("for-each-ref", "--format=%(refname) %(objectname)", cwd=pristine / "remotes" / name)


def workers_of(pid):
    """The processes whose parent that is."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError, IndexError):
            if entry.name.isdigit() and int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(entry.name))
    return found


def kill_after(process, folder, steps, wait, everyone):
    """SIGKILL once that many steps are recorded: to the command's process group, or to its workers with it. Whether it was killed."""
    end = time.monotonic() + 600
    while process.poll() is None and time.monotonic() < end:
        with contextlib.suppress(sqlite3.Error):
            if ledger(folder, "SELECT count(*) FROM step")[0][0] >= steps:
                break
        time.sleep(0.05)
    time.sleep(wait)
    if process.poll() is not None:
        return False
    for worker in workers_of(process.pid) if everyone else ():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(worker, signal.SIGKILL)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    return True


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="finds processes in /proc")
def test_killed_again_and_again(first, place, pristine):
    """One worker, killed at random points: what was recorded is not done again, and the end is the same, byte for byte."""
    fresh(place, pristine)
    chance, recorded, killed = random.Random(7), {}, 0
    for number in range(6):
        process = start("resume" if number else "run", *([] if number else ["--push"]), "-j1", cwd=place)
        steps = len(recorded) + chance.randint(3, 60 if number % 2 else 12)
        killed += kill_after(process, place, steps, chance.random() * 0.4, number % 3 == 0)
        now = {row[:3]: row[3:] for row in ledger(place, "SELECT repository, step, key, began, seconds, result FROM step")}
        assert all(now[key] == value for key, value in recorded.items()), "a step that was recorded was done again"
        recorded = now
    assert killed >= 3
    out = bulk("resume", "-j1", cwd=place, code=2)
    now = {row[:3]: row[3:] for row in ledger(place, "SELECT repository, step, key, began, seconds, result FROM step")}
    assert all(now[key] == value for key, value in recorded.items())
    same(first[0], state(place))
    assert out == first[1]
    assert not list((place / WORK / "repositories").glob(".*.part"))


@contextlib.contextmanager
def cluster(folder, number=2):
    """A Dask scheduler and two workers, processes of their own; gives the scheduler's address and the workers."""
    pytest.importorskip("distributed", reason="the extra dask is not installed")
    environment = {**ENVIRONMENT, "PYTHONPATH": str(ROOT), "DASK_DISTRIBUTED__WORKER__DAEMON": "False"}
    file = folder / "scheduler.json"
    processes = []

    def begin(module, *arguments):
        command = [sys.executable, "-m", f"distributed.cli.{module}", "--scheduler-file", str(file), *arguments]
        with (folder / f"{module}-{len(processes)}.log").open("wb") as log:
            processes.append(subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log, preexec_fn=limited))
        return processes[-1]

    try:
        begin("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show")
        while not file.exists() or not file.read_text().strip():
            time.sleep(0.1)
        workers = [begin("dask_worker", "--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1") for _ in range(number)]
        yield json.loads(file.read_text())["address"], workers
    finally:
        for process in reversed(processes):
            process.kill()
            process.wait()


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="finds processes in /proc")
def test_dask_with_a_worker_killed(first, place, pristine, tmp_path):
    fresh(place, pristine)
    with cluster(tmp_path) as (address, workers):
        process = start("run", "--push", "--scheduler", address, cwd=place)
        while process.poll() is None and len(ledger_or_none(place)) < 30:
            time.sleep(0.05)
        assert process.poll() is None, process.communicate()
        workers[0].kill()
        out, err = process.communicate(timeout=900)
        assert process.returncode == 2 and "Traceback" not in out + err, out + err
        assert workers[1].poll() is None
    assert out == first[1]
    same(first[0], state(place))
    for path in tmp_path.glob("*.log"):
        assert "s3cret" not in path.read_text(), "a worker's log shows credentials"


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the system has no clock for CPU time")
def test_time_of_analysis_is_limited_on_dask_too(tmp_path):
    bare(tmp_path / "shop.git", GOOD)
    (tmp_path / "repos.toml").write_text("[[repository]]\nurl = 'shop.git'\nanalysis-timeout = 0.05\n")
    with cluster(tmp_path, 1) as (address, _):
        said = [bulk("run", "--work", work, *arguments, cwd=tmp_path, code=2) for work, arguments in (("here", ()), ("there", ("--scheduler", address)))]
    assert said[0] == said[1] and "took more than 0.05 seconds of CPU time (`analysis-timeout`)" in said[0]


def ledger_or_none(folder):
    try:
        return ledger(folder, "SELECT 1 FROM step")
    except sqlite3.Error:
        return []


def test_no_secret_is_kept_or_printed(first, place):
    """Whoever did the last run: nothing in the work folder or on the terminal has the password or the user of an address."""
    for path in sorted((place / WORK).rglob("*")):
        if path.is_file() and not path.is_symlink():
            assert b"s3cret" not in path.read_bytes(), path
    assert "s3cret" not in first[1] and "someone" not in first[1]
    assert not Path("/tmp/flask-to-async-pwned").exists()
