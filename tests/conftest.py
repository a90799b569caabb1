"""The code under test is that of this folder's own checkout, also where another one is installed."""

import os
import signal
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a job in the background: the programs under test would not hear Control-C either
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def project(tmp_path):
    """An application of one file that a test may write into."""
    from fixture_apps import site

    return site(tmp_path / "site")


@pytest.fixture
def newsroom(tmp_path):
    """A copy of the fixture app of that name."""
    from fixture_apps import copy_of

    return copy_of("newsroom", tmp_path / "newsroom")
