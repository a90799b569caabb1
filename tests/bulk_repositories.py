"""Bare repositories of good and bad kinds for the tests of `bulk`, made from a few templates that are copied."""

import os
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WHO = {
    **{f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in (("NAME", "Tester"), ("EMAIL", "tester@example.org"))},
    "GIT_AUTHOR_DATE": "1700000000 +0000",
    "GIT_COMMITTER_DATE": "1700000000 +0000",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}
APP = """import time

import requests
from flask import Flask, jsonify

app = Flask(__name__)


def fetch(url):
    return requests.get(url, timeout=3).json()


@app.route("/")
def index():
    time.sleep(0.01)
    return "x"


@app.route("/data")
def data():
    return jsonify(fetch("http://example.com/x"))
"""
ASYNC = "import asyncio\n\nfrom flask import Flask\n\napp = Flask(__name__)\n\n\n@app.route('/')\nasync def index():\n    await asyncio.sleep(0.01)\n    return 'x'\n"
GOOD = {"app.py": APP, "requirements.txt": "flask>=3\nrequests\n"}
HOSTILE = {
    **GOOD,
    "<img src=x onerror=alert(1)>.py": APP,
    "`|](http:evil)\n# boo.py": APP,
    ".gitattributes": "*.py filter=evil diff=evil\n* text eol=crlf\n",
    ".gitmodules": '[submodule "x"]\n\tpath = x\n\turl = ext::touch /tmp/flask-to-async-pwned\n',
}


def git(*arguments, cwd=None, data=None):
    command = ["git", "-c", "protocol.file.allow=always", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env={**os.environ, **WHO}, input=data, capture_output=True, check=True).stdout


def bare(place, files, branch="main"):
    """A bare repository with one commit, and one file more for each name; its folder."""
    work = place.with_name(place.name + ".work")
    work.mkdir(parents=True)
    git("init", "-q", "--template=", "-b", branch, cwd=work)
    for name, data in files.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_bytes(data if isinstance(data, bytes) else data.encode())
    git("add", "-A", cwd=work)
    git("commit", "-qm", "first", cwd=work)
    git("clone", "-q", "--bare", "--template=", work, place)
    shutil.rmtree(work)
    return place


def _submodule(place):
    bare(place, GOOD)
    entries = git("ls-tree", "HEAD", cwd=place) + b"160000 commit 1234567890123456789012345678901234567890\tgone\n"
    entries += (
        b"100644 blob "
        + git("hash-object", "-w", "--stdin", cwd=place, data=b'[submodule "gone"]\n\tpath = gone\n\turl = ../gone.git\n').strip()
        + b"\t.gitmodules\n"
    )
    tree = git("mktree", "--missing", cwd=place, data=entries).decode().strip()
    git("update-ref", "HEAD", git("commit-tree", tree, "-m", "broken", cwd=place).decode().strip(), cwd=place)


def _detached(place):
    bare(place, GOOD)
    (place / "HEAD").write_text((git("rev-parse", "HEAD", cwd=place)).decode())


def _unborn(place):
    bare(place, GOOD)
    (place / "HEAD").write_text("ref: refs/heads/nowhere\n")


def _protected(place):
    bare(place, GOOD)
    (place / "hooks").mkdir(exist_ok=True)
    hook = place / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'the branch is protected' >&2\nexit 1\n")
    hook.chmod(0o755)


def _pushed_to(place):
    """Somebody has put a commit of his own on the branch."""
    bare(place, GOOD)
    mine = git("commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "mine", cwd=place).decode().strip()
    git("update-ref", "refs/heads/flask-to-async", mine, cwd=place)


def _empty(place):
    git("init", "-q", "--bare", "--template=", "-b", "main", place)


def _corrupt(place):
    bare(place, GOOD)
    for path in (place / "objects").rglob("*"):
        if path.is_file():
            path.unlink()


# What is made, what the repositories file says of it, the outcome, and a word of the reason.
KINDS = {
    "good": (lambda place: bare(place, GOOD), {}, "migrated", ""),
    "trunk": (lambda place: bare(place, GOOD, "release/2026.1"), {}, "migrated", ""),
    "detached": (_detached, {}, "migrated", ""),
    "hostile": (lambda place: bare(place, HOSTILE), {}, "migrated", ""),
    "inner": (lambda place: bare(place, {f"web/{name}": data for name, data in GOOD.items()}), {"path": "web"}, "migrated", ""),
    "syntax": (lambda place: bare(place, {**GOOD, "broken.py": "def (:\n"}), {}, "migrated", ""),
    "done": (lambda place: bare(place, {"app.py": ASYNC, "requirements.txt": "flask[async]>=3\n"}), {}, "unchanged", ""),
    "notflask": (lambda place: bare(place, {"tool.py": "print('hello')\n"}), {}, "skipped", "no Flask"),
    "notpython": (lambda place: bare(place, {"README.md": "# hello\n"}), {}, "skipped", "no Python file"),
    "empty": (_empty, {}, "skipped", "empty"),
    "missing": (lambda place: None, {}, "failed", "not appear to be a git repository"),
    "folder": (lambda place: place.mkdir(), {}, "failed", "not appear to be a git repository"),
    "corrupt": (_corrupt, {}, "failed", "clone: git"),
    "unborn": (_unborn, {}, "failed", "'main'"),
    "nobranch": (lambda place: bare(place, GOOD), {"base": "develop"}, "failed", "there is no branch 'develop'"),
    "submodule": (_submodule, {"submodules": True}, "failed", "git submodule"),
    "large": (lambda place: bare(place, {**GOOD, "data.py": f"x = '{'x' * 40_000}'\n"}), {"largest-file": 0.03}, "failed", "largest-file"),
    "filling": (lambda place: bare(place, {**GOOD, "noise.bin": os.urandom(24_000_000)}), {}, "failed", "disk is full"),
    "forbidden": (lambda place: None, {}, "failed", "no permission"),
    "hanging": (lambda place: bare(place, GOOD), {"test": "sleep 60", "test-timeout": 0.2}, "failed", "time limit"),
    "failing": (lambda place: bare(place, GOOD), {"test": "false"}, "failed", "exit status 1"),
    "uninstallable": (lambda place: bare(place, GOOD), {"install": "false"}, "failed", "the install command 'false' ended with status 1"),
    "outside": (lambda place: bare(place, GOOD), {"path": "nowhere"}, "failed", "no 'nowhere'"),
    "badsettings": (lambda place: bare(place, {**GOOD, "pyproject.toml": '[tool.flask-to-async]\norm = "fast"\n'}), {}, "failed", "settings"),
    "protected": (_protected, {}, "failed", "pre-receive hook declined"),
    "pushedto": (_pushed_to, {}, "failed", "not from this tool"),
}
ONCE = {"filling", "hanging", "failing"}  # what costs time or space is there once


def make_remotes(folder, number, port):
    """`number` repositories below `folder`, and the text of a repositories file; names are `KIND-COUNT`."""
    folder.mkdir(parents=True)
    names = list(KINDS)
    repeated = [name for name in names if name not in ONCE]
    names += [repeated[place % len(repeated)] if place % 4 else "good" for place in range(number - len(names))]
    rows, seen = [], {}
    for kind in names:
        count = seen[kind] = seen.get(kind, -1) + 1
        place = folder / f"{kind}-{count}"
        if not count:
            KINDS[kind][0](place)
        elif (folder / f"{kind}-0").exists():
            shutil.copytree(folder / f"{kind}-0", place)
        url = f"http://someone:s3cret-{count}@127.0.0.1:{port}/{place.name}" if kind == "forbidden" else f"{folder.name}/{place.name}"
        rows.append("\n".join(["[[repository]]", f'url = "{url}"', *(f"{key} = {_toml(value)}" for key, value in KINDS[kind][1].items())]))
    return "\n\n".join(rows) + "\n"


def _toml(value):
    return str(value).lower() if isinstance(value, bool) else str(value) if isinstance(value, int | float) else f'"{value}"'


class Forbidding(BaseHTTPRequestHandler):
    """A git host that knows nobody; it keeps what it was asked with."""

    def do_GET(self):
        self.server.asked.append(self.headers.get("Authorization"))
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="git"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format, *args):
        pass


def forbidding():
    """That host on a free port, running."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Forbidding)
    server.asked = []
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server
