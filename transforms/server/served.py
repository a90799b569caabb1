"""An application and the object in `asgi.py` that stands for it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Served:
    """`target` is how a WSGI server names the application, `name` how an ASGI server does."""

    target: str
    name: str
