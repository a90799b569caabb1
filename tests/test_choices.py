"""The choices file: what is read, what is refused and how, and that a run takes exactly what it lists."""

import json

import pytest
from forked import run
from test_cli import contents

from codemods.choices import Choices, read_choices, write_choices
from codemods.json_file import JsonFileError

GOOD = {"format": "flask-to-async choices", "version": 1, "accepted": {"routes": ["b", "a"], "clients": []}}


def test_written_and_read(tmp_path):
    file = tmp_path / "choices.json"
    choices = Choices({"clients": frozenset({"clients:b", "clients:a"}), "routes": frozenset({"routes:ü"})})
    write_choices(file, choices)
    again = read_choices(file)
    assert again.chooses("clients", "clients:a") and again.chooses("routes", "routes:ü")
    assert not again.chooses("routes", "clients:a") and not again.chooses("executor", "x")
    first = file.read_bytes()
    write_choices(file, again)
    assert file.read_bytes() == first and "ü".encode() in first
    assert list(json.loads(first)["accepted"]) == ["routes", "clients", "executor"]
    assert [path.name for path in tmp_path.iterdir()] == ["choices.json"]


BROKEN = {
    "no JSON": (b"accepted: routes", "is not JSON"),
    "not UTF-8": (b'{"format": "\xe9"}', "UTF-8"),
    "a list": (b"[]", "no file of that kind"),
    "another file": (b'{"version": 1}', "no file of that kind"),
    "a later version": (json.dumps(GOOD | {"version": 2}).encode(), "version 2"),
    "a true version": (json.dumps(GOOD | {"version": True}).encode(), "version True"),
    "an unknown key": (json.dumps(GOOD | {"acepted": {}}).encode(), "did you mean 'accepted'"),
    "an unknown stage": (json.dumps(GOOD | {"accepted": {"route": []}}).encode(), "did you mean 'routes'"),
    "nothing accepted": (b'{"format": "flask-to-async choices", "version": 1}', '"accepted" is missing'),
    "groups as a text": (json.dumps(GOOD | {"accepted": {"routes": "a"}}).encode(), "list of texts"),
    "groups as numbers": (json.dumps(GOOD | {"accepted": {"routes": [1]}}).encode(), "list of texts"),
    "accepted as a list": (json.dumps(GOOD | {"accepted": []}).encode(), "stages as keys"),
    "a key twice": (b'{"format": "flask-to-async choices", "version": 1, "accepted": {"routes": [], "routes": ["a"]}}', "twice"),
    "too deep": (b"[" * 200000, "nested too deeply"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_refused_with_a_sentence(tmp_path, kind):
    data, words = BROKEN[kind]
    (tmp_path / "c.json").write_bytes(data)
    with pytest.raises(JsonFileError) as caught:
        read_choices(tmp_path / "c.json")
    assert words in str(caught.value) and "c.json" in str(caught.value)


def test_the_command_refuses_it_too(tmp_path, newsroom):
    before = contents(newsroom)
    (tmp_path / "c.json").write_text("{}")
    assert "c.json" in run("migrate", newsroom, "--accept", tmp_path / "c.json", "--write", code=2).err
    assert "cannot be read" in run("migrate", newsroom, "--accept", tmp_path / "none.json", "--write", code=2).err
    assert contents(newsroom) == before


def test_exactly_the_listed_groups_are_taken(tmp_path, newsroom):
    """Nothing listed: nothing changes. One handler listed: that one and no other."""
    file = tmp_path / "c.json"
    before = contents(newsroom)
    write_choices(file, Choices({}))
    result = run("migrate", newsroom, "--accept", file, "--write", "--check", code=0)
    assert contents(newsroom) == before and "not accepted" in result.out
    group = "routes:newsroom/views/front.py:weather"
    choices = Choices({"routes": frozenset({group, "routes:gone.py:view"})})
    write_choices(file, choices)
    result = run("migrate", newsroom, "--accept", file, "-v", code=0)
    rows = [line for line in result.out.splitlines() if line.startswith("changed ")]
    assert result.err.count("not made: ") == 1 and "routes:gone.py:view" in result.err
    assert contents(newsroom) == before
    assert len(rows) == 2 and " weather" in rows[0] and "D500  requirements.txt" in rows[1], rows
