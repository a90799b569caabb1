"""Inside the target's interpreter: sends events to the tool, and makes a copy of the project take the original's place.

Events are lines of JSON, appended to the file that the configuration names. The configuration is a JSON file whose path
is in the environment, so that every process that the command starts finds it.
"""

from __future__ import annotations

import atexit
import importlib.util
import json
import os
import sys
from typing import Any

VARIABLE = "FLASK_TO_ASYNC_INSIDE"
_SYSTEM = (os.open, os.write, os.close)  # kept, because tests patch these
CONFIG: dict[str, Any] = {}


def begin() -> None:
    """Read the configuration, redirect imports to the copy, and report what was loaded when the process ends."""
    path = os.environ.get(VARIABLE)
    if not path or CONFIG or not os.path.exists(path):  # noqa: PTH110
        return
    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        CONFIG.update(json.load(file))
    if CONFIG["original"] != CONFIG["copy"]:
        redirect(CONFIG["original"], CONFIG["copy"])
    atexit.register(report_loaded)
    if CONFIG.get("trace"):
        import flask_to_async_trace

        flask_to_async_trace.begin(CONFIG)
    if CONFIG.get("lag"):
        import flask_to_async_lag

        flask_to_async_lag.begin()


def send(**event: Any) -> None:
    """Append one event. A stream that is gone is no reason to break the user's tests."""
    try:
        handle = _SYSTEM[0](CONFIG["stream"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            _SYSTEM[1](handle, (json.dumps(event) + "\n").encode("utf-8", "backslashreplace"))
        finally:
            _SYSTEM[2](handle)
    except OSError:
        pass


def redirect(original: str, copy: str) -> None:
    """Entries of `sys.path` and editable installs that lead into the original lead into the copy."""
    sys.path[:] = [_moved(item, original, copy) for item in sys.path]
    for name, module in list(sys.modules.items()):
        if name.startswith("__editable__"):  # setuptools
            mapping = getattr(module, "MAPPING", None) or {}
            mapping.update({key: _moved(value, original, copy) for key, value in mapping.items()})
            spaces = getattr(module, "NAMESPACES", None) or {}
            spaces.update({key: [_moved(item, original, copy) for item in value] for key, value in spaces.items()})
        if name == "editables.redirector":  # hatchling and others
            found = module.RedirectingFinder._redirections
            found.update({key: _moved(value, original, copy) for key, value in found.items()})


def _moved(path: str, original: str, copy: str) -> str:
    real = os.path.realpath(path) if path else ""
    installed = "site-packages" in real or "dist-packages" in real or real.startswith(os.path.realpath(sys.prefix) + os.sep)
    if installed or not (real == original or real.startswith(original + os.sep)):
        return path
    return copy + real[len(original) :]


def report_loaded() -> None:
    """Say which files of the project this process loaded, from the copy and from the original, and what it lacks."""
    copy, original = os.path.realpath(CONFIG["copy"]), CONFIG["original"]
    watched, names = set(CONFIG["watched"]), set(CONFIG["names"])
    loaded: dict[str, list[str]] = {"copy": [], "original": [], "elsewhere": []}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        real = os.path.realpath(file) if isinstance(file, str) else ""
        if real.startswith(copy + os.sep) and real[len(copy) + 1 :] in watched:
            loaded["copy"].append(real[len(copy) + 1 :])
        elif real.startswith(original + os.sep) and real[len(original) + 1 :] in watched:
            loaded["original"].append(real)
        elif real and name in names:
            loaded["elsewhere"].append(real)
    if any(loaded.values()):
        send(event="loaded", executable=sys.executable, missing=[name for name in CONFIG["needs"] if not _installed(name)], **loaded)


def _installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False
