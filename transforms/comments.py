"""Suppression comments: `# async: leave`, `# async: leave[CODE, CODE] reason`.

On a line of a call they are about that call; on a line of a `def`, a `class` or their decorators about the whole of it;
on a line of their own before the first statement of a file (its docstring aside) about the file. A comment that looks
like one and is misspelt leaves everything in its place, and is reported: in doubt code is left alone.
"""

import ast
import difflib
import io
import re
import sys
import tokenize
from dataclasses import dataclass

from transforms.rules import CHANGING, FOUND, RULES, UNSAFE

_MARK = re.compile(r"#[ \t]*async[ \t]*:[ \t]*(?P<rest>.*)", re.IGNORECASE)
_LEAVE = re.compile(r"leave(?:\[(?P<codes>[^\]]*)\])?(?:\s+(?P<reason>.*))?")
_EVERYTHING = (1, sys.maxsize)


@dataclass(frozen=True)
class Comment:
    """One comment: the lines that it is about (`first` to `last`, from 1), the codes (none: all), what is wrong with it."""

    path: str
    line: int
    first: int
    last: int
    codes: tuple[str, ...] = ()
    reason: str = ""
    problem: str = ""

    @property
    def words(self) -> str:
        """How a decision names it."""
        return f"left by the comment at {self.path}:{self.line}" + (f": {self.reason}" if self.reason else "")

    def covers(self, first: int, last: int, code: str) -> bool:
        """Whether it is about a change of that rule on those lines."""
        return self.first <= last and first <= self.last and (not self.codes or code in self.codes)


def read_comments(path: str, body: str, tree: ast.Module) -> tuple[Comment, ...]:
    """All suppression comments of a file that parses, in order. Strings that look like comments are none."""
    if not _MARK.search(body):
        return ()
    try:
        tokens = [token for token in tokenize.generate_tokens(io.StringIO(body).readline) if token.type == tokenize.COMMENT]
    except (tokenize.TokenError, SyntaxError):
        return (Comment(path, 1, *_EVERYTHING, problem="the comments of this file cannot be read, so nothing in it is changed"),)
    return tuple(comment for token in tokens if (comment := _comment(path, token, tree)) is not None)


def _comment(path: str, token: tokenize.TokenInfo, tree: ast.Module) -> Comment | None:
    mark = _MARK.search(token.string)
    if mark is None:
        return None
    rest, line = mark["rest"].strip(), token.start[0]
    first, last = _scope(tree, line, own_line=not token.line[: token.start[1]].strip())
    found = _LEAVE.fullmatch(rest)
    if found is None:
        word = re.split(r"\W", rest, maxsplit=1)[0].lower()
        if not difflib.get_close_matches(word, ["leave"], cutoff=0.7):
            return None  # prose
        return Comment(path, line, first, last, problem=f"`{mark.group().strip()}` is not understood: write `# async: leave` or `# async: leave[CODE] reason`")
    codes = tuple(item.strip() for item in found["codes"].split(",")) if found["codes"] is not None else ()
    problem = next((said for code in codes if (said := about_code(code))), "")
    return Comment(path, line, first, last, () if problem else codes, found["reason"] or "", problem)


def about_code(code: str) -> str:
    """What is wrong with a rule code whose changes are to be left or allowed; empty when nothing is."""
    if code in CHANGING or code in FOUND:
        return ""
    if code in RULES:
        return f"{code} changes nothing; the rules that do are {', '.join(CHANGING)}"
    close = difflib.get_close_matches(code.upper(), CHANGING, n=1)
    return f"{code!r} is no rule code; " + (f"did you mean {close[0]}?" if close else f"the rules that change something are {', '.join(CHANGING)}")


def about_unsafe(code: str) -> str:
    """What is wrong with a rule code whose unsafe changes are to be taken; empty when nothing is."""
    if code in UNSAFE or code not in RULES:
        return "" if code in UNSAFE else about_code(code)
    return f"{code} makes no change that is unsafe, so opting in has no effect; the rules that do are {', '.join(UNSAFE)}"


def _scope(tree: ast.Module, line: int, own_line: bool) -> tuple[int, int]:
    if own_line:
        return _EVERYTHING if line < _start_of_code(tree) else (line, line)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            start = _first_line(node)
            if start <= line <= max(node.lineno, _first_line(node.body[0]) - 1):
                return start, node.end_lineno or node.lineno
    return line, line


def _start_of_code(tree: ast.Module) -> int:
    body = tree.body[1:] if ast.get_docstring(tree, clean=False) is not None else tree.body
    return _first_line(body[0]) if body else sys.maxsize


def _first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(item.lineno for item in decorators)])
