"""Names that Jinja templates use: a template calls methods where no Python call is written, and awaits nothing."""

import re
from collections.abc import Iterable, Mapping

from transforms.facts import ModuleFacts

SUFFIXES = (".html", ".htm", ".jinja", ".jinja2", ".j2")
_EXPRESSION = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_ENTRY = re.compile(r"[A-Za-z_][\w.]*:([A-Za-z_]\w*)\b")
_STRING = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'")
_MEMBER = re.compile(r"\.\s*([A-Za-z_]\w*)|\b([A-Za-z_]\w*)\s*\(")
_QUOTED = re.compile(r"(?:[\w)\]]\[|\battr\(|\battribute\s*=|\(\s*['\"]attr['\"]\s*,)\s*['\"]([A-Za-z_]\w*)['\"]\s*[\]),]")
_CONSTANT = re.compile(r"\[\s*(?:''|-?\d+)\s*\]|\|\s*attr\(\s*''\s*\)")
_TAKEN = r"(?:[\w)\]]\[.*\]|\|\s*attr\((?:[^()]|\([^()]*\))*\))"  # by a computed name, once those that are constant are gone
_CALLED = re.compile(_TAKEN + r"(?:\s*\))*\s*\(", re.DOTALL)
_NAMED = re.compile(r"\{%-?\s*(?:set|with|for)\s+([A-Za-z_]\w*)\b.*" + _TAKEN, re.DOTALL)
ANY = ""  # stands for every name, in what `template_names` gives


def template_names(metadata: Mapping[str, str], modules: Iterable[ModuleFacts]) -> dict[str, str]:
    """Attributes and functions named in templates, each with the first `path:line` where it is; under ANY, where a computed name is called."""
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
        place = f"{path}:{first + text.count(chr(10), 0, expression.start())}"
        plain = _STRING.sub("''", expression.group())
        names = [match.group(1) or match.group(2) for match in _MEMBER.finditer(plain)]
        for name in [*names, *_QUOTED.findall(expression.group()), *([ANY] if _calls_computed(plain, text) else [])]:
            found.setdefault(name, place)


def _calls_computed(plain: str, text: str) -> bool:
    """Whether the expression calls what it takes by a computed name, or gives it a name that the template calls: `t['a' ~ b]()`."""
    rest = _CONSTANT.sub("", plain)
    named = _NAMED.match(rest)
    return bool(_CALLED.search(rest) or named and re.search(rf"\b{named.group(1)}\s*\(", text))
