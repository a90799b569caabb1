"""The host's tests under several versions of Flask and asgiref; slow, so not a part of the test suite.

python tests/host_versions.py [FOLDER]     makes the environments there (default: a temporary folder)
"""

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

TEST = Path(__file__).resolve().parent / "test_host.py"
SETS = (
    ("flask==2.3.3", "werkzeug<3", "asgiref==3.6.0"), ("flask==3.0.3", "asgiref==3.7.2"), ("flask", "asgiref==3.8.1"), ("flask", "asgiref==3.9.1"),
    ("flask", "asgiref==3.11.0"), ("flask", "asgiref"),
)  # fmt: skip


def main(folder: Path) -> int:
    failed = 0
    for number, names in enumerate(SETS):
        home = folder / str(number)
        if not home.exists():
            venv.create(home, with_pip=True)
            subprocess.run([home / "bin" / "pip", "install", "-q", *names], check=True)
        done = subprocess.run([home / "bin" / "python", TEST], capture_output=True, text=True)
        failed += done.returncode != 0
        print(f"{' '.join(names):50} {'FAILED' if done.returncode else done.stdout.strip()}")
        if done.returncode:
            print(done.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(main(Path(sys.argv[1])))
    with tempfile.TemporaryDirectory() as made:
        sys.exit(main(Path(made)))
