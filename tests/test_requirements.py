"""What a project says that it needs, in every file where it can say so."""

import pytest

from transforms.requirements import parse_requirement, read_requirements


@pytest.mark.parametrize(
    ("line", "name", "lowest"),
    [
        ("flask", "flask", ()), ("Flask>=2.0", "flask", (2, 0)), ("flask[async]==3.0.1", "flask", (3, 0, 1)), ("flask ~= 2.3 ; python_version > '3.8'", "flask", (2, 3)),
        ("Flask_SQLAlchemy>2", "flask-sqlalchemy", (2,)), ("ruamel.yaml", "ruamel-yaml", ()), ("flask (>=1.0,<2)", "flask", (1, 0)), ("flask>=1,>=2.1 # why", "flask", (2, 1)),
        ("flask<3", "flask", ()),
    ],
)  # fmt: skip
def test_line(line, name, lowest):
    found = parse_requirement(line, "requirements.txt")
    assert (found.name, found.lowest) == (name, lowest)


@pytest.mark.parametrize(
    "line", ["", "# flask", "-r other.txt", "--index-url https://example.org", "https://example.org/flask.zip", "-e .", "git+https://example.org/flask.git"]
)
def test_no_requirement(line):
    assert parse_requirement(line, "requirements.txt") is None


@pytest.mark.parametrize(
    ("line", "version", "excluded"),
    [
        ("flask<2", (2,), True), ("flask<=1.9", (2,), True), ("flask==1.1.4", (2,), True), ("flask~=1.0", (2,), True), ("flask^1.1", (2,), True), ("flask", (2,), False),
        ("flask>=1", (2,), False), ("flask>=1,<3", (2,), False), ("flask==2.0.1", (2,), False), ("flask!=2.0", (2,), False), ("flask<2.3", (2,), False),
    ],
)  # fmt: skip
def test_excludes(line, version, excluded):
    assert parse_requirement(line, "x").excludes_from(version) is excluded


FILES = {
    "requirements.txt": "flask==1.1.4\n",
    "requirements/base.txt": "-r other.txt\nflask==1.1.4\n",
    "pyproject.toml": '[project]\ndependencies = ["flask==1.1.4"]\n',
    "b/pyproject.toml": '[project.optional-dependencies]\nweb = ["flask==1.1.4"]\n',
    "c/pyproject.toml": '[dependency-groups]\nweb = ["flask==1.1.4", {include-group = "x"}]\n',
    "d/pyproject.toml": '[tool.poetry.dependencies]\npython = "^3.9"\nflask = "1.1.4"\n',
    "setup.cfg": "[options]\ninstall_requires =\n    flask==1.1.4\n",
    "setup.py": "from setuptools import setup\nsetup(install_requires=['flask==1.1.4'])\n",
    "Pipfile": '[packages]\nflask = "==1.1.4"\n',
    "Pipfile.lock": '{"default": {"flask": {"version": "==1.1.4"}}}',
    "poetry.lock": '[[package]]\nname = "flask"\nversion = "1.1.4"\n',
    "uv.lock": '[[package]]\nname = "flask"\nversion = "1.1.4"\n',
}


@pytest.mark.parametrize("path", FILES)
def test_every_file_is_read(path):
    found = read_requirements({path: FILES[path]}).find("Flask")
    assert [(item.lowest, item.source) for item in found] == [((1, 1, 4), path)]


@pytest.mark.parametrize("path", FILES)
@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[[[",
        "\x00",
        "def (",
        "[]",
        "null",
        "[project]\ndependencies = 3\n",
        "[tool]\npoetry = 1\n",
        '{"default": []}',
        '[package]\nname = "x"\n',
    ],
)
def test_nonsense_counts_as_empty(path, text):
    assert read_requirements({path: text}).find("flask") == []


def test_a_dependency_that_is_no_text():
    assert read_requirements({"pyproject.toml": "[project]\ndependencies = [1]\n"}).items == ()


@pytest.mark.parametrize(
    ("path", "text", "python"),
    [
        ("pyproject.toml", '[project]\nrequires-python = ">=3.9"\n', (3, 9)), ("pyproject.toml", '[tool.poetry.dependencies]\npython = "^3.8"\n', (3, 8)),
        ("setup.py", "setup(python_requires='>=3.10')", (3, 10)), ("setup.cfg", "[options]\npython_requires = >=3.7\n", (3, 7)), ("setup.cfg", "[options]\n", None),
        ("pyproject.toml", '[project]\nrequires-python = "<4"\n', None),
    ],
)  # fmt: skip
def test_python(path, text, python):
    assert read_requirements({path: text}).python == python
