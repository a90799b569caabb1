"""The adapter is imported as the application imports its own modules; what a test calls them does not count."""

from pure import migrated

from transforms.model import Settings

SHOP = """import functools

from flask import Blueprint

from shop.names import TITLE

pages = Blueprint("pages", __name__)


def counted(view):
    @functools.wraps(view)
    def run(*args, **kwargs):
        return view(*args, **kwargs)

    return run


@pages.route("/")
@counted
def index():
    return TITLE
"""
FILES = {"shop/__init__.py": "", "shop/names.py": "TITLE = 'x'\n", "shop/pages.py": SHOP, "main.py": "from flask import Flask\nfrom shop.pages import pages\n"}


def test_another_name_in_a_test():
    after, _ = migrated({**FILES, "shop/tests/test_names.py": "import names\n"}, Settings(all_handlers=True))
    assert "from shop.async_support import run_async" in after["shop/pages.py"]
    assert "@run_async\nasync def index" in after["shop/pages.py"]


def test_another_name_in_the_application():
    after, decisions = migrated({**FILES, "shop/other.py": "import names\n"}, Settings(all_handlers=True))
    assert after["shop/pages.py"] == SHOP
    assert [item.code for item in decisions if item.symbol == "index" and "under several names" in item.reason] == ["R111"]


def test_a_file_that_is_called_like_the_library_it_uses():
    text = "import requests\n\n\ndef ask():\n    return requests.get('http://x', timeout=3).text\n"
    pages = SHOP.replace("from shop.names import TITLE", "from shop.requests import ask").replace("return TITLE", "return ask()")
    after, _ = migrated({**FILES, "shop/requests.py": text, "shop/pages.py": pages}, Settings())
    assert "await" in after["shop/pages.py"]
