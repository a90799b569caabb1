"""Swaps that differ in something no source shows: left with that reason, and taken where they are opted in."""

import subprocess
import sys

import pytest

from codemods.catalogue_files import load_catalogue
from transforms.host.source import source
from transforms.model import Project, Settings, Verdict
from transforms.stages import run_stage

CATALOGUE = load_catalogue()
OPTED = Settings(unsafe=("C220",))
HEAD = """
import os
from azure.storage.blob import BlobClient, BlobServiceClient
from flask import Flask, jsonify

app = Flask(__name__)
"""
KEPT = """
from async_support import one_loop

one_loop(app)
blobs = BlobServiceClient.from_connection_string(os.environ["STORAGE"])
"""


def clients(body, settings, head=HEAD):
    """The stage clients alone: the app before and after, and the first decision about a client."""
    lines = "".join(f"    {line}\n" for line in body.split("\n"))
    text = f'{head}\n\n@app.route("/")\nasync def view():\n{lines}'
    files = {"app.py": text.encode(), "async_support.py": source().encode()}
    staged = run_stage("clients", Project(files, frozenset(files)), CATALOGUE, settings)
    again = run_stage("clients", staged.project, CATALOGUE, settings)
    assert not again.outcome.changes
    return text, staged.project.python["app.py"].decode(), [item for item in staged.outcome.decisions if item.code.startswith("C")]


READ = "with BlobServiceClient.from_connection_string('x') as c:\n    return c.get_blob_client('a', 'b').download_blob().readall()"
READ_AFTER = "return await (await c.get_blob_client('a', 'b').download_blob()).readall()"
FACTORY = HEAD + "\n\ndef store():\n    return BlobServiceClient.from_connection_string('x')\n"
OPTED_IN = [
    (READ, HEAD, READ_AFTER),
    ("b = BlobClient.from_blob_url('x')\nreturn str(b.exists())", HEAD, "async with azure.storage.blob.aio.BlobClient.from_blob_url('x') as b:"),
    ("with store() as c:\n    return jsonify([d.name for d in c.list_containers()])", FACTORY, "[d.name async for d in c.list_containers()]"),
    ("return str(blobs.get_blob_client('a', 'b').exists())", HEAD + KEPT, "await shared(make_blobs).get_blob_client('a', 'b').exists()"),
]


@pytest.mark.parametrize(("body", "head", "wanted"), OPTED_IN)
def test_taken_only_where_it_is_opted_in(body, head, wanted):
    before, after, found = clients(body, Settings(), head)
    assert after == before
    assert [(item.code, item.verdict) for item in found] == [("C220", Verdict.LEAVE)]
    assert "REQUESTS_CA_BUNDLE" in found[0].reason
    _, after, found = clients(body, OPTED, head)
    assert wanted in after
    assert {item.verdict for item in found} == {Verdict.CHANGE}


LEFT = [
    (
        "with BlobServiceClient.from_connection_string('x') as c:\n    c.get_blob_client('a', 'b').upload_blob(b'x')\nreturn ''",
        "C213",
        "read on the event loop",
    ),
    ("with BlobServiceClient('x', credential=os.environ['K']) as c:\n    return str(c.get_container_client('a').exists())", "C215", "credential"),
    ("with BlobServiceClient('x', os.environ['K']) as c:\n    return str(c.get_container_client('a').exists())", "C215", "by its place"),
    ("with BlobServiceClient('x') as c, open('f', 'wb') as f:\n    c.get_blob_client('a', 'b').download_blob().readinto(f)\nreturn ''", "C213", ".readinto()"),
    ("with BlobServiceClient('x') as c:\n    return jsonify([list(p) for p in c.list_containers().by_page()])", "C213", "by_page"),
    ("with BlobServiceClient('x') as c:\n    return jsonify(c.list_containers().next().name)", "C213", ".next()"),
]


LEFT += [
    (f"with BlobClient.from_blob_url('x') as b:\n    return b.download_blob({given}).readall()", "C213", f"argument {said} is not proved")
    for given, said in (("progress_hook=print", "progress_hook"), ("**app.config['HOW']", "**"))
]


@pytest.mark.parametrize(("body", "code", "reason"), LEFT)
def test_what_differs_is_left_also_where_it_is_opted_in(body, code, reason):
    before, after, found = clients(body, OPTED)
    assert after == before
    assert any(item.code == code and reason in item.reason for item in found), found


AROUND = [
    ("app.py", "import sentry_sdk\n", "sentry_sdk"),
    ("app.py", "import requests\n\nrequests.Session.request = print\n", "requests.Session.request"),
    ("tests/test_app.py", "import responses\n", "responses"),
    ("tests/test_app.py", "def test(mocker):\n    mocker.patch('app.BlobServiceClient')\n", "app.BlobServiceClient"),
    ("tests/test_app.py", "from azure.storage.blob import BlobServiceClient\n", "azure.storage.blob"),
]


@pytest.mark.parametrize(("path", "text", "said"), AROUND)
def test_what_replaces_or_watches_requests_keeps_the_client(path, text, said):
    """The synchronous client sends with requests, the asynchronous one with aiohttp."""
    app = (HEAD + "@app.route('/')\nasync def view():\n    " + READ.replace("\n", "\n    ") + "\n").encode()
    files = {"app.py": app + b"\n\n" + text.encode()} if path == "app.py" else {"app.py": app, path: text.encode()}
    found = run_stage("clients", Project(files, frozenset(files)), CATALOGUE, OPTED).outcome
    assert not found.changes
    assert any(item.code == "C217" and said in item.reason for item in found.decisions), found.decisions


def test_other_clients_are_not_touched_by_it():
    head = HEAD + "import redis\n"
    body = f"{READ.replace('return', 'x =')}\nwith redis.Redis() as r:\n    return str(r.get('k')) + str(x)"
    _, after, found = clients(body, Settings(), head)
    assert "redis.asyncio.Redis" in after and "azure.storage.blob.aio" not in after
    assert {item.code for item in found} == {"C220", "C210"}


def test_the_catalogue_says_what_differs():
    found = subprocess.run([sys.executable, "-m", "flask_to_async", "catalogue", "--name", "azure_storage_blob"], capture_output=True, text=True)
    assert "opt in with --unsafe C220" in " ".join(found.stdout.split())


@pytest.mark.parametrize("code", ["C220", "C230"])
def test_the_command_takes_the_codes_that_its_reasons_name(tmp_path, code):
    use = "requests.post('http://x', json={'a': 1}, timeout=5).status_code" if code == "C230" else "BlobClient.from_blob_url('x').exists()"
    body = f"return str({use})" if code == "C230" else "with BlobClient.from_blob_url('x') as b:\n        return str(b.exists())"
    (tmp_path / "app.py").write_text(f'{HEAD}import requests\n\n\n@app.route("/", methods=["POST"])\ndef view():\n    {body}\n')
    command = [sys.executable, "-m", "flask_to_async", "migrate", "--verbose", str(tmp_path)]
    plain, opted = (subprocess.run([*command, *more], capture_output=True, text=True) for more in ([], ["--unsafe", code]))
    assert (plain.returncode, opted.returncode, opted.stderr) == (0, 0, ""), opted.stderr
    assert f"opt in with --unsafe {code}" in plain.stdout
    assert f"opt in with --unsafe {code}" not in opted.stdout
    assert ("azure.storage.blob.aio" if code == "C220" else "httpx2.AsyncClient") in opted.stdout
