"""The project's own black, on the lines that are ours alone."""

import pytest

from transforms.formatting import black_mode, format_changed

MODE = black_mode({"pyproject.toml": "[tool.black]\nline-length = 30\n"}, "app.py")
BEFORE = "def view():\n    a = 'x'\n    \n    b = 'y'\n\t\n    return a + b\n"


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_blank_lines_with_spaces_stay(newline):
    before = BEFORE.replace("\n", newline)
    after = before.replace("def view", "async def view")
    assert format_changed(before, after, MODE) == after


def test_a_line_of_ours_is_formatted_and_its_neighbours_are_not():
    after = BEFORE.replace("b = 'y'", "b = await to_thread(load,'a',1)")
    assert format_changed(BEFORE, after, MODE) == BEFORE.replace("b = 'y'", 'b = await to_thread(\n        load, "a", 1\n    )')


def test_blank_lines_of_ours_are_formatted():
    after = BEFORE.replace("    a = 'x'\n", "    a = 'x'\n    c = 1\n  \n")
    assert format_changed(BEFORE, after, MODE) == BEFORE.replace("    a = 'x'\n", "    a = 'x'\n    c = 1\n\n")


def test_without_black_nothing_is_formatted():
    assert format_changed(BEFORE, BEFORE.replace("'y'", "'z'"), None) == BEFORE.replace("'y'", "'z'")
