"""Other tools as judges of migrated applications: which blocking calls in async code do they report, and did we say so too?

    python tests/judges.py --tools VENV/bin [--all-handlers] [--orm executor] [--http bridge] APP=FOLDER[:PART[:VENV]] …

For each application the FOLDER is copied, PART of it (or all) migrated with those options, and then
`hydroid` (hydroid-cli), `ruff --select ASYNC` and `flake8-async` look at the copy. `--tools` names the folder of their
programs (`pip install hydroid-cli ruff flake8-async` in an environment of its own), VENV the environment in which the
application is installed, which hydroid resolves imports against. A finding counts as known when `migrate`,
run on the same copy, has a row for that line. The table
counts findings, and those not known in brackets. What is left is printed below it, to be explained or mended. Exit status: 0 all known, 1 something is not, 2 a tool is missing.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from codemods.catalogue_files import catalogue_for  # noqa: E402
from codemods.pipeline import run_stages  # noqa: E402
from codemods.project import Loaded, load  # noqa: E402
from transforms.index import build_index  # noqa: E402
from transforms.model import Settings  # noqa: E402
from transforms.stages import run_stage  # noqa: E402

SKIPPED = shutil.ignore_patterns(".git", "__pycache__", "node_modules", "*.pyc", ".venv", "venv")


@dataclass(frozen=True, order=True)
class Finding:
    """A blocking call in a coroutine, as one of the judges sees it; `path` is relative to the project's root."""

    path: str
    line: int
    judge: str
    says: str


def main() -> int:
    options, unknown = _options(), []
    settings = Settings(all_handlers=options.all_handlers, orm=options.orm, http=options.http)
    print(f"| app | coroutines | {' | '.join(JUDGES)} |\n{'|---' * (2 + len(JUDGES))}|", flush=True)
    for name, folder, part, venv in options.apps:
        with tempfile.TemporaryDirectory() as work:
            target = Path(shutil.copytree(folder, Path(work) / "app", ignore=SKIPPED)) / part
            root, coroutines = migrate(target, settings)
            found = sorted(judged(root, options.tools, venv))
            known = places(load(target), settings)
            new = [item for item in found if (item.path, item.line) not in known]
            counts = " | ".join(f"{_count(found, judge)} ({_count(new, judge)})" for judge in JUDGES)
            print(f"| {name} | {coroutines} | {counts} |", flush=True)
            unknown += [f"{name}: {item.path}:{item.line}: {item.judge}: {item.says}: {_line(root, item)}" for item in new]
    print("\n".join(unknown))
    return 1 if unknown else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tools", type=Path, required=True, help="folder with the programs hydroid, ruff and flake8-async")
    parser.add_argument("--all-handlers", action="store_true")
    parser.add_argument("--orm", choices=["leave", "executor"], default="leave")
    parser.add_argument("--http", choices=["auto", "httpx", "httpx2", "bridge"], default="auto")
    parser.add_argument("apps", nargs="+", type=_app, metavar="APP=FOLDER[:PART[:VENV]]")
    options = parser.parse_args()
    for name in ("hydroid", "ruff", "flake8-async"):
        if not (options.tools / name).exists():
            parser.error(f"{options.tools / name} does not exist: pip install hydroid-cli ruff flake8-async")
    return options


def _app(text: str) -> tuple[str, Path, str, str]:
    name, _, place = text.partition("=")
    folder, part, venv = (place.split(":") + ["", ""])[:3]
    return name, Path(folder), part, venv


def migrate(target: Path, settings: Settings) -> tuple[Path, int]:
    """The application in that folder is migrated on disk; its project root, and how many coroutine functions it then has."""
    loaded = load(target)
    result = run_stages(loaded, [], settings)
    for change in result.changes:
        (loaded.root / change.path).write_bytes(change.after)
    index = build_index(load(target).project, catalogue_for(loaded))
    return loaded.root, sum(function.is_async for module in index.modules.values() for function in module.functions)


def places(loaded: Loaded, settings: Settings) -> set[tuple[str, int]]:
    """Every line for which a row of `migrate` stands."""
    catalogue = catalogue_for(loaded)
    found = set()
    for stage in ("routes", "clients", "executor"):
        outcome = run_stage(stage, loaded.project, catalogue, settings).outcome
        found |= {(item.path, item.line) for item in outcome.decisions}
    return found


def judged(root: Path, tools: Path, venv: str) -> Iterator[Finding]:
    """What the three judges report under that folder, each line once a judge."""
    for judge in JUDGES:
        yield from set(JUDGES[judge](root, tools, venv))


def _run(command: list, root: Path) -> str:
    return subprocess.run(command, cwd=root, capture_output=True, text=True).stdout


def _hydroid(root: Path, tools: Path, venv: str) -> Iterator[Finding]:
    """The last call of each chain is the one that blocks."""
    python = ["--python", venv] if venv else []
    for item in json.loads(_run([tools / "hydroid", *python, "--no-cache", "--cpu", "--format", "json", "."], root))["diagnostics"]:
        last = item["chain"][-1]["location"]
        yield Finding(last["path"], last["line"], "hydroid", item["sink"]["qualname"])


def _ruff(root: Path, tools: Path, venv: str) -> Iterator[Finding]:
    for item in json.loads(_run([tools / "ruff", "check", "--isolated", "--no-cache", "--select", "ASYNC", "--output-format", "json", "."], root)):
        if item["code"].startswith("ASYNC2"):
            yield Finding(Path(item["filename"]).relative_to(root).as_posix(), item["location"]["row"], "ruff", f"{item['code']} {item['message']}")


def _flake8(root: Path, tools: Path, venv: str) -> Iterator[Finding]:
    files = [path.relative_to(root).as_posix() for path in sorted(root.rglob("*.py"))]
    for text in _run([tools / "flake8-async", "--asyncio", "--enable", "ASYNC2", *files], root).splitlines():
        path, line, _, says = text.split(":", 3)
        yield Finding(Path(path).as_posix(), int(line), "flake8-async", says.strip())


JUDGES = {"hydroid": _hydroid, "ruff": _ruff, "flake8-async": _flake8}


def _count(found: list[Finding], judge: str) -> int:
    return sum(item.judge == judge for item in found)


def _line(root: Path, item: Finding) -> str:
    return (root / item.path).read_text(errors="replace").splitlines()[item.line - 1].strip()


if __name__ == "__main__":
    sys.exit(main())
