"""An object of the project that comes out of a container, a library or a vague annotation: what is called on it is seen.

`if not things.get("a").allowed(): abort(403)` lets everyone in once `allowed` is a coroutine function that nobody awaits.
"""

import ast

import pytest
from pure import migrated

HEAD = """import abc, collections, contextlib, copy, dataclasses, functools, itertools, operator, pickle, queue, random, types
from collections.abc import Callable
from typing import Any, Protocol

import requests
from flask import Flask, abort, current_app, g, session
from flask_login import current_user

app = Flask(__name__)


class Thing:
    def allowed(self):
        return requests.get("http://x", timeout=5).status_code == 200


things = {"a": Thing()}
many = [Thing()]
one = Thing()
"""
VIEWS = """

@app.route("/plain")
def plain():
    if not Thing().allowed():
        abort(403)
    return "in"


@app.route("/odd")
def odd():
    if not (%s):
        abort(403)
    return "in"
"""
CASES = {
    "get of a dict": "things.get('a').allowed()",
    "item": "things['a'].allowed()",
    "setdefault": "things.setdefault('b', None).allowed()",
    "popitem": "things.popitem()[1].allowed()",
    "pop of a list": "many.pop().allowed()",
    "a copy of a list": "many.copy().pop().allowed()",
    "a slice": "many[:1].pop().allowed()",
    "max": "max(many).allowed()",
    "next": "next(iter(many)).allowed()",
    "sum": "sum(many[1:], many[0]).allowed()",
    "sorted": "sorted(many)[0].allowed()",
    "filter": "list(filter(None, many)).pop().allowed()",
    "all": "all(item.allowed() for item in things.values())",
    "deque": "collections.deque(many).popleft().allowed()",
    "random": "random.choice(many).allowed()",
    "reduce": "functools.reduce(max, many).allowed()",
    "chain": "next(itertools.chain(many)).allowed()",
    "itemgetter": "operator.itemgetter('a')(things).allowed()",
    "deepcopy": "copy.deepcopy(many)[0].allowed()",
    "pickle": "pickle.loads(b'').allowed()",
    "unknown library": "__import__('toolz').first(many).allowed()",
    "session": "session.get('thing').allowed()",
    "extensions": "current_app.extensions.get('thing').allowed()",
    "config": "current_app.config['THING'].allowed()",
    "current_user": "current_user.allowed()",
    "an attribute of what a library gives": "pickle.loads(b'').friend.allowed()",
    "an attribute of that": "pickle.loads(b'').friend.best.allowed()",
    "a class that it gives": "pickle.loads(b'').Kind().allowed()",
    "vars": "vars()['one'].allowed()",
    "bound method in a list": "[item.allowed for item in many].pop()()",
    "of a class out of a list": "[Thing][0].allowed(many[0])",
    "by its own name": "one.__getattribute__('allowed')()",
    "by a computed name": "one.__getattribute__('allow' + 'ed')()",
    "by a computed name, on an item": "getattr(things.get('a'), 'allow' + 'ed')()",
}
WITH = {
    "Any": ("def ask(item: Any):\n    return item.allowed()\n", "ask(many.pop())"),
    "object": ("def ask(item: object):\n    return item.allowed()\n", "ask(many.pop())"),
    "given another class by itself": (
        "class Guest:\n    def allowed(self):\n        return True\n\n    def enter(self):\n        self.__class__ = Thing\n\n\nguest = Guest()\nguest.enter()\n",
        "guest.allowed()",
    ),
    "the rest of the arguments": ("def ask(*items):\n    return items[0].allowed()\n", "ask(many.pop())"),
    "each of the rest": ("def ask(*items):\n    return [item.allowed() for item in items][0]\n", "ask(many.pop())"),
    "the named rest": ("def ask(**named):\n    return named.get('item').allowed()\n", "ask(item=many.pop())"),
    "the rest, said to be another type": ("def ask(**named: str):\n    return named['item'].allowed()\n", "ask(item=many.pop())"),
    "another type": ("def ask(item: str):\n    return item.allowed()\n", "ask(many.pop())"),
    "a protocol": ("class Can(Protocol):\n    def allowed(self) -> bool: ...\n\n\ndef ask(item: Can):\n    return item.allowed()\n", "ask(many.pop())"),
    "a callable": ("def ask(item: Callable):\n    return item()\n", "ask(many[0].allowed)"),
    "returned as Any": ("def pick() -> Any:\n    return things.get('a')\n", "pick().allowed()"),
    "a field": ("@dataclasses.dataclass\nclass Box:\n    item: object\n", "Box(many[0]).item.allowed()"),
    "a default dict": ("kept = collections.defaultdict(Thing)\n", "kept.get('x').allowed()"),
    "a queue": ("waiting = queue.Queue()\nwaiting.put(many[0])\n", "waiting.get().allowed()"),
    "filled later": ("late = {}\nfor name in 'ab':\n    late[name] = Thing()\n", "late.get('a').allowed()"),
    "extended": ("late = []\nlate += [Thing()]\n", "late.pop().allowed()"),
    "a registry": (
        "class Kinds:\n    known = {}\n\n    @classmethod\n    def find(cls, name):\n        return cls.known.get(name)\n",
        "Kinds.find('a').allowed()",
    ),
    "by another name of methodcaller": ("from operator import methodcaller as call\n", "call('allowed')(one)"),
    "by another name of getattr": ("take = getattr\n", "take(one, 'allow' + 'ed')()"),
    "a base of another base": (
        "class Near(Thing):\n    pass\n\n\nclass Far:\n    def allowed(self):\n        return True\n\n\nclass Both(Near, Far):\n    pass\n",
        "Both().allowed()",
    ),
    "super, in a class with two bases": (
        "class Far:\n    def allowed(self):\n        return True\n\n\nclass Near(Far):\n    def ask(self):\n        return super().allowed()\n\n\n"
        "class Between(Thing, Far):\n    pass\n\n\nclass Both(Near, Between):\n    pass\n",
        "Both().ask()",
    ),
    "match": ("def ask():\n    match things:\n        case {'a': item}:\n            return item.allowed()\n", "ask()"),
    "entered": ("def ask():\n    with contextlib.nullcontext(many[0]) as item:\n        return item.allowed()\n", "ask()"),
    "an error's argument": (
        "def ask():\n    try:\n        raise ValueError(many[0])\n    except ValueError as error:\n        return error.args[0].allowed()\n",
        "ask()",
    ),
}


def wrong(text: str) -> bool:
    """Whether `allowed` is a coroutine function and the odd view (or what it calls) does not await it."""
    tree = ast.parse(text)
    is_async = any(isinstance(node, ast.AsyncFunctionDef) and node.name == "allowed" for node in ast.walk(tree))
    return is_async and "await" not in text.partition("def odd():")[2]


@pytest.mark.parametrize("name", CASES)
def test_what_a_container_or_a_library_gives_may_be_ours(name):
    texts, _ = migrated(HEAD + VIEWS % CASES[name])
    assert not wrong(texts["app.py"])


@pytest.mark.parametrize("name", WITH)
def test_what_stands_behind_a_name_may_be_ours(name):
    between, odd = WITH[name]
    texts, _ = migrated(f"{HEAD}\n\n{between}{VIEWS % odd}")
    assert not wrong(texts["app.py"])


HANDED = {
    "directly": "library.use(Thing())\n",
    "in a list": "library.use([Thing()])\n",
    "in a dict, by name": "library.use(checks={'a': Thing()})\n",
    "in a tuple with a name": "checks = (Thing(),)\nlibrary.use(checks)\n",
    "an object in a list": "library.use([one])\n",
    "the class in a list": "library.use([Thing])\n",
    "made in a comprehension": "library.use([Thing() for _ in 'ab'])\n",
    "unpacked": "library.use(*[Thing()])\n",
    "one of two": "library.use(Thing() if many else None)\n",
    "on a module": "library.auth = Thing()\n",
    "in its table": "library.table['a'] = Thing()\n",
    "from a callback": "@library.loader\ndef load(name):\n    return Thing()\n",
    "from a lambda": "library.loader(lambda: Thing())\n",
    "from a generator": "@library.fixture\ndef give():\n    yield Thing()\n",
    "from a function of ours": "def make(kind):\n    return Thing() if kind else 3\n\n\nlibrary.use(make(1))\n",
    "in a class that it knows": "class Kind(library.Base):\n    check = Thing()\n",
    "on an object that it knows": "class Kind(library.Base):\n    def __init__(self):\n        self.check = Thing()\n",
    "given to a base that it has": "class Kind(library.Base):\n    pass\n\n\nKind(Thing())\n",
    "in a dict that is filled later": "checks = {}\nchecks['a'] = Thing()\nlibrary.use(checks)\n",
    "in a list that is extended": "checks = []\nchecks += [Thing()]\nlibrary.use(checks)\n",
    "added to its list": "library.checks += [Thing()]\n",
    "in its table, under a computed name": "for name in 'ab':\n    library.table[name] = Thing()\n",
    "one of a list": "library.use(many[0])\n",
    "each of a list": "for item in many:\n    library.use(item)\n",
    "inside an object": "class Box:\n    def __init__(self):\n        self.check = Thing()\n\n\nlibrary.use(Box())\n",
    "inside an object, given to it": "class Box:\n    def __init__(self, check):\n        self.check = check\n\n\nlibrary.use([Box(one), Box(3)])\n",
    "in a field": "@dataclasses.dataclass\nclass Box:\n    check: object\n\n\nlibrary.use(Box(one))\n",
    "as one of several things": "def hand(item):\n    library.use(item)\n\n\nhand(one)\nhand(3)\n",
    "as one of many arguments": "def hand(*items):\n    library.use(items)\n\n\nhand(one)\n",
    "as a name that is another thing first": "late = 3\nlate = Thing()\nlibrary.use(late)\n",
    "through a function that is handed on": "def make():\n    return Thing()\n\n\nlibrary.use([make][0]())\n",
    "from a callback that finds it": "@library.loader\ndef load(name):\n    return things[name]\n",
    "from a callback by name": "def load(name):\n    return many\n\n\nlibrary.loader(load)\n",
    "by a function that is named as a builtin one": "library.print(Thing())\n",
}


@pytest.mark.parametrize("name", HANDED)
def test_what_a_library_gets_hold_of_it_may_call(name):
    texts, decisions = migrated(f"{HEAD}\nimport library\n\n{HANDED[name]}{VIEWS % 'one.allowed()'}")
    assert "async def allowed" not in texts["app.py"]
    assert any(decision.code == "C203" and "outside the project" in decision.reason for decision in decisions)


OTHERS = {
    "a method that is defined in two ways": (
        "class Other:\n    if one:\n        def allowed(self):\n            return False\n    else:\n        def allowed(self):\n"
        "            return requests.get('http://x', timeout=5).ok\n",
        "Other().allowed()",
    ),
    "a method that is replaced": (
        "def never(self):\n    return False\n\n\nclass Other:\n    def allowed(self):\n        return requests.get('http://x', timeout=5).ok\n\n    allowed = never\n",
        "Other().allowed()",
    ),
    "a descriptor": (
        "class Other:\n    def allowed(self):\n        return False\n\n\nclass Gives(Thing):\n    def __get__(self, item, owner):\n        return Other()\n\n\n"
        "class Box:\n    item = Gives()\n",
        "Box().item.allowed()",
    ),
    "an object that gets another class": (
        "class Other:\n    def allowed(self):\n        return False\n\n\nmade = Thing()\nmade.__class__ = Other\n",
        "made.allowed()",
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_not_surely_a_coroutine_function_is_not_awaited(name):
    between, odd = OTHERS[name]
    texts, _ = migrated(f"{HEAD}\n\n{between}{VIEWS % odd}")
    assert f"await {odd}" not in texts["app.py"]


FOLLOWED = {
    "in a variable": ("made = Thing()\n", "made.allowed()"),
    "in a parameter": ("def ask(item):\n    return item.allowed()\n", "ask(one)"),
    "in a typed parameter": ("def ask(item: Thing):\n    return item.allowed()\n", "ask(Thing())"),
    "in an object": ("class Box:\n    def __init__(self, item):\n        self.item = item\n\n\nbox = Box(one)\n", "box.item.allowed()"),
    "from a function": ("def make():\n    made = Thing()\n    return made\n", "make().allowed()"),
    "one that is looked at": ("assert isinstance(one, (Thing, str)), repr(one)\n", "one.allowed()"),
    "as a type": ("def ask(item: Thing | None, more: list[Thing]) -> Thing:\n    return item\n", "one.allowed()"),
}


@pytest.mark.parametrize("name", FOLLOWED)
def test_an_object_that_is_followed_is_not_handed_out(name):
    """The library gets things that nobody knows: they are none of those that never leave."""
    between, odd = FOLLOWED[name]
    head = HEAD.replace('things = {"a": Thing()}\nmany = [Thing()]\n', "")
    texts, _ = migrated(f"{head}\n\nimport library\n\nlibrary.use(library.wanted, [name for name in 'ab'])\n\n\n{between}{VIEWS % odd}")
    assert "async def allowed" in texts["app.py"] and f"await {odd}" in texts["app.py"]


def test_a_class_attribute_that_is_set_later_is_followed():
    texts, _ = migrated(HEAD + "\n\nclass Holder:\n    item = None\n\n\nHolder.item = Thing()\n" + VIEWS % "Holder.item.allowed()")
    assert "await Holder.item.allowed()" in texts["app.py"]


def test_without_such_a_use_the_helper_becomes_async():
    """The tests above would pass if nothing ever changed."""
    texts, _ = migrated(HEAD + VIEWS % "one.allowed()")
    assert "async def allowed" in texts["app.py"] and "await one.allowed()" in texts["app.py"]


def test_what_is_plain_stays_plain():
    """Methods of strings and numbers are no reason to leave a helper of the same name alone."""
    source = (HEAD + VIEWS % "one.allowed()").replace("allowed", "split") + "\n\n@app.route('/text')\ndef text():\n    return str(len('a b'.strip().split()))\n"
    texts, _ = migrated(source)
    assert "await one.split()" in texts["app.py"] and "'a b'.strip().split()" in texts["app.py"]


CURRENCY = """from jinja2 import pass_context


class Prices:
    def resolve(self, name):
        return requests.get("http://x/unit", timeout=5).status_code


@app.template_filter()
@pass_context
def priced(context, number):
    return f"{number} {context.resolve('unit')}"
"""


def test_jinjas_context_is_no_object_of_the_project():
    texts, _ = migrated(f"{HEAD}\n\n{CURRENCY}" + VIEWS % "Prices().resolve('a')")
    assert "await Prices().resolve('a')" in texts["app.py"]


COMPUTED = {
    "called": "{{ config.T['allow' ~ 'ed']() }}",
    "under a name in a list": "{% set n = ['allow' ~ 'ed'] %}{{ config.T[n[0]]() }}",
    "by the filter": "{{ config.T|attr('allow' ~ 'ed')() }}",
    "by the filter, in brackets": "{{ (config.T|attr(['allow', 'ed']|join('')))() }}",
    "set and called": "{% set m = config.T['allow' ~ 'ed'] %}{{ m() }}",
    "in a loop": "{% for m in [config.T['allow' ~ 'ed']] %}{{ m() }}{% endfor %}",
    "under a quoted name": "{{ config.T['allowed']() }}",
    "by the filter, quoted": "{{ (config.T|attr('allowed'))() }}",
    "mapped": "{% for m in [config.T]|map(attribute='allowed') %}{{ m() }}{% endfor %}",
    "mapped by the filter": "{% for m in [config.T]|map('attr', 'allowed') %}{{ m() }}{% endfor %}",
}
NOT_CALLED = {
    "fields of a form": "{% for f in form.fields %}{{ f() }}{% endfor %}",
    "a macro": "{% macro field(f) %}{{ f(class='wide') }}{% endmacro %}{{ field(form[name]) }}",
    "an item": "{{ table[key] }} {{ rows[0](1) }} {{ texts['title']() }} {{ rows[1:] }}",
    "a name that is not called": "{% set row = table[key] %}{{ row.title }}",
    "a filter after an item": "{{ table[key]|default('x') }} {{ _('Hello') }}",
}


@pytest.mark.parametrize("name", COMPUTED)
def test_what_a_template_takes_by_a_computed_name_it_may_call(name):
    texts, _ = migrated(HEAD + f"\n\nSHOWN = {COMPUTED[name]!r}\n" + VIEWS % "one.allowed()")
    assert "async def allowed" not in texts["app.py"]


@pytest.mark.parametrize("name", NOT_CALLED)
def test_other_templates_call_nothing_of_ours(name):
    texts, _ = migrated(HEAD + f"\n\nSHOWN = {NOT_CALLED[name]!r}\n" + VIEWS % "one.allowed()")
    assert "async def allowed" in texts["app.py"]


OTHER = "class Other:\n    def allowed(self):\n        return False\n\n\nothers = [Other()]\n\n\n"
SAID = {
    "a field of a dataclass": ("@dataclasses.dataclass\nclass Box:\n    item: Thing\n", "Box(Other()).item.allowed()"),
    "a field of a base": ("@dataclasses.dataclass\nclass Base:\n    item: Thing\n\n\nclass Box(Base):\n    pass\n", "Box(item=Other()).item.allowed()"),
    "a field of a named tuple": ("import typing\n\n\nclass Box(typing.NamedTuple):\n    item: Thing\n", "Box(Other()).item.allowed()"),
    "a parameter": ("def ask(item: Thing):\n    return item.allowed()\n", "ask(others[0])"),
    "a parameter that gets one of two": ("def ask(item: Thing):\n    return item.allowed()\n", "ask(Other() if many else one)"),
    "a parameter of a constructor": (
        "class Box:\n    def __init__(self, item: Thing):\n        self.item = item\n\n    def ask(self):\n        return self.item.allowed()\n",
        "Box(others[0]).ask()",
    ),
    "a variable": ("def ask():\n    item: Thing = others[0]\n    return item.allowed()\n", "ask()"),
    "what a decorated function gives": ("@functools.singledispatch\ndef make(kind) -> Thing:\n    return others[0]\n", "make(1).allowed()"),
}


@pytest.mark.parametrize("name", SAID)
def test_an_annotation_is_not_trusted_where_another_class_has_such_a_method(name):
    between, odd = SAID[name]
    texts, _ = migrated(f"{HEAD}\n\n{OTHER}{between}{VIEWS % odd}")
    assert "await" not in texts["app.py"].partition("class Other")[2].partition("def plain")[0]
    assert not wrong(texts["app.py"])
    assert f"await {odd}" not in texts["app.py"]


@pytest.mark.parametrize("name", ["a parameter", "a field of a dataclass"])
def test_without_such_a_class_it_is_trusted(name):
    between, odd = SAID[name]
    texts, _ = migrated(f"{HEAD}\n\n{between}{VIEWS % odd.replace('others[0]', 'many[0]').replace('Other()', 'many[0]')}")
    assert "async def allowed" in texts["app.py"] and "await" in texts["app.py"].partition("def odd")[2] + texts["app.py"].partition("def ask")[2]
