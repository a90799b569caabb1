"""Inside the target's pytest: sends every test's outcome as it is known, and runs only the tests that are asked for."""

from __future__ import annotations

from typing import Any

import flask_to_async_inside as inside


def pytest_configure(config: Any) -> None:
    """Report from the main process only; pytest-xdist sends it what its workers find."""
    inside.begin()
    if inside.CONFIG and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Reports(), "flask-to-async-reports")


def pytest_collection_modifyitems(config: Any, items: list[Any]) -> None:
    """Leave only the tests that are asked for."""
    chosen = set(inside.CONFIG.get("select") or ())
    if chosen:
        kept = [item for item in items if item.nodeid in chosen or item.nodeid.split("::")[0] in chosen]
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = kept


class _Reports:
    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            inside.send(event="test", id=report.nodeid, outcome="failed", seconds=0, text=_text(report))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        inside.send(event="begin", id=nodeid)

    def pytest_runtest_logreport(self, report: Any) -> None:
        text = _text(report) if report.failed else ""
        if report.when == "call" or report.outcome != "passed":
            inside.send(event="test", id=report.nodeid, outcome=report.outcome, seconds=report.duration, text=text)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        inside.send(event="end", id=nodeid)

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        inside.report_loaded()
        inside.send(event="finish", code=int(exitstatus))


def _text(report: Any) -> str:
    return str(getattr(report, "longreprtext", "") or report.longrepr or "")[-6000:]
