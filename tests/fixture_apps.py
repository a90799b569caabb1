"""The fixture apps, stage by stage: what the tool makes of one folder is the next folder."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from codemods.pipeline import in_order, run_stages
from codemods.project import load
from transforms.model import Settings

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "fixtures"


@dataclass(frozen=True)
class Step:
    """One stage: the folder that it starts from, the folder that it makes."""

    app: Path
    source: str
    result: str
    stage: str
    settings: Settings = Settings()

    @property
    def name(self) -> str:
        return f"{self.app.name}-{self.result}"


# Folders that only some apps have: from which folder, by which stage, with which settings.
EXTRAS = (
    ("1-routes", "2-clients-twin", "clients", Settings(helpers="twin")),
    ("1-routes", "2-clients-bridge", "clients", Settings(http="bridge")),
    ("2-clients-bridge", "3-executor-bridge", "executor", Settings(http="bridge")),
    ("3-executor", "4-orm-executor", "executor", Settings(orm="executor")),
    ("3-executor", "4-gather", "gather", Settings()),
    ("4-gather", "5-server", "server", Settings()),
    ("3-executor", "4-server", "server", Settings()),
    ("3-executor", "4-asgi", "server", Settings(host="asgi")),
    ("4-server", "5-clients", "clients", Settings(http="bridge")),
)


VIEW = "import time\n\nfrom flask import Flask\n\napp = Flask(__name__)\n\n\n@app.route('/')\ndef index():\n    time.sleep(1)\n    return 'x'\n"


def site(folder: Path, text: str = VIEW) -> Path:
    """A new folder with an application of one file, which a test may write into."""
    folder.mkdir()
    (folder / "requirements.txt").write_text("flask>=3\n")
    (folder / "app.py").write_text(text)
    return folder


def copy_of(app: str, folder: Path) -> Path:
    """The same of a fixture app, as it is before all stages; the folder may be there already."""
    shutil.copytree(FIXTURES / app / "0-original", folder, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"), dirs_exist_ok=True)
    return folder


def apps() -> list[Path]:
    return sorted(path.parent for path in FIXTURES.glob("*/check.py"))


def folders(app: Path) -> list[str]:
    return ["0-original", *(step.result for step in steps(app))]


def steps(app: Path) -> list[Step]:
    names = ["0-original", *(f"{number}-{name}" for number, name in enumerate(in_order([]), 1))]
    found = [Step(app, before, after, after.partition("-")[2]) for before, after in zip(names, names[1:], strict=False)]
    return found + [Step(app, *extra) for extra in EXTRAS if (app / extra[1]).exists()]


def project_of(app: Path, folder: str):
    """The project in that folder, as the command line reads it."""
    loaded = load(app / folder)
    assert loaded.root == app / folder, f"{loaded.root}: a fixture needs a requirements.txt, so that it is a project of its own"
    assert not loaded.unreadable
    return loaded.project


def all_files(folder: Path) -> dict[str, bytes]:
    """Everything of a stage folder: code, requirements, articles, templates."""
    skipped = {"__pycache__", ".pytest_cache"}
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file() and not skipped & set(path.parts)}


def made(step: Step) -> dict[str, bytes]:
    """What the folder holds after the stage, requirement files included."""
    result = run_stages(load(step.app / step.source), [step.stage], step.settings)
    return {**all_files(step.app / step.source), **{change.path: change.after for change in result.changes}}
