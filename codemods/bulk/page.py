"""The report's page: its own script and body, the look and the guards of the review page."""

from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

from codemods.page.render import Parts, asset, document_parts

_SHARED = ("dom.js", "charts.js")
_OWN = ("table.js", "bulk.js")


def page_parts(found: Mapping[str, Any]) -> Iterator[bytes]:
    """The file, part by part."""
    script = "\n".join(['"use strict";', *(asset(name) for name in _SHARED), *(_own(name) for name in _OWN)])
    parts = Parts(asset("style.css") + _own("bulk.css"), script, _own("body.html"))
    return document_parts({"title": "Flask to async: all repositories", **found}, parts)


def _own(name: str) -> str:
    return files("codemods.bulk").joinpath("assets", name).read_text(encoding="utf-8")
