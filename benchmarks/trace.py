#!/usr/bin/env python3
"""What `trace` costs: a test run with and without it, in turn, and the ratio of their CPU seconds.

    python benchmarks/trace.py                              a small application of async views, made for this
    python benchmarks/trace.py PROJECT -- python -m pytest  a project's own tests

Medians of `--runs` runs each, as the kernel accounts them to the child processes; nothing is asserted.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from codemods.project import load  # noqa: E402
from codemods.verify.prepare import inside_for  # noqa: E402
from codemods.verify.run import environment_for  # noqa: E402

APP = """
import asyncio, time
from flask import Flask, render_template_string

app = Flask(__name__)

@app.route('/')
async def index():
    await asyncio.sleep(0)
    time.sleep(0)
    return render_template_string('{{ x }}', x=1)
"""
TESTS = "import pytest\nfrom app import app\n\n@pytest.mark.parametrize('number', range(300))\ndef test_view(number):\n    assert app.test_client().get('/').text == '1'\n"


def main() -> None:
    """Print the medians and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", nargs="?", type=Path)
    parser.add_argument("command", nargs="*", help="after --")
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        project = args.project or _made(folder / "site")
        command = args.command or [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        loaded = load(project)
        inside = inside_for(loaded, loaded.root, loaded.root, (), {"stall": 0.05})
        traced = environment_for(inside, folder / "inside.json", folder / "events")
        plain, with_trace = [], []
        for _ in range(args.runs):
            plain.append(_seconds(command, project, os.environ))
            with_trace.append(_seconds(command, project, traced))
    before, after = statistics.median(plain), statistics.median(with_trace)
    print(f"without {before:.2f} s, with trace {after:.2f} s CPU: {after / before:.2f} times")


def _made(folder: Path) -> Path:
    folder.mkdir()
    for name, text in {"requirements.txt": "flask\n", "app.py": APP, "test_app.py": TESTS}.items():
        (folder / name).write_text(text)
    return folder


def _seconds(command: Sequence[str], cwd: Path, environment: Mapping[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=cwd, env=dict(environment), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


if __name__ == "__main__":
    main()
