"""One self-contained file: data, style and script inside, nothing fetched.

What comes from a repository is only ever data: JSON in which `<`, `>` and `&` are escaped, read by a script that writes
text nodes. A content security policy names the script and the style by their hashes and forbids everything else, so that
nothing that slipped through could run or reach a network.
"""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import Any

MARK = b'<meta name="generator" content="flask-to-async">'
_SCRIPTS = ("dom.js", "python.js", "diff.js", "notes.js", "charts.js", "choices.js", "files.js", "overview.js", "app.js")


@dataclass(frozen=True)
class Parts:
    """What a page is made of, besides its data."""

    style: str
    script: str
    body: str


def page_parts(data: Mapping[str, Any]) -> Iterator[bytes]:
    """The file of a review, part by part."""
    script = "\n".join(['"use strict";', *(asset(name) for name in _SCRIPTS)])
    return document_parts(data, Parts(asset("style.css"), script, asset("body.html")))


def document_parts(data: Mapping[str, Any], parts: Parts) -> Iterator[bytes]:
    """Any page with that data, part by part."""
    style, script, body = parts.style, parts.script, parts.body
    policy = f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; base-uri 'none'; form-action 'none'"
    yield b'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n' + MARK
    yield f'\n<meta http-equiv="Content-Security-Policy" content="{policy}">\n'.encode()
    yield b'<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="referrer" content="no-referrer">\n'
    yield f"<title>{escape(str(data['title']))}</title>\n<style>{style}</style>\n</head>\n<body>\n{body}".encode()
    yield b'<script type="application/json" id="data">'
    text = json.dumps(data, separators=(",", ":"))
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    yield text.encode("ascii")
    yield f"</script>\n<script>{script}</script>\n</body>\n</html>\n".encode()


def asset(name: str) -> str:
    """A file of the review page's script, style or body."""
    return files(__name__.rpartition(".")[0]).joinpath("assets", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
