"""Behind a real threaded server, 20 requests at once: the last stage answers what the original answers."""

import pytest
from fixture_apps import FIXTURES, folders
from test_fixture_apps import observe


@pytest.mark.parametrize("name", ["newsroom", "kiosk", "depot"])
def test_last_stage_under_load(name):
    app = FIXTURES / name
    original = observe(app, "0-original", "served")
    assert len(original) >= 100
    assert observe(app, folders(app)[-1], "served") == original
