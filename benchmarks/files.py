"""Print the path of every Python file that the tool reads for a target: files.py CHECKOUT TARGET."""

import sys
from pathlib import Path


def main() -> None:
    """One absolute path a line."""
    sys.path.insert(0, sys.argv[1])
    from codemods.project import load

    loaded = load(Path(sys.argv[2]))
    for path in sorted(loaded.project.python):
        print(loaded.root / path)


if __name__ == "__main__":
    main()
