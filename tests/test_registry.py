"""Every way to hand a function to Flask, and every decorator that may stand around it."""

import pytest
from pure import changes, migrated

from transforms.model import Settings, Verdict

HEAD = "import time\n\nfrom flask import Blueprint, Flask\n\napp = Flask(__name__)\npages = Blueprint('pages', __name__)\n\n\n"
WORK = "    time.sleep(0.1)\n    return 'x'\n"

AWAITED = {
    "route": "@app.route('/')\ndef view():\n",
    "route with methods": "@app.route('/', methods=['GET', 'POST'])\ndef view():\n",
    "two routes": "@app.route('/')\n@app.route('/home')\ndef view():\n",
    "get": "@app.get('/')\ndef view():\n",
    "post": "@app.post('/')\ndef view():\n",
    "put": "@app.put('/')\ndef view():\n",
    "patch": "@app.patch('/')\ndef view():\n",
    "delete": "@app.delete('/')\ndef view():\n",
    "endpoint": "@app.endpoint('view')\ndef view():\n",
    "blueprint": "@pages.route('/')\ndef view():\n",
    "before_request": "@app.before_request\ndef view():\n",
    "blueprint before_app_request": "@pages.before_app_request\ndef view():\n",
    "after_request": "@app.after_request\ndef view(response):\n",
    "blueprint after_app_request": "@pages.after_app_request\ndef view(response):\n",
    "errorhandler": "@app.errorhandler(404)\ndef view(error):\n",
    "blueprint app_errorhandler": "@pages.app_errorhandler(ValueError)\ndef view(error):\n",
}
AFTERWARDS = {
    "add_url_rule": "app.add_url_rule('/', view_func=view)\n",
    "add_url_rule by position": "app.add_url_rule('/', 'home', view)\n",
    "blueprint add_url_rule": "pages.add_url_rule('/', view_func=view)\n",
    "route called": "app.route('/')(view)\n",
    "before_request called": "app.before_request(view)\n",
    "register_error_handler": "app.register_error_handler(404, view)\n",
    "in a function": "def register(site: Flask):\n    site.add_url_rule('/', view_func=view)\n",
    "from a factory": "def create():\n    site = Flask('x')\n    site.add_url_rule('/', view_func=view)\n    return site\n",
}
PUT_BY_HAND = {
    "a global": "app.jinja_env.globals['busy'] = busy\n",
    "a filter": "app.jinja_env.filters['busy'] = busy\n",
    "many": "app.jinja_env.globals.update(busy=busy)\n",
    "a table": "app.jinja_env.tests.update({'busy': busy})\n",
    "in a factory": "def create(site):\n    site.jinja_env.globals['busy'] = busy\n",
}
NEVER = {
    "teardown_request": "@app.teardown_request\ndef view(error):\n",
    "teardown_appcontext": "@app.teardown_appcontext\ndef view(error):\n",
    "template_filter": "@app.template_filter()\ndef view(value):\n",
    "template_test": "@app.template_test('odd')\ndef view(value):\n",
    "template_global": "@app.template_global()\ndef view():\n",
    "context_processor": "@app.context_processor\ndef view():\n",
    "url_defaults": "@app.url_defaults\ndef view(endpoint, values):\n",
    "url_value_preprocessor": "@app.url_value_preprocessor\ndef view(endpoint, values):\n",
    "shell_context_processor": "@app.shell_context_processor\ndef view():\n",
    "blueprint record": "@pages.record\ndef view(state):\n",
    "cli command": "@app.cli.command('x')\ndef view():\n",
}


def becomes_async(source, line="async def view"):
    texts, decisions = migrated(source)
    assert (line in texts["app.py"]) == any(decision.code == "R100" for decision in changes(decisions))
    return line in texts["app.py"]


@pytest.mark.parametrize("form", AWAITED)
def test_awaited_slots(form):
    assert becomes_async(HEAD + AWAITED[form] + WORK)


@pytest.mark.parametrize("form", AFTERWARDS)
def test_registered_afterwards(form):
    assert becomes_async(f"{HEAD}def view(error=None):\n{WORK}\n\n{AFTERWARDS[form]}")


@pytest.mark.parametrize("form", PUT_BY_HAND)
def test_what_templates_may_call(form):
    """Rendering runs it, so a view that renders may block there, as with `template_global`."""
    view = "@app.route('/')\nasync def page():\n    return render_template('x.html')\n"
    source = f"{HEAD}from flask import render_template\n\n\ndef busy():\n{WORK}\n\n{{}}\n\n{view}"
    named = [item for item in migrated(source.format(PUT_BY_HAND[form]))[1] if item.symbol == "busy"]
    assert [(item.code, item.verdict) for item in named] == [("E307", Verdict.REFUSE)] and "page" in named[0].reason
    assert not [item for item in migrated(source.format("app.config['busy'] = busy\n"))[1] if item.symbol == "busy"]


@pytest.mark.parametrize("form", NEVER)
def test_slots_that_flask_does_not_await(form):
    source = HEAD + NEVER[form] + WORK
    texts, decisions = migrated(source)
    assert texts["app.py"] == source
    assert {decision.verdict for decision in decisions} <= {Verdict.LEAVE}


@pytest.mark.parametrize("never", [name for name in NEVER if name != "cli command"])
def test_one_slot_that_does_not_await_is_enough(never):
    """Registered as a view too: it must stay as the strictest slot needs it."""
    assert not becomes_async(f"{HEAD}@app.route('/')\n{NEVER[never]}{WORK}")


def test_command_and_view():
    """Click would make a coroutine and never run it."""
    assert not becomes_async(f"{HEAD}@app.cli.command('x')\n@app.route('/')\ndef view():\n{WORK}")


def test_view_registered_and_not():
    """The same code outside Flask stays what it is."""
    assert not becomes_async(f"{HEAD}def view():\n{WORK}")


CLASSES = {
    "MethodView": ("from flask.views import MethodView\n\n\nclass Page(MethodView):\n    def get(self):\n        time.sleep(0.1)\n        return 'x'\n", "    async def get"),
    "MethodView of the module": ("import flask.views\n\n\nclass Page(flask.views.MethodView):\n    def post(self):\n        time.sleep(0.1)\n        return 'x'\n", "    async def post"),
    "View": ("from flask.views import View\n\n\nclass Page(View):\n    def dispatch_request(self):\n        time.sleep(0.1)\n        return 'x'\n", "    async def dispatch_request"),
    "base of the app's own": ("from flask.views import MethodView\n\n\nclass Base(MethodView):\n    pass\n\n\nclass Page(Base):\n    def get(self):\n        time.sleep(0.1)\n        return 'x'\n", "    async def get"),
}  # fmt: skip


@pytest.mark.parametrize("form", CLASSES)
def test_class_based_views(form):
    body, line = CLASSES[form]
    assert becomes_async(f"{HEAD}{body}\n\napp.add_url_rule('/', view_func=Page.as_view('page'))\n", line)


def test_other_methods_of_a_class_based_view_stay():
    body = CLASSES["MethodView"][0].replace("def get", "def fetch")
    assert not becomes_async(f"{HEAD}{body}\n\napp.add_url_rule('/', view_func=Page.as_view('page'))\n", "async def")


DECORATORS = {
    "uses the result": "def around(view):\n    @functools.wraps(view)\n    def wrapper(*args, **kwargs):\n        return view(*args, **kwargs).upper()\n    return wrapper\n",
    "passes it on": "def around(view):\n    @functools.wraps(view)\n    def wrapper(*args, **kwargs):\n        return view(*args, **kwargs)\n    return wrapper\n",
    "registers it": "def around(view):\n    TABLE.append(view.__name__)\n    return view\n",
    "from a library": "from somewhere import around\n",
    "made by decorator": "import decorator\n\n\n@decorator.decorator\ndef around(view, *args, **kwargs):\n    return view(*args, **kwargs)\n",
    "made by wrapt": "from wrapt import decorator\n\n\n@decorator\ndef around(view, instance, args, kwargs):\n    return view(*args, **kwargs)\n",
    "a class": "class around:\n    def __init__(self, view):\n        self.view = view\n        self.__name__ = view.__name__\n    def __call__(self):\n        return self.view()\n",
}


@pytest.mark.parametrize("form", DECORATORS)
def test_a_decorator_that_is_not_proved_gets_the_adapter(form):
    """The adapter stands below it, so that it sees a plain function as before."""
    source = (
        HEAD.replace("import time\n", "import functools\nimport time\n")
        + f"TABLE = []\n\n\n{DECORATORS[form]}\n\n@app.route('/')\n@around\ndef view():\n{WORK}"
    )
    texts, decisions = migrated(source)
    assert "@app.route('/')\n@around\n@run_async\nasync def view" in texts["app.py"]
    assert "def run_async(" in texts["async_support.py"]


def test_a_decorator_that_is_async_itself_is_refused():
    source = HEAD + f"def around(view):\n    async def wrapper():\n        return view()\n    return wrapper\n\n\n@app.route('/')\n@around\ndef view():\n{WORK}"
    texts, decisions = migrated(source)
    assert texts["app.py"] == source
    assert [decision.code for decision in decisions if decision.verdict == Verdict.REFUSE] == ["R105"]


@pytest.mark.parametrize("form", DECORATORS)
def test_it_really_answers_the_same(form, tmp_path, monkeypatch):
    """Run both: the plain app and the migrated one, with the adapter where a decorator needs it."""
    import sys

    if form == "from a library":
        monkeypatch.setitem(sys.modules, "somewhere", type(sys)("somewhere"))
        sys.modules["somewhere"].around = lambda view: view
    source = (
        HEAD.replace("import time\n", "import functools\nimport time\n")
        + f"TABLE = []\n\n\n{DECORATORS[form]}\n\n@app.route('/')\n@around\ndef view():\n{WORK}"
    )
    texts, _ = migrated(source)
    monkeypatch.setitem(sys.modules, "async_support", support := type(sys)("async_support"))
    exec(compile(texts["async_support.py"], "async_support.py", "exec"), support.__dict__)
    answers = []
    for text in (source, texts["app.py"]):
        space = {"__name__": "generated"}
        exec(compile(text, "app.py", "exec"), space)
        answers.append(space["app"].test_client().get("/").text)
    assert answers[0] == answers[1] and answers[0].lower() == "x"


def test_a_view_that_is_called_by_its_own_decorator_only():
    """The decorator's call is not a caller that cannot await: Flask and the adapter are between."""
    source = (
        HEAD
        + f"def around(view):\n    def wrapper():\n        return view()\n    wrapper.__name__ = view.__name__\n    return wrapper\n\n\n@app.route('/')\n@around\ndef view():\n{WORK}"
    )
    assert becomes_async(source)


def test_an_adapter_that_an_earlier_stage_imported_serves_later_ones_too():
    """`early` gets it in stage routes, `late` in stage executor, from the same import; a name that is taken is refused."""
    source = """
import functools, time
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

app = Flask(__name__)
db = SQLAlchemy(app)


def shouting(view):
    @functools.wraps(view)
    def inner(*args):
        return view(*args).upper()
    return inner


@app.route("/early")
@shouting
def early():
    time.sleep(1)
    return "x"


@app.route("/late")
@shouting
def late():
    db.session.commit()
    return "x"
"""
    after, _ = migrated(source, Settings(orm="executor"))
    assert after["app.py"].count("@run_async\nasync def") == 2
    assert after["app.py"].count("import run_async") == 1
    taken, decisions = migrated(source.replace("app = Flask", "run_async = 1\napp = Flask"), Settings(orm="executor"))
    assert "async def" not in taken["app.py"]
    assert {item.code for item in decisions if item.symbol in ("early", "late")} == {"R111"}


@pytest.mark.parametrize(("line", "codes"), [("from .gevent import spawn", {"R100"}), ("from gevent import spawn", {"P001"})])
def test_a_module_of_ours_named_as_a_green_library_is_none(line, codes):
    app = f"import time\n\nfrom flask import Flask\n\n{line}\n\napp = Flask(__name__)\n\n\n@app.route('/')\ndef view():\n    time.sleep(1)\n    return ''\n"
    _, decisions = migrated({"shop/__init__.py": "", "shop/app.py": app, "shop/gevent.py": "def spawn():\n    return 1\n"}, stages=("routes",))
    assert {item.code for item in decisions} == codes
