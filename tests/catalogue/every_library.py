"""Check the whole catalogue against its libraries, all of them installed in a virtual environment of their own.

    python tests/catalogue/every_library.py FOLDER

FOLDER/venv is made when it is missing and kept: some 1.5 GB and ten minutes the first time, a few minutes later. A library
without a wheel for this machine is a row of the report, not a failure. The exit status is that of `catalogue check`.
"""

import subprocess
import sys
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
EXTRA = ("psycopg-pool",)  # distributions that hold further modules of a library


def main(folder: Path) -> int:
    python = folder / "venv" / "bin" / "python"
    if not python.exists():
        venv.create(folder / "venv", with_pip=True)
    install(python, str(ROOT))
    install(python, "--force-reinstall", "--no-deps", str(ROOT))
    for name in [*distributions(), *EXTRA]:
        if install(python, "--only-binary=:all:", name):
            print(f"not installed: {name}", file=sys.stderr)
    return subprocess.run([str(python.parent / "flask-to-async"), "catalogue", "check"], cwd=folder).returncode


def distributions() -> list[str]:
    """What the catalogue names, each once."""
    files = sorted((ROOT / "transforms" / "catalogue").glob("*.toml"))
    named = (tomllib.loads(path.read_text())["library"].get("distribution", "") for path in files)
    return sorted(set(filter(None, named)), key=str.lower)


def install(python: Path, *what: str) -> int:
    return subprocess.run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *what], stderr=subprocess.DEVNULL).returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
