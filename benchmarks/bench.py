#!/usr/bin/env python3
"""CPU time and memory of `audit` and of a dry run, beside the limit and beside `libcst.tool`, on the same files in the same run.

The limit is `ast.parse` of every file that is read, and a LibCST round trip of those that the dry run would change.
Start-up is each program's own, with nothing to do. Every figure is the median of the runs; nothing is asserted.
"""

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from measure import Command, Cost, measure, median
from trees import TREES, unpack

HERE = Path(__file__).resolve().parent
TOOL = (sys.executable, str(HERE.parent / "flask_to_async.py"))
LIMIT = (sys.executable, str(HERE / "limit.py"))
LIBCST = (sys.executable, "-m", "libcst.tool", "codemod", "-x", "nothing.Nothing", "-j", "1", "--no-format", "--hide-progress")
NAMES = {
    "audit": "flask-to-async audit",
    "migrate": "flask-to-async migrate (dry run)",
    "parse": "ast.parse of every file",
    "limit": "the limit: that, and LibCST of what changes",
    "libcst": "libcst.tool codemod, no rule, one job",
}
RATIOS = (("audit", "parse", "goal: at most 3"), ("migrate", "limit", "goal: at most 2"), ("libcst", "migrate", "how many times slower it is"))


def main() -> None:
    """Print a table for each tree."""
    args = _arguments()
    args.work.mkdir(parents=True, exist_ok=True)
    results = {}
    for name in args.name or TREES:
        results[name] = bench(name, args.work.resolve(), args.runs, args.most)
        if not args.json:
            print(*_lines(name, results[name]), sep="\n", flush=True)
    if args.json:
        print(json.dumps({name: _plain(result) for name, result in results.items()}, indent=2))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="*", help=f"trees; all for none: {', '.join(TREES)}")
    parser.add_argument("--work", type=Path, required=True, help="folder for archives and unpacked trees; used again")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--most", type=int, default=900, metavar="SECONDS", help="CPU time after which a program is ended")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


class Result:
    """Costs by program, for the tree and for nothing at all; how much was read, and how many files would change."""

    def __init__(self, files: int, lines: int, changed: int, costs: Mapping[str, Cost], idle: Mapping[str, Cost]) -> None:
        self.files, self.lines, self.changed, self.costs, self.idle = files, lines, changed, costs, idle

    def ratio(self, above: str, below: str, net: bool) -> float | None:
        """One program's CPU seconds over another's, `net` of start-up; None when one did not end."""
        if not (self.costs[above].ended and self.costs[below].ended):
            return None
        first, second = (self.costs[name].seconds - net * self.idle[name].seconds for name in (above, below))
        return first / second


def bench(name: str, work: Path, runs: int, most: int) -> Result:
    """Measure every program on one tree, in turn, so that what disturbs one disturbs all."""
    target, listed, changed, output = unpack(name, work), work / f"{name}.files", work / f"{name}.changed", work / f"{name}.out"
    with listed.open("w") as out:
        subprocess.run([sys.executable, str(HERE / "files.py"), str(HERE.parent), str(target)], stdout=out, check=True)
    files = listed.read_text().splitlines()
    first = measure([*TOOL, "migrate", str(target)], output, most)
    changed.write_text("".join(f"{path}\n" for path in _changed(output, files)))
    commands = _commands(str(target), str(listed), str(changed), files)
    costs = _rounds(commands, runs, output, most, {} if first.ended else {"migrate": [first]})
    lines = sum(Path(path).read_bytes().count(b"\n") for path in files)
    return Result(len(files), lines, len(changed.read_text().splitlines()), costs, _idle(work, runs, output, most))


def _commands(target: str, listed: str, changed: str, files: list[str]) -> dict[str, Command]:
    return {
        "audit": [*TOOL, "audit", target],
        "migrate": [*TOOL, "migrate", target],
        "parse": [*LIMIT, listed],
        "limit": [*LIMIT, listed, changed],
        "libcst": [*LIBCST, *files],
    }


def _changed(output: Path, files: list[str]) -> list[str]:
    """The files that the dry run printed a diff of; those that it would create are not among them."""
    named = set(re.findall(r"^--- a/(.+)$", output.read_text(errors="replace"), re.M))
    return [path for path in files if any(path.endswith(f"/{name}") for name in named)]


def _rounds(commands: Mapping[str, Command], runs: int, output: Path, most: int, known: dict[str, list[Cost]]) -> dict[str, Cost]:
    """The median cost of each; a program that takes more than a minute, or was stopped, is not run again."""
    for _ in range(runs):
        for name, command in commands.items():
            costs = known.setdefault(name, [])
            if all(cost.ended and cost.seconds < 60 for cost in costs):
                costs.append(measure(command, output, most))
    return {name: median(costs) for name, costs in known.items()}


def _idle(work: Path, runs: int, output: Path, most: int) -> dict[str, Cost]:
    """Start-up: the same programs with nothing to do."""
    none, empty = work / "none.files", work / "empty.py"
    none.write_text("")
    empty.write_text("")
    tool: Command = [*TOOL, "--help"]
    commands: dict[str, Command] = {
        "audit": tool,
        "migrate": tool,
        "parse": [*LIMIT, str(none)],
        "limit": [*LIMIT, str(none), str(none)],
        "libcst": [*LIBCST, str(empty)],
    }
    return _rounds(commands, runs, output, most, {})


def _lines(name: str, result: Result) -> list[str]:
    lines = [f"{name}: {TREES[name].why}", f"  {result.files} files, {result.lines} lines; {result.changed} files would change", ""]
    lines.append(f"  {'':46}{'CPU s':>9}{'start-up':>10}{'peak MB':>9}")
    for key, title in NAMES.items():
        cost, idle = result.costs[key], result.idle[key]
        mark = "" if cost.ended else "  stopped there"
        lines.append(f"  {title:46}{cost.seconds:9.2f}{idle.seconds:10.2f}{cost.megabytes:9.0f}{mark}")
    lines += ["", f"  {'':46}{'whole':>9}{'net':>10}"]
    for above, below, note in RATIOS:
        whole, net = (_figure(result.ratio(above, below, flag)) for flag in (False, True))
        lines.append(f"  {above + ' / ' + below:46}{whole:>9}{net:>10}  {note}")
    return [*lines, ""]


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _plain(result: Result) -> dict[str, object]:
    costs = {key: {**asdict(cost), "start_up": result.idle[key].seconds} for key, cost in result.costs.items()}
    ratios = {f"{above}/{below}": {"whole": result.ratio(above, below, False), "net": result.ratio(above, below, True)} for above, below, _ in RATIOS}
    return {"files": result.files, "lines": result.lines, "changed": result.changed, "costs": costs, "ratios": ratios}


if __name__ == "__main__":
    main()
