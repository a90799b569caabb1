"""Blocks that move to a worker thread as one: the views below are run as they are and migrated, and must answer the same.

`MOVED` become a function of their own. `KEPT` hold a blocking block too, and something that makes that impossible: the
reason is checked, and they are run as well. Every view is called three times, and the files that they leave are compared.
"""

import re
import textwrap
import threading

import pytest
from pure import migrated

from transforms.model import Settings, Verdict

HEAD = """
import contextlib, csv, io, json, sqlite3, sys, tarfile, tempfile, threading, zipfile
from pathlib import Path
from flask import Flask, abort, current_app, flash, g, jsonify, request, session

app = Flask(__name__)
app.secret_key = "x"
lock = threading.Lock()
counter = 0
log = []


def shared():
    if "db" not in g:
        g.db = sqlite3.connect("notes.db")
    return g.db


@app.teardown_appcontext
def close(error):
    db = g.pop("db", None)
    if db is not None:
        db.close()


@app.errorhandler(Exception)
def failed(error):
    return f"{type(error).__name__}: {error} from {type(error.__cause__).__name__} in {type(error.__context__).__name__}", 500


def parse(line):
    return line.strip().upper()


class Reading:
    pass
"""

MOVED = {
    "one_value": """
        with open("a.txt") as file:
            text = file.read()
        return text
    """,
    "returned": """
        with open("a.txt") as file:
            return file.read()
    """,
    "returned_from_a_loop": """
        with open("a.txt") as file:
            for line in file:
                if "two" in line:
                    return line
        return "nothing"
    """,
    "missing_file": """
        with open("missing.txt") as file:
            return file.read()
    """,
    "missing_file_is_caught": """
        try:
            with open("missing.txt") as file:
                text = file.read()
        except FileNotFoundError as error:
            text = f"no {error.filename}"
        return text
    """,
    "raised_in_the_middle": """
        with open("a.txt") as file:
            for line in file:
                if "two" in line:
                    raise ValueError(line) from KeyError("cause")
        return "x"
    """,
    "aborted": """
        with open("a.txt") as file:
            if "two" in file.read():
                abort(418)
        return "x"
    """,
    "caught_inside": """
        with open("a.txt") as file:
            try:
                number = int(file.readline())
            except ValueError as error:
                number = str(error)
        return str(number)
    """,
    "two_values": """
        with open("a.txt") as file:
            first = file.readline()
            rest = file.read()
        return first + "|" + rest
    """,
    "counted_on": """
        total = 5
        with open("a.txt") as file:
            for line in file:
                total += len(line)
        return str(total)
    """,
    "parameter_rebound": """
        path = request.args.get("path", "a.txt")
        with open(path) as file:
            path = path + file.readline()
        return path
    """,
    "maybe_set": """
        found = "nothing"
        with open("a.txt") as file:
            for line in file:
                if "two" in line:
                    found = line
        return found
    """,
    "list_filled": """
        rows = []
        with open("a.csv", newline="") as file:
            for row in csv.DictReader(file):
                rows.append(dict(row))
        return jsonify(rows)
    """,
    "in_a_loop": """
        sizes = {}
        for name in ("a.txt", "a.csv"):
            with open(name) as file:
                sizes[name] = len(file.read())
        return jsonify(sizes)
    """,
    "in_a_loop_and_onwards": """
        text = ""
        for name in ("a.txt", "a.csv"):
            with open(name) as file:
                text = text + file.readline()
        return text
    """,
    "written": """
        with open("out.txt", "a") as out:
            out.write("hello\\n")
        return "written"
    """,
    "two_files": """
        with open("a.txt") as source, open("copy.txt", "w") as target:
            for line in source:
                target.write(line.upper())
        return Path("copy.txt").name
    """,
    "context": """
        with open("a.txt") as file:
            g.text = file.read()
            session["seen"] = session.get("seen", 0) + 1
            flash(request.path)
            name = current_app.name
        return jsonify(g.text, session["seen"], session["_flashes"], name)
    """,
    "helper_called": """
        with open("a.txt") as file:
            lines = [parse(line) for line in file]
        return jsonify(lines)
    """,
    "comment_kept": """
        # above
        with open("a.txt") as file:  # beside
            # inside
            text = file.read()  # behind
            # at the end
        # below
        return text
    """,
    "string_over_lines": '''
        with open("a.txt") as file:
            text = """
        one
    two""" + file.readline()
        return text
    ''',
    "opened_in_an_expression": """
        data = json.load(open("a.json"))
        return jsonify(data)
    """,
    "opened_and_closed": """
        file = open("a.txt")
        text = file.read()
        file.close()
        return text
    """,
    "opened_and_closed_at_last": """
        file = open("a.txt")
        try:
            text = file.read()
            number = int(text)
        finally:
            file.close()
        return str(number)
    """,
    "path_opened": """
        with Path("a.txt").open() as file:
            text = file.read()
        return text
    """,
    "archive": """
        with zipfile.ZipFile("out.zip", "w") as archive:
            archive.writestr("a.txt", "hello")
        with zipfile.ZipFile("out.zip") as archive:
            names = archive.namelist()
        return jsonify(names)
    """,
    "temporary": """
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "x"
            path.write_text("hello")
            text = path.read_text()
        return text
    """,
    "database": """
        db = sqlite3.connect("notes.db")
        rows = db.execute("SELECT title FROM note ORDER BY title").fetchall()
        db.close()
        return jsonify(rows)
    """,
    "database_closing": """
        with contextlib.closing(sqlite3.connect("notes.db")) as db, db:
            db.row_factory = sqlite3.Row
            cursor = db.cursor()
            cursor.execute("INSERT INTO note VALUES (?)", ("new",))
            number = cursor.rowcount
            rows = [dict(row) for row in cursor.execute("SELECT title FROM note")]
        return jsonify(rows, number)
    """,
    "database_rolled_back": """
        db = sqlite3.connect("notes.db")
        try:
            with db:
                db.execute("INSERT INTO note VALUES ('lost')")
                db.execute("INSERT INTO nothing VALUES (1)")
        finally:
            db.close()
        return "x"
    """,
    "database_looped": """
        db = sqlite3.connect("notes.db")
        titles = []
        for row in db.execute("SELECT title FROM note"):
            titles.append(row[0])
        db.close()
        return jsonify(titles)
    """,
    "database_or_none": """
        db = None
        try:
            db = sqlite3.connect("notes.db")
            row = db.execute("SELECT title FROM note").fetchone()
        finally:
            if db is not None:
                db.close()
        return jsonify(row)
    """,
    "default_for_next": """
        with open("empty.txt", newline="") as file:
            header = next(csv.reader(file), None)
        return str(header)
    """,
    "with_own_names": """
        read_text = "taken"
        with open("a.txt") as file:
            text = file.read()
        return text + read_text
    """,
    "if_in_front": """
        if request.args:
            with open("a.csv") as file:
                text = file.read()
        elif request.path:
            with open("a.txt") as file:
                text = file.read()
        else:
            text = ""
        return text
    """,
    "unpacked": """
        with open("a.txt") as file:
            first, *rest = file.read().splitlines()
        return jsonify(first, rest)
    """,
    "generator_expression_used_up": """
        with open("a.txt") as file:
            total = sum(len(line) for line in file)
        return str(total)
    """,
    "reading_after_the_end": """
        with open("a.csv", newline="") as file:
            rows = csv.reader(file)
        return jsonify(list(rows))
    """,
    "unbound_inside": """
        with open("empty.txt") as file:
            for line in file:
                last = line
            print(last)
        return "x"
    """,
    "named_in_the_condition": """
        with open("a.txt") as file:
            while (line := file.readline()) != "":
                total = len(line)
        return repr(line)
    """,
    "every_case": """
        with open("a.txt") as file:
            match file.readline():
                case "two":
                    found = 2
                case str() as other if len(other) > 100:
                    found = 3
                case _:
                    found = 1
        return str(found)
    """,
    "declared_only": """
        count = 3
        with open("a.txt") as file:
            text = file.read()
        count: int
        return f"{count} {text}"
    """,
}

KEPT = {
    "break_out": (
        """
        for name in ("a.txt", "a.csv"):
            with open(name) as file:
                if "two" in file.read():
                    break
        return name
    """,
        "`break` (line",
    ),
    "continue_out": (
        """
        seen = []
        for name in ("a.txt", "a.csv"):
            with open(name) as file:
                if "two" in file.read():
                    continue
            seen.append(name)
        return jsonify(seen)
    """,
        "`continue` (line",
    ),
    "global_rebound": (
        """
        global counter
        with open("a.txt") as file:
            counter += len(file.read())
        return str(counter)
    """,
        "rebinds counter, which is global",
    ),
    "deleted": (
        """
        text = "x"
        with open("a.txt") as file:
            del text
        return file.name
    """,
        "deletes text",
    ),
    "may_be_unbound": (
        """
        with open("a.txt") as file:
            for line in file:
                if "two" in line:
                    found = line
        return found
    """,
        "found may be unbound when the block ends",
    ),
    "declared_in_the_block": (
        """
        if len(log) < 100:
            total = 3
        with open("a.txt") as file:
            total = len(file.read()) + total
            total: int
        return str(total)
    """,
        "total may be unbound",
    ),
    "no_case_may_fit": (
        """
        with open("a.txt") as file:
            match file.readline():
                case "one\\n":
                    found = 1
                case "two\\n":
                    found = 2
        return str(found)
    """,
        "found may be unbound",
    ),
    "half_done": (
        """
        text = "nothing"
        try:
            with open("a.txt") as file:
                text = file.readline()
                number = int(text)
        except ValueError:
            pass
        return text
    """,
        "text may be read after an exception",
    ),
    "half_done_at_last": (
        """
        text = "nothing"
        try:
            with open("a.txt") as file:
                text = file.readline()
                number = int(text)
        finally:
            log.append(text)
        return text
    """,
        "text may be read after an exception",
    ),
    "captured_before": (
        """
        text = "old"
        peek = lambda: text
        with open("a.txt") as file:
            text = file.read()
            seen = peek()
        return seen
    """,
        "a function outside the block uses text",
    ),
    "captured_inside": (
        """
        shown = []
        with open("a.txt") as file:
            text = file.read()
            shown.append(lambda: text)
        text = "new"
        return shown[0]()
    """,
        "a function inside the block uses text",
    ),
    "defined_inside": (
        """
        with open("a.txt") as file:
            def first():
                return file.readline()
            text = first()
        return text
    """,
        "defines first",
    ),
    "stop_iteration": (
        """
        with open("a.csv", newline="") as file:
            header = next(csv.reader(file))
        return jsonify(header)
    """,
        "StopIteration",
    ),
    "exits": (
        """
        with open("a.txt") as file:
            if "zwei" in file.read():
                sys.exit(1)
        return "x"
    """,
        "ends the program",
    ),
    "connection_of_the_request": (
        """
        with open("a.txt") as file:
            shared().execute("INSERT INTO note VALUES (?)", (file.read(),))
        return "x"
    """,
        "belongs to the request's thread",
    ),
    "connection_comes_out": (
        """
        db = sqlite3.connect("notes.db")
        rows = db.execute("SELECT title FROM note").fetchall()
        g.db = db
        return jsonify(rows)
    """,
        "stays on the request's own thread",
    ),
    "cursor_comes_out": (
        """
        with sqlite3.connect("notes.db") as db:
            g.rows = db.execute("SELECT title FROM note")
        return jsonify([row[0] for row in g.rows])
    """,
        "stays on the request's own thread",
    ),
    "under_a_lock": (
        """
        with lock:
            with open("a.txt") as file:
                text = file.read()
        return text
    """,
        "inside `with lock`",
    ),
    "while_handling": (
        """
        try:
            int("x")
        except ValueError:
            with open("a.txt") as file:
                text = file.read()
        return text
    """,
        "while an exception is being handled",
    ),
    "returns_on_some_paths": (
        """
        for name in ("a.csv", "a.txt"):
            with open(name) as file:
                if "two" in file.read():
                    return name
        return "nothing"
    """,
        "returns from the function on some paths only",
    ),
    "in_the_head_of_an_if": (
        """
        if open("a.txt").read():
            return "yes"
        return "no"
    """,
        "the head of an `if`",
    ),
    "kept_by_another": (
        """
        with open("a.txt") as file:
            pass
        reading = Reading()
        reading.file = open("a.txt")
        return reading.file.read()
    """,
        "",
    ),
    "swallowed": (
        """
        text = "old"
        with contextlib.suppress(ValueError):
            with open("a.txt") as file:
                text = file.readline()
                number = int(text)
        return text
    """,
        "text may be read after an exception",
    ),
    "semicolon": (
        """
        text = "x"; file = open("a.txt"); text = file.read(); file.close()
        return text
    """,
        "shares its lines",
    ),
    "set_in_an_earlier_round": (
        """
        lengths = []
        for name in ("a.txt", "empty.txt"):
            with open(name) as file:
                for line in file:
                    last = line
                lengths.append(len(last))
        return jsonify(lengths)
    """,
        "last may be unbound",
    ),
}

FILES = {
    "a.txt": "one\ntwo\nthree\n",
    "a.csv": "name,n\nx,1\ny,2\n",
    "a.json": '{"x": 1}',
    "empty.txt": "",
}


def source(bodies: dict[str, str]) -> str:
    views = [f'\n\n@app.route("/{name}")\ndef {name}():\n{textwrap.indent(textwrap.dedent(body).strip(chr(10)), "    ")}\n' for name, body in bodies.items()]
    return HEAD.lstrip() + "".join(views)


SOURCE = source(MOVED) + source({name: body for name, (body, _) in KEPT.items()}).removeprefix(HEAD.lstrip())


@pytest.fixture(scope="module")
def result():
    return migrated(SOURCE)


def answers(text, folder, monkeypatch):
    """What every view answers in that folder, three times over, and the files that are left."""
    import sqlite3

    monkeypatch.chdir(folder)
    for name, content in FILES.items():
        (folder / name).write_text(content)
    db = sqlite3.connect("notes.db")
    db.executescript("CREATE TABLE note (title); INSERT INTO note VALUES ('first'), ('second');")
    db.close()
    namespace = {"__name__": "views"}
    exec(compile(text, "views.py", "exec", dont_inherit=True), namespace)
    client = namespace["app"].test_client()
    seen = {name: [_answer(client, name) for _ in range(3)] for name in [*MOVED, *KEPT]}
    return seen, {path.name: path.read_text() for path in sorted(folder.glob("*.txt"))}, namespace["log"]


def _answer(client, name):
    answer = client.get(f"/{name}")
    return answer.status_code, answer.get_data(as_text=True)


@pytest.fixture(scope="module")
def compared(result, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        return [answers(text, tmp_path_factory.mktemp("run"), patch) for text in (SOURCE, result[0]["app.py"])]


@pytest.mark.parametrize("name", MOVED)
def test_moved(name, result, compared):
    """It becomes a function of its own, and the view answers as before."""
    decisions = [item for item in result[1] if item.symbol == name]
    assert [item.code for item in decisions if item.verdict == Verdict.REFUSE] == []
    assert any(item.code == "E309" and item.verdict == Verdict.CHANGE for item in decisions), decisions
    before, after = compared
    assert after[0][name] == before[0][name]


@pytest.mark.parametrize("name", KEPT)
def test_kept(name, result, compared):
    """The block stays, the reason says why, and the view answers as before."""
    decisions = [item for item in result[1] if item.symbol == name]
    view = re.search(rf"(async )?def {name}\(\):\n(?:    .*\n|\n)*", result[0]["app.py"]).group(0)
    assert KEPT[name][1] in " · ".join(item.reason for item in decisions), decisions
    assert (name == "kept_by_another") or "to_thread" not in view
    before, after = compared
    assert after[0][name] == before[0][name]


def test_the_files_that_are_left(compared):
    assert compared[1][1:] == compared[0][1:]
    assert compared[0][1]["out.txt"] == "hello\n" * 3


def test_a_second_run_changes_nothing(result):
    again, decisions = migrated(result[0]["app.py"])
    assert again == result[0]
    assert [item for item in decisions if item.verdict == Verdict.CHANGE] == []


def test_nothing_that_moved_is_reported_as_blocking_the_loop(result):
    """A function that runs in a thread is not on the loop."""
    _, decisions = migrated(result[0]["app.py"])
    assert [item for item in decisions if item.symbol.split(".")[0] in MOVED and item.verdict != Verdict.LEAVE] == []


@pytest.mark.parametrize("spelling", ["to_thread", "run_in_executor", "sync_to_async"])
def test_every_spelling_keeps_the_context(spelling, tmp_path, monkeypatch):
    names = ("context", "counted_on", "returned", "missing_file", "two_values")
    text = migrated(source({name: MOVED[name] for name in names}), Settings(executor=spelling))[0]["app.py"]
    assert {"to_thread": "asyncio.to_thread(read_total, total)", "run_in_executor": "copy_context().run", "sync_to_async": "sync_to_async(read_total)(total)"}[
        spelling
    ] in text
    seen = []
    for number, code in enumerate((source({name: MOVED[name] for name in names}), text)):
        folder = tmp_path / str(number)
        folder.mkdir()
        monkeypatch.chdir(folder)
        for name, content in FILES.items():
            (folder / name).write_text(content)
        namespace = {"__name__": "views"}
        exec(compile(code, "views.py", "exec", dont_inherit=True), namespace)
        client = namespace["app"].test_client()
        seen.append([_answer(client, name) for name in names for _ in range(2)])
    assert seen[0] == seen[1]


def test_it_runs_on_another_thread(tmp_path, monkeypatch):
    body = """
        with open("a.txt") as file:
            text = file.read()
            note(0)
        note(1)
        return text
    """
    threads = {}
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("x")
    namespace = {"__name__": "views", "note": lambda number: threads.setdefault(number, threading.get_ident())}
    exec(compile(migrated(source({"ident": body}))[0]["app.py"], "views.py", "exec"), namespace)
    assert _answer(namespace["app"].test_client(), "ident") == (200, "x")
    assert threads[0] != threads[1]


def test_a_view_that_looks_at_its_own_variables():
    text = source({"own": 'with open("a.txt") as file:\n    text = file.read()\nreturn str(sorted(locals()))'}).replace("def own", "async def own")
    after, decisions = migrated(text)
    assert after["app.py"] == text
    assert "locals() (line 42) looks at the function's own variables" in [item.reason for item in decisions]


def test_names_are_free_and_say_what_they_do():
    text = migrated(source({name: MOVED[name] for name in ("one_value", "with_own_names", "written", "archive", "database", "temporary")}))[0]["app.py"]
    inner = re.findall(r"\n    def (\w+)\(", text)
    assert inner == ["read_text", "read_text_2", "write_file", "write_archive", "read_names", "query_rows", "make_text"]


@pytest.mark.parametrize(
    ("test", "said"), [("", ""), ('monkeypatch.setattr(app, "open_db", lambda: SHARED)', "replaces open_db"), ('patch("app.sqlite3.connect")', "the tests")]
)
def test_a_connection_that_the_tests_replace(test, said):
    """The tests' own connection belongs to their thread; in a worker thread it would fail."""
    text = HEAD.lstrip() + """
def open_db():
    db = sqlite3.connect("notes.db")
    db.row_factory = sqlite3.Row
    return db


@app.route("/")
def index():
    db = open_db()
    rows = db.execute("SELECT title FROM note").fetchall()
    db.close()
    return jsonify([dict(row) for row in rows])
"""
    files = {"app.py": text, "tests/test_app.py": f"import app\n\n\ndef test_index(monkeypatch, patch):\n    {test or 'pass'}\n"}
    after, decisions = migrated(files)
    assert ("to_thread(query_rows)" in after["app.py"]) == (not said)
    assert said in " · ".join(item.reason for item in decisions)
