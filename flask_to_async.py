"""The console script: makes sure that our own `codemods` and `transforms` are imported.

A user's repository may have folders of these names, and PYTHONPATH=. puts them first. Our folder, beside this file,
goes to the front for the imports of the tool itself.
"""

import gc
import os
import sys
from pathlib import Path


def main() -> None:
    """Run the command line."""
    sys.setrecursionlimit(5000)  # a chain of 200 calls is looked through at ten frames for each; Python's own limit is 1000
    gc.disable()  # syntax trees are many objects and next to no garbage
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    for name in ("stdout", "stderr"):  # Python has None there when the caller closed it (`>&-`)
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115, PTH123
    try:
        from codemods.cli import app

        app(prog_name="flask-to-async")
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        from codemods.breakdown import told

        sys.exit(told(error))


def __getattr__(name: str) -> object:
    """`Routes`, `Clients` and `Executor`, for `python -m libcst.tool codemod -x flask_to_async.Routes PATH`."""
    if name not in ("Routes", "Clients", "Executor"):
        raise AttributeError(f"module 'flask_to_async' has no attribute {name!r}")
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    from codemods import libcst_commands

    return getattr(libcst_commands, name)


if __name__ == "__main__":
    main()
