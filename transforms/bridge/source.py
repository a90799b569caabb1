"""The text of the module, as it is written into an application, and where it stands there."""

from importlib.util import find_spec

from transforms.bridge.names import MODULE
from transforms.edits import Import
from transforms.facts import ModuleFacts
from transforms.index import Index
from transforms.layout import is_test
from transforms.support import adapter_import, home

_NAME = "transforms.bridge.async_requests"


def source() -> str:
    """Our module's own code, from the import system; it is not run, and needs neither requests nor aiohttp."""
    spec = find_spec(_NAME)
    text = spec.loader.get_source(_NAME) if spec and spec.loader else None  # type: ignore[attr-defined]
    if text is None:
        raise RuntimeError(f"{_NAME} was installed without its source")
    return str(text)


def bridge_path(index: Index, importer: str) -> str:
    """Where the module stands or goes: the one that the project has, or beside the topmost package of that file."""
    existing = [path for path in sorted(index.project.python) if path.rpartition("/")[2] == f"{MODULE}.py" and not is_test(path)]
    return existing[0] if len(existing) == 1 else f"{home(index, importer).rpartition('/')[0]}/{MODULE}.py".lstrip("/")


def bridge_import(index: Index, facts: ModuleFacts, where: str) -> Import | None:
    """How that file imports the module; None when the project imports the modules beside it under several names."""
    found = adapter_import(index, facts, where)
    if found is None:
        return None
    package, dot, name = found.module.rpartition(".")
    if not dot:
        return Import(name)
    return Import(found.module[: -len(name)] if not package.strip(".") else package, name)
