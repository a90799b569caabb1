"""The command line, run as users run it: in a process of its own, on folders as they are found in the wild."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from fixture_apps import FIXTURES, ROOT, VIEW, copy_of

MIGRATED = VIEW.replace("import time", "import asyncio").replace("def index", "async def index").replace("time.sleep", "await asyncio.sleep")


def run(*args, cwd=None, env=None, code=None):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | (env or {})
    command = [sys.executable, str(ROOT / "flask_to_async.py"), *map(str, args)]
    result = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, timeout=120)
    result.out, result.err = result.stdout.decode(errors="replace"), result.stderr.decode(errors="replace")
    assert "Traceback" not in result.out + result.err, result.err
    assert "\x1b[" not in result.out + result.err, "colour in a pipe"
    if code is not None:
        assert result.returncode == code, result.out + result.err
    return result


def contents(folder):
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if ".flask-to-async" not in Path(name).parts}


def test_the_version_is_that_of_the_installed_distribution():
    from importlib.metadata import version

    assert run("--version", code=0).out == f"flask-to-async {version('flask-to-async')}\n"


def test_dry_run_writes_nothing(project):
    before = contents(project)
    result = run("migrate", project, code=0)
    assert contents(project) == before
    assert "-def index():" in result.out and "+async def index():" in result.out
    assert "dry run" in result.out


@pytest.mark.parametrize("mark", ["folder", "file"])
def test_a_repository_inside_is_left(project, mark):
    """A submodule has a file `.git`, a clone a folder: both belong to somebody else, also when the app imports from them."""
    inner = project / "vendor" / "clock"
    inner.mkdir(parents=True)
    (inner / ".git").mkdir() if mark == "folder" else (inner / ".git").write_text("gitdir: ../../.git/modules/clock")
    (inner / "clock.py").write_text("import time\n\n\ndef wait():\n    time.sleep(1)\n")
    (inner / "views.py").write_text(VIEW)
    (inner / "requirements.txt").write_text("flask\n")
    (project / "app.py").write_text(VIEW.replace("import time", "from vendor.clock.clock import wait").replace("time.sleep(1)", "wait()"))
    before = contents(inner)
    result = run("migrate", project, "--write", code=0)
    assert contents(inner) == before
    assert "left  vendor/clock: a git repository of its own" in result.err
    assert "await asyncio.to_thread(wait)" in (project / "app.py").read_text()
    run("migrate", inner, "--write", "--allow-dirty", code=0)
    assert (inner / "views.py").read_text() == MIGRATED, "named by itself it is a project"


def test_write(project):
    run("migrate", project, "--write", code=0)
    assert (project / "app.py").read_text() == MIGRATED
    assert sorted(contents(project)) == ["app.py", "requirements.txt"], "nothing is left lying about"


def test_second_run_changes_nothing(project):
    run("migrate", project, "--write", code=0)
    result = run("migrate", project, "--write", "--check", code=0)
    assert (project / "app.py").read_text() == MIGRATED
    assert "0 files" in result.out


def test_check(project):
    run("migrate", project, "--check", code=1)
    run("migrate", project, code=0)
    (project / "broken.py").write_text("def (:\n")
    run("migrate", project, "--check", code=2)
    run("migrate", project, code=2)


def test_default_is_the_current_folder(project):
    assert "async def index" in run("migrate", cwd=project, code=0).out


def test_one_file_of_a_project(project):
    (project / "other.py").write_text(VIEW.replace("app = Flask", "other = Flask").replace("@app", "@other"))
    run("migrate", project / "app.py", "--write", code=0)
    assert "async def" in (project / "app.py").read_text()
    assert "async def" not in (project / "other.py").read_text()


def test_only(project):
    (project / "app.py").write_text(VIEW + "\n\n@app.route('/b')\ndef other():\n    time.sleep(1)\n    return 'y'\n")
    run("migrate", project, "--only", "oth*", "--write", code=0)
    text = (project / "app.py").read_text()
    assert "async def other" in text and "async def index" not in text


def test_stages_one_by_one_equal_all_at_once(project, tmp_path):
    twin = tmp_path / "twin"
    shutil.copytree(project, twin)
    run("migrate", project, "--write", code=0)
    for stage in ("routes", "clients", "executor"):
        run("migrate", twin, "--stage", stage, "--write", code=0)
    assert contents(project) == contents(twin)


def test_stage_of_a_fixture_app_on_disk(tmp_path):
    for stage, before, after in (("routes", "0-original", "1-routes"), ("clients", "1-routes", "2-clients"), ("executor", "2-clients", "3-executor")):
        work = tmp_path / stage
        shutil.copytree(FIXTURES / "newsroom" / before, work, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))
        run("migrate", work, "--stage", stage, "--write", code=0)
        wanted = {name: data for name, data in contents(FIXTURES / "newsroom" / after).items() if "__pycache__" not in name}
        assert contents(work) == wanted


def test_all_handlers(project):
    (project / "app.py").write_text(VIEW.replace("    time.sleep(1)\n", "").replace("import time\n\n", ""))
    run("migrate", project, "--check", code=0)
    run("migrate", project, "--check", "--all-handlers", code=1)


def test_verbose_lists_every_decision(project):
    (project / "app.py").write_text(VIEW + "".join(f"\n\n@app.route('/{name}')\ndef {name}():\n    return 'y'\n" for name in "abc"))
    assert "2 times" not in run("migrate", project, "-v", code=0).out
    out = run("migrate", project, "-v", code=0).out
    assert all(f" {name}: " in out for name in "abc")
    assert "3 times" in run("migrate", project, code=0).out


def test_audit(project):
    result = run("audit", project, code=0)
    assert "index" in result.out and "would become async" in result.out and "time.sleep" in result.out


@pytest.mark.parametrize("args", [["migrate", "--stage", "nonsense"], ["migrate", "--python", "three"], ["nonsense"], ["migrate", "--no-such-option"]])
def test_wrong_usage(project, args):
    result = run(*args, cwd=project, code=2)
    assert result.err


def test_missing_folder(tmp_path):
    result = run("migrate", tmp_path / "nowhere", code=2)
    assert "does not exist" in result.err


def test_folder_without_python(tmp_path):
    (tmp_path / "requirements.txt").write_text("flask\n")
    assert "no Python file" in run("migrate", tmp_path, code=2).err


def test_folder_without_flask(project):
    (project / "app.py").write_text("print('hello')\n")
    run("migrate", project, "--check", code=0)


def write(folder, data, name="app.py"):
    (folder / name).write_bytes(data)


STYLES = {
    "bom": (b"\xef\xbb\xbf" + VIEW.encode(), b"\xef\xbb\xbf" + MIGRATED.encode()),
    "crlf": (VIEW.replace("\n", "\r\n").encode(), MIGRATED.replace("\n", "\r\n").encode()),
    "no final newline": (VIEW.rstrip().encode(), MIGRATED.rstrip().encode()),
    "form feed": (VIEW.replace("\n\n\n@", "\n\n\f\n@").encode(), MIGRATED.replace("\n\n\n@", "\n\n\f\n@").encode()),
    "trailing blanks": ((VIEW + "\n   \n").encode(), (MIGRATED + "\n   \n").encode()),
    "latin-1 declared": (
        (b"# coding: latin-1\n" + VIEW.replace("'x'", "'\xe9'").encode("latin-1")),
        b"# coding: latin-1\n" + MIGRATED.replace("'x'", "'\xe9'").encode("latin-1"),
    ),
    "wide characters": (VIEW.replace("'x'", "'\U0001f600', '\u2028'").encode(), MIGRATED.replace("'x'", "'\U0001f600', '\u2028'").encode()),
    "tabs": (VIEW.replace("    ", "\t").encode(), MIGRATED.replace("    ", "\t").encode()),
}


@pytest.mark.parametrize("style", STYLES)
def test_style_is_kept_to_the_byte(project, style):
    before, after = STYLES[style]
    compile(before, "app.py", "exec")
    write(project, before)
    run("migrate", project, "--write", code=0)
    assert (project / "app.py").read_bytes() == after


def test_bare_carriage_returns_are_refused(project):
    """LibCST cannot keep them."""
    before = VIEW.replace("\n", "\r").encode()
    write(project, before)
    assert "F002" in run("migrate", project, "--write", code=2).out
    assert (project / "app.py").read_bytes() == before


UNREADABLE = {
    "not python": b"def (:\n",
    "python 2": b"print 'hello'\n",
    "latin-1 without a cookie": b"x = '\xe9'\n",
    "unknown encoding": b"# coding: klingon\nx = 1\n",
    "nul byte": b"x = '\x00'\n",
    "utf-16": "x = 1\n".encode("utf-16"),
    "too deep": b"x = " + b"(" * 5000 + b")" * 5000 + b"\n",
    "merge conflict": b"<<<<<<< ours\nx = 1\n=======\nx = 2\n>>>>>>> theirs\n",
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_a_file_that_cannot_be_read_is_a_row(project, kind):
    write(project, UNREADABLE[kind], "odd.py")
    result = run("migrate", project, "--write", code=2)
    assert "odd.py" in result.out + result.err and "F001" in result.out + result.err
    assert (project / "odd.py").read_bytes() == UNREADABLE[kind]
    run("audit", project, code=2)


def test_an_unreadable_file_does_not_stop_the_rest(project):
    """Unless it might call what is changed, the rest is migrated."""
    write(project, b"def (:\n", "odd.py")
    run("migrate", project, "--write", code=2)
    assert (project / "app.py").read_text() == MIGRATED


@pytest.mark.parametrize(("calls", "code"), [(300, 0), (3000, 2)])
def test_a_long_chain_of_calls(project, calls, code):
    """It is followed, or told: never a traceback."""
    write(project, b"x = 'a'" + b".upper()" * calls + b"\ny = x.lower()\n", "chain.py")
    result = run("migrate", project, "--write", code=code)
    assert "Traceback" not in result.err


def test_empty_files(project):
    write(project, b"", "empty.py")
    write(project, b"\n", "newline.py")
    write(project, b"\xef\xbb\xbf", "bom.py")
    run("migrate", project, "--write", code=0)
    assert (project / "empty.py").read_bytes() == b""
    assert (project / "app.py").read_text() == MIGRATED


def test_symbolic_links(project, tmp_path):
    (project / "loop.py").symlink_to(project / "loop.py")
    (project / "folder").symlink_to(project, target_is_directory=True)
    result = run("migrate", project, "--write", code=2)
    assert "loop.py" in result.err + result.out
    assert (project / "app.py").read_text() == MIGRATED


def test_link_to_a_file_outside_is_not_written(project, tmp_path):
    outside = tmp_path / "outside.py"
    outside.write_text(VIEW)
    (project / "linked.py").symlink_to(outside)
    run("migrate", project, "--write")
    assert outside.read_text() == VIEW
    assert (project / "linked.py").is_symlink()


def test_a_folder_named_like_a_module(project):
    (project / "folder.py").mkdir()
    write(project / "folder.py", VIEW.encode(), "inner.py")
    run("migrate", project, "--write", code=0)
    assert "async def" in (project / "folder.py" / "inner.py").read_text()


def test_virtual_environments_are_left_alone(project):
    inner = project / "my-environment"
    inner.mkdir()
    (inner / "pyvenv.cfg").write_text("home = /usr\n")
    (inner / "app.py").write_text(VIEW)
    run("migrate", project, "--write", code=0)
    assert (inner / "app.py").read_text() == VIEW


def test_mode_is_kept(project):
    (project / "app.py").chmod(0o751)
    run("migrate", project, "--write", code=0)
    assert stat.S_IMODE((project / "app.py").stat().st_mode) == 0o751


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_read_only_file_stops_everything(project):
    (project / "other.py").write_text(VIEW.replace("app = Flask", "other = Flask").replace("@app", "@other"))
    (project / "other.py").chmod(0o444)
    before = contents(project)
    result = run("migrate", project, "--write", code=2)
    assert "other.py" in result.err
    assert contents(project) == before


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_read_only_folder_stops_everything(project):
    before = contents(project)
    project.chmod(0o555)
    try:
        run("migrate", project, "--write", code=2)
    finally:
        project.chmod(0o755)
    assert contents(project) == before


@pytest.mark.parametrize("style", ["plain", *STYLES])
def test_diff_applies_with_git(project, style):
    before, after = STYLES.get(style, (VIEW.encode(), MIGRATED.encode()))
    if style == "latin-1 declared":
        pytest.skip("a diff on a UTF-8 terminal cannot carry it")
    write(project, before)
    out = run("migrate", project, code=0).stdout
    # As a user would: each stage's diff is a patch of its own, in order.
    for part in out.split(b"\xe2\x94\x80\xe2\x94\x80 stage")[1:]:
        start = part.find(b"--- ")
        if start >= 0:
            patch = part[start : part.index(b"\nchanged ")] + b"\n"
            result = subprocess.run(["git", "apply", "-p1", "--verbose", "-"], cwd=project, input=patch, capture_output=True)
            assert result.returncode == 0, (result.stderr, patch)
    assert (project / "app.py").read_bytes() == after


def test_new_file_in_the_diff_applies_with_git(tmp_path):
    work = tmp_path / "newsroom"
    copy_of("newsroom", work)
    out = run("migrate", work, "--stage", "routes", code=0).out
    patch = out[out.index("--- ") : out.index("\nchanged ")] + "\n"
    subprocess.run(["git", "apply", "-p1", "-"], cwd=work, input=patch.encode(), check=True)
    wanted = {name: data for name, data in contents(FIXTURES / "newsroom" / "1-routes").items() if "__pycache__" not in name}
    assert contents(work) == wanted


@pytest.mark.parametrize("name", ["codemods", "transforms"])
def test_own_folders_of_the_same_name(project, name):
    """A user's repository has such a folder too, and PYTHONPATH=. puts it first."""
    (project / name).mkdir()
    (project / name / "__init__.py").write_text("raise RuntimeError('the wrong one')\n")
    for env in ({"PYTHONPATH": "."}, {"PYTHONPATH": str(project)}):
        assert "async def index" in run("migrate", ".", cwd=project, env=env, code=0).out


def test_helpful_help():
    assert "migrate" in run("--help", code=0).out
    out = run("migrate", "--help", code=0).out
    assert all(option in out for option in ("--write", "--check", "--only", "--stage", "--orm", "--executor", "--http", "--all-handlers"))


class TestAllOrNothing:
    """`apply`: every file or none."""

    def changes(self, folder, names):
        from transforms.model import FileChange

        for name in names:
            (folder / name).write_bytes(b"old")
        return [FileChange(name, b"old", b"new") for name in names]

    def test_all(self, tmp_path):
        from codemods.apply import apply

        apply(tmp_path, self.changes(tmp_path, ["a.py", "b.py"]))
        assert contents(tmp_path) == {"a.py": b"new", "b.py": b"new"}

    def test_changed_in_between(self, tmp_path):
        from codemods.apply import ApplyError, apply

        changes = self.changes(tmp_path, ["a.py", "b.py"])
        (tmp_path / "b.py").write_bytes(b"edited by the user")
        with pytest.raises(ApplyError, match="b.py was changed"):
            apply(tmp_path, changes)
        assert contents(tmp_path) == {"a.py": b"old", "b.py": b"edited by the user"}

    def test_gone_in_between(self, tmp_path):
        from codemods.apply import ApplyError, apply

        changes = self.changes(tmp_path, ["a.py", "b.py"])
        (tmp_path / "b.py").unlink()
        with pytest.raises(ApplyError):
            apply(tmp_path, changes)
        assert contents(tmp_path) == {"a.py": b"old"}

    def test_new_file_is_there_already(self, tmp_path):
        from codemods.apply import ApplyError, apply
        from transforms.model import FileChange

        changes = [*self.changes(tmp_path, ["a.py"]), FileChange("new.py", None, b"ours")]
        (tmp_path / "new.py").write_bytes(b"theirs")
        with pytest.raises(ApplyError, match="appeared"):
            apply(tmp_path, changes)
        assert contents(tmp_path) == {"a.py": b"old", "new.py": b"theirs"}

    @pytest.mark.parametrize("failing", [0, 1, 2])
    def test_disk_error_half_way(self, tmp_path, monkeypatch, failing):
        """The system says no at the n-th file: those before it get their old content back."""
        from codemods import apply as module
        from transforms.model import FileChange

        changes = [*self.changes(tmp_path, ["a.py", "b.py"]), FileChange("new.py", None, b"ours")]
        real, calls = os.replace, []

        def replace(source, target):
            calls.append(target)
            if len(calls) == failing + 1:
                raise OSError(28, "No space left on device", str(target))
            real(source, target)

        monkeypatch.setattr(module.os, "replace", replace)
        with pytest.raises(module.ApplyError, match="No space left"):
            module.apply(tmp_path, changes)
        assert contents(tmp_path) == {"a.py": b"old", "b.py": b"old"}

    def test_interrupted_half_way(self, tmp_path, monkeypatch):
        from codemods import apply as module

        changes = self.changes(tmp_path, ["a.py", "b.py"])
        real, calls = os.replace, []

        def replace(source, target):
            calls.append(target)
            if len(calls) == 2:
                raise KeyboardInterrupt
            real(source, target)

        monkeypatch.setattr(module.os, "replace", replace)
        with pytest.raises(KeyboardInterrupt):
            module.apply(tmp_path, changes)
        assert contents(tmp_path) == {"a.py": b"old", "b.py": b"old"}


def test_tests_import_this_checkout():
    """Another checkout may be installed: the tests must test the code beside them."""
    import codemods
    import transforms

    assert Path(codemods.__file__).parent.parent == ROOT
    assert Path(transforms.__file__).parent.parent == ROOT
