"""Who else sees an exception of a client besides `except` clauses: Flask's error handlers, and `contextlib.suppress`.

An exchanged client raises other classes with other texts. Flask looks for an error handler along the classes of the
exception; an error without one becomes InternalServerError, whose handler finds it in `original_exception`.
"""

import ast
from collections.abc import Callable, Iterator

from transforms.facts import Call, Function, FunctionNode
from transforms.index import Index
from transforms.values import External, FunctionValue

Concerns = Callable[[Function, ast.expr], bool]
_REGISTER = ("errorhandler", "app_errorhandler", "register_error_handler")
_WHOLE = ("builtins.Exception", "builtins.BaseException")
_UNCAUGHT = ("werkzeug.exceptions.InternalServerError", "werkzeug.exceptions.HTTPException")
_ABOUT_THE_ANSWER = ("code", "name", "description", "get_response", "get_headers", "get_body")


def error_handler(index: Index, concerns: Concerns) -> str:
    """The first error handler that an exception of the client may reach and that would see the difference; else empty.

    `concerns(function, kind)` says whether the class that the expression names may be one of the client's.
    """
    for name in _REGISTER:
        for owner, use in index.resolver.names.everywhere(name):
            if isinstance(use, Call) and use.node.args and _sees(index, owner, use, concerns):
                return f"{owner.module.path}:{use.node.lineno} handles {ast.unparse(use.node.args[0])}"
    return ""


def suppressor(index: Index, function: Function, concerns: Concerns) -> str:
    """A `contextlib.suppress` of the function that the exceptions of the client may end in; empty when there is none."""
    for call in function.calls:
        if index.resolver.value(call.node.func, call.scope) == External("contextlib.suppress"):
            for kind in call.node.args:
                if not _is_whole(index, function, kind) and concerns(function, kind):
                    return f"{function.module.path}:{call.node.lineno} suppresses {ast.unparse(kind)}"
    return ""


def _is_whole(index: Index, function: Function, kind: ast.expr) -> bool:
    value = index.resolver.value(kind, function.scope)
    return isinstance(value, External) and value.name in _WHOLE


def _sees(index: Index, owner: Function, use: Call, concerns: Concerns) -> bool:
    """Whether that handler is one of the client's errors by class, or one for all errors that looks at what it is given."""
    kind = use.node.args[0]
    value = index.resolver.value(kind, use.scope)
    if isinstance(kind, ast.Constant):
        return kind.value == 500 and _looks(index, owner, use, _ABOUT_THE_ANSWER)
    if isinstance(value, External) and value.name.replace("flask.", "werkzeug.exceptions.") in _UNCAUGHT:
        return _looks(index, owner, use, _ABOUT_THE_ANSWER)
    if isinstance(value, External) and value.name in _WHOLE:
        return _looks(index, owner, use, ())
    if isinstance(value, External) and value.name.startswith("werkzeug."):
        return False
    return concerns(owner, kind)


def _looks(index: Index, owner: Function, use: Call, allowed: tuple[str, ...]) -> bool:
    """Whether the handler uses the error in another way than by the attributes that are allowed; unknown counts as yes."""
    function = _handler(index, owner, use)
    if function is None or not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        return True
    arguments = [*function.args.posonlyargs, *function.args.args]
    names = {"sys", "traceback", *([arguments[-1].arg] if arguments else [])}
    used = [node for item in _body(function) for node in ast.walk(item) if isinstance(node, ast.Name) and node.id in names]
    parents = owner.module.parents
    return any(not isinstance(parent := parents.get(node), ast.Attribute) or parent.attr not in allowed for node in used)


def _body(function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> Iterator[ast.AST]:
    yield from (function.body if isinstance(function.body, list) else [function.body])


def _handler(index: Index, owner: Function, use: Call) -> ast.AST | None:
    """The function that is decorated by the call, or given to it."""
    parent = owner.module.parents.get(use.node)
    if isinstance(parent, FunctionNode):
        return parent
    given = use.node.args[1] if len(use.node.args) > 1 else next((item.value for item in use.node.keywords if item.arg == "f"), None)
    value = index.resolver.value(given, use.scope) if given is not None else None
    return value.function.node if isinstance(value, FunctionValue) and value.function.module is owner.module else None
