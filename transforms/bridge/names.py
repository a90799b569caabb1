"""What the emitted module is called and holds, and how it is known again."""

import ast

MODULE = "async_requests"
CALL = "call"
VERBS = ("get", "options", "head", "post", "put", "patch", "delete", "request")


def holds_bridge(path: str, data: bytes) -> bool:
    """Whether a file is the module, be it changed by its owner: it is not looked at as code of the application is."""
    if path.rpartition("/")[2] != f"{MODULE}.py":
        return False
    try:
        names = {node.name for node in ast.parse(data).body if isinstance(node, ast.AsyncFunctionDef)}
    except (SyntaxError, ValueError):
        return False
    return names >= {*VERBS, CALL}
