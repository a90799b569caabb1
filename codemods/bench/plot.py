"""A measurement as a picture: requests a second, CPU per request and latency, by connections."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib

from codemods.bench.document import result

_PANELS = (
    ("requests a second", "rate", "more is better"),
    ("CPU ms per request", "cpu", "less is better"),
    ("95th percentile of latency, ms", "p95", "less is better"),
)
_COLOURS = ("#a9b2bd", "#1f7a8c", "#0b3c5d", "#c9a227", "#d1495b")
_TEXT = "#24292f"
_STYLE: Any = {
    "font.family": "sans-serif",
    "font.sans-serif": ["Helvetica Neue", "Arial", "Liberation Sans", "DejaVu Sans"],
    "font.size": 9,
    "text.color": _TEXT,
    "axes.edgecolor": "#d0d7de",
    "axes.labelcolor": _TEXT,
    "xtick.color": _TEXT,
    "ytick.color": _TEXT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "svg.fonttype": "none",  # text stays text: small, and read aloud
    "svg.hashsalt": "flask-to-async",  # the same numbers give the same bytes
}


def plot(found: Mapping[str, Any], path: Path) -> None:
    """Write it as `path` says, .svg or .png: a row of panels for each route. Raises OSError."""
    with matplotlib.rc_context(_STYLE):
        figure = _figure(found)
        facts = {"Date": None} if path.suffix == ".svg" else None
        figure.savefig(path, metadata=facts, dpi=160, facecolor="white", bbox_inches="tight")


def _figure(found: Mapping[str, Any]) -> Any:
    from matplotlib.figure import Figure  # no window system is asked for

    routes = found["scope"]["routes"]
    figure = Figure(figsize=(10, 2.9 * len(routes) + 0.5), layout="constrained")
    panels = figure.subplots(len(routes), len(_PANELS), squeeze=False)
    for row, route in zip(panels, routes, strict=True):
        for axes, (title, measure, better) in zip(row, _PANELS, strict=True):
            _bars(axes, found, route, measure)
            axes.set_title(f"{title} ({better})", fontsize=9, loc="left")
        row[0].set_ylabel(route, fontsize=9)
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    return figure


def _bars(axes: Any, found: Mapping[str, Any], route: str, measure: str) -> None:
    """Groups of bars by connections; a bar is the median, the line on it goes from the lowest to the highest round."""
    names, counts = [item["name"] for item in found["servers"]], found["scope"]["connections"]
    width = 0.8 / len(names)
    for place, name in enumerate(names):
        cells = [result(found, name, route, count) for count in counts]
        middles = [cell[measure]["median"] if cell else 0 for cell in cells]
        spread = [
            [cell[measure]["median"] - cell[measure]["low"] if cell else 0 for cell in cells],
            [cell[measure]["high"] - cell[measure]["median"] if cell else 0 for cell in cells],
        ]
        where = [number + (place - (len(names) - 1) / 2) * width for number in range(len(counts))]
        bars = axes.bar(where, middles, width * 0.92, label=name, color=_COLOURS[place % len(_COLOURS)], yerr=spread, error_kw={"lw": 0.8, "ecolor": _TEXT})
        axes.bar_label(bars, labels=[_number(value) if cell else "" for value, cell in zip(middles, cells, strict=True)], padding=2, fontsize=7)
    axes.set_xticks(range(len(counts)), [f"{count} connections" if not number else str(count) for number, count in enumerate(counts)])
    axes.tick_params(length=0)
    axes.grid(axis="y", color="#eaeef2", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.margins(y=0.15)


def _number(value: float) -> str:
    return f"{value:.1f}" if value < 10 else f"{value:.0f}"
