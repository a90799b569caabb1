"""Streaming with the request's context: in an async view it works from Flask 3.1.2 on only.

`stream_with_context` and `stream_template` start their generator in the view. Below 3.1.2 that pushes the request's context a
second time, in the context of the view's event loop, and its end is then looked for in the one of the request's thread:
`ValueError: Token was created in a different Context` (measured on Flask 2.3.3; Flask's change log of 3.1.2, issue 5774).
"""

from transforms.facts import Function, by_place
from transforms.index import Index
from transforms.reach import Reach
from transforms.values import External

_NAMES = ("stream_with_context", "stream_template", "stream_template_string")
_STREAMING = {f"{module}.{name}" for module in ("flask", "flask.helpers", "flask.templating") for name in _NAMES}
_SINCE = (3, 1, 2)


def streams(index: Index, reach: Reach, function: Function) -> str:
    """Where the handler may stream with the request's context on a Flask below 3.1.2; empty when nowhere."""
    if _is_new(index) or not any(True for name in _NAMES for _ in index.resolver.names.everywhere(name)):
        return ""
    for item in sorted(reach.functions(function), key=by_place):
        for use in item.uses:
            value = index.resolver.value(use.named, use.scope)
            if isinstance(value, External) and value.name in _STREAMING:
                return f"{item.module.path}:{use.named.lineno}"
    return ""


def _is_new(index: Index) -> bool:
    asked = index.requirements.find("flask")
    return bool(asked) and all(item.lowest >= _SINCE for item in asked)
