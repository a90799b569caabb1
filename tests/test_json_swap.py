"""requests to httpx: JSON is sent and read as before, or the call is left with the reason."""

import pytest
from pure import migrated, project

from codemods.catalogue_files import load_catalogue
from transforms.model import Project, Settings
from transforms.stages import run_stage

HEAD = "import requests\nfrom flask import Flask, request\napp = Flask(__name__)\nA = 'http://a.example/x'\n"
VIEW = '{head}\n\n@app.route("/<n>", methods=["POST"])\ndef view(n):\n    {body}\n    return "x"\n'
STRAIGHT = "allow_redirects=False"
TYPE = '{"Content-Type": "application/json"}'
TAKEN = {
    "a literal": (f"requests.post(A, json={{'a': n}}, {STRAIGHT})", f"client.post(A, content=json.dumps({{'a': n}}, allow_nan=False), headers={TYPE})"),
    "a list": (f"requests.post(A, json=[], {STRAIGHT})", f"content=json.dumps([], allow_nan=False), headers={TYPE})"),
    "a name": (f"given = {{'a': 1}}\n    requests.post(A, json=given, {STRAIGHT})", "content=json.dumps(given, allow_nan=False)"),
    "str()": (f"requests.post(A, json=str(n), {STRAIGHT})", "content=json.dumps(str(n), allow_nan=False)"),
    "None": (f"requests.post(A, json=None, {STRAIGHT})", "client.post(A, json=None)"),
    "headers": (f"requests.post(A, json=[1], headers={{'X': '1'}}, {STRAIGHT})", "headers={\"Content-Type\": \"application/json\", 'X': '1'})"),
    "typed headers": (f"requests.post(A, json=[1], headers={{'content-TYPE': 'a/b'}}, {STRAIGHT})", "headers={'content-TYPE': 'a/b'})"),
    "no headers": (f"requests.post(A, json=[1], headers={{}}, {STRAIGHT})", f"headers={TYPE})"),
    "a trailing comma": (f"requests.post(A, json=[1], headers={{'X': '1',}}, {STRAIGHT})", "headers={\"Content-Type\": \"application/json\", 'X': '1',})"),
    "no body": ("requests.post(A)", "follow_redirects=True"),
    "read": ("print(requests.get(A).json()['a'])", "json.loads((await client.get(A)).text)['a']"),
    "read twice": ("r = requests.get(A)\n    print(r.json(), r.json())", "print(json.loads(r.text), json.loads(r.text))"),
}
LEFT = {
    "maybe None": (f"requests.post(A, json=request.get_json(), {STRAIGHT})", "json= may be None"),
    "a parameter": (f"requests.post(A, json=n, {STRAIGHT})", "json= may be None"),
    "set twice": (f"given = {{}}\n    given = None\n    requests.post(A, json=given, {STRAIGHT})", "json= may be None"),
    "data as well": (f"requests.post(A, json=[1], data={{'a': '1'}}, {STRAIGHT})", "requests sends one"),
    "ValueError is caught": (f"try:\n        requests.post(A, json=[1], {STRAIGHT})\n    except ValueError:\n        pass", "catches ValueError"),
    "redirected JSON": ("requests.post(A, json=[1])", "--unsafe C230"),
    "a redirected form": ("requests.post(A, data={'a': '1'})", "--unsafe C230"),
    "a session": ("with requests.Session() as s:\n        s.post(A, json=[1])", "--unsafe C230"),
    "json is another name": ("json = requests.get(A).json()\n    print(json)", "json means something else"),
    "arguments of json()": ("print(requests.get(A).json(parse_int=str))", "`.json` is not proved"),
}


def run(body, head=HEAD, settings=None, **metadata):
    files, decisions = migrated(VIEW.format(head=head, body=body), settings) if not metadata else _with(metadata, VIEW.format(head=head, body=body))
    return files["app.py"], " · ".join(item.reason for item in decisions)


def _with(metadata, text):
    current, decisions = Project(project(text).python, project(text).editable, metadata), []
    for name in ("routes", "clients"):
        staged = run_stage(name, current, load_catalogue(), Settings())
        current, decisions = staged.project, [*decisions, *staged.outcome.decisions]
    return {path: data.decode() for path, data in current.python.items()}, decisions


@pytest.mark.parametrize("case", TAKEN)
def test_taken(case):
    body, wanted = TAKEN[case]
    text, _ = run(body)
    assert wanted in text
    assert ("import json\n" in text) == ("json." in text)


@pytest.mark.parametrize("case", LEFT)
def test_left(case):
    body, reason = LEFT[case]
    text, reasons = run(body)
    assert "AsyncClient" not in text
    assert reason in reasons


def test_opted_in():
    text, reasons = run("requests.post(A, data={'a': '1'})", settings=Settings(unsafe=("C230",)))
    assert "follow_redirects=True" in text
    assert "a redirected POST keeps its Content-Type" in reasons


@pytest.mark.parametrize("names", ["from flask import json\n", "json = 1\n", "def json():\n    pass\n"])
def test_json_means_something_else_in_the_module(names):
    text, reasons = run("print(requests.get(A).json())", HEAD + names)
    assert "AsyncClient" not in text
    assert "json means something else" in reasons


def test_netrc_is_spoken_of():
    text, reasons = run("requests.get(A)", HEAD + "# the password is in ~/.netrc\n")
    assert "AsyncClient" not in text
    assert "app.py speaks of .netrc" in reasons


def test_the_project_s_files_speak_of_netrc():
    text, reasons = run("requests.get(A)", **{"setup.cfg": "# cp netrc ~/.netrc\n"})
    assert "AsyncClient" not in text
    assert "setup.cfg speaks of .netrc" in reasons


def test_simplejson():
    text, reasons = run(f"requests.post(A, json=[1], {STRAIGHT})", **{"requirements.txt": "flask\nsimplejson\n"})
    assert "AsyncClient" not in text
    assert "simplejson" in reasons


def test_a_literal_over_several_lines_keeps_its_layout():
    text, _ = run(
        'requests.post(\n        A,\n        headers={\n            "X": "1",\n            "Y": "2",  # two\n        },\n        json={\n            "a": 1,  # one\n        },\n        allow_redirects=False,\n    )'
    )
    assert '"Content-Type": "application/json",\n                "X": "1",\n                "Y": "2",  # two\n            },\n' in text
    assert "\n        )\n    return" in text
    assert '"a": 1,  # one\n' in text
