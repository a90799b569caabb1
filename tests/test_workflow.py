"""The tool among other tools: git, a baseline, standard input, statistics, pre-commit, completion, exit codes."""

import json
import os
import shlex
import shutil
import subprocess
import sys

import pytest
from fixture_apps import FIXTURES, ROOT, copy_of
from forked import run
from test_cli import MIGRATED, VIEW, contents
from test_cli import run as start

GIT = shutil.which("git")
needs_git = pytest.mark.skipif(GIT is None, reason="git is not installed")
QUIET = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "HOME": "/nonexistent"}


def git(folder, *args):
    result = subprocess.run([GIT, *args], cwd=folder, capture_output=True, text=True, env=os.environ | QUIET)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture
def repository(project):
    git(project, "init", "--quiet")
    git(project, "config", "user.name", "A Committer")
    git(project, "config", "user.email", "committer@example.org")
    git(project, "add", ".")
    git(project, "commit", "--quiet", "-m", "start")
    return project


def files(folder):
    return {name: data for name, data in contents(folder).items() if not name.startswith(".git/")}


@needs_git
class TestDirtyTree:
    """Nothing is written where it would be mixed with work that is not committed."""

    def test_clean(self, repository):
        run("migrate", repository, "--write", env=QUIET, code=0)
        assert (repository / "app.py").read_text() == MIGRATED

    @pytest.mark.parametrize("staged", [False, True])
    def test_modified(self, repository, staged):
        (repository / "requirements.txt").write_text("flask>=3.1\n")
        if staged:
            git(repository, "add", ".")
        before = files(repository)
        result = run("migrate", repository, "--write", env=QUIET, code=2)
        assert "requirements.txt" in result.err and "--allow-dirty" in result.err and files(repository) == before
        run("migrate", repository, env=QUIET, code=0)
        run("migrate", repository, "--write", "--allow-dirty", env=QUIET, code=0)
        assert (repository / "app.py").read_text() == MIGRATED

    def test_what_an_earlier_pass_wrote_does_not_count(self, repository):
        """One stage after the other without a commit between them; an edit by hand in between counts."""
        run("migrate", repository, "--stage", "routes", "--write", env=QUIET, code=0)
        written = files(repository)
        (repository / "requirements.txt").write_text("flask[async]>=3.1\n# by hand\n")
        assert "requirements.txt" in run("migrate", repository, "--stage", "clients", "--write", env=QUIET, code=2).err
        (repository / "requirements.txt").write_bytes(written["requirements.txt"])
        run("migrate", repository, "--stage", "clients", "--write", env=QUIET, code=0)
        assert (repository / "app.py").read_text() == MIGRATED

    def test_untracked_files_do_not_count(self, repository):
        (repository / "notes.txt").write_text("mine\n")
        run("migrate", repository, "--write", env=QUIET, code=0)
        assert (repository / "app.py").read_text() == MIGRATED

    def test_an_untracked_file_that_would_change(self, repository):
        """Git could not bring it back."""
        (repository / "other.py").write_text(VIEW.replace("app", "other"))
        before = files(repository)
        assert "other.py" in run("migrate", repository, "--write", env=QUIET, code=2).err and files(repository) == before

    def test_nothing_to_write_is_no_error(self, repository):
        run("migrate", repository, "--write", env=QUIET, code=0)
        run("migrate", repository, "--write", env=QUIET, code=0)

    def test_changes_elsewhere_in_the_repository(self, repository):
        """Only what lies below the project's root counts."""
        inner = repository / "inner"
        inner.mkdir()
        (inner / "pyproject.toml").write_text("")
        (inner / "app.py").write_text(VIEW)
        git(repository, "add", ".")
        git(repository, "commit", "--quiet", "-m", "inner")
        (repository / "requirements.txt").write_text("flask>=3.1\n")
        run("migrate", inner, "--write", env=QUIET, code=0)
        assert (inner / "app.py").read_text() == MIGRATED

    def test_git_cannot_be_asked(self, repository):
        result = run("migrate", repository, "--write", env=QUIET | {"PATH": "/nonexistent"}, code=2)
        assert "--allow-dirty" in result.err and (repository / "app.py").read_text() == VIEW
        (repository / ".git" / "HEAD").write_text("broken\n")
        result = run("migrate", repository, "--write", env=QUIET, code=2)
        assert "--allow-dirty" in result.err and (repository / "app.py").read_text() == VIEW


def test_without_a_repository_writing_is_allowed(project):
    run("migrate", project, "--write", code=0)


@needs_git
class TestCommit:
    """`--commit`: one commit a stage, nothing half-done."""

    def test_one_commit_for_each_stage(self, repository):
        copy_of("newsroom", repository)
        git(repository, "add", ".")
        git(repository, "commit", "--quiet", "-m", "newsroom")
        (repository / "notes.txt").write_text("mine\n")
        run("migrate", repository, "--write", "--commit", env=QUIET, code=0)
        log = git(repository, "log", "--format=%an %s")
        lines = log.splitlines()
        assert [line.split(":")[0] for line in lines[:3]] == [f"A Committer flask-to-async {stage}" for stage in ("executor", "clients", "routes")]
        assert len(lines) == 5 and git(repository, "status", "--porcelain") == "?? notes.txt\n"
        body = git(repository, "log", "-1", "--format=%B", "HEAD~2")
        assert "R100 the handler becomes `async def` (" in body and "- newsroom/views/front.py: weather" in body and "Needs: flask[async]" in body
        for stage, back in (("1-routes", "HEAD~2"), ("2-clients", "HEAD~1"), ("3-executor", "HEAD")):
            wanted = {name: data for name, data in contents(FIXTURES / "newsroom" / stage).items() if "__pycache__" not in name and ".pytest_cache" not in name}
            for name, data in wanted.items():
                if name.endswith(".py"):
                    assert git(repository, "show", f"{back}:{name}").encode() == data

    def test_a_failing_hook(self, repository):
        """The hook even changes the file: all is as before."""
        hook = repository / ".git" / "hooks" / "pre-commit"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text("#!/bin/sh\necho '# touched' >> app.py\necho 'the hook says no' >&2\nexit 1\n")
        hook.chmod(0o755)
        before = files(repository)
        result = run("migrate", repository, "--write", "--commit", env=QUIET, code=2)
        assert "the hook says no" in result.err and "stage routes" in result.err and "as they were" in result.err
        assert files(repository) == before and git(repository, "status", "--porcelain") == ""
        assert git(repository, "log", "--format=%s") == "start\n"

    def test_a_hook_that_fails_for_the_second_stage(self, repository):
        hook = repository / ".git" / "hooks" / "commit-msg"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text('#!/bin/sh\n! grep -q "flask-to-async clients" "$1"\n')
        hook.chmod(0o755)
        result = run("migrate", repository, "--write", "--commit", env=QUIET, code=2)
        assert "committed already: routes" in result.err and git(repository, "status", "--porcelain") == ""
        assert git(repository, "log", "--format=%s").count("flask-to-async routes") == 1
        assert (repository / "app.py").read_text() == VIEW.replace("def index", "async def index")
        hook.unlink()
        run("migrate", repository, "--write", "--commit", env=QUIET, code=0)
        assert (repository / "app.py").read_text() == MIGRATED

    def test_a_new_file_is_taken_back_too(self, repository):
        copy_of("newsroom", repository)
        git(repository, "add", ".")
        git(repository, "commit", "--quiet", "-m", "newsroom")
        hook = repository / ".git" / "hooks" / "pre-commit"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text("#!/bin/sh\nexit 1\n")
        hook.chmod(0o755)
        before = files(repository)
        run("migrate", repository, "--write", "--commit", env=QUIET, code=2)
        assert files(repository) == before and git(repository, "status", "--porcelain") == ""

    def test_a_new_file_that_git_ignores(self, repository):
        """It cannot be committed, so nothing of the stage is written."""
        copy_of("newsroom", repository)
        (repository / ".gitignore").write_text("async_support.py\n")
        git(repository, "add", ".")
        git(repository, "commit", "--quiet", "-m", "newsroom")
        before = files(repository)
        result = run("migrate", repository, "--write", "--commit", env=QUIET, code=2)
        assert "ignored" in result.err and files(repository) == before and git(repository, "status", "--porcelain") == ""

    def test_files_that_are_not_committed(self, repository):
        """Not even with --allow-dirty: the user's own changes would be in our commit."""
        (repository / "app.py").write_text(VIEW + "\n# mine\n")
        before = files(repository)
        assert "app.py" in run("migrate", repository, "--write", "--commit", "--allow-dirty", env=QUIET, code=2).err
        assert files(repository) == before

    def test_other_staged_work_is_not_committed(self, repository):
        (repository / "notes.txt").write_text("work\n")
        git(repository, "add", ".")
        run("migrate", repository, "--write", "--commit", "--allow-dirty", env=QUIET, code=0)
        assert git(repository, "status", "--porcelain") == "A  notes.txt\n"

    def test_nobody_to_commit_as(self, repository):
        git(repository, "config", "user.useConfigOnly", "true")
        git(repository, "config", "--unset", "user.email")
        before = files(repository)
        result = run("migrate", repository, "--write", "--commit", env=QUIET, code=2)
        assert "email" in result.err and files(repository) == before

    def test_an_empty_repository(self, project):
        git(project, "init", "--quiet")
        before = files(project)
        assert run("migrate", project, "--write", "--commit", "--allow-dirty", env=QUIET, code=2).err and files(project) == before

    def test_no_repository(self, project):
        assert "needs a git repository" in run("migrate", project, "--write", "--commit", code=2).err
        assert (project / "app.py").read_text() == VIEW
        assert "give --write" in run("migrate", project, "--commit", code=2).err


class TestBaseline:
    """Known groups do not fail `--check`; new ones do."""

    def test_only_what_is_new_fails(self, project):
        known = project / "known.json"
        assert "groups written" in run("migrate", project, "--write-baseline", known, code=0).err
        assert (project / "app.py").read_text() == VIEW
        run("migrate", project, "--check", code=1)
        assert "0 groups are new" in run("migrate", project, "--check", "--baseline", known, code=0).err
        (project / "app.py").write_text("# a line more\n\n" + VIEW)
        run("migrate", project, "--check", "--baseline", known, code=0)
        (project / "app.py").write_text(VIEW + "\n\n@app.route('/b')\ndef other():\n    time.sleep(1)\n    return 'y'\n")
        result = run("migrate", project, "--check", "--baseline", known, code=1)
        assert "new  routes:app.py:other" in result.err and "app.py:index" not in result.err

    def test_from_the_settings(self, project):
        (project / "pyproject.toml").write_text("[tool.flask-to-async]\nbaseline = 'known.json'\n")
        assert "cannot be read" in run("migrate", project, "--check", code=2).err
        run("migrate", project, "--write-baseline", project / "known.json", code=0)
        run("migrate", project / "app.py", "--check", cwd=project.parent, code=0)

    def test_what_is_gone_is_told(self, project):
        known = project / "known.json"
        run("migrate", project, "--write-baseline", known, code=0)
        first = known.read_bytes()
        run("migrate", project, "--write-baseline", known, code=0)
        assert known.read_bytes() == first
        run("migrate", project, "--write", code=0)
        assert "not found any more" in run("migrate", project, "--check", "--baseline", known, code=0).err

    def test_what_was_not_looked_at_is_not_gone(self, project):
        (project / "other.py").write_text(VIEW.replace("app", "other"))
        known = project / "known.json"
        run("migrate", project, "--write-baseline", known, code=0)
        for options in ([project / "app.py"], [project, "--only", "other"], [project, "--stage", "routes"]):
            assert "not found" not in run("migrate", *options, "--check", "--baseline", known, code=0).err
        (project / "other.py").unlink()
        assert "not found any more" in run("migrate", project, "--check", "--baseline", known, code=0).err

    @pytest.mark.parametrize("text", ["{}", "nonsense", '{"format": "flask-to-async baseline", "version": 1, "groups": {"rutes": []}}'])
    def test_no_baseline(self, project, text):
        (project / "known.json").write_text(text)
        assert "known.json" in run("migrate", project, "--check", "--baseline", project / "known.json", code=2).err

    def test_not_while_writing(self, project):
        assert "does not go with --write" in run("migrate", project, "--write", "--write-baseline", project / "b.json", code=2).err


def pipe(data, *args, cwd, code):
    result = run("migrate", "-", *args, cwd=cwd, data=data, code=code)
    return result.stdout, result.err


class TestStandardInput:
    def test_result(self, tmp_path):
        out, err = pipe(VIEW.encode(), cwd=tmp_path, code=0)
        assert out.decode() == MIGRATED and "R100" in err
        assert pipe(MIGRATED.encode(), cwd=tmp_path, code=0)[0].decode() == MIGRATED

    def test_bytes_are_kept(self, tmp_path):
        data = b"\xef\xbb\xbf" + VIEW.replace("\n", "\r\n").encode()
        assert pipe(data, cwd=tmp_path, code=0)[0] == b"\xef\xbb\xbf" + MIGRATED.replace("\n", "\r\n").encode()

    def test_what_cannot_be_read_comes_out_as_it_went_in(self, tmp_path):
        out, err = pipe(b"def (:\n", cwd=tmp_path, code=2)
        assert out == b"def (:\n" and "F001" in err

    def test_check_and_diff(self, tmp_path):
        assert pipe(VIEW.encode(), "--check", cwd=tmp_path, code=1)[0] == b""
        assert pipe(MIGRATED.encode(), "--check", cwd=tmp_path, code=0)[0] == b""
        assert b"+async def index():" in pipe(VIEW.encode(), "--diff", cwd=tmp_path, code=0)[0]

    def test_what_needs_a_second_file_is_left(self, tmp_path):
        source = VIEW.replace("@app.route('/')\n", "@app.route('/')\n@twice\n").replace("app = Flask", "def twice(f):\n    return f\n\n\napp = Flask")
        out, err = pipe(source.encode(), cwd=tmp_path, code=0)
        assert out.decode() == source and "second file" in err

    def test_settings_of_the_current_folder(self, tmp_path):
        (tmp_path / "pyproject.toml").write_text("[tool.flask-to-async]\nignore = ['R100']\n")
        assert pipe(VIEW.encode(), cwd=tmp_path, code=0)[0].decode() == VIEW

    @pytest.mark.parametrize("option", [["--write"], ["-i"], ["--commit"], ["--accept", "x"], ["--write-baseline", "x"], ["--statistics"]])
    def test_options_that_need_a_file(self, tmp_path, option):
        assert "does not go with -" in pipe(VIEW.encode(), *option, cwd=tmp_path, code=2)[1]


def test_statistics(tmp_path):
    copy_of("newsroom", tmp_path / "app")
    out = run("migrate", tmp_path / "app", "--statistics", code=0).out
    rows = [line.split() for line in out.splitlines()]
    assert ["8", "R100", "changed"] in [row[:3] for row in rows]
    assert any(row[:1] == ["requests.get"] and row[1:3] == ["1", "changed,"] for row in rows)
    assert any(row[:3] == ["routes", "9", "changed,"] for row in rows)
    assert "+async def" not in out and "summary:" in out


def test_completion(tmp_path):
    """What the shells ask typer for."""
    env = {"_FLASK_TO_ASYNC_COMPLETE": "complete_bash", "COMP_WORDS": "flask-to-async mig", "COMP_CWORD": "1"}
    assert start(env=env).out.split() == ["migrate"]
    env |= {"COMP_WORDS": "flask-to-async migrate --orm ", "COMP_CWORD": "3"}
    assert start(env=env).out.split() == ["leave", "executor"]
    shell = shutil.which("bash")
    if shell:  # the program asks which shell runs it
        command = f"{shlex.quote(sys.executable)} {shlex.quote(str(ROOT / 'flask_to_async.py'))} --show-completion; true"
        out = subprocess.run([shell, "-c", command], capture_output=True, text=True, timeout=60).stdout
        assert "_FLASK_TO_ASYNC_COMPLETE=complete_bash" in out


def test_the_pre_commit_hook_runs(project):
    """The hook's entry and arguments, on the files that pre-commit would hand over."""
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    hook = next(item for item in hooks if item["id"] == "flask-to-async")
    program, *arguments = hook["entry"].split() + hook.get("args", [])
    assert program == "flask-to-async" and hook["language"] == "python" and hook["pass_filenames"] is False
    start(*arguments, cwd=project, code=1)
    run("migrate", project, "--write", code=0)
    start(*arguments, cwd=project, code=0)


def test_examples_in_the_docs_are_real():
    """The GitHub Actions example parses, and every option that it uses exists."""
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    text = (ROOT / "docs" / "continuous-integration.md").read_text()
    blocks = [part.split("```")[0] for part in text.split("```yaml\n")[1:]]
    loaded = [yaml.safe_load(block) for block in blocks]
    steps = next(item for item in loaded if isinstance(item, dict) and "jobs" in item)["jobs"]["async"]["steps"]
    commands = [step["run"] for step in steps if "flask-to-async" in step.get("run", "")]
    known = run("migrate", "--help", code=0).out
    options = [word for command in commands for word in command.split() if word.startswith("--") and "flask-to-async migrate" in command]
    assert commands and options and all(option in known for option in options)


def test_exit_codes_are_documented():
    text = (ROOT / "docs" / "continuous-integration.md").read_text()
    assert all(f"| {code} |" in text for code in (0, 1, 2))


def test_choices_and_baseline_are_json(project):
    run("migrate", project, "--write-baseline", project / "b.json", code=0)
    data = json.loads((project / "b.json").read_text())
    assert data["format"] == "flask-to-async baseline" and data["groups"]["routes"] == ["routes:app.py:index"]
