"""Rewrite the fixtures that the tool itself makes: the stage folders of the apps, and `after.py` of the swaps.

    python tests/regenerate.py [NAME ...]

Read the difference (`git diff fixtures`) before committing it: the tests can only tell that something changed.
"""

import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(1, str(Path(__file__).resolve().parent))

from fixture_apps import FIXTURES, apps, made, steps  # noqa: E402
from small_cases import swap_cases, swapped  # noqa: E402

from codemods.catalogue_files import load_catalogue  # noqa: E402
from transforms.model import Project, Settings  # noqa: E402
from transforms.stages import run_stage  # noqa: E402


def main(names):
    for app in apps():
        if not names or app.name in names:
            for step in steps(app):
                write_stage(step)
    for case in swap_cases():
        if not names or case.library in names:
            (case.folder / "after.py").write_bytes(swapped(case))
    if not names or "gather" in names:
        folder = FIXTURES / "gather"
        project = Project({"app.py": (folder / "before.py").read_bytes()}, frozenset({"app.py"}))
        (folder / "after.py").write_bytes(run_stage("gather", project, load_catalogue(), Settings()).project.python["app.py"])


def write_stage(step):
    files = made(step)
    target = step.app / step.result
    if target.exists():
        shutil.rmtree(target)
    for name, data in files.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


if __name__ == "__main__":
    main(sys.argv[1:])
