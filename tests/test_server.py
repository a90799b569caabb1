"""Stage server: one loop where nothing blocks it, and commands that serve a Flask application as they should."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from fixture_apps import FIXTURES, ROOT, apps, folders
from pure import HEAD
from test_fixture_apps import clean_environment, observe

from codemods.catalogue_files import load_catalogue
from codemods.pipeline import run_stages
from codemods.project import load
from transforms.host.source import holds_host, source
from transforms.model import Project, Settings, Verdict, as_text
from transforms.stages import run_stage
from transforms.support import SOURCE, is_ours

VIEW = "import asyncio\n\nfrom flask import Flask\n\napp = Flask(__name__)\n\n\n@app.get('/')\nasync def view():\n    await asyncio.sleep(0)\n    return 'ok'\n"


def served(files, editable=None, **beside):
    """The stage on these files; a second run must change nothing."""
    texts = {"app.py": files} if isinstance(files, str) else files
    data = {path: text.encode() for path, text in texts.items()}
    raw = {path: text if isinstance(text, bytes) else text.encode() for path, text in beside.get("beside", {}).items()}
    metadata = {path: as_text(data) for path, data in raw.items()}
    project = Project(data, frozenset(data) if editable is None else frozenset(editable), metadata, metadata_bytes=raw, metadata_editable=frozenset(raw))
    staged = run_stage("server", project, load_catalogue(), Settings())
    again = run_stage("server", staged.project, load_catalogue(), Settings())
    assert not again.outcome.changes, "a second run changes something"
    return staged


def texts(staged):
    return {change.path: change.after.decode() for change in staged.outcome.changes}


def codes(staged):
    return [decision.code for decision in staged.outcome.decisions]


def test_the_hook():
    found = texts(served(VIEW))
    assert sorted(found) == ["app.py", "async_support.py"] and found["async_support.py"] == source()
    expected = VIEW.replace("app = Flask(__name__)\n", "app = Flask(__name__)\none_loop(app)\n")
    assert found["app.py"] == expected.replace("from flask", "from async_support import one_loop\nfrom flask")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("app = Flask(__name__)  # web\n", "app = Flask(__name__)  # web\none_loop(app)\n"), ("app: Flask = Flask(__name__)\n", "app: Flask = Flask(__name__)\none_loop(app)\n"),
        ("app = Flask(\n    __name__,\n)\n", "app = Flask(\n    __name__,\n)\none_loop(app)\n"), ("class Mine(Flask):\n    pass\n\n\napp = Mine(__name__)\n", "app = Mine(__name__)\none_loop(app)\n"),
        ("import flask\n\napp = flask.Flask(__name__)\n", "app = flask.Flask(__name__)\none_loop(app)\n"),
    ],
)  # fmt: skip
def test_where_the_object_is_made(before, after):
    staged = served(VIEW.replace("app = Flask(__name__)\n", before))
    assert after in texts(staged)["app.py"] and codes(staged) == ["S400"]


def test_a_factory_and_a_package():
    factory = "import asyncio\n\nfrom flask import Flask\n\n\ndef create_app():\n    app = Flask(__name__)\n\n    @app.get('/')\n    async def view():\n        await asyncio.sleep(0)\n        return 'ok'\n\n    return app\n"
    found = texts(served({"shop/__init__.py": factory, "shop/other.py": "from . import x\n", "wsgi.py": "from shop import create_app\n\napp = create_app()\n"}))
    assert sorted(found) == ["shop/__init__.py", "shop/async_support.py"]
    assert (
        "    app = Flask(__name__)\n    one_loop(app)\n" in found["shop/__init__.py"]
        and "from shop.async_support import one_loop\n" in found["shop/__init__.py"]
    )


def test_newlines_are_kept():
    found = served(VIEW.replace("\n", "\r\n")).outcome.changes[0].after
    assert b"app = Flask(__name__)\r\none_loop(app)\r\n" in found and b"\n" not in found.replace(b"\r\n", b"")


def test_the_module_of_an_earlier_stage_is_replaced():
    adapted = VIEW.replace("from flask import Flask\n", "from flask import Flask\nfrom async_support import run_async\n").replace(
        "async def view", "@run_async\nasync def view"
    )
    found = texts(served({"app.py": adapted, "async_support.py": SOURCE}))
    assert found["async_support.py"] == source() and "one_loop(app)" in found["app.py"]


def test_the_full_module_is_recognised_as_ours():
    assert is_ours(source().encode()) and holds_host(source().encode()) and not holds_host(SOURCE.encode())


def test_a_module_that_its_owner_changed():
    changed = source().replace("THREADS = 64", "THREADS = 8")
    assert "async_support.py" not in texts(served({"app.py": VIEW, "async_support.py": changed}))
    staged = served({"app.py": VIEW, "async_support.py": SOURCE + "\n\ndef more():\n    pass\n"})
    assert codes(staged) == ["S405"] and not staged.outcome.changes


PLAIN = [
    HEAD + "\n\n@app.get('/')\ndef view():\n    time.sleep(1)\n    return 'ok'\n", "import asyncio\n\n\nasync def main():\n    await asyncio.sleep(1)\n\n\nasyncio.run(main())\n",
    VIEW.replace("app = Flask(__name__)\n", "from async_support import one_loop\n\napp = Flask(__name__)\none_loop(app)\n"),
    VIEW.replace("app = Flask(__name__)\n", "import async_support\n\napp = Flask(__name__)\nasync_support.one_loop(app)\n"),
]  # fmt: skip


@pytest.mark.parametrize("text", PLAIN)
def test_nothing_to_do(text):
    staged = served({"app.py": text, "async_support.py": source()})
    assert staged.outcome.changes == () and staged.outcome.decisions == ()


BODY = "    await asyncio.sleep(0)\n"
LEFT = {
    "a call that blocks": ("import time\n", "    time.sleep(1)\n"), "a helper that blocks": ("import time\ndef help_():\n    time.sleep(1)\n", "    help_()\n"),
    "a file": ("", "    with open('x') as file:\n        file.read()\n"), "an unknown object": ("from shop import store\n", "    store.load()\n"),
    "an unknown library": ("import markdown\n", "    markdown.markdown('x')\n"), "a neighbour of a library in which nothing waits": ("from six.moves.urllib.request import urlopen\n", "    urlopen('http://x')\n"),
    "a neighbour of a known library": ("from google.cloud import vision\n", "    vision.ImageAnnotatorClient()\n"),
    "a parameter": ("import shop\ndef help_(x):\n    return x.fetch()\n", "    help_(shop.thing)\n"),
    "what `**kwargs` was made": ("import shop\ndef help_(**more):\n    more = shop.thing\n    return more.get('x')\n", "    help_(x=1)\n"),
    "what `**kwargs` holds": ("def help_(**more):\n    return more['x'].get('x')\n", "    help_(x=1)\n"),
    "a lock over an await": ("import threading\nlock = threading.Lock()\n", "    with lock:\n        await asyncio.sleep(1)\n"),
    "a database": ("import sqlite3\n", "    sqlite3.connect('x').execute('select 1')\n"), "thread-local data": ("import threading\nlocal = threading.local()\n", "    local.x = 1\n"),
    "a property": ("import time\nclass A:\n    @property\n    def x(self):\n        time.sleep(1)\n", "    A().x\n"), "a session": ("import requests\nhttp = requests.Session()\n", "    http.get('http://x')\n"),
    "a possible call": ("import subprocess\nclass A:\n    def crunch(self):\n        subprocess.run(['x'])\n", "    from shop import a\n    a.crunch()\n"),
    "a logger's friend": ("import smtplib\n", "    smtplib.SMTP('x')\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", LEFT)
def test_flasks_own_loops_stay_where_something_may_block(name):
    head, body = LEFT[name]
    staged = served(VIEW.replace("app = Flask", head + "app = Flask").replace(BODY, BODY + body))
    assert staged.outcome.changes == () and codes(staged) and set(codes(staged)) == {"S401"}
    assert all(decision.verdict == Verdict.LEAVE and decision.line > 1 for decision in staged.outcome.decisions)


HARMLESS = {
    "moved": ("import time\n", "    await asyncio.to_thread(time.sleep, 1)\n"), "on its own thread": ("import time\nfrom asgiref.sync import sync_to_async\n", "    await sync_to_async(time.sleep)(1)\n"),
    "text": ("from flask import request\n", "    return ' '.join(request.args['x'].strip().lower().split(','))\n"), "flask": ("from flask import jsonify, url_for, session\n", "    session['x'] = url_for('view')\n    return jsonify(1)\n"),
    "not called from here": ("import time\ndef other():\n    time.sleep(1)\n", ""), "in a plain view": ("import time\n", "    return 'x'\n\n\n@app.get('/b')\ndef plain():\n    time.sleep(1)\n"),
    "a client": ("import httpx\n", "    async with httpx.AsyncClient() as client:\n        return (await client.get('http://x')).text\n"), "a library in which nothing waits": ("import arrow\nfrom six.moves.urllib.parse import urlparse\n", "    arrow.get(urlparse('x').path).to('local')\n"),
    "computing": ("import json, datetime\n", "    json.dumps({'x': datetime.datetime.now().isoformat()})\n"),
    "the dict of an object, and of `**kwargs`": ("class A:\n    pass\ndef help_(**more):\n    return more.get('x'), A().__dict__.items()\n", "    help_(x=1)\n"),
    "asyncio's lock": ("lock = asyncio.Lock()\n", "    async with lock:\n        await asyncio.sleep(1)\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", HARMLESS)
def test_hooked_where_nothing_blocks(name):
    head, body = HARMLESS[name]
    staged = served(VIEW.replace("app = Flask", head + "app = Flask").replace(BODY, BODY + body))
    assert codes(staged) == ["S400"], staged.outcome.decisions


def test_a_shared_client_in_a_hooked_application():
    head = "import httpx\nfrom async_support import one_loop, shared\n\n\ndef http():\n    return httpx.AsyncClient()\n\n\n"
    text = VIEW.replace("app = Flask(__name__)\n", f"{head}app = Flask(__name__)\none_loop(app)\n").replace(BODY, "    await shared(http).get('http://x')\n")
    staged = served({"app.py": text, "async_support.py": source()})
    assert staged.outcome.changes == () and staged.outcome.decisions == ()


def test_something_that_blocks_came_after_the_hook():
    text = VIEW.replace("app = Flask(__name__)\n", "import time\nfrom async_support import one_loop\n\napp = Flask(__name__)\none_loop(app)\n").replace(
        BODY, BODY + "    time.sleep(1)\n"
    )
    staged = served({"app.py": text, "async_support.py": source()})
    assert codes(staged) == ["S402"] and staged.outcome.decisions[0].verdict == Verdict.REFUSE


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (VIEW.replace("app = Flask(__name__)\n", "app = Flask(__name__); x = 1\n"), "shares its line"), (VIEW.replace("app = Flask(__name__)\n", "app = print(Flask(__name__)) or Flask(__name__)\n"), "not given a name"),
        (VIEW.replace("app = Flask(__name__)\n", "one_loop = 1\napp = Flask(__name__)\n"), "means something else"),
        ("import asyncio\n\nfrom flask import Blueprint\n\npage = Blueprint('p', __name__)\n\n\n@page.get('/')\nasync def view():\n    await asyncio.sleep(0)\n    return 'x'\n", "no place is seen"),
    ],
)  # fmt: skip
def test_applications_that_cannot_be_hooked(text, reason):
    staged = served(text)
    assert staged.outcome.changes == () and "S405" in codes(staged)
    assert any(reason in decision.reason for decision in staged.outcome.decisions)


def test_all_flask_objects_or_none():
    staged = served({"app.py": VIEW, "other.py": "from flask import Flask\n\n\ndef make():\n    return Flask(__name__)\n"})
    assert staged.outcome.changes == () and codes(staged) == ["S405"]


def test_a_handler_outside_the_folder_that_was_named():
    staged = served({"a/app.py": VIEW, "b/app.py": VIEW}, editable=["a/app.py"])
    assert staged.outcome.changes == () and "S401" in codes(staged)


def test_flask_objects_of_tests_are_theirs():
    staged = served({"app.py": VIEW, "tests/test_app.py": "from flask import Flask\n\n\ndef test():\n    assert Flask(__name__)\n"})
    assert "tests/test_app.py" not in texts(staged) and codes(staged) == ["S400"]


def test_an_old_asgiref():
    staged = served(VIEW, beside={"requirements.txt": "flask[async]\nasgiref==3.5.2\n"})
    assert staged.outcome.changes == () and "asgiref below 3.6" in staged.outcome.decisions[0].reason


GUNICORN = "gunicorn -k gthread --threads 64"


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("Procfile", "web: uvicorn app:app\n", f"web: {GUNICORN} -b 127.0.0.1:8000 app:app\n"),
        ("Procfile", "web: uvicorn app:app --host 0.0.0.0 --port $PORT --workers=4\nworker: rq\n", f"web: {GUNICORN} -w 4 -b 0.0.0.0:$PORT app:app\nworker: rq\n"),
        ("Procfile", "web: hypercorn app:app -b 0.0.0.0:${PORT} -w 2", f"web: {GUNICORN} -w 2 -b 0.0.0.0:${{PORT}} app:app"),
        ("Dockerfile", 'FROM x\r\nCMD ["uvicorn", "app:app", "--host", "0.0.0.0", "--port", "80"]\r\n', 'FROM x\r\nCMD ["gunicorn", "-k", "gthread", "--threads", "64", "-b", "0.0.0.0:80", "app:app"]\r\n'),
        ("Dockerfile", "CMD hypercorn app:app --bind 0.0.0.0:80\n", f"CMD {GUNICORN} -b 0.0.0.0:80 app:app\n"),
        ("deploy/shop.service", "[Service]\nExecStart=/venv/bin/hypercorn wsgi:app:app --bind 0.0.0.0:80\n", f"[Service]\nExecStart=/venv/bin/{GUNICORN} -b 0.0.0.0:80 app:app\n"),
        ("docker-compose.yml", "    command: uvicorn app:app --host 0.0.0.0\n", f"    command: {GUNICORN} -b 0.0.0.0:8000 app:app\n"),
        ("docker-compose.yml", '    command: ["hypercorn", "app:app"]\n', '    command: ["gunicorn", "-k", "gthread", "--threads", "64", "-b", "127.0.0.1:8000", "app:app"]\n'),
        ("Procfile", "web: gunicorn -w 4 -k uvicorn.workers.UvicornWorker app:app --log-file -\n", "web: gunicorn -w 4 -k gthread --threads 64 app:app --log-file -\n"),
        ("Dockerfile", 'CMD ["gunicorn", "-k", "uvicorn.workers.UvicornWorker", "app:app"]\n', 'CMD ["gunicorn", "-k", "gthread", "--threads", "64", "app:app"]\n'),
        ("run.sh", "gunicorn --worker-class=uvicorn_worker.UvicornWorker app:app\n", "gunicorn --worker-class=gthread --threads 64 app:app\n"),
        ("Procfile", "web: python -m uvicorn app:app\n", f"web: python -m {GUNICORN} -b 127.0.0.1:8000 app:app\n"),
        ("run.sh", "#!/bin/sh\nexec uvicorn app:app --log-level warning\n", f"#!/bin/sh\nexec {GUNICORN} --log-level warning -b 127.0.0.1:8000 app:app\n"),
    ],
)  # fmt: skip
def test_commands_that_break_a_flask_application(path, before, after):
    staged = served(VIEW.replace("async def", "def").replace(BODY, ""), beside={path: before})
    assert texts(staged) == {path: after} and codes(staged) == ["S403"] and staged.outcome.needs == ("gunicorn",)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("Procfile", "web: uvicorn app:app --reload\n"), ("Procfile", "web: uvicorn app:app --port\n"), ("Procfile", "web: uvicorn other:app\n"), ("Procfile", "web: uvicorn app:app && echo\n"),
        ("Procfile", 'web: uvicorn app:app --host "0.0.0.0"\n'), ("Dockerfile", "CMD uvicorn app:app \\\n  --port 80\n"), ("Procfile", "web: uvicorn app:app --ssl-keyfile x\n"), ("Procfile", "web: flask run --host 0.0.0.0\n"),
        ("Procfile", "web: hypercorn app:app --bind unix:/x:y\n"), ("Dockerfile", 'CMD ["flask", "run"]\n'), ("Procfile", "web: gunicorn app:app\n"), ("Procfile", "web: uvicorn app:app --port 1 --port 2\n"),
        ("Dockerfile", 'CMD ["uvicorn", "app:app", $X]\n'), ("Dockerfile", 'CMD ["/venv/bin/uvicorn", "app:app"]\n'), ("Dockerfile", 'CMD ["sh", "-c", "uvicorn app:app"]\n'),
        ("Procfile", "web: gunicorn -k uvicorn.workers.UvicornWorker other:app\n"), ("Procfile", "web: gunicorn --threads 4 -k uvicorn.workers.UvicornWorker app:app\n"), ("Procfile", "web: uvicorn --factory app:create\n"),
    ],
)  # fmt: skip
def test_commands_of_which_something_is_only_said(path, text):
    staged = served(VIEW.replace("async def", "def").replace(BODY, ""), beside={path: text})
    assert staged.outcome.changes == () and codes(staged) == ["S404"], staged.outcome.decisions


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("Procfile", "web: gunicorn -k gthread --threads 8 app:app\n"), ("Procfile", "web: gunicorn -c gunicorn.conf.py app:app\n"), ("Procfile", "# web: uvicorn app:app\n"), ("Procfile", "web: uvicorn api:app\n"),
        ("Dockerfile", "RUN pip install uvicorn\n"), ("Dockerfile", "RUN pip install flask uvicorn gunicorn==20 # x\n"), ("notes.txt", "uvicorn app:app\n"), ("Procfile", "web: waitress-serve app:app\n"),
        ("Procfile", "web: gunicorn -k uvicorn.workers.UvicornWorker api:app\n"),
        ("Procfile", "web: uvicorn app:app --interface wsgi\n"), ("run.sh", "flask db upgrade\n"), ("templates/x.html", "uvicorn app:app\n"),
    ],
)  # fmt: skip
def test_commands_that_are_left_alone(path, text):
    api = "class Api:\n    pass\n\n\napp = Api()\n"
    staged = served({"app.py": VIEW.replace("async def", "def").replace(BODY, ""), "api.py": api}, beside={path: text})
    assert staged.outcome.changes == () and staged.outcome.decisions == (), staged.outcome.decisions


SPREAD = {
    "folded": ("docker-compose.yml", "services:\n  web:\n    command: >\n      uvicorn app:app\n      --host 0.0.0.0\n    ports: []\n", 3),
    "literal": ("compose.yaml", "services:\n  web:\n    command: |\n      hypercorn\n      app:app\n", 3),
    "plain over two lines": ("docker-compose.yml", "services:\n  web:\n    command: uvicorn app:app\n      --port 80\n    image: x\n", 3),
    "a list, an item a line": ("docker-compose.yml", "services:\n  web:\n    command:\n      - uvicorn\n      - app:app\n", 3),
    "a list as deep as its key": ("docker-compose.yml", "services:\n  web:\n    entrypoint:\n    - uvicorn\n    - 'app:app'\n    image: x\n", 3),
    "a list in brackets": ("docker-compose.yml", 'services:\n  web:\n    command: [\n      "uvicorn",\n      "app:app",\n    ]\n', 3),
    "systemd": ("deploy/shop.service", "[Service]\nExecStart=/venv/bin/uvicorn \\\n    --host 0.0.0.0 \\\n    app:app\nRestart=always\n", 2),
    "shell": ("run.sh", "#!/bin/sh\nexec uvicorn \\\n  app:app\n", 2),
    "Dockerfile": ("Dockerfile", 'FROM x\nCMD ["uvicorn", \\\n  "app:app"]\n', 2),
    "supervisor": ("supervisord.conf", "[program:web]\ncommand=uvicorn app:app\n  --port 80\nuser=web\n", 2),
    "the second process": ("Procfile", "worker: rq worker\nweb: uvicorn app:app --reload\n", 2),
}


@pytest.mark.parametrize("form", SPREAD)
def test_commands_over_several_lines_are_named(form):
    """Half of such a command is never changed."""
    path, text, line = SPREAD[form]
    staged = served(PLAIN[0], beside={path: text})
    assert [(item.code, item.line) for item in staged.outcome.decisions] == [("S404", line)] and not staged.outcome.changes
    assert "Flask" in staged.outcome.decisions[0].reason


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("run.sh", "flask db upgrade && uvicorn app:app\n", f"flask db upgrade && {GUNICORN} -b 127.0.0.1:8000 app:app\n"),
        ("docker-compose.yml", "    command: >\n      uvicorn app:app\n    image: x\n", f"    command: >\n      {GUNICORN} -b 127.0.0.1:8000 app:app\n    image: x\n"),
        ("supervisor/shop.conf", "[program:web]\ncommand=/venv/bin/uvicorn app:app --port 80\nuser=web\n", f"[program:web]\ncommand=/venv/bin/{GUNICORN} -b 127.0.0.1:80 app:app\nuser=web\n"),
        ("deploy/shop.service", "[Service]\nExecStartPre=/bin/x \\\n  -y\nExecStart=uvicorn app:app\n", f"[Service]\nExecStartPre=/bin/x \\\n  -y\nExecStart={GUNICORN} -b 127.0.0.1:8000 app:app\n"),
    ],
)  # fmt: skip
def test_a_command_on_one_line_among_several(path, before, after):
    staged = served(PLAIN[0], beside={path: before})
    assert codes(staged) == ["S403"] and texts(staged)[path] == after


APP_RUN = PLAIN[0] + "\n\nif __name__ == '__main__':\n    app.run(debug=True)\n"


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("Procfile", "web: python app.py\n", ["S404"]), ("Dockerfile", 'CMD ["python3", "-u", "./app.py"]\n', ["S404"]), ("supervisord.conf", "[program:x]\ncommand=python app.py\n", ["S404"]),
        ("Procfile", "web: python other.py\n", []), ("Procfile", "web: gunicorn --threads 4 app:app\nworker: python tasks.py\n", []), ("run.sh", "# python app.py\n", []),
    ],
)  # fmt: skip
def test_the_development_server_in_production(path, text, expected):
    staged = served({"app.py": APP_RUN, "tasks.py": "print('x')\n"}, beside={path: text})
    assert codes(staged) == expected and not staged.outcome.changes


@pytest.mark.parametrize(
    ("value", "expected"),
    [("'uvicorn.workers.UvicornWorker'", ["S404"]), ("'asgi'", ["S404"]), ("'gthread'", []), ("'sync'", [])],
)
def test_the_worker_in_the_configuration(value, expected):
    staged = served({"app.py": PLAIN[0], "gunicorn.conf.py": f"worker_class = {value}\n"})
    assert codes(staged) == expected


GREEN = {
    "a class of gunicorn": {"gunicorn.conf.py": "worker_class = 'gunicorn.workers.ggevent.GeventWorker'\n"},
    "a default": {"gunicorn.conf.py": "import os\n\nworker_class = os.environ.get('WORKER', 'eventlet')\n"},
    "on the command line": {"Procfile": "web: gunicorn -k geventwebsocket.gunicorn.workers.GeventWebSocketWorker app:app\n"},
    "uWSGI's file": {"uwsgi.ini": "[uwsgi]\nmodule = app:app\ngevent = 100\n"},
    "uWSGI's option": {"run.sh": "uwsgi --module app:app --gevent 100\n"},
}


@pytest.mark.parametrize("form", GREEN)
def test_green_workers_stop_everything(form):
    from pure import project

    beside = {name: text for name, text in GREEN[form].items() if not name.endswith(".py")}
    files = {"app.py": PLAIN[0], **{name: text for name, text in GREEN[form].items() if name.endswith(".py")}}
    staged = run_stage("routes", project(files, **beside), load_catalogue(), Settings())
    assert [item.code for item in staged.outcome.decisions] == ["P001"] and not staged.outcome.changes


def test_the_serial_adapter_is_named():
    staged = served(
        VIEW.replace("async def", "def").replace(BODY, "") + "\n\nfrom asgiref.wsgi import WsgiToAsgi\n\nasgi = WsgiToAsgi(app)\n",
        beside={"Procfile": "web: uvicorn app:asgi\n"},
    )
    assert staged.outcome.changes == () and codes(staged) == ["S404"] and "one request at a time" in staged.outcome.decisions[0].reason


def on_the_host(app, folder, target):
    """A fixture app with the stage carried out: the folder as it would be on disk."""
    shutil.copytree(app / folder, target / folder, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))
    shutil.copy(app / "check.py", target / "check.py")
    result = run_stages(load(target / folder), ["server"], Settings())
    assert any(decision.code == "S400" for decision in result.outcomes[0].decisions), result.outcomes[0].decisions
    for change in result.changes:
        (target / folder / change.path).write_bytes(change.after)
    return target


@pytest.mark.parametrize("name", [app.name for app in apps()])
def test_a_fixture_app_answers_on_one_loop_as_the_original(name, tmp_path):
    app, folder = FIXTURES / name, folders(FIXTURES / name)[3]
    moved = on_the_host(app, folder, tmp_path)
    assert observe(moved, folder) == observe(app, "0-original")
    command = [sys.executable, "-W", "error::RuntimeWarning", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--rootdir", ".", "tests"]
    done = subprocess.run(command, cwd=moved / folder, env={**clean_environment(), "PYTHONPATH": "."}, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_under_load(tmp_path):
    app = FIXTURES / "newsroom"
    folder = folders(app)[3]
    assert observe(on_the_host(app, folder, tmp_path), folder, "served") == observe(app, "0-original", "served")


def test_the_command_that_was_put_right_serves(tmp_path):
    """End to end: the installed command writes it, a shell starts it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "app.py").write_text(VIEW)
    (tmp_path / "requirements.txt").write_text("flask\nuvicorn\n")
    (tmp_path / "run.sh").write_text(f"exec uvicorn app:app --port {port}\n")
    subprocess.run([sys.executable, str(ROOT / "flask_to_async.py"), "migrate", str(tmp_path), "--stage", "server", "--write"], check=True, capture_output=True)
    assert (tmp_path / "requirements.txt").read_text() == "flask[async]\ngunicorn\nuvicorn\n"
    path = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    process = subprocess.Popen(["sh", "run.sh"], cwd=tmp_path, env={**clean_environment(), **path}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        opener, end = urllib.request.build_opener(urllib.request.ProxyHandler({})), time.monotonic() + 30
        while True:
            try:
                with opener.open(f"http://127.0.0.1:{port}/", timeout=10) as answer:
                    assert answer.read() == b"ok"
                break
            except OSError:
                assert time.monotonic() < end, "the server did not start"
                time.sleep(0.1)
    finally:
        process.terminate()
        process.wait(30)
