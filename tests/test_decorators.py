"""Decorators that are lambdas: judged like any other."""

import pytest
from pure import HEAD, migrated

VIEW = "\n@app.route('/')\n@{decorator}\ndef view():\n    time.sleep(0.1)\n    return 'x'\n"
FINE = {
    "written there": ("", "(lambda f: f)"),
    "calls it": ("loud = lambda f: lambda *args: f(*args).upper()", "loud"),
    "made with an argument": ("times = lambda n: lambda f: lambda *args: f(*args) * n", "times(2)"),
}
KEEPS = {
    "in a table": ("TABLE = {}\nkeep = lambda f: TABLE.setdefault('x', f)", "keep"),
    "in a list, made": ("ALL = []\nkeep = lambda n: lambda f: ALL.append(f) or f", "keep(1)"),
}


def _codes(head, decorator):
    return {item.code for item in migrated(HEAD + head + "\n" + VIEW.format(decorator=decorator))[1]}


@pytest.mark.parametrize("name", FINE)
def test_that_only_call_it(name):
    assert "R100" in _codes(*FINE[name])


@pytest.mark.parametrize("name", KEEPS)
def test_that_keep_it(name):
    assert "R100" not in _codes(*KEEPS[name])
