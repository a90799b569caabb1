"""Stage server with `host = "asgi"`: what is written, what is proved for the loop, and the commands that start it."""

import ast

import flask
import pytest

from codemods.catalogue_files import load_catalogue
from transforms.host.names import holds_asgi
from transforms.host.source import asgi_source
from transforms.model import Project, Settings, Verdict, as_text
from transforms.server.flask_names import FLASK, REQUEST, is_put_there
from transforms.stages import run_stage

VIEW = "import asyncio\n\nfrom flask import Flask\n\napp = Flask(__name__)\n\n\n@app.get('/')\nasync def view():\n    await asyncio.sleep(0)\n    return 'ok'\n"


def served(files, beside=None, host="asgi", again=True):
    """The stage on these files; a second run must change nothing, and so must the other stages."""
    texts = {"app.py": files} if isinstance(files, str) else files
    data = {path: text.encode() for path, text in texts.items()}
    raw = {path: text.encode() for path, text in (beside or {}).items()}
    metadata = {path: as_text(text) for path, text in raw.items()}
    project = Project(data, frozenset(data), metadata, metadata_bytes=raw, metadata_editable=frozenset(raw))
    settings = Settings(host=host)
    staged = run_stage("server", project, load_catalogue(), settings)
    for name in ("server", "routes", "clients", "executor") if again else ():
        assert not run_stage(name, staged.project, load_catalogue(), settings).outcome.changes, f"a second run of {name} changes something"
    return staged


def texts(staged):
    return {change.path: change.after.decode() for change in staged.outcome.changes}


def rows(staged, *codes):
    return [decision for decision in staged.outcome.decisions if decision.code in codes]


def listed(text):
    """The names in `ON_LOOP`."""
    found = [node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Assign) and node.targets[0].id == "ON_LOOP"]
    return ast.literal_eval(found[0]) if found else ()


def test_flasks_own_names():
    app = flask.Flask("x")
    with app.test_request_context():
        found = {name for item in (app, flask.request._get_current_object()) for name in dir(item) if not name.startswith("_")}
    assert found <= FLASK | REQUEST
    assert is_put_there("flask.g.db.close") and is_put_there("flask.Flask.mongo.db") and is_put_there("flask.Request.user.save")
    assert (
        not is_put_there("flask.g.get")
        and not is_put_there("flask.Request.args.get")
        and not is_put_there("flask.jsonify")
        and not is_put_there("os.path.join")
    )


def test_the_files():
    found = texts(served(VIEW))
    assert sorted(found) == ["app.py", "asgi.py", "asgi_support.py", "async_support.py"] and found["asgi_support.py"] == asgi_source()
    assert found["asgi.py"].endswith('ON_LOOP = (\n    "app.view",\n)\n\napplication = Application(app, async_support, on_loop=ON_LOOP)\n')
    assert "import async_support\nfrom app import app\nfrom asgi_support import Application\n" in found["asgi.py"]
    assert served(VIEW).outcome.needs == ("flask[async]", "greenlet", "uvicorn[standard]")


def test_threads_are_the_default():
    assert "asgi.py" not in texts(served(VIEW, host="threads"))


def test_the_module_is_known_again_and_not_looked_at():
    assert (
        holds_asgi("shop/asgi_support.py", asgi_source().encode())
        and not holds_asgi("shop/asgi_support.py", b"x = 1\n")
        and not holds_asgi("x.py", asgi_source().encode())
    )
    assert "asgi_support.py" not in served(VIEW).index.modules


def test_a_package_with_a_factory():
    factory = "import asyncio\n\nfrom flask import Flask\n\n\ndef create_app(settings=None):\n    app = Flask(__name__)\n\n    @app.get('/')\n    async def view():\n        await asyncio.sleep(0)\n        return 'ok'\n\n    return app\n"
    found = texts(served({"shop/__init__.py": factory, "shop/other.py": "from . import x\n"}))
    assert "from shop import async_support, create_app\n" in found["shop/asgi.py"] or "from shop import create_app\n" in found["shop/asgi.py"]
    assert (
        "application = Application(create_app(), async_support, on_loop=ON_LOOP)" in found["shop/asgi.py"]
        and "from shop.asgi_support import Application" in found["shop/asgi.py"]
    )
    assert listed(found["shop/asgi.py"]) == ("shop.view",)


def test_an_application_without_async_views():
    plain = VIEW.replace("async def", "def").replace("    await asyncio.sleep(0)\n", "")
    found = texts(served(plain))
    assert (
        sorted(found) == ["asgi.py", "asgi_support.py"]
        and found["asgi.py"].endswith("application = Application(app)\n")
        and "# Each request has a thread" in found["asgi.py"]
    )
    assert served(plain).outcome.needs == ("uvicorn[standard]",)


def test_a_view_that_may_block_the_loop():
    found = texts(served(VIEW.replace("    return", "    app.thing.load()\n    return")))
    assert (
        sorted(found) == ["asgi.py", "asgi_support.py"]
        and found["asgi.py"].endswith("application = Application(app)\n")
        and "Flask's own loops" in found["asgi.py"]
    )


FACTORY = "from flask import Flask\n\n\ndef create_app(settings):\n    return Flask(__name__)\n"


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"app.py": VIEW, "asgi.py": "application = 1\n"}, "asgi.py exists already"),
        ({"app.py": VIEW, "asgi_support.py": "x = 1\n"}, "asgi_support.py exists already"),
        ({"app.py": FACTORY}, "no factory without arguments"),
    ],
)
def test_where_it_cannot_be_written(files, reason):
    staged = served(files)
    assert "asgi.py" not in texts(staged) and "asgi_support.py" not in texts(staged)
    assert [reason in item.reason and item.verdict is Verdict.REFUSE for item in rows(staged, "S409")] == [True]


HARMLESS = {
    "a hook": "@app.before_request\ndef around():\n    g.x = request.path\n",
    "an async hook": "@app.after_request\nasync def around(response):\n    await asyncio.sleep(0)\n    return response\n",
    "an error handler": "@app.errorhandler(404)\ndef around(error):\n    return jsonify(error='none'), 404\n",
    "a teardown hook": "@app.teardown_request\ndef around(error):\n    g.pop('x', None)\n",
    "a context processor": "@app.context_processor\ndef around():\n    return {'x': 1}\n",
    "a URL processor": "@app.url_value_preprocessor\ndef around(endpoint, values):\n    g.endpoint = endpoint\n",
    "a helper": "def help_(text):\n    return text.strip().lower()\n\n\n@app.before_request\ndef around():\n    g.x = help_(request.path)\n",
}
BLOCKING = {
    "a hook": "@app.before_request\ndef around():\n    time.sleep(1)\n",
    "a hook that calls": "def help_():\n    time.sleep(1)\n\n\n@app.before_request\ndef around():\n    help_()\n",
    "an error handler": "@app.errorhandler(404)\ndef around(error):\n    return open('x').read(), 404\n",
    "a teardown hook": "@app.teardown_request\ndef around(error):\n    g.db.close()\n",
    "a context processor": "@app.context_processor\ndef around():\n    return {'x': requests.get('http://x').text}\n",
    "a URL processor": "@app.url_value_preprocessor\ndef around(endpoint, values):\n    sqlite3.connect('x').execute('select 1')\n",
    "thread-local data": "local = threading.local()\n\n\n@app.before_request\ndef around():\n    local.x = 1\n",
    "an unknown library": "@app.before_request\ndef around():\n    markdown.markdown('x')\n",
    "a loop": "@app.before_request\ndef around():\n    asyncio.run(asyncio.sleep(0))\n",
    "a lock": "lock = threading.Lock()\n\n\n@app.before_request\ndef around():\n    lock.acquire()\n",
    "an extension": "flask_login.LoginManager(app)\n",
    "an extension that is told later": "login = flask_login.LoginManager()\nlogin.init_app(app)\n",
    "a program": "@app.after_request\ndef around(response):\n    subprocess.run(['x'])\n    return response\n",
}
HEAD = "import asyncio\nimport sqlite3\nimport subprocess\nimport threading\nimport time\n\nimport flask_login\nimport markdown\nimport requests\nfrom flask import Flask, g, jsonify, request\n\napp = Flask(__name__)\n\n\n"


@pytest.mark.parametrize("name", HARMLESS)
def test_what_may_run_around_a_view_on_the_loop(name):
    staged = served(
        VIEW.replace(
            "from flask import Flask\n\napp = Flask(__name__)\n\n\n",
            f"from flask import Flask, g, jsonify, request\n\napp = Flask(__name__)\n\n\n{HARMLESS[name]}\n\n",
        )
    )
    assert listed(texts(staged)["asgi.py"]) == ("app.around", "app.view") and not rows(staged, "S407"), staged.outcome.decisions


@pytest.mark.parametrize("name", BLOCKING)
def test_a_thread_for_each_request_where_something_around_views_may_block(name):
    staged = served(VIEW.replace(VIEW[: VIEW.index("@app.get")], f"{HEAD}{BLOCKING[name]}\n\n"), again=False)
    found = texts(staged)
    assert (
        not listed(found["asgi.py"])
        and "# Each request has a thread: app.py:" in found["asgi.py"]
        and "application = Application(app, async_support)" in found["asgi.py"]
    )
    assert {item.verdict for item in rows(staged, "S407")} == {Verdict.LEAVE}, staged.outcome.decisions
    assert "greenlet" not in staged.outcome.needs


VIEWS = {
    "a decorator": ("def mine(f):\n    return f\n\n\n", "@app.get('/')\n@mine\nasync def view():\n    await asyncio.sleep(0)\n    return 'ok'\n"),
    "a callback": ("import time\nfrom flask import after_this_request\n\n\ndef later(response):\n    time.sleep(1)\n    return response\n\n\n", "@app.get('/')\nasync def view():\n    after_this_request(later)\n    await asyncio.sleep(0)\n    return 'ok'\n"),
    "a callback of its own": ("import time\nfrom flask import after_this_request\n\n\n", "@app.get('/')\nasync def view():\n    @after_this_request\n    def later(response):\n        time.sleep(1)\n        return response\n\n    await asyncio.sleep(0)\n    return 'ok'\n"),
    "a method of a class": ("from flask.views import MethodView\n\n\n", "class Page(MethodView):\n    async def get(self):\n        await asyncio.sleep(0)\n        return 'ok'\n\n\napp.add_url_rule('/', view_func=Page.as_view('page'))\n"),
}  # fmt: skip
FREE = {
    "moved to a thread": ("import time\n\n\ndef later():\n    time.sleep(1)\n\n\n", "@app.get('/')\nasync def view():\n    await asyncio.to_thread(later)\n    return 'ok'\n"),
    "a harmless callback": ("from flask import after_this_request\n\n\n", "@app.get('/')\nasync def view():\n    @after_this_request\n    def later(response):\n        response.headers['X'] = 'y'\n        return response\n\n    await asyncio.sleep(0)\n    return 'ok'\n"),
    "two rules": ("", "@app.get('/')\n@app.get('/two')\nasync def view():\n    await asyncio.sleep(0)\n    return 'ok'\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", [*VIEWS, *FREE])
def test_views(name):
    head, view = {**VIEWS, **FREE}[name]
    text = VIEW.replace("app = Flask(__name__)\n\n\n", f"{head}app = Flask(__name__)\n\n\n").replace(VIEW[VIEW.index("@app.get") :], view)
    assert (listed(texts(served(text, again=False))["asgi.py"]) == ("app.view",)) == (name in FREE)


def test_two_functions_of_one_name():
    text = VIEW + "\n\ndef make():\n    def view():\n        return app.thing.load()\n\n    return view\n"
    assert not listed(texts(served(text))["asgi.py"])


def test_what_came_to_block_after_it_was_written():
    files = {"app.py": VIEW, **texts(served(VIEW))}
    assert not rows(served(files), "S408")
    staged = served({**files, "app.py": files["app.py"].replace("    return 'ok'", "    app.thing.load()\n    return 'ok'")})
    assert [(item.path, item.subject, item.verdict) for item in rows(staged, "S408")] == [("asgi.py", "app.view", Verdict.REFUSE)] and rows(staged, "S402")
    hook = "\n\n@app.before_request\nasync def around():\n    app.thing.load()\n    await asyncio.sleep(0)\n"
    staged = served({**files, "app.py": files["app.py"] + hook})
    assert [item.subject for item in rows(staged, "S408")] == ["app.view"] and rows(staged, "S402")


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("Procfile", "web: uvicorn app:app --reload\n", "web: uvicorn asgi:application --reload\n"),
        ("Procfile", "web: hypercorn wsgi:app:app -b 0.0.0.0:80\n", "web: hypercorn asgi:application -b 0.0.0.0:80\n"),
        ("Procfile", "web: gunicorn -w 4 -k uvicorn.workers.UvicornWorker app:app\n", "web: gunicorn -w 4 -k uvicorn.workers.UvicornWorker asgi:application\n"),
        ("Dockerfile", 'CMD ["uvicorn", "app:app", "--port", "80"]\n', 'CMD ["uvicorn", "asgi:application", "--port", "80"]\n'),
        ("run.sh", "exec /venv/bin/uvicorn app:app\n", "exec /venv/bin/uvicorn asgi:application\n"),
        ("Procfile", "web: gunicorn -k gthread --threads 8 -b :$PORT app:app\n", "web: gunicorn -k asgi -b :$PORT asgi:application\n"),
        ("Procfile", "web: gunicorn app:app --threads=8 --preload\n", "web: gunicorn -k asgi asgi:application --preload\n"),
        ("Dockerfile", 'CMD ["gunicorn", "-w", "2", "app:app"]\n', 'CMD ["gunicorn", "-k", "asgi", "-w", "2", "asgi:application"]\n'),
        (
            "Dockerfile",
            'CMD ["gunicorn", "--worker-class", "gthread", "--threads", "8", "app:app"]\n',
            'CMD ["gunicorn", "--worker-class", "asgi", "asgi:application"]\n',
        ),
    ],
)
def test_commands(path, before, after):
    assert texts(served(VIEW, {path: before}))[path] == after


@pytest.mark.parametrize(
    "text",
    [
        "web: gunicorn -k tornado app:app\n",
        "web: gunicorn app:app && date\n",
        "web: gunicorn other:app\n",
        "web: uvicorn --interface wsgi app:app\n",
        "# uvicorn app:app\n",
        "web: uvicorn asgi:application\n",
        "web: uvicorn myapp:app\n",
    ],
)
def test_commands_that_are_left(text):
    assert "Procfile" not in texts(served(VIEW, {"Procfile": text}))


def test_threads_stay_where_they_save_nothing_or_gunicorn_is_old():
    procfile = {"Procfile": "web: gunicorn -k gthread --threads 8 app:app\n"}
    plain = served(VIEW.replace("async def", "def").replace("    await asyncio.sleep(0)\n", ""), procfile)
    assert "Procfile" not in texts(plain) and not rows(plain, "S404")
    old = served(VIEW, {**procfile, "requirements.txt": "flask\ngunicorn==23.0\n"})
    assert "Procfile" not in texts(old) and "requirements.txt asks for a gunicorn below 25" in rows(old, "S404")[0].reason
