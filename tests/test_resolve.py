"""From an expression to what it is: import forms, shadowing, receivers, factories, `g.x`."""

import pytest
from pure import function_named, index_of, value_of

from transforms.values import ClassValue, External, FunctionValue, Instance, ModuleValue

SLEEP = External("time.sleep")
IMPORTS = {
    "import": ("import time\n", "time.sleep"),
    "import as": ("import time as t\n", "t.sleep"),
    "from": ("from time import sleep\n", "sleep"),
    "from as": ("from time import sleep as s\n", "s"),
    "in a list": ("import os, time\n", "time.sleep"),
    "dotted": ("import os.path\n", "os.path.exists"),
    "dotted as": ("import os.path as p\n", "p.exists"),
    "in a function": ("def f():\n    import time\n    x = time.sleep\n", None),
    "assigned": ("import time\nx = time.sleep\n", "x"),
    "assigned twice the same": ("import time\nx = time.sleep\nx = time.sleep\n", "x"),
    "try and except": ("try:\n    from time import sleep\nexcept ImportError:\n    from time import sleep\n", "sleep"),
    "getattr": ("import time\nx = getattr(time, 'sleep')\n", "x"),
    "walrus": ("import time\n(x := time.sleep)\n", "x"),
    "either or": ("import time\nx = time.sleep if y else time.sleep\n", "x"),
}


@pytest.mark.parametrize("form", [form for form in IMPORTS if IMPORTS[form][1]])
def test_import_forms(form):
    source, expression = IMPORTS[form]
    assert value_of(source, expression) == External("os.path.exists" if "dotted" in form else "time.sleep")


UNKNOWN = {
    "parameter": "import time\ndef f(time):\n    pass\n",
    "rebound": "import time\nx = time.sleep\nx = print\n",
    "deleted and loop": "for x in things:\n    pass\n",
    "argument of a call": "x = things[0]\n",
    "either or": "import time\nx = time.sleep if y else print\n",
    "exception": "try:\n    pass\nexcept ValueError as x:\n    pass\n",
    "unpacked": "import time\nx, y = time.sleep, 1\n",
    "never bound": "",
}


@pytest.mark.parametrize("form", [form for form in UNKNOWN if form not in ("parameter", "unpacked")])
def test_unknown_is_not_guessed(form):
    assert value_of(UNKNOWN[form], "x") is None


def inside(source, function, expression):
    import ast

    index = index_of(source)
    return index.resolver.value(ast.parse(expression, mode="eval").body, function_named(index, function).scope)


def test_local_shadows_global():
    source = "import time\ndef f():\n    time = make()\n    time.sleep(1)\ndef g():\n    time.sleep(1)\n"
    assert inside(source, "f", "time.sleep") is None
    assert inside(source, "g", "time.sleep") == SLEEP


def test_parameter_shadows_global():
    assert inside("import time\ndef f(time):\n    time.sleep(1)\n", "f", "time.sleep") is None


def test_class_scope_is_not_seen_by_methods():
    source = "from time import sleep\nclass C:\n    sleep = print\n    def f(self):\n        sleep(1)\n"
    assert inside(source, "C.f", "sleep") == SLEEP


def test_global_statement():
    source = "import time\nx = 1\ndef f():\n    global x\n    x = time.sleep\n"
    assert inside(source, "f", "x") is None


def test_enclosing_function():
    source = "def f():\n    import time\n    def g():\n        time.sleep(1)\n    return g\n"
    assert inside(source, "f.<locals>.g", "time.sleep") == SLEEP


PACKAGE = {
    "shop/__init__.py": "from .models import Item\n",
    "shop/models.py": "class Item:\n    def price(self):\n        return 1\n\ndef make():\n    return Item()\n",
    "shop/sub/__init__.py": "",
    "shop/sub/deep.py": "from .. import models\nfrom ..models import make\nfrom shop import Item\nimport shop.models as m\n",
    "app.py": "import shop\nimport shop.models\nfrom shop import models, Item\nfrom shop.models import *\nfrom shop.sub import deep\n",
}


@pytest.mark.parametrize("expression", ["shop.models.make", "models.make", "make", "deep.make", "deep.models.make", "deep.m.make"])
def test_function_of_the_project(expression):
    found = value_of(PACKAGE, expression)
    assert isinstance(found, FunctionValue) and found.function.place.startswith("shop/models.py")


@pytest.mark.parametrize("expression", ["shop.Item", "Item", "models.Item", "deep.Item", "deep.models.Item"])
def test_class_of_the_project(expression):
    found = value_of(PACKAGE, expression)
    assert isinstance(found, ClassValue) and found.cls.name == "Item"


@pytest.mark.parametrize("expression", ["make()", "models.make()", "Item()", "shop.Item()"])
def test_instances(expression):
    found = value_of(PACKAGE, expression)
    assert isinstance(found, Instance) and found.cls.name == "Item"
    assert isinstance(value_of(PACKAGE, f"{expression}.price"), FunctionValue)


def test_modules():
    assert value_of(PACKAGE, "shop") == ModuleValue("shop/__init__.py")
    assert value_of(PACKAGE, "models") == ModuleValue("shop/models.py")


def test_circular_imports_end():
    files = {"a.py": "from b import x\n", "b.py": "from a import x\n", "app.py": "from a import x\n"}
    assert value_of(files, "x") is None


def test_package_that_imports_its_own_module():
    files = {"shop/__init__.py": "from shop import models\n", "shop/models.py": "def make():\n    return 1\n", "app.py": "from shop import models\n"}
    assert isinstance(value_of(files, "models.make"), FunctionValue)


RECEIVERS = {
    "constructor": "import redis\nx = redis.Redis()\n",
    "alias": "from redis import StrictRedis as R\nx = R()\n",
    "classmethod": "import redis\nx = redis.Redis.from_url('redis://')\n",
    "factory": "import redis\ndef make():\n    return redis.Redis()\nx = make()\n",
    "factory of a factory": "import redis\ndef inner():\n    return redis.Redis()\ndef make():\n    return inner()\nx = make()\n",
    "annotation": "import redis\nx: redis.Redis = make()\n",
    "optional annotation": "import redis\nx: redis.Redis | None = None\n",
    "none at first": "import redis\nx = None\nx = redis.Redis()\n",
    "attribute": "import redis\nclass C:\n    def __init__(self):\n        self.store = redis.Redis()\nx = C().store\n",
    "class attribute": "import redis\nclass C:\n    store = redis.Redis()\nx = C.store\n",
    "inherited": "import redis\nclass B:\n    store = redis.Redis()\nclass C(B):\n    pass\nx = C().store\n",
    "property": "import redis\nclass C:\n    @property\n    def store(self):\n        return redis.Redis()\nx = C().store\n",
    "with": "import redis\nwith redis.Redis() as x:\n    pass\n",
    "string annotation": "import redis\nx: 'redis.Redis' = make()\n",
}


@pytest.mark.parametrize("form", RECEIVERS)
def test_receivers(form):
    assert value_of(RECEIVERS[form], "x") == External("redis.Redis", True)


def test_parameter_from_all_callers():
    source = "import redis\ndef use(store):\n    store.get('a')\nuse(redis.Redis())\nuse(store=redis.Redis())\n"
    assert inside(source, "use", "store") == External("redis.Redis", True)
    assert inside(source + "use(other())\n", "use", "store") is None


def test_g():
    source = "import sqlite3\nfrom flask import g\ndef before():\n    g.db = sqlite3.connect('x')\ndef view():\n    g.db.execute('x')\n"
    assert inside(source, "view", "g.db") == External("sqlite3.Connection", True)


def test_g_that_is_two_things():
    source = "import sqlite3\nfrom flask import g\ndef before():\n    g.db = sqlite3.connect('x')\ndef other():\n    g.db = make()\ndef view():\n    g.db.execute('x')\n"
    assert inside(source, "view", "g.db") is None


def test_overridden_method_is_not_one_function():
    source = "class B:\n    def run(self):\n        pass\n    def go(self):\n        self.run()\nclass C(B):\n    def run(self):\n        pass\n"
    assert inside(source, "B.go", "self.run") is None
    assert isinstance(inside(source, "B.go", "self.go"), FunctionValue)


CHAIN = """import requests


class Query:
    def where(self, name):
        return Query()

    def all(self):
        return 3
"""


@pytest.mark.parametrize(
    ("body", "known"),
    [
        ("x = Query()\nx = x.where(1)\n", True),
        ("x = Query()\nif 1:\n    x = x.where(1)\nfor name in 'ab':\n    x = x.where(name).where(2)\n", True),
        ("x = Query()\ny = x\ny = y.where(x)\nx = y.where(x)\n", True),
        ("x = Query()\nx = x.all()\n", False),
        ("x = Query()\nx = unknown(x)\n", False),
        ("x = x.where(1)\n", False),
        ("x = None\nx = x.where(1)\n", False),
        ("for x in []:\n    x = x.where(1)\n", False),
    ],
)
def test_a_name_that_is_made_of_itself(body, known):
    """Only where everything that is assigned gives the same, if the name is that before."""
    value = value_of(CHAIN + body)
    assert (isinstance(value, Instance) and value.cls.name == "Query") is known
