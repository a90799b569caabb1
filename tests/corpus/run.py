#!/usr/bin/env python3
"""Real Flask applications, migrated stage by stage, with their own tests after each stage. See README.md beside this file."""

import argparse
import json
import shlex
import shutil
import sys
import traceback
from pathlib import Path

from apps import App, Home, read_apps
from prepare import BASELINE, mark_baseline, prepare
from served import Answers, answers, differences
from shell import Shell, Stop
from suite import Outcomes, changed, passed, run_tests
from table import Row, markdown
from tool import IN_ONE_RUN, STAGES, Options, asgi_name, count, migrate, needs, use_checkout


def main() -> int:
    """Exit with 0 when every outcome and law held, 1 when one did not."""
    args = _arguments()
    use_checkout()
    apps = read_apps(args.apps)
    options = Options(args.orm, args.executor, args.all_handlers, args.http, args.host)
    rows = [examine(apps[name], Home(args.work.resolve() / name), options, args.keep) for name in args.name or apps]
    text = markdown(rows, options)
    print(text)
    if args.markdown:
        args.markdown.write_text(text)
    return int(any(row.problems or row.tests for row in rows))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="*", help="applications of the list; all for none")
    parser.add_argument("--work", type=Path, required=True, help="folder for downloads, venvs, sources and logs")
    parser.add_argument("--keep", action="store_true", help="use what an earlier run prepared in WORK, with its baseline")
    parser.add_argument("--apps", type=Path, default=Path(__file__).with_name("apps.toml"), help="another list")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table there too")
    parser.add_argument("--orm", choices=["leave", "executor"], default="leave")
    parser.add_argument("--executor", choices=["to_thread", "run_in_executor", "sync_to_async"], default="to_thread")
    parser.add_argument("--all-handlers", action="store_true")
    parser.add_argument("--http", choices=["auto", "httpx", "httpx2", "bridge"], default="auto")
    parser.add_argument(
        "--host",
        choices=["threads", "asgi"],
        default="threads",
        help="asgi: the migrated application is served by Uvicorn, from the `asgi.py` that was written",
    )
    return parser.parse_args()


def examine(app: App, home: Home, options: Options, keep: bool) -> Row:
    """One application from download to table row; what goes wrong becomes a line of the row."""
    row = Row(app)
    try:
        missing = app.missing_services()
        if missing:
            raise Stop(f"skipped: {', '.join(missing)} does not listen on 127.0.0.1")
        prepare(app, home, keep)
        before = _baseline(app, home, options, row, keep)
        served = answers(app, home, BASELINE)
        row.problems += [f"{page} answers with an error of the server before the migration" for page, text in served.items() if text.startswith("5")]
        for stage in STAGES:
            _stage(stage, app, home, options, row, before)
        _served(app, home, row, served)
        _laws(app, home, options, row)
    except Stop as stop:
        row.problems.append(str(stop))
    except Exception as error:  # whatever breaks down here is a finding, and the other applications go on
        (home.folder / "crash.log").write_text(traceback.format_exc())
        row.problems.append(f"{type(error).__name__}: {error} (see crash.log)")
    return row


def _baseline(app: App, home: Home, options: Options, row: Row, keep: bool) -> Outcomes:
    """The outcomes before the migration, in a venv that has what the migrated application will need."""
    root, kept = home.src / app.root, home.folder / "baseline.json"
    row.counts = count(root, options)
    shell = Shell(home.src, home.env(app), home.folder / "install.log")
    shell.must(f"pip install -q asgiref gunicorn {shlex.join(needs(root, options))}")
    row.flask = shell.output("python -c \"import importlib.metadata; print(importlib.metadata.version('flask'))\"").strip()
    if not (keep and kept.exists()):
        outcomes = run_tests(app, home, BASELINE)
        if not outcomes:
            raise Stop(f"its own tests gave no result before the migration (see test-{BASELINE}.log)")
        mark_baseline(app, home)
        kept.write_text(json.dumps(outcomes, indent=0, sort_keys=True))
    before: Outcomes = json.loads(kept.read_text())
    row.before = passed(before)
    _say(app, f"{row.before} of {len(before)} tests pass before")
    return before


def _stage(stage: str, app: App, home: Home, options: Options, row: Row, before: Outcomes) -> None:
    """Migrate one stage on disk, commit it, and run the application's tests."""
    status, summary = migrate(home.src / app.root, options, ["--write", "--allow-dirty", "--stage", stage], home.folder / f"migrate-{stage}.log")
    if status:
        row.problems.append(f"{stage}: exit status {status}, {summary}")
    Shell(home.src, home.env(app), home.folder / "install.log").commit(stage)
    after = run_tests(app, home, stage)
    row.after[stage], row.changed[stage] = passed(after), changed(before, after)
    _say(app, f"{stage}: {row.after[stage]} pass, {len(row.changed[stage])} changed; {summary}")


def _served(app: App, home: Home, row: Row, before: Answers) -> None:
    """Every page answers on a real server as it did before the migration."""
    found = differences(before, answers(app, home, "migrated", asgi_name(home.folder / "migrate-server.log")))
    row.served = f"{len(before) - len(found)} of {len(before)}"
    row.problems += found
    _say(app, f"served: {row.served} pages answer as before")


def _laws(app: App, home: Home, options: Options, row: Row) -> None:
    """A second run changes nothing; one run gives what stage by stage gave; the audit foretold what became async."""
    root = home.src / app.root
    status, summary = migrate(root, options, ["--check", *IN_ONE_RUN], home.folder / "migrate-again.log")
    found = [] if "; 0 files" in summary else [f"a second run would change something: exit status {status}, {summary} (see migrate-again.log)"]
    differing = _one_run(app, home, options)
    if differing:
        found.append(f"one run differs from stage by stage in {', '.join(differing)}")
    now = count(root, options).is_async
    expected = row.counts.is_async + row.counts.change if row.counts else now
    if now != expected:
        found.append(f"the audit foretold {expected} async handlers, and there are {now}")
    row.laws = "broken" if found else "hold"
    row.problems += found
    _say(app, f"laws: {row.laws}")


def _one_run(app: App, home: Home, options: Options) -> list[str]:
    """Paths of Python files that one run of all stages, on a copy of the baseline, leaves different."""
    copy = home.folder / "one-run"
    shutil.rmtree(copy, ignore_errors=True)
    Shell(home.folder, home.env(app), home.folder / "install.log").must(f"git clone -q --branch {BASELINE} src one-run 2>/dev/null")
    migrate(copy / app.root, options, ["--write", "--allow-dirty", *IN_ONE_RUN], home.folder / "migrate-one-run.log")
    staged, one = (_files(Shell(folder, home.env(app), home.folder / "install.log")) for folder in (home.src, copy))
    return sorted(path for path in staged.keys() | one.keys() if staged.get(path) != one.get(path))


def _files(shell: Shell) -> dict[str, str]:
    """The Python files of a repository, by path: the hash of the content."""
    shell.must("git add -A .")
    rows = (line.split("\t", 1) for line in shell.output("git ls-files --stage -- '*.py'").splitlines())
    return {path: head.split()[1] for head, path in rows}


def _say(app: App, text: str) -> None:
    print(f"{app.name}: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
