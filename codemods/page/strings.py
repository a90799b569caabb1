"""Which lines of a Python file begin inside a string: a hunk's colours are wrong without it."""

import io
import tokenize

_STARTS = ("FSTRING_START", "TSTRING_START")
_ENDS = ("FSTRING_END", "TSTRING_END")


def open_strings(data: bytes) -> dict[int, str]:
    """Line number to the quotes that close the string; nothing beyond the place where a file cannot be read."""
    found: dict[int, str] = {}
    opened: list[tuple[str, int]] = []
    try:
        for token in tokenize.tokenize(io.BytesIO(data).readline):
            name = tokenize.tok_name[token.type]
            if token.type == tokenize.STRING:
                found |= _lines(token.string, token.start[0], token.end[0])
            elif name in _STARTS:
                opened.append((token.string, token.start[0]))
            elif name in _ENDS and opened:
                text, start = opened.pop()
                found |= _lines(text, start, token.end[0])
    except (tokenize.TokenError, SyntaxError, UnicodeDecodeError, LookupError):
        pass
    return found


def _lines(text: str, start: int, end: int) -> dict[int, str]:
    quotes = text.lstrip("rRbBuUfFtT")[:3]
    closing = quotes if quotes in ('"""', "'''") else quotes[:1]
    return dict.fromkeys(range(start + 1, end + 1), closing)
