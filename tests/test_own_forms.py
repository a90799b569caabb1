"""What differs between a library and its own asynchronous form, where the tool leaves it: the list cannot grow old.

When one of these no longer differs, the reason in docs/explanation/other-libraries.md has to be looked at again.
"""

import importlib.util
from pathlib import Path

import own_forms
import pytest

PAGE = Path(__file__).parent.parent / "docs" / "explanation" / "other-libraries.md"
DIFFERING = {
    "grpc": {
        "a request that cannot be serialized",
        "an answer that cannot be read",
        "metadata with a key in capitals",
        "the timeout by its place",
        "`.key` of an error's metadata",
        "an error as text",
        "an error is a grpc.Call",
    },
    "twilio": {"a body of JSON", "the client's timeout", "the proxy of the environment"},
    "psycopg_pool": {"used as it is made", "connections of a process in which a module keeps it"},
}
ASKED = {"grpc": own_forms.asked_grpc, "twilio": own_forms.asked_twilio, "psycopg_pool": own_forms.asked_pool}


@pytest.mark.parametrize("library", ASKED)
def test_what_differs(library):
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    if library == "psycopg_pool" and (missing := own_forms.Postgres().missing()):
        pytest.skip(missing)
    rows = list(ASKED[library]())
    assert {name for name, before, after in rows if before != after} == DIFFERING[library]
    assert any(before == after for _, before, after in rows)
    worst = {name: after for name, _, after in rows}
    if library == "grpc":  # it is sent all the same, as a message without anything in it; and nothing is raised
        assert worst["a request that cannot be serialized"] == "'everything costs 5'"
        assert worst["an answer that cannot be read"] == "None"


def test_the_page_names_each_difference():
    page = PAGE.read_text()
    assert [name for names in DIFFERING.values() for name in names if name not in page] == []
