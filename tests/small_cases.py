"""The small fixtures: swaps (before and after), untouched, refused. One idea each; the first line says what is expected."""

import re
from dataclasses import dataclass
from pathlib import Path

from fixture_apps import FIXTURES

from codemods.catalogue_files import load_catalogue
from transforms.host.source import source
from transforms.model import Decision, Project, Settings
from transforms.stages import STAGES, run_stage

_EXPECTED = re.compile(r"#\s*expects:(.*)")
_OPTIONS = re.compile(r"#\s*options:(.*)")


@dataclass(frozen=True)
class SwapCase:
    library: str
    folder: Path

    @property
    def project(self) -> Project:
        """`before.py` as an app, the other files beside it, and the support module when the app imports that."""
        beside = [item for item in sorted(self.folder.iterdir()) if item.is_file() and item.name not in ("before.py", "after.py")]
        files = {"app.py": (self.folder / "before.py").read_bytes(), **{item.name: item.read_bytes() for item in beside if item.suffix == ".py"}}
        if b"from async_support import" in files["app.py"]:
            files["async_support.py"] = source().encode()
        return Project(files, frozenset(files), {item.name: item.read_text() for item in beside if item.suffix != ".py"})


@dataclass(frozen=True)
class SmallCase:
    """`expected`: pairs of rule code and symbol, from the line `# expects: R103 index, C203 fetch`."""

    name: str
    project: Project
    expected: frozenset[tuple[str, str]]
    settings: Settings


def swap_cases() -> list[SwapCase]:
    return [SwapCase(path.parent.name, path.parent) for path in sorted((FIXTURES / "swaps").glob("*/before.py"))]


def swapped(case: SwapCase) -> bytes:
    return run_all(case.project, Settings())[0].python["app.py"]


def small_cases(kind: str) -> list[SmallCase]:
    """The cases in that folder: single files, and folders that hold `app.py` with what surrounds it."""
    folder = FIXTURES / kind
    return [_small(path) for path in sorted(folder.iterdir()) if path.suffix == ".py" or path.is_dir() and path.name != "__pycache__"]


def _small(path: Path) -> SmallCase:
    if path.is_file():
        python, metadata, first = {"app.py": path.read_bytes()}, {}, path
    else:
        files = {item.relative_to(path).as_posix(): item for item in sorted(path.rglob("*")) if item.is_file() and item.suffix != ".pyc"}
        python = {name: item.read_bytes() for name, item in files.items() if name.endswith(".py")}
        metadata = {name: item.read_text() for name, item in files.items() if not name.endswith(".py")}
        first = path / "app.py"
    head = first.read_text().splitlines()[:2]
    found = next((match for line in head if (match := _EXPECTED.match(line))), None)
    pairs = [tuple(item.split()) for item in found.group(1).split(",")] if found else []
    options = next((match.group(1).split() for line in head if (match := _OPTIONS.match(line))), [])
    settings = Settings(all_handlers="--all-handlers" in options, orm="executor" if "--orm=executor" in options else "leave")
    return SmallCase(path.stem, Project(python, frozenset(python), metadata), frozenset((code, symbol) for code, symbol in pairs), settings)


def run_all(project: Project, settings: Settings) -> tuple[Project, list[Decision]]:
    """All stages, one after another; the last project and every decision."""
    decisions: list[Decision] = []
    for name in STAGES:
        staged = run_stage(name, project, load_catalogue(), settings)
        decisions += staged.outcome.decisions
        project = staged.project
    return project, decisions
