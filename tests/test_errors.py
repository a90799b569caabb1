"""What goes wrong around a command ends in a sentence that says what to do, before any long work, and never in a traceback."""

import os
import subprocess
import sys

import pytest
from fixture_apps import ROOT
from test_cli import run

from codemods.replacing import write_named, write_whole


def shell(line, cwd):
    return subprocess.run(["sh", "-c", line, "sh", sys.executable, str(ROOT / "flask_to_async.py")], cwd=cwd, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("command", ["audit site", "migrate site --check", "migrate - --check < site/app.py"])
def test_closed_standard_output(project, command):  # noqa: F811
    result = shell(f'"$1" "$2" {command} >&-', project.parent)
    assert "Traceback" not in result.stderr
    assert result.returncode == (1 if "--check" in command else 0), result.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")  # noqa: PTH110
@pytest.mark.parametrize("command", ["--version", "migrate site", "migrate - < site/app.py"])
def test_full_standard_output(project, command):  # noqa: F811
    result = shell(f'"$1" "$2" {command} > /dev/full', project.parent)
    assert result.returncode == 2 and "the output could not be written: No space left on device" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_current_folder_is_gone(tmp_path):
    result = shell('mkdir gone && cd gone && rmdir ../gone && "$1" "$2" audit', tmp_path)
    assert result.returncode == 2 and "does not exist any more; go to another one" in result.stderr


@pytest.mark.parametrize(
    ("raised", "code", "said"), [("KeyboardInterrupt", 130, ""), ("ValueError('odd')", 2, "the tool broke down: ValueError: odd; please report it with ")]
)
def test_control_c_while_it_starts_and_an_error_that_nobody_expected(tmp_path, raised, code, said):
    (tmp_path / "typer.py").write_text(f"raise {raised}\n")
    result = run("audit", tmp_path, env={"PYTHONPATH": str(tmp_path), "TMPDIR": str(tmp_path)}, code=code)
    assert said in result.err
    logs = [path.read_text() for path in tmp_path.glob("flask-to-async.*.log")]
    assert bool(logs) == bool(said) and all("ValueError: odd" in text for text in logs)


def test_a_file_that_cannot_be_written_is_told_before_the_work(project):  # noqa: F811
    target, mark = project / "nowhere" / "file", project / "ran"
    command = f"{sys.executable} -c 'open({str(mark)!r}, \"w\")'"
    for args in (
        ("verify", project, "--test", command, "--evidence", target),
        ("trace", project, "--save", target, "--", sys.executable, "-c", f"open({str(mark)!r}, 'w')"),
    ):
        assert "its folder does not exist" in run(*args, code=2).err
    result = run("migrate", project, "--write-baseline", target, code=2)
    assert "its folder does not exist" in result.err and not result.out
    assert not mark.exists()


def test_only_with_a_name_that_nothing_has(project):  # noqa: F811
    for command in ("audit", "migrate"):
        found = run(command, project, "--only", "indx", "--only", "index", code=0)
        assert "--only indx matches no handler" in found.err and "--only index " not in found.err
        assert not run(command, project, "--only", "index", code=0).err


def test_no_handler_is_no_advice(project):  # noqa: F811
    (project / "app.py").write_text("x = 1\n")
    out = run("audit", project, code=0).out
    assert "No handler" in out and "Advice" not in out


def test_undo_says_that_there_is_nothing(project):  # noqa: F811
    assert "no pass is recorded" in run("undo", project, "--list", code=0).out
    assert "no killed run left anything" in run("undo", project, "--recover", code=0).out


def test_help_and_completion_load_no_part_of_the_analysis():
    code = (
        "import sys, codemods.cli; print([name for name in ('transforms.index', 'transforms.catalogue', 'libcst', 'black', 'tomlkit') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60).stdout == "[]\n"


def test_a_file_that_the_user_names_is_written_where_its_link_leads(tmp_path):
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    write_named(tmp_path / "link", [b"n", b"ew"])
    assert (tmp_path / "real").read_bytes() == b"new" and (tmp_path / "link").is_symlink()
    write_whole(tmp_path / "link", [b"own"])
    assert (tmp_path / "real").read_bytes() == b"new" and not (tmp_path / "link").is_symlink()


def test_nothing_is_left_of_a_file_that_could_not_be_written_whole(tmp_path):
    def parts():
        yield b"half"
        raise OSError("the disk is full")

    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(OSError, match="the disk is full"):
        write_whole(tmp_path / "file", parts())
    assert [path.name for path in tmp_path.iterdir()] == ["file"] and (tmp_path / "file").read_bytes() == b"old"


def test_what_is_no_file_is_written_to_and_not_replaced(project):  # noqa: F811
    result = shell('"$1" "$2" migrate site --write-baseline /dev/stderr 2>&1 >/dev/null | cat', project.parent)
    assert '"flask-to-async baseline"' in result.stdout
