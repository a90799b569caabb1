"""Names that Jinja templates use: a template calls methods where no Python call is written, and awaits nothing."""

import re
from collections.abc import Iterable, Mapping

from transforms.facts import ModuleFacts

SUFFIXES = (".html", ".htm", ".jinja", ".jinja2", ".j2")
_EXPRESSION = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_ENTRY = re.compile(r"[A-Za-z_][\w.]*:([A-Za-z_]\w*)\b")
_STRING = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'")
_MEMBER = re.compile(r"\.\s*([A-Za-z_]\w*)|\b([A-Za-z_]\w*)\s*\(|\|\s*attr\(")


def template_names(metadata: Mapping[str, str], modules: Iterable[ModuleFacts]) -> dict[str, str]:
    """Attributes and functions named in templates, each with the first `path:line` where it is."""
    found: dict[str, str] = {}
    for path in sorted(metadata):
        if (path.endswith(SUFFIXES) or "templates" in path.split("/")) and ("{{" in metadata[path] or "{%" in metadata[path]):
            _collect(metadata[path], path, 1, found)
    for module in modules:
        for text, line in module.templates:
            _collect(text, module.path, line, found)
    return found


def entry_points(metadata: Mapping[str, str]) -> dict[str, str]:
    """Functions named as `module:function` in project files and start commands, each with `path:line`."""
    found: dict[str, str] = {}
    for path in sorted(metadata):
        if not path.endswith(SUFFIXES):
            for match in _ENTRY.finditer(metadata[path]):
                found.setdefault(match.group(1), f"{path}:{metadata[path].count(chr(10), 0, match.start()) + 1}")
    return found


def _collect(text: str, path: str, first: int, found: dict[str, str]) -> None:
    for expression in _EXPRESSION.finditer(text):
        line = first + text.count("\n", 0, expression.start())
        for match in _MEMBER.finditer(_STRING.sub("''", expression.group())):
            name = match.group(1) or match.group(2)
            if name:
                found.setdefault(name, f"{path}:{line}")
