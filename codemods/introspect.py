"""Looking names up in the libraries that are installed beside the running interpreter. This imports them."""

import importlib
import inspect
import re
import warnings
from dataclasses import dataclass
from types import ModuleType

MISSING = object()
_AWAITABLE = re.compile(r"\b(?:Awaitable|Coroutine)\b")


@dataclass(frozen=True)
class Absent:
    """The module is not installed here, or cannot be imported; `reason` says what is missing."""

    reason: str


def find(dotted: str) -> object:
    """The object of that name; MISSING when the library has none, `Absent` when the library cannot be asked.

    An attribute wins over a submodule of the same name, as in `import a; a.b` (tenacity.retry is both).
    """
    name, *rest = dotted.split(".")
    found = _module(name)
    for part in rest:
        if found is MISSING:
            return Absent(f"{name} is not installed")
        if isinstance(found, Absent):
            return found
        name, holder = f"{name}.{part}", found
        found = _below(found, part, name)
        if found is MISSING:
            return Absent(f"{name} is not installed") if _is_namespace(holder) else MISSING
    return Absent(f"{name} is not installed") if found is MISSING else found


def _is_namespace(holder: object) -> bool:
    """Whether it is a package that several distributions share (`google`), of which only some need be installed."""
    return isinstance(holder, ModuleType) and getattr(holder, "__file__", None) is None and hasattr(holder, "__path__")


def _below(holder: object, part: str, name: str) -> object:
    try:
        found = getattr(holder, part)
    except Exception as error:  # also a lazy import that fails, or a program that `sh` does not find
        if type(error) is not AttributeError:
            return Absent(f"{name}: {type(error).__name__}")
        found = MISSING
    return _module(name) if found is MISSING and isinstance(holder, ModuleType) else found


def _module(name: str) -> object:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        ours = error.name is not None and f"{name}.".startswith(f"{error.name}.")
        return MISSING if ours else Absent(f"{name} needs {error.name}")
    except (Exception, SystemExit) as error:  # a shared library, a display or a key is missing
        return Absent(f"{name}: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")


def is_awaited(found: object) -> bool:
    """Whether calling it gives something to await: a coroutine function, or one that is annotated so (redis.asyncio)."""
    plain = _unwrapped(found)
    plain = inspect.unwrap(plain) if callable(plain) else plain
    return inspect.iscoroutinefunction(plain) or bool(_AWAITABLE.search(returned(plain)))


def is_async_iterator(found: object) -> bool:
    """Whether calling it gives something for `async for`."""
    plain = _unwrapped(found)
    return inspect.isasyncgenfunction(plain) or any(word in returned(plain) for word in ("AsyncIterator", "AsyncGenerator"))


def is_async_only(found: object) -> bool:
    """Whether it is a coroutine function or an asynchronous generator, whatever its annotations say."""
    plain = _unwrapped(found)
    return inspect.iscoroutinefunction(plain) or inspect.isasyncgenfunction(plain)


def parameters(found: object) -> set[str] | None:
    """The names of its parameters; None when they cannot be read or it takes any keyword."""
    try:
        known = inspect.signature(found).parameters  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return None if any(item.kind is item.VAR_KEYWORD for item in known.values()) else set(known)


def _unwrapped(found: object) -> object:
    return getattr(found, "__func__", found)


def returned(found: object) -> str:
    """What it is annotated to return, as text; empty when it is not."""
    found = _unwrapped(found)
    said = getattr(found, "__annotations__", {})
    return str(said.get("return", "")) if isinstance(said, dict) else ""
