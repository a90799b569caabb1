"""Verify under bad luck: killed at any moment, a full disk, folders that cannot be written, tests that hang or end themselves."""

import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from importlib import import_module

import pytest
from forked import run as command
from test_cli import contents
from test_undo import start
from test_verify import PYTEST, checks, project, verify  # noqa: F401

from codemods.recovery import recover
from codemods.verify import scratch
from codemods.verify.guard import left_over
from codemods.verify.scratch import ScratchError

posix = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
KILLS = int(os.environ.get("KILLS", "30"))

# A test command that takes a twentieth of a second: Flask is replaced by a class that does nothing.
QUICK = """
import os, sys, time, types

flask = types.ModuleType('flask')
flask.Flask = type('Flask', (), {'__init__': lambda *item: None, 'route': lambda *item: lambda view: view})
sys.modules['flask'] = flask
with open(os.environ['PIDS'], 'a') as file:
    print(os.getpid(), file=file)
import app
time.sleep(float(os.environ.get('LAST', '0.02')))
open('litter', 'w').write('x')
sys.exit(0 if app.app else 1)
"""


@pytest.fixture
def quick(project, monkeypatch):  # noqa: F811
    (project / "test_app.py").unlink()
    (project / "run.py").write_text(QUICK)
    monkeypatch.setenv("PIDS", str(project.parent / "pids"))
    monkeypatch.chdir(project)
    return project


def arguments(folder, *more):
    return ["verify", str(folder), "--test", f"{sys.executable} run.py", "--write", *more]


def left(folder):
    """Test processes that are still there, a moment later."""
    pids = {int(line) for line in (folder.parent / "pids").read_text().split()}
    until = time.monotonic() + 10
    while (alive := [pid for pid in pids if _is_test(pid)]) and time.monotonic() < until:
        time.sleep(0.02)
    return alive


def _is_test(pid):
    done = subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True)
    return "run.py" in done.stdout


@posix
@pytest.mark.skipif(not shutil.which("ps"), reason="ps is not installed")
def test_killed_at_random_moments(quick):
    """The tree is before or after, no test process is left, and going on gives what an unkilled run gives."""
    from codemods.cli import app

    import_module("transforms.carrying")
    before = contents(quick)
    began = time.monotonic()
    assert command(*arguments(quick), cwd=quick).returncode == 0
    took, after = time.monotonic() - began, contents(quick)
    assert before != after and "litter" not in after
    command("undo", quick, code=0)
    chance, said = random.Random(6), set()
    for number in range(KILLS):
        child = start(app, arguments(quick))
        time.sleep(chance.uniform(0, 1.1) * took)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        recover(quick)
        now = contents(quick)
        assert now in (before, after)
        assert left(quick) == []
        if now == before and number % 5 == 0:
            resumed = command(*arguments(quick, "--resume"), cwd=quick)
            nothing = "nothing to resume" in resumed.err
            assert contents(quick) == (before if nothing else after), resumed.err
            said.add(nothing)
        if contents(quick) == after:
            command("undo", quick, code=0)
    assert False in said, "no run was far enough to go on with"


@posix
@pytest.mark.skipif(not shutil.which("ps"), reason="ps is not installed")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_tests_of_a_killed_verify_end_too(quick, monkeypatch, how):
    from codemods.cli import app

    monkeypatch.setenv("LAST", "60")
    child = start(app, arguments(quick))
    until = time.monotonic() + 30
    while not (quick.parent / "pids").exists() and time.monotonic() < until:
        time.sleep(0.02)
    os.kill(child, how)
    os.waitpid(child, 0)
    assert left(quick) == []


def test_what_the_guard_knows():
    assert left_over([b"+1\n", b"+2\n", b"-1\n", b"+3\n"]) == {2, 3}


def test_one_verify_at_a_time(quick, tmp_path):
    folder = tmp_path / "scratch"
    with scratch.held(quick, folder):
        other = command(*arguments(quick, "--scratch", str(folder)), cwd=quick, code=2)
    assert "another verify is at work" in other.err and "were not touched" in other.err
    assert command(*arguments(quick, "--scratch", str(folder)), cwd=quick).returncode == 0


# The disk


@pytest.fixture
def tiny(tmp_path):
    """A disk of three megabytes."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)], capture_output=True) if shutil.which("mount") else None
    if done is None or done.returncode:
        pytest.skip("a disk of a given size cannot be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("when", ["copying", "testing"])
def test_a_full_disk_is_no_verdict(quick, tiny, when):
    before = contents(quick)
    if when == "copying":
        (quick / "large.bin").write_bytes(bytes(4_000_000))
        before = contents(quick)
    else:
        (quick / "run.py").write_text(QUICK.replace("sys.exit(", "open('large', 'wb').write(bytes(2_500_000))\nsys.exit("))
        before = contents(quick)
    result = command(*arguments(quick, "--scratch", str(tiny / "s")), cwd=quick, code=2)
    assert ("No space left" if when == "copying" else "is full") in result.err and "not touched" in result.err
    assert contents(quick) == before


def test_a_scratch_folder_that_cannot_be_made(quick):
    before = contents(quick)
    (quick.parent / "file").write_text("x")
    result = command(*arguments(quick, "--scratch", str(quick.parent / "file" / "s")), cwd=quick, code=2)
    assert "your files were not touched" in result.err.lower()
    assert contents(quick) == before


def _as_nobody(work):
    """Run it in a child without the rights of the superuser; what it raised, in words."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            if os.getuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            try:
                work()
            except BaseException as error:
                os.write(into, repr(error).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(into)
    with os.fdopen(out) as file:
        return file.read()


@posix
def test_a_tree_that_is_read_only(tmp_path):
    """Files that nobody may write are copied, changed in the copy and put back."""
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        top = scratch.Path(name) / "top"
        (top / "pkg").mkdir(parents=True)
        for path in ("app.py", "pkg/x.py"):
            (top / path).write_text("before")
            (top / path).chmod(0o444)
        (top / "pkg").chmod(0o555)
        top.chmod(0o555)
        scratch.Path(name).chmod(0o777)

        def work():
            place = scratch.make(top, scratch.Path(name) / "scratch", False)
            for _ in range(2):
                scratch.restore(place, place.work(0))
                assert (place.work(0) / "pkg/x.py").read_text() == "before"
                scratch.place(place.work(0), {"app.py": b"after", "pkg/x.py": b"after"})
                assert (place.work(0) / "pkg/x.py").read_text() == "after"
            scratch.clear(place)

        assert _as_nobody(work) == ""
        assert (top / "app.py").read_text() == "before"


# Test commands


COMMANDS = {
    "a test that hangs": ("import time\n\n\ndef test_c():\n    time.sleep(60)\n", "in test_more.py::test_c"),
    "a test that ends the process": ("import os\n\n\ndef test_c():\n    os.kill(os.getpid(), 9)\n", "in test_more.py::test_c"),
    "a test that leaves": ("import os\n\n\ndef test_c():\n    os._exit(0)\n", "ended in the middle of the tests"),
}


@pytest.mark.parametrize("kind", COMMANDS)
def test_tests_that_do_not_end(project, kind):  # noqa: F811
    text, words = COMMANDS[kind]
    (project / "test_more.py").write_text(text)
    before = contents(project)
    result = verify(project, *(["--timeout", "4"] if "hangs" in kind else []), test=f"{PYTEST} -p no:randomly", code=2)
    assert words in result.err and "were not touched" in result.err
    assert contents(project) == before


def test_a_child_that_keeps_the_output_open_holds_nothing_up(quick):
    """A server that a test started and forgot: the run ends with the command, and the server with the run."""
    (quick / "run.py").write_text(
        QUICK.replace("import app\n", "import app, subprocess\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(50) # run.py'])\n")
    )
    began = time.monotonic()
    assert command(*arguments(quick), cwd=quick).returncode == 0
    assert time.monotonic() - began < 45
    assert not subprocess.run(["pgrep", "-f", "time.sleep\\(50\\) # run.py"], capture_output=True).stdout if shutil.which("pgrep") else True


def test_names_of_tests_with_odd_characters(project, monkeypatch):  # noqa: F811
    """The failing tests are run again by name: spaces, brackets, colons, other alphabets, classes in classes."""
    odd = ["sp ace [x]", "ünï::côde/é[1]", "a\\nb", "", 'it\'s "quoted"']
    (project / "test_app.py").write_text(
        f"import pytest\nfrom app import app\n\n\nclass TestOuter:\n    class TestInner:\n        @pytest.mark.parametrize('x', range({len(odd)}), ids={odd!r})\n"
        "        def test_b(self, x):\n            view = __import__('pickle').loads(b'capp\\nb\\n.')\n"
        "            with app.test_request_context():\n                assert view() == 'b'\n"
    )
    result = verify(project, "--stage", "routes", test=f"{PYTEST} test_app.py")
    assert re.findall(r"refused  V400  (\S+): refused", result.out) == ["routes:app.py:b"]
    assert "routes: 2 groups accepted, 1 taken back" in result.out


def test_copy_and_jobs(project):  # noqa: F811
    """`--copy` names a folder around the project; a folder that does not hold it is refused."""
    outer = project.parent
    (outer / "shared").mkdir()
    (outer / "shared/data.txt").write_text("a")
    (project / "test_app.py").write_text(checks(["a", "b", "c"]) + "\n\ndef test_beside():\n    assert open('../shared/data.txt').read() == 'a'\n")
    before = contents(project)
    here = outer.parent / "cache"
    found = command("verify", project, "--test", PYTEST, "--copy", outer, "--jobs", "2", "--scratch", here, "--stage", "routes", cwd=project, code=0)
    assert "4 pass" in found.err and "routes: 3 groups accepted, 0 taken back" in found.out
    assert (here / "base" / "shared" / "data.txt").exists() and contents(project) == before
    assert "does not hold the project" in command("verify", project, "--test", PYTEST, "--copy", outer / "shared", cwd=project, code=2).err


def test_a_folder_of_somebody_else_stays_as_it_is(quick, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("x")
    with pytest.raises(ScratchError), scratch.held(quick, tmp_path / "mine"):
        pass
    with pytest.raises(ScratchError), scratch.held(quick, quick):
        pass
    assert contents(tmp_path / "mine") == {"thesis.txt": b"x"} and not (quick / ".lock").exists()
