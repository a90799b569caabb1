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


NAPS = "import time\n\n\ndef nap(n):\n    time.sleep(0.1)\n    return n\n"
MODULES = {
    "a module in a list": "import naps\n\n[naps][0].nap(1)\n",
    "a module of a package in a list": "import kinds.naps\n\n[kinds.naps][0].nap(1)\n",
    "its package in a list": "import kinds.naps\n\n[kinds][0].naps.nap(1)\n",
    "imported in a function": "def pick():\n    import kinds.naps as other\n    return [other][0]\n\n\npick().nap(1)\n",
    "imported by a computed name": "import importlib\n\nimportlib.import_module('kinds.' + 'naps').nap(1)\n",
    "by another name of import_module": "from importlib import import_module as load\n\nload('kinds.' + 'naps').nap(1)\n",
    "seen from a package": "import importlib\n\nimportlib.import_module('.naps', 'kinds').nap(1)\n",
    "imported and kept": "import importlib\n\nkept = [importlib.import_module('kinds.naps')]\nkept[0].nap(1)\n",
    "with __import__": "__import__('kinds.naps').naps.nap(1)\n",
    "loaded from a file": "import importlib.util\n\nspec = importlib.util.spec_from_file_location('x', 'kinds/naps.py')\nmade = importlib.util.module_from_spec(spec)\nmade.nap(1)\n",
    "run": "import runpy\n\nrunpy.run_path('kinds/naps.py')['nap'](1)\n",
    "resolved": "import pkgutil\n\npkgutil.resolve_name('kinds.naps:' + 'nap')(1)\n",
    "by werkzeug": "from werkzeug.utils import import_string\n\nimport_string('kinds.naps:' + 'nap')(1)\n",
}


@pytest.mark.parametrize("name", MODULES)
def test_what_is_taken_from_a_module_that_is_a_value_stays(name):
    app = f"{HEAD}\nfrom {'naps' if 'import naps' in MODULES[name] else 'kinds.naps'} import nap\n{VIEW.format(body='return str(nap(1))')}\n{MODULES[name]}"
    files = {"app.py": app, "naps.py": NAPS, "kinds/__init__.py": "", "kinds/naps.py": NAPS}
    assert not {item.symbol for item in migrated(files)[1] if item.code == "C201"}


@pytest.mark.parametrize(
    "how", ["importlib.import_module('kinds.naps')", "importlib.import_module('.naps', __package__)", "__import__('kinds.naps', fromlist=['nap'])"]
)
def test_a_module_that_is_imported_by_a_plain_string_is_followed(how):
    app = f"import importlib\n\nfrom flask import Flask\n\napp = Flask(__name__)\nnaps = {how}\n{VIEW.format(body='return str(naps.nap(1))')}"
    files = {"kinds/__init__.py": "", "kinds/app.py": app, "kinds/naps.py": NAPS}
    texts, _ = migrated(files)
    assert "await naps.nap(1)" in texts["kinds/app.py"] and "async def nap" in texts["kinds/naps.py"]


RUN = {
    "a computed text": "def run(text):\n    return eval(text)\n",
    "a text that names it": "def run():\n    return eval('nap(1)')\n",
    "statements": "def run(text):\n    exec(text)\n",
}
NOT_RUN = {
    "a text that names others": "def run():\n    return eval('1 + other(1)')\n",
    "a text that sees what it is given": "def run(text):\n    return eval(text, {'a': 1})\n",
    "a method so named": "import redis\n\n\ndef run(text):\n    return redis.Redis().eval(text)\n",
}


@pytest.mark.parametrize("name", RUN)
def test_what_a_text_of_code_may_call_stays(name):
    assert not _converted(VIEW.format(body="return str(nap(1))") + RUN[name])


@pytest.mark.parametrize("name", NOT_RUN)
def test_what_it_cannot_call_becomes_async(name):
    assert "nap" in _converted(VIEW.format(body="return str(nap(1))") + NOT_RUN[name])


def test_methods_of_what_its_module_names_are_not_called_by_awaiting():
    thing = "class Thing:\n    def nap(self):\n        time.sleep(0.1)\n\n\none = Thing()\n"
    views = VIEW.format(body="one.nap()\n    return ''")
    assert "Thing.nap" in _converted(thing + views)
    assert "Thing.nap" not in _converted(thing + views + "\n\ndef run(text):\n    eval(text)\n")
