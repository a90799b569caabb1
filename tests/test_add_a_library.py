"""The page "Add a library in ten minutes" is run as it stands: its files are written down, its commands carried out.

`python tests/test_add_a_library.py` writes what they print into the page, for the blocks that come from a run.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "how-to" / "add-a-library.md"
ROOT = PAGE.parent.parent.parent
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
LIBRARY = '''"""The library of the page: as small as a client with an asynchronous twin can be."""


def deliver(text):
    """Take a letter."""


def stream():
    """All letters."""
    yield from ("a", "b")


class Client:
    """Synchronous."""

    def __init__(self, host="localhost", port=25):
        self.host = host

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def fetch(self, number):
        """One letter."""

    def send(self, text):
        """Take a letter."""

    def address(self):
        """Where it is."""


class AsyncClient:
    """Asynchronous."""

    def __init__(self, host="localhost", port=25):
        self.host = host

    async def __aenter__(self):
        return self

    async def __aexit__(self, *error):
        pass

    async def fetch(self, number):
        """One letter."""

    async def send(self, text):
        """Take a letter."""
'''


def blocks(page: str) -> dict[str, str]:
    """The titled blocks; parts of one file are put together."""
    found: dict[str, str] = {}
    for _, title, text in BLOCK.findall(page):
        if title:
            found[title] = f"{found[title]}\n{text}" if title in found else text
    return found


def tool(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """The command, in that folder; the library lies beside it, where only `catalogue check` looks for it."""
    path = os.pathsep.join([str(ROOT), str(folder.parent / "library")])
    command = [sys.executable, "-m", "flask_to_async", *arguments]
    return subprocess.run(command, cwd=folder, env={**os.environ, "PYTHONPATH": path, "COLUMNS": "200"}, capture_output=True, text=True)


def carried_out(page: str, work: Path) -> dict[str, str]:
    """What the commands of the page print and write: `check`, `after.py`, `reasons`."""
    files = blocks(page)
    folder, library = work / "project", work / "library"
    for made, path, text in ((folder, "app.py", files["before.py"]), (library, "postbox.py", LIBRARY)):
        made.mkdir()
        (made / path).write_text(text)
    for name in ("postbox.toml", "pyproject.toml"):
        (folder / name).write_text(files[name])
    check = tool(folder, "catalogue", "check", "postbox.toml")
    assert check.returncode == 0, check.stdout + check.stderr
    reasons = tool(folder, "migrate", "--verbose")
    written = tool(folder, "migrate", "--write")
    assert reasons.returncode == written.returncode == 0, reasons.stderr + written.stderr
    assert tool(folder, "migrate", "--check").returncode == 0, "a second run changes nothing"
    listed = [line.rstrip() for line in reasons.stdout.splitlines() if re.match(r"(changed|left|refused) +\w\d+  app\.py:\d+", line)]
    return {"check": check.stdout.strip(), "after.py": (folder / "app.py").read_text(), "reasons": "\n".join(listed) + "\n"}


def filled(page: str, made: dict[str, str]) -> str:
    """The page with what was made in its blocks."""
    for title in ("after.py", "reasons"):
        page = re.sub(rf'(title="{re.escape(title)}"\n).*?(^```$)', lambda match, title=title: match[1] + made[title] + match[2], page, flags=re.M | re.S)
    return re.sub(r"(check postbox\.toml\n).*?\n```", lambda match: f"{match[1]}{made['check']}\n```", page, count=1, flags=re.S)


def test_the_page_is_what_happens(tmp_path):
    page = PAGE.read_text()
    made = carried_out(page, tmp_path)
    assert filled(page, made) == page
    assert "async with postbox.AsyncClient(host=" in made["after.py"] and "await asyncio.to_thread(postbox.deliver" in made["after.py"]


def test_a_mistake_in_the_file_is_found(tmp_path):
    """A method that the twin does not have, or a name that the library does not have, ends in a row and exit status 1."""
    page = PAGE.read_text().replace('methods = ["fetch", "send"]', 'methods = ["fetch", "address"]').replace('"postbox.deliver"', '"postbox.delivered"')
    folder, library = tmp_path / "project", tmp_path / "library"
    folder.mkdir()
    library.mkdir()
    (library / "postbox.py").write_text(LIBRARY)
    (folder / "postbox.toml").write_text(blocks(page)["postbox.toml"])
    result = tool(folder, "catalogue", "check", "postbox.toml")
    assert result.returncode == 1
    assert "postbox.delivered" in result.stdout and "address" in result.stdout


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        text = PAGE.read_text()
        PAGE.write_text(filled(text, carried_out(text, Path(name))))
