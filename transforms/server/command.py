"""A command that starts the application, as it is written in a file of the project."""

import re
from dataclasses import dataclass

COMMAND = re.compile(r"""(?:(?<=^)|(?<=[\s\["'=/:]))(?P<program>uvicorn|hypercorn|gunicorn|flask)(?P<quote>["']?)(?=[\s,])(?P<rest>[^\n]*)""")
ASGI_WORKER = re.compile(r"""(?:-k|--worker-class)(?P<gap>[ =]+|["'],\s*["'])(?P<worker>[\w.]*(?:[uU]vicorn|[hH]ypercorn)[\w.]*|asgi)(?=["'\s]|$)""")


@dataclass(frozen=True)
class NewLine:
    """The file and the text that the line becomes."""

    path: str
    text: str


@dataclass(frozen=True)
class Command:
    """One command that starts the application in a way worth a word; `change` when it can be put right."""

    path: str
    line: int
    program: str
    reason: str
    change: NewLine | None = None


def is_comment(line: str) -> bool:
    """Whether the line says nothing to any of the programs that read such files."""
    return line.lstrip().startswith(("#", "//", ";"))
