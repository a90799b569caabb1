"""The fixture apps, stage by stage: what the tool makes of one folder is the next folder."""

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
