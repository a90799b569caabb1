"""`--orm executor`: an expression moves whole, and what it evaluates goes with it. No `await` may be written in its lambda."""

import pytest
from pure import changes, migrated

from transforms.model import Settings, Verdict

HEAD = """import sys
import time

from flask import Flask
from flask_sqlalchemy import SQLAlchemy

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///" + sys.argv[-1]
db = SQLAlchemy(app)


class Ship(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(20))


def highest():
    return Ship.query.count()


def slow():
    time.sleep(0.01)
    return "b"


with app.app_context():
    db.create_all()
    db.session.add_all([Ship(name=name) for name in "abc"])
    db.session.commit()
"""
VIEW = """

@app.get("/")
def view():
    {}
"""
WHOLE = {
    "a condition of the extension": "return str(Ship.query.filter(db.or_(Ship.name == 'a', Ship.name == 'b')).count())",
    "a statement of the extension": "return str(len(db.session.execute(db.select(Ship).filter_by(name='a')).scalars().all()))",
    "a query in a query": "return str(Ship.query.filter(Ship.id.in_([one.id for one in Ship.query.filter(Ship.name == 'a').all()])).count())",
    "a helper on the database": "return str(Ship.query.filter_by(id=highest()).count())",
    "a helper that waits": "return str(Ship.query.filter_by(name=slow()).count())",
    "a call that waits": "return str(Ship.query.filter_by(name=time.sleep(0.01) or 'c').count())",
}
APART = {
    "the argument of a session's method": ("return str(db.session.scalar(db.text('select :x'), dict(x=highest())))", 2),
    "the argument of a helper": ("return ask(highest())", 2),
}


def answer(text, folder):
    """What the application answers to a real request."""
    space = {"__name__": "shop"}
    exec(compile(text.replace("sys.argv[-1]", repr(str(folder / f"{len(list(folder.iterdir()))}.db"))), "app.py", "exec"), space)
    response = space["app"].test_client().get("/")
    assert response.status_code == 200
    return response.text


@pytest.mark.parametrize("body", WHOLE.values(), ids=WHOLE)
def test_it_moves_whole(body, tmp_path):
    text = HEAD + VIEW.format(body)
    after, decisions = migrated(text, Settings(orm="executor"))
    assert [item.symbol for item in changes(decisions) if item.code == "R100"] == ["view"]
    assert after["app.py"].count("await ") == 1
    assert {item.verdict for item in decisions if item.symbol == "view" and item.subject} == {Verdict.CHANGE}
    assert answer(after["app.py"], tmp_path) == answer(text, tmp_path)


def test_what_goes_along_is_said():
    _, decisions = migrated(HEAD + VIEW.format(WHOLE["a helper that waits"]), Settings(orm="executor"))
    [row] = [item for item in decisions if item.subject == "slow"]
    [whole] = [item for item in decisions if item.subject.endswith("count") and item.code == "E302"]
    assert (row.group, row.line, row.reason) == (whole.group, whole.line, f"it moves along with the expression at line {whole.line}")


@pytest.mark.parametrize("name", APART)
def test_arguments_of_a_call_that_moves_alone_are_awaited_for_themselves(name, tmp_path):
    body, awaits = APART[name]
    text = HEAD + "\n\ndef ask(number):\n    return str(Ship.query.filter_by(id=number).count())\n" + VIEW.format(body)
    after, _ = migrated(text, Settings(orm="executor"))
    assert after["app.py"].count("await ") == awaits
    assert answer(after["app.py"], tmp_path) == answer(text, tmp_path)


def test_conditions_of_the_extension_are_no_work_on_the_session():
    text = HEAD + VIEW.format("both = db.or_(Ship.name == 'a', Ship.name == 'b')\n    return str(both)")
    after, decisions = migrated(text, Settings(orm="executor", all_handlers=True))
    assert "both = db.or_(" in after["app.py"]
    assert not [item for item in decisions if "or_" in item.subject + item.reason]


def test_what_only_prepares_work_is_not_said_to_block():
    text = HEAD + VIEW.format("db.session.add(Ship(name='d'))\n    db.session.commit()\n    return 'added'")
    _, decisions = migrated(text, Settings(orm="executor"))
    reasons = {item.subject.rpartition(".")[2]: item.reason for item in changes(decisions) if item.code == "E302"}
    assert "Session.add prepares work on the database session; it stays on the request's own thread" in reasons["add"]
    assert "Session.commit blocks" in reasons["commit"]
