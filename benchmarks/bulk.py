#!/usr/bin/env python3
"""`bulk run` beside what it replaces, on the same repositories: one `migrate` each, and a shell loop of clone, three stages, commits.

CPU seconds of all processes, and repositories a minute of wall-clock time. Every figure is the median of the runs; nothing is
asserted. The repositories are copies of the fixture apps, or those of `--source`.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from measure import measure

HERE = Path(__file__).resolve().parent
TOOL = (sys.executable, str(HERE.parent / "flask_to_async.py"))
APPS = ("kiosk", "ledger", "newsroom", "notes")
WHO = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in (("NAME", "bench"), ("EMAIL", "bench@example.org"))}
LOOP = """
for place in "$@"; do
  name=$(basename "$place")
  git clone --quiet --depth 1 "file://$place" "$name" && cd "$name" || exit 1
  git switch --quiet --force-create async-migration
  for stage in routes clients executor; do
    "$PYTHON" "$TOOL" migrate . --stage "$stage" --write
    git add --all
    git diff --cached --quiet || git commit --quiet --message "$stage"
  done
  cd ..
done
"""
Way = Callable[[Sequence[Path], Path], float]


@dataclass(frozen=True)
class Figure:
    """CPU and wall-clock seconds."""

    cpu: float
    wall: float


def main() -> None:
    """Print a table and the ratios."""
    args = _arguments()
    args.work.mkdir(parents=True, exist_ok=True)
    places = _checkouts(args.source) if args.source else _copies(args.work.resolve() / "repositories", args.number)
    ways: Mapping[str, Way] = {
        "bulk run -j1": lambda found, folder: _bulk(found, folder, 1),
        f"bulk run -j{args.jobs}": lambda found, folder: _bulk(found, folder, args.jobs),
        "migrate, once for each": _single,
        "a shell loop": _loop,
    }
    figures = {name: _median([_measured(way, places, args.work.resolve() / "run") for _ in range(args.runs)]) for name, way in ways.items()}
    print(f"{len(places)} repositories\n\n  {'':26}{'CPU s':>9}{'wall s':>9}{'a minute':>10}")
    for name, figure in figures.items():
        print(f"  {name:26}{figure.cpu:9.2f}{figure.wall:9.2f}{60 * len(places) / figure.wall:10.1f}")
    print(f"\n  {'CPU of bulk -j1 over':26}{'':9}{'':9}{'ratio':>10}")
    for name, note in (("migrate, once for each", "goal: at most 1.15"), ("a shell loop", "")):
        print(f"  {name:26}{'':9}{'':9}{figures['bulk run -j1'].cpu / figures[name].cpu:10.2f}  {note}".rstrip())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for the repositories and what is made of them")
    parser.add_argument("--source", type=Path, help="a folder of git checkouts to measure with, in place of the fixture apps")
    parser.add_argument("--number", type=int, default=20, help="copies of the fixture apps")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--runs", type=int, default=3)
    return parser.parse_args()


def _checkouts(folder: Path) -> list[Path]:
    return sorted(path.resolve() for path in folder.iterdir() if (path / ".git").exists())


def _copies(folder: Path, number: int) -> list[Path]:
    shutil.rmtree(folder, ignore_errors=True)
    for place in (folder / f"{APPS[count % len(APPS)]}-{count}" for count in range(number)):
        shutil.copytree(HERE.parent / "fixtures" / place.name.partition("-")[0] / "0-original", place, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        for arguments in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-qm", "first")):
            subprocess.run(["git", *arguments], cwd=place, env={**os.environ, **WHO}, check=True)
    return _checkouts(folder)


def _measured(way: Way, places: Sequence[Path], folder: Path) -> Figure:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    os.environ.update(WHO)
    began = time.monotonic()
    return Figure(way(places, folder), time.monotonic() - began)


def _bulk(places: Sequence[Path], folder: Path, jobs: int) -> float:
    (folder / "repos.txt").write_text("".join(f"{place}\n" for place in places))
    return measure([*TOOL, "bulk", "run", str(folder / "repos.txt"), "-j", str(jobs)], folder / "out", 3600).seconds


def _single(places: Sequence[Path], folder: Path) -> float:
    return sum(measure([*TOOL, "migrate", str(place)], folder / "out", 3600).seconds for place in places)


def _loop(places: Sequence[Path], folder: Path) -> float:
    os.environ.update(PYTHON=TOOL[0], TOOL=TOOL[1])
    return measure(["bash", "-c", f"cd '{folder}'\n{LOOP}", "loop", *map(str, places)], folder / "out", 3600).seconds


def _median(found: Sequence[Figure]) -> Figure:
    return Figure(statistics.median(item.cpu for item in found), statistics.median(item.wall for item in found))


if __name__ == "__main__":
    main()
