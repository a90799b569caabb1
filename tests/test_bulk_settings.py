"""`bulk`: the repositories file, what takes part, hooks, tests, workers that die, and folders that must not be used."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from bulk_repositories import APP, GOOD, bare, git
from test_bulk import WORK, bulk, ledger, report_of, rows_of, start

from codemods.bulk import telling
from codemods.bulk.addresses import AddressError, Credentials, host_of, parse, path_of, scrub
from codemods.bulk.hosts import Host, Limits
from codemods.bulk.ledger import Member
from codemods.bulk.running import Ended, Log, StepError, complaint, run
from codemods.bulk.selection import SelectionError, selected
from codemods.bulk.sources import SourceError, read
from codemods.bulk.spec import make


def toml(folder, *rows, head=""):
    (folder / "repos.toml").write_text(head + "".join(f"[[repository]]\n{row}\n" for row in rows))


def wrong(folder, text, *words):
    (folder / "repos.toml").write_text(text)
    with pytest.raises(SourceError) as found:
        read(folder / "repos.toml")
    assert all(word in str(found.value) for word in words), found.value
    return str(found.value)


def test_addresses(monkeypatch):
    monkeypatch.setenv("MINE", "a/b c")
    found = parse("https://me:${MINE}@Git.example.com:8443/team/shop.git", Path("/x"))
    assert found.url == "https://git.example.com:8443/team/shop.git" and found.credentials == Credentials("https://git.example.com:8443", "me", "a/b c")
    assert "a/b" not in repr(found) and "me" not in repr(found.credentials)
    assert parse("git@example.com:team/shop.git", Path("/x")).url == "git@example.com:team/shop.git"
    assert parse("ssh://git:pw@example.com/shop.git", Path("/x")) == parse("ssh://git@example.com/shop.git", Path("/x"))
    assert parse("../shop", Path("/x/y")).url == "/x/shop"
    assert (host_of("https://Git.example.com/a"), host_of("git@example.com:a/b"), host_of("/x/y"), host_of("file:///x")) == (
        "git.example.com",
        "example.com",
        "",
        "",
    )
    assert path_of("https://h/team/shop.git/") == path_of("git@h:team/shop.git") == "team/shop"
    for text in (
        "--upload-pack=touch /tmp/x",
        "ext::sh -c id",
        "fd::3",
        "ftp://h/x",
        "https://",
        "https://h/x?private_token=abcdef",
        "a\nb",
        "https://${NOT_SET}@h/x",
    ):
        with pytest.raises(AddressError) as error:
            parse(text, Path("/x"))
        assert "abcdef" not in str(error.value)
    assert scrub("fatal: https://a:b@h/x and pass%20word", ["pass word"]) == "fatal: https://h/x and ***"


def test_wrong_files_are_refused_with_the_place(tmp_path):
    wrong(tmp_path, "x = [", "not valid TOML")
    wrong(tmp_path, "[[repositories]]\nurl = 'x'", "'repositories'", "did you mean 'repository'")
    wrong(tmp_path, "[[repository]]\nname = 'x'", "repository 1 needs a url")
    wrong(tmp_path, "[[repository]]\nurl = 'x'\ntests = 'pytest'", "x: there is no setting 'tests'; did you mean 'test'?")
    wrong(tmp_path, "[defaults]\norm = 'fast'\n[[repository]]\nurl = 'x'", "[defaults]: orm has to be one of")
    wrong(tmp_path, "[[repository]]\nurl = 'x'\nname = '../../etc'", "the name '../../etc'")
    wrong(tmp_path, "[[repository]]\nurl = 'x'\npath = '../y'", "path has to be a folder inside")
    wrong(tmp_path, "[[repository]]\nurl = 'x'\nbranch = '-f'", "branch has to be the name of a branch")
    wrong(tmp_path, "[[repository]]\nurl = 'x'\nbranch = 'a..b'", "branch")
    wrong(tmp_path, "[[repository]]\nurl = 'a/x'\n[[repository]]\nurl = 'b/a/x'", "2 repositories would be called 'a-x'")
    wrong(tmp_path, "[[repository]]\nurl = 'x'\nanalysis-timeout = inf", "a number from 0 to")
    wrong(tmp_path, "[[repository]]\nurl = 'x'\ndepth = true", "a whole number from 0 to")
    wrong(tmp_path, '[host."h"]\nplatform = "svn"\n[[repository]]\nurl = "x"', "one of github, gitlab, gitea, none")
    wrong(tmp_path, "[[repository]]\nurl = 'x'\nhooks = { after-route = 'x' }", "did you mean 'after-routes'")
    assert "s3cret" not in wrong(tmp_path, "[[repository]]\nurl = 'ftp://me:s3cret@h/x'", "ftp://h/x")
    (tmp_path / "repos.toml").write_text(
        "[defaults]\ntest = 'a'\norm = 'executor'\n[[repository]]\nurl = 'https://h/a/x'\n[[repository]]\nurl = 'https://h/b/x'\ntest = 'b c'\n"
    )
    one, two = read(tmp_path / "repos.toml").specs
    assert (one.name, two.name, one.test, two.test, two.migration) == ("a-x", "b-x", "a", "b c", {"orm": "executor"})
    bulk("run", "nowhere.toml", cwd=tmp_path, code=2)


def test_selection_is_the_same_every_time():
    specs = [make(f"r{number}", f"/r{number}", "", {}) for number in range(10)]
    assert [item.name for item in selected(specs, 3, 0, "0", "")] == ["r0", "r1", "r2"]
    drawn = selected(specs, 0, 4, "1", "")
    assert drawn == selected(specs, 0, 4, "1", "") != selected(specs, 0, 4, "2", "") and len(drawn) == 4
    assert [item.position for item in drawn] == sorted(item.position for item in drawn)
    assert [item.wave for item in selected(specs, 0, 0, "0", "25%")] == [1, 1, 1, 2, 2, 2, 3, 3, 3, 4]
    assert selected(specs, 0, 0, "0", "4")[-1] == Member("r9", 9, "/r9", 3)
    for text in ("0%", "101%", "x", "-1"):
        with pytest.raises(SelectionError):
            selected(specs, 0, 0, "0", text)


def test_limits_of_a_host():
    now = [100.0]
    limits = Limits({"h": Host("h", concurrency=2, per_minute=3)}, lambda: now[0])
    for _ in range(2):
        assert limits.wait("h") == 0
        limits.begin("h")
    assert limits.wait("h") == float("inf") and limits.wait("other") == 0 and limits.wait("") == 0
    limits.end("h")
    limits.begin("h")
    limits.end("h")
    assert limits.wait("h") == 60, "three within the minute"
    now[0] += 61
    assert limits.wait("h") == 0
    limits.end("h", 30)
    assert limits.wait("h") == 30


def test_what_a_program_starts_ends_with_it(tmp_path):
    log = Log(tmp_path / "log", tmp_path)
    run(["sh", "-c", "sleep 30 & echo $! > pid"], tmp_path, dict(os.environ), 20, merged=subprocess.DEVNULL)
    with pytest.raises(StepError):
        run(["sh", "-c", "sleep 30 & echo $! > late; sleep 30"], tmp_path, dict(os.environ), 0.5)
    time.sleep(0.2)
    for name in ("pid", "late"):
        state = Path(f"/proc/{(tmp_path / name).read_text().strip()}/stat")
        assert not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"
    log.say(f"in {tmp_path}/x")
    assert (tmp_path / "log").read_text() == "in x\n"


@pytest.fixture
def shops(tmp_path):
    """Three bare repositories, and a file that names them."""
    bare(tmp_path / "a.git", GOOD)
    for name in ("b", "c"):
        git("clone", "-q", "--bare", tmp_path / "a.git", tmp_path / f"{name}.git")
    toml(tmp_path, "url = 'a.git'", "url = 'b.git'", "url = 'c.git'")
    return tmp_path


def test_waves_go_on_and_nothing_is_pushed(shops):
    out = bulk("run", "--wave", "34%", "--patches", "out", cwd=shops, code=0)
    assert "wave 1 of 2" in out and list(rows_of(shops)) == ["a", "b"] and sorted(path.name for path in (shops / "out").iterdir()) == ["a.patch", "b.patch"]
    assert "wave 2 of 2" in bulk("run", "--wave", "34%", cwd=shops, code=0) and list(rows_of(shops)) == ["a", "b", "c"]
    assert ledger(shops, "SELECT number, wave FROM pass") == [(1, 2)]
    began = ledger(shops, "SELECT repository, began FROM step WHERE step = 'commit' ORDER BY 1")
    bulk("run", "--limit", "2", cwd=shops, code=0)
    assert ledger(shops, "SELECT max(number) FROM pass") == [(2,)]
    assert ledger(shops, "SELECT repository, began FROM step WHERE step = 'commit' ORDER BY 1") == began, "what has not changed is not done again"
    assert [row["repositories"] for row in report_of(shops)["burndown"]] == [3, 2]
    assert all(b"flask-to-async" not in git("for-each-ref", cwd=shops / f"{name}.git") for name in "abc")
    status = json.loads(bulk("status", "--format", "json", cwd=shops, code=0))
    assert [row["name"] for row in status["repositories"]] == ["a", "b"] and status["repositories"][0]["steps"][0]["seconds"] >= 0
    assert "git fetch" in bulk("logs", "a", cwd=shops, code=0)
    bulk("logs", "../repos.toml", cwd=shops, code=2)


def test_a_checkout_is_not_touched(tmp_path):
    """A folder of checkouts, one with changes that are not committed: its files, index, HEAD and config stay; the branch arrives on --push."""
    (tmp_path / "code").mkdir()
    place = bare(tmp_path / "a.git", GOOD)
    git("clone", "-q", place, tmp_path / "code" / "shop")
    (tmp_path / "code" / "notes").mkdir()
    (tmp_path / "code" / "shop" / "app.py").write_text("half = done\n")

    def seen():
        files = {path: path.read_bytes() for path in (tmp_path / "code" / "shop").rglob("*") if path.is_file()}
        return {path: data for path, data in files.items() if "objects" not in path.parts and "flask-to-async" not in path.name}

    before = seen()
    bulk("run", "code", "--push", "--work", "work", cwd=tmp_path, code=0)
    assert seen() == before
    log = git("log", "--format=%s", "main..flask-to-async", cwd=tmp_path / "code" / "shop").decode().splitlines()
    assert len(log) == 3 and all(line.startswith("flask-to-async ") for line in log)


def test_hooks_and_install_run_only_as_given(tmp_path):
    """In order, each at its commit; no token and no secret is in their environment; a hook that fails is a row."""
    bare(tmp_path / "shop.git", {**GOOD, "setup.py": "open('/tmp/flask-to-async-pwned', 'w')\n"})
    say = "sh -c 'echo $FLASK_TO_ASYNC_STAGE:$GITHUB_TOKEN:$(grep -c async app.py):$PART >> ../../said; echo x > untracked'"
    toml(
        tmp_path,
        f"url = 'shop.git'\ninstall = \"sh -c 'mkdir .venv; echo install:$GITHUB_TOKEN >> ../../said'\"\n"
        f'hooks = {{ before-routes = "{say.replace("$PART", "before")}", after-routes = "{say.replace("$PART", "after")}" }}',
    )
    bulk("run", cwd=tmp_path, code=0, GITHUB_TOKEN="t0ken")
    said = (tmp_path / WORK / "said").read_text().split()
    assert said[0] == "install:" and [line.split(":")[0] for line in said[1:]] == ["routes", "routes"] and not any("t0ken" in line for line in said)
    assert int(said[1].split(":")[2]) == 0 < int(said[2].split(":")[2]), "before and after the stage"
    assert rows_of(tmp_path)["shop"]["commits"] == 3 and b"untracked" not in (tmp_path / WORK / "patches" / "shop.patch").read_bytes()
    assert not Path("/tmp/flask-to-async-pwned").exists()
    toml(tmp_path, "url = 'shop.git'\nhooks = { after-clients = 'false' }")
    bulk("run", cwd=tmp_path, code=2)
    assert "the hook after-clients 'false' ended with status 1" in rows_of(tmp_path)["shop"]["reason"]
    assert git("rev-parse", "HEAD", cwd=tmp_path / WORK / "repositories" / "shop") == git("rev-parse", "main", cwd=tmp_path / "shop.git")


def script(folder, name, text):
    """A command for repos.toml, which runs this shell script."""
    (folder / name).write_text(text)
    return f"'sh {folder / name}'"


def test_what_hooks_change_is_committed(tmp_path):
    """In commits of their own, and the stages after it work on what a hook left; the same however often it is done."""
    bare(tmp_path / "shop.git", {**GOOD, "old.txt": "old\n"})
    bare(tmp_path / "static.git", {"app.py": "from flask import Flask\n\napp = Flask(__name__)\n"})
    tidy = script(tmp_path, "tidy", "sed -i 's/^async def/async  def/' app.py; echo new > notes.txt; git add notes.txt\n")
    hooks = f"hooks = {{ before-routes = 'rm old.txt', after-routes = {tidy}, after-executor = 'true' }}"
    toml(tmp_path, f"url = 'shop.git'\n{hooks}", "url = 'static.git'\nhooks = { after-routes = 'sed -i s/app/shop/ app.py' }")
    bulk("run", cwd=tmp_path, code=0)
    rows, clone = rows_of(tmp_path), tmp_path / WORK / "repositories" / "shop"
    log = git("log", "--reverse", "--format=%s", "HEAD..flask-to-async", cwd=clone).decode().splitlines()
    kinds = ["hook before-routes", "flask-to-async routes", "hook after-routes", "flask-to-async clients", "flask-to-async executor"]
    assert [line.split(":")[0] for line in log] == kinds
    text = git("show", "flask-to-async:app.py", cwd=clone).decode()
    assert "async  def" in text and "await" in text and "async def index" not in text, "the stages kept what the hook had written"
    assert git("ls-tree", "--name-only", "flask-to-async", cwd=clone).split() == [b"app.py", b"notes.txt", b"requirements.txt"]
    assert rows["shop"]["commits"] == 5 and rows["static"]["outcome"] == "unchanged", "no branch for what hooks alone have changed"
    (tmp_path / WORK / "ledger.sqlite").unlink()
    bulk("run", cwd=tmp_path, code=0)
    assert rows_of(tmp_path)["shop"]["tip"] == rows["shop"]["tip"]


def test_hooks_and_tests_together(tmp_path):
    """What a hook breaks is found by the tests, before it could hide what a stage breaks."""
    test = "import app\n\n\ndef test_name():\n    assert app.app.name == 'app'\n\n\ndef test_other():\n    assert app\n"
    bare(tmp_path / "shop.git", {**GOOD, "test_app.py": test})
    harm, none = script(tmp_path, "harm", "sed -i 's/__name__/\"x\"/' app.py\n"), script(tmp_path, "none", "echo >> test_app.py\n")
    command = f"test = '{sys.executable} -m pytest -q -p no:cacheprovider'"
    hooks = {"good": f"after-routes = {none}", "early": f"after-routes = {harm}", "late": f"after-executor = {harm}"}
    toml(tmp_path, *(f"url = 'shop.git'\nname = '{name}'\n{command}\nhooks = {{ {hook} }}" for name, hook in hooks.items()))
    bulk("run", "-j2", cwd=tmp_path, code=2, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    rows = rows_of(tmp_path)
    assert (rows["good"]["outcome"], rows["good"]["tests"], rows["good"]["commits"]) == ("migrated", "2 pass", 4)
    for name in ("early", "late"):
        assert "after what its hooks changed, tests do not pass that passed before: test_app.py::test_name" in rows[name]["reason"]


def test_its_own_tests_judge(tmp_path):
    """A test that insists on a synchronous view: its change is taken back, the rest is committed, the body has the evidence."""
    test = "from pathlib import Path\n\nimport app\n\n\ndef test_plain():\n    assert 'async def ' + 'index' not in Path(app.__file__).read_text()\n"
    bare(tmp_path / "shop.git", {**GOOD, "test_app.py": test})
    toml(tmp_path, f"url = 'shop.git'\ntest = '{sys.executable} -m pytest -q -p no:cacheprovider'")
    bulk("run", cwd=tmp_path, code=0, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    row = rows_of(tmp_path)["shop"]
    assert row["outcome"] == "migrated" and row["tests"] == "1 pass" and row["taken_back"] == 1 and row["async"] == 1
    patch, body = (tmp_path / WORK / "patches" / "shop.patch").read_text(), (tmp_path / WORK / "bodies" / "shop.md").read_text()
    assert "+async def data" in patch and "+async def index" not in patch
    assert "### Its own tests" in body and "taken back (V400), because `test_app.py::test_plain` failed with it" in body


def test_killed_while_its_tests_run(tmp_path):
    """A test run that had ended is not made again; only the one that was killed is."""
    bare(tmp_path / "shop.git", GOOD)
    said = tmp_path / "said"
    (tmp_path / "check.py").write_text(f"import sys, time\nsys.path.insert(0, '')\nimport app\nopen({str(said)!r}, 'a').write('run\\n')\ntime.sleep(1)\n")
    toml(tmp_path, f"url = 'shop.git'\ntest = '{sys.executable} {tmp_path}/check.py'")
    bulk("run", "--work", "whole", cwd=tmp_path, code=0)
    number = said.read_text().count("run")
    assert number > 3
    said.unlink()
    process = start("run", cwd=tmp_path)
    while not said.exists() or said.read_text().count("run") < 3:
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert "1 migrated" in bulk("resume", cwd=tmp_path, code=0)
    assert said.read_text().count("run") == number + 1


def test_a_worker_that_dies_takes_one_repository_with_it(shops):
    toml(shops, "url = 'a.git'\ninstall = \"sh -c 'kill -9 $PPID'\"", "url = 'b.git'")
    bulk("run", cwd=shops, code=2)
    found = rows_of(shops)
    assert found["b"]["outcome"] == "migrated" and "its worker died twice, by signal 9" in found["a"]["reason"]
    toml(shops, "url = 'a.git'", "url = 'b.git'")
    assert "2 migrated" in bulk("retry", "--failed", cwd=shops, code=0)
    bulk("retry", "--failed", cwd=shops, code=2)
    bulk("retry", cwd=shops, code=2)


def test_ctrl_c_is_no_failure(shops):
    """SIGINT and SIGTERM end it with a sentence; the step that ran is not recorded as failed, and resuming finishes."""
    toml(shops, "url = 'a.git'\ninstall = \"sh -c 'test -e ../../go || { touch ../../began; sleep 60; }'\"", "url = 'b.git'")
    for number in (signal.SIGINT, signal.SIGTERM):
        process = start("run", cwd=shops)
        while not (shops / WORK / "began").exists():
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 2 and "bulk resume" in err and "Traceback" not in err
        (shops / WORK / "began").unlink()
    assert not ledger(shops, "SELECT 1 FROM step WHERE state = 'failed'")
    (shops / WORK / "go").write_text("")
    assert "2 migrated" in bulk("resume", cwd=shops, code=0)


def test_folders_that_are_not_ours_are_refused(shops):
    (shops / "mine").mkdir()
    (shops / "mine" / "letter.txt").write_text("dear")
    (shops / "link").symlink_to(shops / "mine")
    for name in ("mine", "link"):
        assert name in bulk("run", "--work", name, cwd=shops, code=2)
    assert sorted(path.name for path in (shops / "mine").iterdir()) == ["letter.txt"]
    bulk("run", "--limit", "1", cwd=shops, code=0)
    git("init", "-q", shops / "mine" / "precious")
    clone = shops / WORK / "repositories" / "a"
    clone.rename(shops / "kept")
    clone.symlink_to(shops / "mine" / "precious")
    bulk("run", "--limit", "1", cwd=shops, code=2)
    assert "symbolic link" in rows_of(shops)["a"]["reason"] and [path.name for path in (shops / "mine" / "precious").iterdir()] == [".git"]
    bulk("resume", "--work", "nothing", cwd=shops, code=2)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_disk_that_is_full(tmp_path):
    """On a file system of a few megabytes: the row says so; with room again, `retry` finishes. Nothing else is lost."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        bare(tmp_path / "big.git", {**GOOD, "noise.bin": os.urandom(4_000_000)})
        bare(tmp_path / "shop.git", GOOD)
        toml(tmp_path, "url = 'big.git'", "url = 'shop.git'")
        bulk("run", "--work", "disk/work", cwd=tmp_path, code=2)
        found = {row["name"]: row for row in json.loads((disk / "work" / "report" / "report.json").read_text())["repositories"]}
        assert "the disk is full" in found["big"]["reason"] and found["shop"]["outcome"] == "migrated"
        subprocess.run(["mount", "-o", "remount,size=40m", disk], check=True)
        assert "2 migrated" in bulk("retry", "--failed", "--work", "disk/work", cwd=tmp_path, code=0)
    finally:
        subprocess.run(["umount", disk], check=True)


def test_files_keep_their_modes_and_bytes(tmp_path):
    """CRLF, an executable file, no newline at the end, attributes that would convert: only what the migration changes differs."""
    more = {"app.py": APP.replace("\n", "\r\n").encode(), "run.py": APP.rstrip("\n"), "win.py": APP, ".gitattributes": "win.py text eol=crlf\n"}
    place = bare(tmp_path / "shop.git", {**GOOD, **more})
    work = tmp_path / "work"
    git("clone", "-q", place, work)
    git("update-index", "--chmod=+x", "run.py", cwd=work)
    git("commit", "-qm", "mode", cwd=work)
    git("push", "-q", "origin", "HEAD", cwd=work)
    toml(tmp_path, "url = 'shop.git'")
    bulk("run", cwd=tmp_path, code=0)
    clone = tmp_path / WORK / "repositories" / "shop"
    assert git("ls-tree", "flask-to-async", "run.py", cwd=clone).startswith(b"100755") and (clone / "run.py").stat().st_mode & stat.S_IXUSR
    blobs = {name: git("cat-file", "blob", f"flask-to-async:{name}", cwd=clone) for name in ("app.py", "run.py", "win.py")}
    assert all(data.count(b"async def") == 2 for data in blobs.values())
    assert blobs["app.py"].count(b"\r\n") == blobs["app.py"].count(b"\n") and b"\r" not in blobs["win.py"]
    assert not blobs["run.py"].endswith(b"\n") and blobs["win.py"] == blobs["run.py"] + b"\n"


def test_git_without_an_identity_is_told_before_anything_is_done(shops):
    out = bulk("run", cwd=shops, code=2, GIT_COMMITTER_NAME="", GIT_COMMITTER_EMAIL="", EMAIL="", HOME=str(shops))
    assert "user.name and user.email" in out and not list((shops / WORK / "repositories").iterdir())


def test_names_and_reasons(tmp_path):
    """A name that is given takes part in no clash; letters lose their marks; of ssh the cause is told, not that there was one."""
    toml(tmp_path, "url = 'a/shöp'", "url = 'b/shop'\nname = 'other'", "url = 'a/日本'")
    assert [spec.name for spec in read(tmp_path / "repos.toml").specs] == ["shop", "other", "repository"]
    for line in (
        "ssh: connect to host h port 22: Connection refused",
        "git@h: Permission denied (publickey).",
        "ERROR: Repository not found.",
        "fatal: no such file",
    ):
        err = f"{line}\nfatal: Could not read from remote repository.\n\nPlease make sure\n".encode()
        assert complaint(Ended(128, b"", err)) == line.removeprefix("ERROR: ").removeprefix("fatal: ")


def test_commits_are_not_signed_and_that_is_said(tmp_path):
    bare(tmp_path / "shop.git", GOOD)
    toml(tmp_path, "url = 'shop.git'")
    (tmp_path / "gitconfig").write_text("[commit]\n\tgpgsign = true\n[user]\n\tsigningkey = none\n")
    process = start("run", cwd=tmp_path, GIT_CONFIG_GLOBAL=str(tmp_path / "gitconfig"))
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0 and "1 migrated" in out and "note: commit.gpgsign is set, but commits made here are not signed" in err
    assert b"gpgsig" not in git("cat-file", "commit", rows_of(tmp_path)["shop"]["tip"], cwd=tmp_path / WORK / "repositories" / "shop")


def test_seconds_belong_to_their_steps(monkeypatch):
    """What is watched within a step is taken from it, and a step within a step from the outer one."""
    now = [1000.0]
    monkeypatch.setattr(telling, "time", SimpleNamespace(time=lambda: now[0], monotonic=lambda: now[0]))
    tell = telling.Rows("key")
    now[0] += 1
    with tell.during("verify"):
        now[0] += 2
        with tell.during("routes"):
            now[0] += 4
    now[0] += 8
    for step in ("audit", "routes", "verify", "commit"):
        tell(step, {})
    assert {row["step"]: (row["began"], row["seconds"]) for row in tell.rows} == {
        "audit": (1006, 9), "routes": (1003, 4), "verify": (1001, 2), "commit": (1015, 0)
    }  # fmt: skip
