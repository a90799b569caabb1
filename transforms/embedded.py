"""Python that stands in files of other kinds and calls the project: notebooks, doctests in documents, `python -c`, Cython.

It is looked at as text: a function whose name stands there stays as it is. Lines keep their numbers.
"""

import json
import re
from collections.abc import Callable, Collection, Mapping

NOTEBOOKS = (".ipynb",)
DOCUMENTS = (".rst", ".md", ".txt")
CYTHON = (".pyx",)
STUBS = (".pyi",)
SUFFIXES = (*NOTEBOOKS, *DOCUMENTS, *CYTHON, *STUBS)
_PROMPT = re.compile(r"\s*(?:>>>|\.\.\.) ")
_INLINE = re.compile(r"\bpython[\d.]*\s+(?:-\w+\s+)*-c\b")
_DEFINED = re.compile(r"\s*(?:async\s+)?def\s")


def embedded(texts: Mapping[str, str], roots: Collection[str]) -> dict[str, bytes]:
    """The code in those files that imports one of the project's modules, by path; all other lines are blank."""
    if not roots:
        return {}
    own = re.compile(r"^.*?\b(?:from|import)\s+[^#\n]*\b(?:" + "|".join(sorted(map(re.escape, roots))) + r")\b", re.MULTILINE)
    found = {path: _code(path, texts[path]) for path in sorted(texts)}
    return {path: code.encode() for path, code in found.items() if code.strip() and (path.endswith(STUBS) or own.search(code))}


def _code(path: str, text: str) -> str:
    if path.endswith(NOTEBOOKS):
        return _notebook(text)
    if path.endswith(DOCUMENTS):
        return _only(text, _PROMPT.match)
    if path.endswith(CYTHON):
        return text
    if path.endswith(STUBS):
        return _only(text, _DEFINED.match)
    return _only(text, _INLINE.search)


def _only(text: str, wanted: Callable[[str], object]) -> str:
    return "\n".join(line if wanted(line) else "" for line in text.split("\n"))


def _notebook(text: str) -> str:
    """The lines of the file that hold code, not those with text, outputs and pictures; everything where it is no notebook."""
    try:
        cells = json.loads(text)["cells"]
        code = "".join(line for cell in cells if cell["cell_type"] == "code" for line in [*cell["source"], "\n"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return text
    lines = set(code.split("\n")) - {""}
    kept = _only(text, lambda line: _line(line) in lines)
    return kept if kept.strip() else code


def _line(text: str) -> str:
    """What one line of a notebook's JSON says, when it is a string."""
    try:
        value = json.loads(text.strip().removesuffix(","))
    except ValueError:
        return ""
    return value.rstrip("\n") if isinstance(value, str) else ""
