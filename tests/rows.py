"""The rows of `fixtures/rows`: what Flask and its extensions do with a handler, each served before and after the migration.

A topic is a small application (`NAME.py`) with a table beside it (`NAME.toml`): for each row the handler, what the tool
makes of it, and what is asked of the application.
"""

import ast
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fixture_apps import FIXTURES

from codemods.pipeline import run_stages
from codemods.project import load
from transforms.model import Settings

FOLDER = FIXTURES / "rows"
WORDS = {"async": "`async def`", "adapter": "`async def` below the adapter", "plain": "stays as it is"}


@dataclass(frozen=True)
class Row:
    """`becomes`: async, adapter (async below the adapter), plain (no handler of its own), or the code with which it is left."""

    name: str
    handler: str
    becomes: str
    asks: tuple[str, ...] = ()
    note: str = ""

    @property
    def words(self) -> str:
        return WORDS.get(self.becomes) or f"left: [{self.becomes}](../rules/{self.becomes}.md)"


@dataclass(frozen=True)
class Topic:
    """`requires`: lines of requirements.txt; `modules`: what must be importable; `flask`: the lowest Flask that the libraries take."""

    name: str
    title: str
    requires: tuple[str, ...]
    modules: tuple[str, ...]
    flask: str
    rows: tuple[Row, ...]

    @property
    def source(self) -> str:
        return (FOLDER / f"{self.name}.py").read_text(encoding="utf-8")

    @property
    def asks(self) -> list[str]:
        return [ask for row in self.rows for ask in row.asks]


@cache
def topics() -> tuple[Topic, ...]:
    return tuple(_topic(path) for path in sorted(FOLDER.glob("*.toml")))


def _topic(path: Path) -> Topic:
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    rows = tuple(Row(**{**item, "asks": tuple(item.get("asks", ()))}) for item in data["row"])
    return Topic(path.stem, data["title"], tuple(data.get("requires", ())), tuple(data.get("modules", ())), data.get("flask", ""), rows)


@dataclass(frozen=True)
class Migrated:
    """The project's folder, what became of each function, and the codes of the decisions about it."""

    folder: Path
    became: dict[str, str]
    codes: dict[str, set[str]]


def original(topic: Topic, folder: Path, proved: bool = True) -> Path:
    """The application as a project on disk; without its requirements no decorator of a library counts as proved."""
    folder.mkdir(parents=True)
    (folder / "app.py").write_text(topic.source, encoding="utf-8")
    lines = topic.requires if proved else ()
    flask = () if any(line.startswith("flask>") for line in lines) else ("flask[async]>=2.3",)
    (folder / "requirements.txt").write_text("".join(f"{line}\n" for line in (*flask, *lines)))
    return folder


def migrate(topic: Topic, folder: Path, proved: bool = True) -> Migrated:
    """The same project after all stages, on disk."""
    original(topic, folder, proved)
    result = run_stages(load(folder), [], Settings())
    for change in result.changes:
        (folder / change.path).write_bytes(change.after)
    codes: dict[str, set[str]] = {}
    for outcome in result.outcomes:
        for decision in outcome.decisions:
            codes.setdefault(decision.symbol, set()).add(decision.code)
    return Migrated(folder, _became((folder / "app.py").read_text(encoding="utf-8")), codes)


def _became(source: str) -> dict[str, str]:
    """By name (methods with their class): async, adapter or plain."""
    found = {}
    for holder in [ast.parse(source), *(node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ClassDef))]:
        for node in holder.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                name = f"{holder.name}.{node.name}" if isinstance(holder, ast.ClassDef) else node.name
                adapted = any(ast.unparse(item).rpartition(".")[2] == "run_async" for item in node.decorator_list)
                found[name] = "plain" if isinstance(node, ast.FunctionDef) else "adapter" if adapted else "async"
    return found
