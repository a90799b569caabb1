"""A headless Chromium, where there is one: Debian's package `chromium`, or the program that CHROMIUM names."""

import os
import shutil

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# No sandbox, because tests may run as root; nothing in the background may look for a network.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def program():
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


def launch(playwright):
    """The browser; the test is skipped with the reason when there is none."""
    if not program():
        pytest.skip("no Chromium: install the package `chromium`, or name the program in CHROMIUM")
    return playwright.chromium.launch(executable_path=program(), args=list(FLAGS))
