"""`--orm executor`: work on a session that each thread has of its own moves as a whole or not at all."""

import pytest
from pure import migrated, project

from codemods.catalogue_files import load_catalogue
from transforms.model import Settings, Verdict
from transforms.stages import run_stage

APP = """from flask import Flask
from sqlalchemy import Column, Integer, String, create_engine
from sqlalchemy.orm import declarative_base, scoped_session, sessionmaker

app = Flask(__name__)
engine = create_engine("sqlite:///shop.db")
Session = scoped_session(sessionmaker(bind=engine))
Base = declarative_base()


class Ship(Base):
    __tablename__ = "ship"
    id = Column(Integer, primary_key=True)
    name = Column(String(20))
    query = Session.query_property()


class Fleet:
    def number(self):
        return Session.query(Ship).count()


fleets = {"all": Fleet()}
Base.metadata.create_all(engine)


@app.teardown_appcontext
def remove(error):
    Session.remove()


@app.get("/")
def view():
    %s
"""
PARTED = {
    "in an f-string": "Session.add(Ship(name='d'))\n    return f'{Session.query(Ship).count()}'",
    "a query that is kept": "first = Ship.query\n    Session.add(Ship(name='d'))\n    return str(first.count())",
    "only possible": "Session.add(Ship(name='d'))\n    return str(fleets['all'].number())",
}
WHOLE = {
    "two calls": "Session.add(Ship(name='d'))\n    return str(Session.query(Ship).count())",
    "the property of a class": "Session.add(Ship(name='d'))\n    return str(Ship.query.count())",
    "a method of a class": "Session.add(Ship(name='d'))\n    return str(Fleet().number())",
}


def answer(text, folder):
    """What the application answers to a real request; its database is a new file in the folder."""
    space = {"__name__": "shop"}
    exec(compile(text.replace("shop.db", str(folder / f"{len(list(folder.iterdir()))}.db")), "app.py", "exec"), space)
    return space["app"].test_client().get("/").text


@pytest.mark.parametrize("body", PARTED.values(), ids=PARTED)
def test_half_of_it_does_not_move(body, tmp_path):
    text = APP % body
    after, decisions = migrated(text, Settings(orm="executor"))
    assert after["app.py"] == text
    [row] = [item for item in decisions if item.symbol == "view"]
    assert (row.code, row.verdict) == ("R113", Verdict.REFUSE)
    assert "app.py:7 makes a session for each thread, and view → " in row.reason


@pytest.mark.parametrize("body", WHOLE.values(), ids=WHOLE)
def test_all_of_it_moves(body, tmp_path):
    text = APP % body
    after, _ = migrated(text, Settings(orm="executor"))
    assert after["app.py"].count("await sync_to_async") == 2
    assert "sync_to_async(Ship.query" not in after["app.py"]  # looking that up makes a session, on the thread where it is looked up
    assert answer(after["app.py"], tmp_path) == answer(text, tmp_path) == "1"


def test_a_coroutine_that_is_there_already():
    text = (APP % PARTED["in an f-string"]).replace("def view", "async def view")
    after, decisions = migrated(text, Settings(orm="executor"))
    assert after["app.py"] == text
    assert [item.code for item in decisions if item.subject.endswith("scoped_session.add")] == ["E304"]


FLASK = """from flask import Flask
from flask_sqlalchemy import SQLAlchemy

app = Flask(__name__)
db = SQLAlchemy(app)


class Ship(db.Model):
    id = db.Column(db.Integer, primary_key=True)


@app.get("/")
def view():
    db.session.add(Ship())
    return f"{Ship.query.count()}"
"""


@pytest.mark.parametrize(
    "asked, moved", [("Flask-SQLAlchemy==2.5.1", 0), ("flask-sqlalchemy<3", 0), ("Flask-SQLAlchemy==3.1.1", 1), ("Flask-SQLAlchemy>=2.5", 1)]
)
def test_the_version_of_the_extension(asked, moved):
    staged = run_stage("executor", project(FLASK, **{"requirements.txt": asked}), load_catalogue(), Settings(orm="executor"))
    assert staged.project.python["app.py"].decode().count("await ") == moved
    judged = run_stage("routes", project(FLASK, **{"requirements.txt": asked}), load_catalogue(), Settings(orm="executor")).outcome.decisions
    assert bool([item for item in judged if "requirements.txt asks for Flask-SQLAlchemy below 3" in item.reason]) == (not moved)
