"""What the module for an ASGI server is called and holds, and how it is known again."""

import ast

from transforms.parsing import parse

MODULE = "asgi_support"
CLASS = "Application"


def holds_asgi(path: str, data: bytes) -> bool:
    """Whether a file is the module, be it changed by its owner: it is not looked at as code of the application is."""
    if path.rpartition("/")[2] != f"{MODULE}.py":
        return False
    try:
        return any(isinstance(node, ast.ClassDef) and node.name == CLASS for node in parse(data).body)
    except (SyntaxError, ValueError):
        return False
