"""The result as Markdown: one row an application, then whatever is not as it should be."""

import datetime
import platform
import subprocess
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from apps import App
from tool import CHECKOUT, STAGES, Counts, Options

_HEAD = (
    "app",
    "version",
    "Flask",
    "handlers",
    "reach a blocking call",
    "changed / left / refused",
    "tests passed before",
    *STAGES,
    "outcomes changed",
    "pages served as before",
    "laws",
)


@dataclass
class Row:
    """What is known of one application. `after`: passed tests by stage; `changed`: by stage, test to old and new outcome."""

    app: App
    flask: str = ""
    counts: Counts | None = None
    before: int | None = None
    after: dict[str, int] = field(default_factory=dict)
    changed: dict[str, dict[str, str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    served: str = ""
    laws: str = ""

    @property
    def tests(self) -> set[str]:
        """Every test whose outcome changed after some stage."""
        return {test for tests in self.changed.values() for test in tests}


def markdown(rows: Sequence[Row], options: Options) -> str:
    """The whole report."""
    return "\n".join([*_heading(options), "", *_table(rows), *_details(rows), ""])


def _heading(options: Options) -> Iterator[str]:
    version = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["version"]
    commit = subprocess.run(["git", "-C", str(CHECKOUT), "describe", "--always", "--dirty"], capture_output=True, text=True).stdout.strip()
    yield "# Real applications, before and after"
    yield ""
    yield f"{datetime.date.today().isoformat()}, flask-to-async {version} ({commit}), Python {platform.python_version()}, options: `{' '.join(options.arguments)}`."
    yield "Under each stage: how many of the application's own tests pass after it. Laws: a second run changes nothing, and one run gives what stage by stage gives."


def _table(rows: Sequence[Row]) -> Iterator[str]:
    yield _line(_HEAD)
    yield _line("---" for _ in _HEAD)
    for row in rows:
        yield _line(_cells(row))


def _cells(row: Row) -> Iterator[str]:
    yield from (row.app.name, row.app.version, row.flask)
    counts = row.counts
    yield from (str(counts.handlers), str(counts.reaching), f"{counts.change} / {counts.leave} / {counts.refuse}") if counts else ("", "", "")
    yield _number(row.before)
    yield from (_number(row.after.get(stage)) for stage in STAGES)
    yield str(len(row.tests)) if row.after else ""
    yield row.served
    yield row.laws


def _details(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        if row.problems or row.tests:
            yield from ("", f"## {row.app.name}", "")
            yield from (f"- {problem}" for problem in row.problems)
            for stage, tests in row.changed.items():
                yield from (f"- after {stage}: `{test}` {what}" for test, what in tests.items())


def _line(cells: Iterator[str] | Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _number(value: int | None) -> str:
    return "" if value is None else str(value)
