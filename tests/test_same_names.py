"""A method of a view class has a common name: what only has that name is no caller of it, what may be it is."""

import pytest
from pure import changes, migrated

from transforms.model import Settings

APP = """from flask import Flask, request
from flask.views import MethodView

app = Flask(__name__)


class Page(MethodView):
    def get(self):
        return "page"

    def post(self):
        return "sent"


app.add_url_rule("/page", view_func=Page.as_view("page"))
"""
LEFT_ALONE = {
    "an object's own attribute": "class Form:\n    def __init__(self, post):\n        self.post = post\n\n    def text(self):\n        return self.post.text\n",
    "an object that is called": "class Form:\n    def __init__(self, post):\n        self.post = post\n\n    def text(self):\n        return self.post()\n",
    "an attribute of a class": "class Form:\n    post = request\n\n    def text(self):\n        return self.post.text\n",
    "the named rest": "def text(**named):\n    return named.get('text')\n",
}
CALLERS = {
    "its method is put there": "class Form:\n    def __init__(self, page):\n        self.post = page.post\n\n    def text(self):\n        return self.post()\n",
    "a class of both": "class Form:\n    post = None\n\n    def text(self):\n        return self.post()\n\n\nclass Both(Page, Form):\n    pass\n",
    "another class later": "class Form:\n    def __init__(self, post):\n        self.post = post\n        self.__class__ = request.kind\n\n    def text(self):\n        return self.post()\n",
    "no attribute of its own": "class Form:\n    def __init__(self, page):\n        self.page = page\n\n    def __getattr__(self, name):\n        return getattr(self.page, name)\n\n    def text(self):\n        return self.post()\n",
    "an object that is not known": "def text(form):\n    return form.post()\n",
}


def converted(code):
    _, decisions = migrated(f"{APP}\n\n{code}", Settings(all_handlers=True))
    return [item.symbol for item in changes(decisions) if item.code == "R100"]


@pytest.mark.parametrize("code", LEFT_ALONE.values(), ids=LEFT_ALONE)
def test_no_callers(code):
    assert converted(code) == ["Page.get", "Page.post"]


@pytest.mark.parametrize("code", CALLERS.values(), ids=CALLERS)
def test_possible_callers(code):
    assert "Page.post" not in converted(code)
