"""Work that holds the GIL gains nothing in a thread and is left, with what was measured; work that releases it is moved."""

import pytest
from pure import migrated

from transforms.model import Verdict

HEAD = "from flask import Flask, render_template, request\n\napp = Flask(__name__)\n\n\n"

LEFT = {
    "json": ("import json", "json.loads(request.get_data())", "29 ms directly, 32 ms in a thread"),
    "csv": ("import csv", "len(list(csv.reader(request.get_data(as_text=True).splitlines())))", "265 ms directly, 221 ms in a thread"),
    "re": ("import re", "re.findall('(x+x+)+y', request.get_data(as_text=True))", "116"),
    "jinja": ("", "render_template('page.html')", "12 ms directly, 19 ms in a thread"),
}
MOVED = {
    "bcrypt": (
        "import bcrypt",
        "bcrypt.hashpw(request.get_data(), bcrypt.gensalt())",
        "asyncio.to_thread(bcrypt.hashpw, request.get_data(), bcrypt.gensalt())",
    ),
    "scrypt": (
        "import hashlib",
        "hashlib.scrypt(request.get_data(), salt=b'x', n=2, r=8, p=1)",
        "asyncio.to_thread(hashlib.scrypt, request.get_data(), salt=b'x', n=2, r=8, p=1)",
    ),
    "pbkdf2": (
        "import hashlib",
        "hashlib.pbkdf2_hmac('sha256', request.get_data(), b'x', 1)",
        "asyncio.to_thread(hashlib.pbkdf2_hmac, 'sha256', request.get_data(), b'x', 1)",
    ),
    "zlib": ("import zlib", "zlib.compress(request.get_data())", "asyncio.to_thread(zlib.compress, request.get_data())"),
    "pandas": ("import pandas", "pandas.read_csv(request.stream)", "asyncio.to_thread(pandas.read_csv, request.stream)"),
    "pillow": ("from PIL import ImageOps", "ImageOps.fit(request.files['x'], (9, 9))", "asyncio.to_thread(ImageOps.fit, request.files['x'], (9, 9))"),
}


def view(imports, expression):
    return f"{imports}\n{HEAD}@app.route('/')\ndef index():\n    value = {expression}\n    return str(value)\n"


@pytest.mark.parametrize("name", LEFT)
def test_what_holds_the_gil_is_left(name):
    imports, expression, measured = LEFT[name]
    text = view(imports, expression)
    after, decisions = migrated(text)
    assert after["app.py"] == text
    assert {item.verdict for item in decisions} == {Verdict.LEAVE}
    assert measured in next(item.reason for item in decisions if item.code == "R101")


@pytest.mark.parametrize("name", LEFT)
def test_the_catalogue_says_what_was_measured(name):
    from codemods.catalogue_files import load_catalogue

    names = {"json": "json.loads", "csv": "csv.reader", "re": "re.findall", "jinja": "flask.render_template"}
    entry = load_catalogue().functions[names[name]]
    assert (entry.verdict, entry.kind) == ("leave", "cpu")
    assert LEFT[name][2] in entry.reason


@pytest.mark.parametrize("name", MOVED)
def test_what_releases_the_gil_is_moved(name):
    imports, expression, moved = MOVED[name]
    after, decisions = migrated(view(imports, expression))
    assert f"value = await {moved}" in after["app.py"]
    assert "async def index" in after["app.py"]


def test_a_picture_is_worked_on_in_one_thread():
    """Image.open reads the picture only when it is used: everything from open to save moves together."""
    text = "import io\nfrom PIL import Image\n" + HEAD
    text += (
        "@app.route('/')\ndef index():\n    image = Image.open(request.files['x'])\n    small = image.convert('RGB').resize((9, 9))\n    out = io.BytesIO()\n"
    )
    text += "    small.save(out, 'PNG')\n    return out.getvalue()\n"
    after, _ = migrated(text)
    assert "        image = Image.open(request.files['x'])\n" in after["app.py"]
    assert "        small.save(out, 'PNG')\n" in after["app.py"]
    assert "await asyncio.to_thread(" in after["app.py"]


def test_short_calls_to_the_file_system_are_left():
    text = "import os\n" + HEAD + "@app.route('/')\ndef index():\n    return str(os.path.exists(request.args['path']))\n"
    after, decisions = migrated(text)
    assert after["app.py"] == text
    assert "0.05 ms" in " ".join(item.reason for item in decisions)
