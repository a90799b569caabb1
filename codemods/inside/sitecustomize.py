"""Loaded by the target's Python when it starts, because this folder is first on its PYTHONPATH.

It runs in the user's interpreter, whatever its version (3.8 or later) and whatever is installed there: the standard
library only, and the user's own `sitecustomize` still runs.
"""

import importlib.machinery
import importlib.util
import os
import sys


def _users_own() -> None:
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
    elsewhere = [folder for folder in sys.path if os.path.abspath(folder) != here]  # noqa: PTH100
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", elsewhere)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


try:
    import flask_to_async_inside

    flask_to_async_inside.begin()
finally:
    _users_own()
