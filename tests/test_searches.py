"""Code that takes things by a computed name: what it may find stays synchronous, and nothing else does."""

import pytest
from pure import HEAD, migrated

NAP = "\ndef nap(n):\n    time.sleep(0.1)\n    return n\n"
VIEW = "\n@app.route('/')\ndef view():\n    {body}\n"
FREE = {
    "own variables": VIEW.format(body="x = nap(1)\n    return page('a.html', **locals())"),
    "own variables, listed": VIEW.format(body="x = nap(1)\n    return str(sorted(vars()) + dir())"),
    "in a comprehension": VIEW.format(body="x = nap(1)\n    return str([name for name in locals()])"),
}
KEPT = {
    "a variable is the function": VIEW.format(body="f = nap\n    x = nap(1)\n    return page('a.html', **locals())"),
    "all of the module": VIEW.format(body="x = nap(1)\n    return page('a.html', **globals())"),
    "the module's own variables": VIEW.format(body="return str(nap(1))") + "\nfor name in list(locals()):\n    print(name)\n",
}


def _converted(source):
    return {item.symbol for item in migrated(HEAD + NAP + source)[1] if item.code == "C201"}


@pytest.mark.parametrize("name", FREE)
def test_local_variables_are_no_search_of_the_module(name):
    assert "nap" in _converted(FREE[name])


@pytest.mark.parametrize("name", KEPT)
def test_what_may_be_found_stays(name):
    assert not _converted(KEPT[name])
