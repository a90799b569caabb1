"""Undo and crash safety: a run that is killed anywhere leaves the tree before or after its pass, once the next run has looked at it."""

import contextlib
import os
import random
import signal
import stat
import time
from functools import partial
from importlib import import_module

import pytest
from test_cli import MIGRATED, VIEW, contents, run

from codemods import journal
from codemods.apply import ApplyError, apply
from codemods.journal import FOLDER, JournalError
from codemods.recovery import recover
from codemods.undo import UndoError, recorded, undo
from transforms.model import FileChange

BEFORE = {"a.py": b"old a\r\n", "pkg/b.py": b"\xff old b", "empty.py": b""}
AFTER = {"a.py": b"new a\n", "pkg/b.py": b"new b", "empty.py": b"x = 1\n", "pkg/made.py": b"made\n"}
CHANGES = [FileChange(name, BEFORE.get(name), data) for name, data in AFTER.items()]
posix = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")


def lay(folder, files=BEFORE):
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


# What undo does


def test_undo_restores_to_the_byte(tmp_path):
    lay(tmp_path)
    (tmp_path / "a.py").chmod(0o751)
    apply(tmp_path, CHANGES)
    assert contents(tmp_path) == AFTER
    undo(tmp_path)
    assert contents(tmp_path) == BEFORE
    assert stat.S_IMODE((tmp_path / "a.py").stat().st_mode) == 0o751


def test_undo_goes_back_through_the_passes(project):  # noqa: F811
    for stage in ("routes", "clients"):
        (project / "other.py").write_text(VIEW.replace("app = Flask", f"{stage} = Flask").replace("@app", f"@{stage}"))
        run("migrate", project, "--stage", "routes", "--stage", "clients", "--write", code=0)
    both = contents(project)
    assert len(run("undo", project, "--list", code=0).out.splitlines()) == 2
    assert "restored other.py" in run("undo", project, code=0).out
    assert contents(project) != both and (project / "app.py").read_text() == MIGRATED
    (project / "other.py").write_text(MIGRATED.replace("app = Flask", "routes = Flask").replace("@app", "@routes"))
    run("undo", project, code=0)
    assert (project / "app.py").read_text() == VIEW
    assert "nothing to undo" in run("undo", project, code=2).err


def test_undo_refuses_when_files_changed_since(tmp_path):
    apply(lay(tmp_path), CHANGES)
    (tmp_path / "a.py").write_bytes(b"edited")
    (tmp_path / "pkg/made.py").unlink()
    now = contents(tmp_path)
    with pytest.raises(UndoError) as error:
        undo(tmp_path)
    assert "  a.py" in str(error.value) and "  pkg/made.py" in str(error.value) and "b.py" not in str(error.value)
    assert contents(tmp_path) == now
    (tmp_path / "a.py").write_bytes(AFTER["a.py"])
    (tmp_path / "pkg/made.py").write_bytes(AFTER["pkg/made.py"])
    undo(tmp_path)
    assert contents(tmp_path) == BEFORE


def test_mode_that_the_user_gave_since_is_kept(tmp_path):
    apply(lay(tmp_path), CHANGES)
    (tmp_path / "a.py").chmod(0o700)
    undo(tmp_path)
    assert stat.S_IMODE((tmp_path / "a.py").stat().st_mode) == 0o700


def test_a_bounded_number_of_passes_is_kept(tmp_path):
    (tmp_path / "a.py").write_bytes(b"0")
    for number in range(journal.KEPT + 5):
        apply(tmp_path, [FileChange("a.py", str(number).encode(), str(number + 1).encode())])
    assert len(recorded(tmp_path)) == journal.KEPT
    for _ in range(journal.KEPT):
        undo(tmp_path)
    assert (tmp_path / "a.py").read_bytes() == b"5"


def test_git_does_not_see_the_journal(tmp_path):
    apply(lay(tmp_path), CHANGES)
    assert (tmp_path / FOLDER / ".gitignore").read_text() == "*\n"


def test_a_full_disk_loses_nothing(tmp_path, monkeypatch):
    """The disk is full at the n-th write, for each n, while writing and while undoing."""
    real = os.fsync
    for step in ("apply", "undo"):
        for n in range(1, 40):
            folder = lay(tmp_path / f"{step}{n}")
            if step == "undo":
                apply(folder, CHANGES)
            start, left = contents(folder), [n]

            def full(handle, left=left):
                left[0] -= 1
                if left[0] == 0:
                    raise OSError(28, "No space left on device")
                real(handle)

            monkeypatch.setattr(os, "fsync", full)
            with contextlib.suppress(ApplyError, OSError):
                undo(folder) if step == "undo" else apply(folder, CHANGES)
            monkeypatch.setattr(os, "fsync", real)
            assert contents(folder) in (start, BEFORE if step == "undo" else AFTER), f"{step} {n}"
            recover(folder)
            assert contents(folder) in (BEFORE, AFTER)


def test_two_writers(tmp_path):
    lay(tmp_path)
    with journal.locked(tmp_path), pytest.raises(ApplyError, match="another run"):
        apply(tmp_path, CHANGES)
    assert contents(tmp_path) == BEFORE


# A journal is not trusted


@pytest.mark.parametrize("name", ["../outside.py", "/tmp/outside.py", "link/outside.py", ".."])
def test_a_journal_cannot_reach_outside(tmp_path, name):
    folder = lay(tmp_path / "project")
    (tmp_path / "outside.py").write_bytes(b"new a\n")
    (folder / "link").symlink_to(tmp_path)
    apply(folder, CHANGES)
    record = next((folder / FOLDER).glob("000001-*"))
    (record / "pass.json").write_text((record / "pass.json").read_text().replace('"a.py"', f'"{name}"'))
    record.rename(record.with_name("000001-writing"))
    with pytest.raises(JournalError, match="no file of this project"):
        recover(folder)
    assert (tmp_path / "outside.py").read_bytes() == b"new a\n"
    assert "no file of this project" in run("audit", folder, code=2).err


@pytest.mark.parametrize("text", ["", "{}", '{"format": "x", "version": 1}', "[]"])
def test_a_journal_that_cannot_be_read_is_a_sentence(tmp_path, text):
    apply(lay(tmp_path), CHANGES)
    next((tmp_path / FOLDER).glob("000001-*/pass.json")).write_text(text)
    assert "000001" in run("undo", tmp_path, code=2).err
    assert contents(tmp_path) == AFTER


def test_damaged_old_content_is_not_written(tmp_path):
    apply(lay(tmp_path), CHANGES)
    next((tmp_path / FOLDER).glob("000001-*/0.before")).write_bytes(b"flipped")
    with pytest.raises(JournalError, match="damaged"):
        undo(tmp_path)
    assert contents(tmp_path) == AFTER


# Killed

CALLS = ("replace", "rename", "open", "unlink", "mkdir", "rmdir", "fsync", "chmod")


def killed_at(n, late, work):
    """Run `work` in a child that dies by SIGKILL just before or after its n-th call of the system; whether it died."""
    child = os.fork()
    if child == 0:
        left = [n]

        def dying(real):
            def call(*args, **options):
                left[0] -= 1
                if left[0] == 0 and not late:
                    os.kill(os.getpid(), signal.SIGKILL)
                mine = left[0] == 0
                try:
                    return real(*args, **options)
                finally:
                    if mine:
                        os.kill(os.getpid(), signal.SIGKILL)

            return call

        for name in CALLS:
            setattr(os, name, dying(getattr(os, name)))
        with contextlib.suppress(BaseException):
            work()
            os._exit(0)
        os._exit(1)
    status = os.waitpid(child, 0)[1]
    assert status == 0 or os.WIFSIGNALED(status), "the child failed instead of dying"
    return os.WIFSIGNALED(status)


def check_after_kill(folder):
    """The next run: it says what it found, leaves nothing half, and a further one has nothing to say."""
    said = recover(folder)
    state = contents(folder)
    assert state in (BEFORE, AFTER)
    assert all(("before" in line or "was ended before it wrote" in line) if state == BEFORE else "as that pass left it" in line for line in said)
    assert recover(folder) == []
    return said


@posix
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("step", ["apply", "undo", "recover"])
def test_killed_at_every_call_of_the_system(tmp_path, step, late):
    kills = 0
    for n in range(1, 200):
        folder = lay(tmp_path / str(n))
        work = partial(*{"apply": (apply, folder, CHANGES), "undo": (undo, folder), "recover": (recover, folder)}[step])
        if step != "apply":
            apply(folder, CHANGES)
        if step == "recover":
            half_written(folder)
        if not killed_at(n, late, work):
            break
        kills += 1
        said = check_after_kill(folder)
        touched = step != "apply" or any((folder / FOLDER).glob("0*"))
        assert said or not touched or (step == "undo" and contents(folder) == AFTER) or contents(folder) == BEFORE
    assert kills > (20 if step == "apply" else 10), "the fault points were not reached"


def half_written(folder):
    """As a run leaves it that was killed between two renames."""
    record = next((folder / FOLDER).glob("000001-*"))
    record.rename(record.with_name("000001-writing"))
    (folder / "a.py").write_bytes(BEFORE["a.py"])
    (folder / "pkg/made.py").unlink()


@posix
def test_commands_killed_at_random_moments(project):  # noqa: F811
    """The real commands, started by fork so that 20 of them take seconds; a kill after the end counts too."""
    from codemods.cli import app

    import_module("transforms.carrying")  # the children find it loaded

    for number in range(3):
        (project / f"m{number}.py").write_text(VIEW.replace("app", f"app{number}"))
    before = contents(project)
    run("migrate", project, "--write", code=0)
    after = contents(project)
    run("undo", project, code=0)
    spread = {"migrate": duration(app, ["migrate", str(project), "--write"]), "undo": duration(app, ["undo", str(project)])}
    chance = random.Random(6)
    for _ in range(20):
        command = "migrate" if contents(project) == before else "undo"
        child = start(app, [command, str(project), *(["--write"] if command == "migrate" else [])])
        time.sleep(chance.uniform(0.6 if command == "migrate" else 0, 1.1) * spread[command])
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        recover(project)
        assert contents(project) in (before, after)


def duration(app, arguments):
    began = time.monotonic()
    os.waitpid(start(app, arguments), 0)
    return time.monotonic() - began


def start(app, arguments):
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, 1)
            os.dup2(nothing, 2)
            app(arguments)
        os._exit(0)
    return child


def test_the_next_command_says_what_it_took_back(tmp_path, project):  # noqa: F811
    before = contents(project)
    run("migrate", project, "--write", code=0)
    record = next((project / FOLDER).glob("000001-*"))
    record.rename(record.with_name("000001-writing"))
    assert "taken back" in run("audit", project, code=0).err
    assert contents(project) == before


def test_a_file_that_was_edited_after_the_kill_is_not_overwritten(tmp_path):
    apply(lay(tmp_path), CHANGES)
    half_written(tmp_path)
    (tmp_path / "pkg/b.py").write_bytes(b"edited")
    now = contents(tmp_path)
    error = run("audit", tmp_path, code=2).err
    assert "pkg/b.py" in error and "undo --recover" in error and contents(tmp_path) == now
    assert "changed by somebody else" in run("undo", tmp_path, "--recover", code=0).err
    assert contents(tmp_path) == {**BEFORE, "pkg/b.py": b"edited"}
    assert BEFORE["pkg/b.py"] in [path.read_bytes() for path in (tmp_path / FOLDER).glob("kept-*/*.before")]
    assert "pass 1" not in run("audit", tmp_path).err
