"""Bytes to text and back without losing a byte: encoding cookie, BOM, newline style, form feeds."""

import io
import re
import tokenize
from dataclasses import dataclass

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")
_BOM = b"\xef\xbb\xbf"


class Undecodable(Exception):
    """The bytes are not text in the encoding that the file declares; the message says what to do."""


@dataclass(frozen=True)
class Text:
    """A decoded file. `encode(decode(data).body) == data` for every file that decodes."""

    body: str
    encoding: str
    bom: bool

    def encode(self, body: str) -> bytes:
        """The bytes of `body` in this file's encoding; raises Undecodable when a character does not fit."""
        try:
            return (_BOM if self.bom else b"") + body.encode(self.encoding)
        except (UnicodeError, LookupError):
            raise Undecodable(f"the new text does not fit the file's encoding {self.encoding}; save the file as UTF-8") from None


def decode(data: bytes) -> Text:
    """Decode a Python file as Python itself would (PEP 263); raises Undecodable with the remedy."""
    bom = data.startswith(_BOM)
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    except SyntaxError as error:
        raise Undecodable(f"{error.msg}; declare the encoding in the first line, or save the file as UTF-8") from None
    encoding = "utf-8" if encoding == "utf-8-sig" else encoding
    try:
        return Text(data[3 if bom else 0 :].decode(encoding), encoding, bom)
    except LookupError:
        raise Undecodable(f"{encoding!r} is no text encoding; save the file as UTF-8") from None
    except UnicodeDecodeError as error:
        where = data.count(b"\n", 0, error.start) + 1
        raise Undecodable(f"line {where} is not valid {encoding}; declare the encoding in the first line, or save the file as UTF-8") from None


def split_lines(body: str) -> list[str]:
    """Lines with their ends, split where Python's parser splits them (not at form feeds or U+2028)."""
    return _LINE.findall(body)


def newline_of(body: str) -> str:
    """The newline that the file uses first; "\\n" where it has none."""
    found = re.search(r"\r\n|\r|\n", body)
    return found.group() if found else "\n"
