"""An application and the object in `asgi.py` that stands for it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Served:
    """`target` is how a WSGI server names the application, `name` how an ASGI server does; `saves` where some views need no thread there."""

    target: str
    name: str
    saves: bool = False
