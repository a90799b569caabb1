"""Parsing the project's own code without its warnings on our standard error: `SyntaxWarning: invalid escape sequence`."""

import ast
import warnings


def parse(text: str | bytes) -> ast.Module:
    """The tree of a file. Raises SyntaxError or ValueError as `ast.parse` does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def parse_expression(text: str) -> ast.expr:
    """The tree of one expression. Raises SyntaxError or ValueError as `ast.parse` does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text, mode="eval").body


def why_not_compiled(path: str, text: str) -> str:
    """Why the file does not compile; empty when it does."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        return str(error)
    except (RecursionError, MemoryError):
        return "nested too deeply"
    return ""
