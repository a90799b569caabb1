"""The catalogue: that it agrees with the installed libraries, the command that shows and checks it, and users' own files."""

import os
import subprocess
import sys
import tomllib

import pytest

from codemods.catalogue_files import load_catalogue, shipped_files
from codemods.drift import compare
from transforms.catalogue import CatalogueError, parse_library

FILES = {name: tomllib.loads(text) for name, text in shipped_files().items()}
OWN = """
[library]
id = "postbox"
modules = ["postbox"]
kind = "client"

[[function]]
names = ["postbox.deliver"]

[[type]]
names = ["postbox.Client"]
context = "self"
blocks = ["fetch"]

[[swap]]
type = "postbox.Client"
target = "postbox.AsyncClient"
module = "postbox"
methods = ["fetch"]
constructor = ["host"]
"""
POSTBOX = """
def deliver(text):
    return text

class Client:
    def __init__(self, host="localhost"):
        self.host = host
    def __enter__(self):
        return self
    def __exit__(self, *error):
        pass
    def fetch(self, number):
        return f"{self.host} {number}"

class AsyncClient:
    def __init__(self, host="localhost"):
        self.host = host
    async def __aenter__(self):
        return self
    async def __aexit__(self, *error):
        pass
    async def fetch(self, number):
        return f"{self.host} {number}"
"""
APP = """
import postbox
from flask import Flask

app = Flask(__name__)


@app.route("/<number>")
def letter(number):
    with postbox.Client(host="here") as client:
        return client.fetch(number)


@app.route("/send")
def send():
    return postbox.deliver("hello")
"""


def run(folder, *arguments, **environment):
    """The installed command in that folder."""
    command = [sys.executable, "-m", "flask_to_async", *map(str, arguments)]
    path = os.pathsep.join(filter(None, [environment.get("PYTHONPATH"), os.environ["PYTHONPATH"]]))
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env={**os.environ, **environment, "PYTHONPATH": path})


@pytest.fixture
def library(tmp_path):
    """A folder with the library `postbox`, as if it were installed."""
    folder = tmp_path / "installed"
    folder.mkdir()
    (folder / "postbox.py").write_text(POSTBOX)
    return folder


@pytest.fixture
def app(tmp_path):
    """A project that uses `postbox` and describes it in a file of its own."""
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "app.py").write_text(APP)
    (folder / "clients.toml").write_text(OWN)
    (folder / "pyproject.toml").write_text('[tool.flask-to-async]\ncatalogue = ["clients.toml"]\n')
    return folder


# Drift


@pytest.mark.parametrize("name", FILES)
def test_drift(name):
    """Every name of a library that is installed here exists, and what is awaited there is what we await."""
    found = compare(FILES[name], load_catalogue().types)
    assert found.wrong == []
    if found.absent:
        pytest.skip(next(iter(found.unchecked.values())))


def test_drift_has_something_to_look_at():
    """What the development environment always has."""
    found = {name: compare(FILES[f"{name}.toml"], load_catalogue().types) for name in ("redis", "requests", "httpx2", "sqlalchemy", "flask", "sqlite3", "io")}
    assert not [name for name, drift in found.items() if drift.unchecked]
    assert found["redis"].agreeing > 200
    assert set(FILES) >= {f"{name}.toml" for name in ("celery", "boto3", "pymongo", "psycopg2")}


def test_file_names_are_the_ids():
    assert {name.removesuffix(".toml").lower() for name in FILES} == {data["library"]["id"].lower() for data in FILES.values()}
    assert len({name.lower() for name in FILES}) == len(FILES)


def test_a_name_has_one_verdict():
    """No function or type is described twice: which of the two counted would depend on the order of the files."""
    for table in ("function", "type"):
        names = [name for data in FILES.values() for row in data.get(table, []) for name in row["names"]]
        assert sorted({name for name in names if names.count(name) > 1}) == []


DRIFTS = [
    ('names = ["postbox.deliver"]', 'names = ["postbox.post"]', "postbox.post does not exist"),
    ('names = ["postbox.deliver"]', 'names = ["postbox.AsyncClient.fetch"]', "postbox.AsyncClient.fetch is a coroutine function, it does not block"),
    ('names = ["postbox.deliver"]', 'names = ["postbox.__name__"]', "postbox.__name__ cannot be called"),
    ('blocks = ["fetch"]', 'blocks = ["collect"]', "postbox.Client.collect does not exist"),
    ('names = ["postbox.Client"]', 'names = ["postbox.AsyncClient"]', "postbox.AsyncClient.fetch is a coroutine function, it does not block"),
    ('blocks = ["fetch"]', 'blocks = ["fetch"]\nmade_by = ["postbox.connect"]', "postbox.connect does not exist"),
    ('blocks = ["fetch"]', 'blocks = ["fetch"]\nreturns = { fetch = "postbox.Letter" }', "postbox.Letter is no type of the catalogue"),
    ('methods = ["fetch"]', 'methods = ["fetch", "host"]', "postbox.Client.host does not exist"),
    ('target = "postbox.AsyncClient"', 'target = "postbox.Client"', "postbox.Client.fetch is not awaited"),
    ('constructor = ["host"]', 'constructor = ["host", "port"]', "postbox.AsyncClient has no argument port"),
    ('modules = ["postbox"]', 'modules = ["letterbox"]', "postbox.deliver lies outside modules"),
]


@pytest.mark.parametrize(("old", "new", "said"), DRIFTS)
def test_check_finds_what_differs(tmp_path, library, monkeypatch, old, new, said):
    monkeypatch.syspath_prepend(library)
    sys.modules.pop("postbox", None)
    assert old in OWN
    found = compare(tomllib.loads(OWN.replace(old, new)), {"postbox.Client"})
    assert said in " · ".join(found.wrong)
    sys.modules.pop("postbox", None)


def test_check(tmp_path, library):
    """A user's file: it agrees, it differs, the library is not there, the file is none."""
    (tmp_path / "own.toml").write_text(OWN)
    good = run(tmp_path, "catalogue", "check", "own.toml", PYTHONPATH=str(library))
    assert (good.returncode, good.stderr) == (0, "")
    assert "agrees         postbox" in good.stdout
    (tmp_path / "own.toml").write_text(OWN.replace("postbox.deliver", "postbox.post"))
    wrong = run(tmp_path, "catalogue", "check", "own.toml", PYTHONPATH=str(library))
    assert (wrong.returncode, wrong.stderr) == (1, "")
    assert "postbox.post does not exist" in wrong.stdout
    away = run(tmp_path, "catalogue", "check", "own.toml")
    assert (away.returncode, away.stderr) == (0, "")
    assert "not installed  postbox: postbox is not installed" in away.stdout
    none = run(tmp_path, "catalogue", "check", "nowhere.toml")
    assert none.returncode == 2
    assert none.stderr == "flask-to-async: nowhere.toml cannot be read: No such file or directory\n"


def test_a_namespace_that_others_share(tmp_path, library):
    """`google` is there as soon as protobuf is: what else lies in it is not installed, and not wrong."""
    (library / "shared" / "other").mkdir(parents=True)
    (tmp_path / "own.toml").write_text(
        OWN.replace("postbox.", "shared.postbox.").replace('module = "postbox"', 'module = "shared.postbox"').replace('["postbox"]', '["shared"]')
    )
    found = run(tmp_path, "catalogue", "check", "own.toml", PYTHONPATH=str(library))
    assert (found.returncode, found.stderr) == (0, "")
    assert "not installed  postbox" in found.stdout


def test_check_does_not_import_from_the_current_folder(tmp_path, library):
    """The repository's own modules are not run."""
    (library / "postbox.py").write_text("raise SystemExit('run')")
    (library / "own.toml").write_text(OWN)
    found = run(library, "catalogue", "check", "own.toml")
    assert (found.returncode, found.stderr) == (0, "")
    assert "postbox is not installed" in found.stdout


# The list


def test_list(tmp_path):
    everything = run(tmp_path, "catalogue")
    assert (everything.returncode, everything.stderr) == (0, "")
    assert len(everything.stdout.splitlines()) == len(FILES) + 2
    some = run(tmp_path, "catalogue", "--name", "sqlite3")
    assert some.returncode == 0
    assert some.stdout.startswith("sqlite3  (standard library 3.11, client)")
    assert "because the connection may only be used by the thread that opened it" in some.stdout
    assert "requests.get" not in some.stdout
    swaps = run(tmp_path, "catalogue", "--name", "httpx2")
    assert "becomes httpx2.AsyncClient" in swaps.stdout
    none = run(tmp_path, "catalogue", "--name", "nothing-like-it")
    assert none.returncode == 2
    assert "the catalogue knows nothing with 'nothing-like-it' in its name" in none.stderr


def test_list_shows_own_files(app):
    assert "\n    postbox.deliver\n" in run(app, "catalogue", "--name", "postbox").stdout


def test_list_shows_the_files_of_a_project_elsewhere(app, tmp_path):
    assert run(tmp_path, "catalogue", "--name", "postbox").returncode == 2
    assert "\n    postbox.deliver\n" in run(tmp_path, "catalogue", "--name", "postbox", "--project", str(app)).stdout


# Users' own files


def test_own_clients_are_moved_and_swapped(app):
    found = run(app, "migrate", ".", "--write")
    assert (found.returncode, found.stderr) == (0, "")
    after = (app / "app.py").read_text()
    assert 'async with postbox.AsyncClient(host="here") as client:\n        return await client.fetch(number)' in after
    assert 'return await asyncio.to_thread(postbox.deliver, "hello")' in after


def test_without_the_file_nothing_is_known(app):
    (app / "pyproject.toml").write_text("[project]\nname = 'app'\n")
    before = (app / "app.py").read_text()
    assert run(app, "migrate", ".", "--write").returncode == 0
    assert (app / "app.py").read_text() == before


WRONG = [
    ("id =", "ident =", "clients.toml: [library]"),
    ('modules = ["postbox"]', "", "clients.toml: [library] needs the modules that it speaks of"),
    ("[[function]]", "[[functions]]", "clients.toml: unknown table 'functions', did you mean 'function'?"),
    ("[[function]]", "[function]", "clients.toml: write [[function]] with two brackets"),
    ('names = ["postbox.deliver"]', 'name = ["postbox.deliver"]', "clients.toml: [[function]] 1: unknown key 'name', did you mean 'names'?"),
    ('names = ["postbox.deliver"]', "", "clients.toml: [[function]] 1: names is missing"),
    ('names = ["postbox.deliver"]', 'names = "postbox.deliver"', "clients.toml: [[function]] 1: names must be a list of dotted names, not 'postbox.deliver'"),
    ('names = ["postbox.deliver"]', 'names = ["postbox.deliver"]\nverdict = "wrapp"', "not 'wrapp', did you mean 'wrap'?"),
    ('names = ["postbox.deliver"]', 'names = ["postbox.deliver"]\nverdict = "refuse"', "(postbox.deliver): verdict 'refuse' needs a reason"),
    ('names = ["postbox.deliver"]', 'names = ["postbox.deliver"]\nverdict = "leave"\nreason = "\\u001b[2J"', "reason must be one line"),
    ('names = ["postbox.deliver"]', 'names = ["postbox.deliver"]\nlazy = "yes"', "lazy must be true or false, not 'yes'"),
    ('kind = "client"', 'kind = "clients"', "not 'clients', did you mean 'client'?"),
    ('target = "postbox.AsyncClient"', "target = \"__import__('os').system\"", "target must be a dotted name"),
    ('target = "postbox.AsyncClient"', 'target = "postbox.class"', "target must be a dotted name"),
    ('module = "postbox"', 'module = "postbox\\nimport os"', "module must be a dotted name"),
    ('module = "postbox"', "", "(postbox.Client): module is missing"),
    ("[[function]]", "[[function", "clients.toml: not valid TOML"),
]


@pytest.mark.parametrize(("old", "new", "said"), WRONG)
def test_a_wrong_file_is_named_with_its_key(old, new, said):
    assert old in OWN
    with pytest.raises(CatalogueError) as error:
        parse_library(OWN.replace(old, new, 1), "clients.toml")
    assert said in str(error.value)
    assert str(error.value).startswith("clients.toml: ")
    assert str(error.value).isprintable()


def test_a_deeply_nested_file_is_an_error():
    with pytest.raises(CatalogueError):
        parse_library("x = " + "[" * 100_000, "clients.toml")


HOSTILE = [
    ('["../secret.toml"]', "leads out of the project"),
    ('["/etc/passwd"]', "leads out of the project"),
    ('["link.toml"]', "leads out of the project"),
    ('["pipe.toml"]', "is no regular file"),
    ('["."]', "is no regular file"),
    ('["big.toml"]', "larger than a megabyte"),
    ('["latin.toml"]', "is not UTF-8"),
    ('["away.toml"]', "cannot be read: No such file"),
    ('"clients.toml"', "has to be a list of texts"),
    ("[1]", "has to be a list of texts"),
    ('["a\\u0000b"]', "is no path"),
]


@pytest.mark.parametrize(("value", "said"), HOSTILE)
def test_a_hostile_repository(app, value, said):
    (app.parent / "secret.toml").write_text(OWN)
    (app / "link.toml").symlink_to(app.parent / "secret.toml")
    os.mkfifo(app / "pipe.toml")
    (app / "big.toml").write_bytes(b"#" * 1_100_000)
    (app / "latin.toml").write_bytes(b"# \xe9\n")
    (app / "pyproject.toml").write_text(f"[tool.flask-to-async]\ncatalogue = {value}\n")
    found = run(app, "audit", ".")
    assert found.returncode == 2
    assert said in found.stderr
    assert found.stderr.startswith("flask-to-async: ")
    assert found.stderr.count("\n") == 1
