"""`--orm executor` leaves work on a SQLite database in memory: another thread would find an empty one."""

import threading

import pytest
from pure import migrated, project

from codemods.catalogue_files import load_catalogue
from transforms.model import Settings, Verdict
from transforms.stages import run_stage

APP = """
import os
import time

from flask import Flask
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

app = Flask(__name__)
URL = "sqlite:///shop.db"
engine = create_engine(URL)


@app.get("/")
def view():
    time.sleep(1)
    with Session(engine) as session:
        return str(session.execute(select(1)).scalar())


@app.get("/other")
async def other():
    return str(Session(engine).execute(select(1)).scalar())
"""
IN_MEMORY = (
    'create_engine("sqlite://")',
    'create_engine("sqlite:///:memory:", echo=True)',
    'create_engine(url="sqlite+pysqlite://")',
    'create_engine("sqlite:///file::memory:?cache=shared&uri=true")',
    'create_engine(os.environ.get("URL", "sqlite://"))',
    'create_engine("sqlite:///" + ":memory:")',
    "create_engine(f\"sqlite:///{':memory:'}\")",
)
SHARED = (
    "create_engine(URL)",
    'create_engine("postgresql://db/shop")',
    'create_engine("sqlite:///memory.db")',
    'create_engine("sqlite://", poolclass=StaticPool)',
    'create_engine(os.environ["URL"])',
    'create_engine(os.environ.get("URL") or "sqlite:///" + os.path.join("data", "shop.db"))',
    'create_engine(f"sqlite:///{os.getcwd()}/shop.db")',
)


def decided(text):
    return run_stage("executor", project(text), load_catalogue(), Settings(orm="executor")).outcome.decisions


@pytest.mark.parametrize("made", IN_MEMORY)
def test_it_stays(made):
    text = APP.replace("create_engine(URL)", made)
    after, decisions = migrated(text, Settings(orm="executor"))
    line = text.split("\n").index(f"engine = {made}") + 1
    assert after["app.py"] == text
    assert [item.code for item in decisions if "in memory" in item.reason and item.symbol == "view" and item.verdict is Verdict.REFUSE]
    assert [item.code for item in decisions if f"app.py:{line} makes a SQLite database in memory" in item.reason and item.symbol == "other"] == ["E304"]


@pytest.mark.parametrize("made", SHARED)
def test_other_databases_move(made):
    decisions = decided(APP.replace("create_engine(URL)", made))
    assert not [item for item in decisions if "in memory" in item.reason]
    assert [item for item in decisions if item.code == "E302" and item.symbol == "other"]


def test_the_name_of_the_url():
    assert [item for item in decided(APP.replace("sqlite:///shop.db", "sqlite://")) if "in memory" in item.reason]


def test_without_the_option_nothing_is_said():
    found = run_stage("executor", project(APP.replace("sqlite:///shop.db", "sqlite://")), load_catalogue(), Settings()).outcome.decisions
    assert not [item for item in found if "in memory" in item.reason]


@pytest.mark.parametrize("made", ["create_engine(URL)", "create_engine(URL, poolclass=StaticPool, connect_args={'check_same_thread': False})"])
def test_what_another_thread_finds(made):
    """The reason is true of the installed SQLAlchemy."""
    alchemy = pytest.importorskip("sqlalchemy")
    engine = eval(made, {"create_engine": alchemy.create_engine, "URL": "sqlite://", "StaticPool": alchemy.pool.StaticPool})
    found = []

    def tables():
        with engine.connect() as connection:
            found.append(connection.execute(alchemy.text("select count(*) from sqlite_master")).scalar())

    with engine.begin() as connection:
        connection.execute(alchemy.text("create table parcel (id int)"))
    worker = threading.Thread(target=tables)
    worker.start()
    worker.join()
    tables()
    assert found == [int("StaticPool" in made), 1]


@pytest.mark.parametrize(
    ("setting", "stays"),
    [
        ('class TestConfig:\n    ALCHEMICAL_DATABASE_URL = "sqlite://"\n', True),
        ('app.config["ALCHEMICAL_DATABASE_URL"] = "sqlite:///:memory:"\n', True),
        ('class TestConfig:\n    ALCHEMICAL_DATABASE_URL = "sqlite:///shop.db"\n', False),
        ('class TestConfig:\n    SQLALCHEMY_DATABASE_URI = "sqlite://"\n', False),
    ],
)
def test_alchemicals_setting(setting, stays):
    """Flask-SQLAlchemy shares such a database between threads; Alchemical does not."""
    after, _ = migrated(f"{APP}\n\n{setting}", Settings(orm="executor"))
    view = after["app.py"].partition("def view")[2].partition("@app.get")[0]
    assert ("await" not in view) is stays
