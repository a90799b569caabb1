"""The user's own catalogue files, named in `[tool.flask-to-async]`. Data only: reading one never imports or runs anything.

They come with the repository, which may be anybody's: a path may not lead out of the project, not through a link either,
and only a regular file of at most a megabyte is read.
"""

import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path

from transforms.catalogue import Catalogue, CatalogueError, parse_library
from transforms.catalogue.library import combine

_KEY = "[tool.flask-to-async] catalogue"
_LARGEST = 1_000_000


def named_files(pyproject: str) -> list[str]:
    """The paths in `[tool.flask-to-async] catalogue`, as written; none for a pyproject.toml that is not valid TOML."""
    try:
        tool = tomllib.loads(pyproject).get("tool", {})
    except (tomllib.TOMLDecodeError, RecursionError):
        return []
    own = tool.get("flask-to-async", {}) if isinstance(tool, dict) else {}
    found = own.get("catalogue", []) if isinstance(own, dict) else []
    if not isinstance(found, list) or not all(isinstance(item, str) and item for item in found):
        raise CatalogueError(f'pyproject.toml: {_KEY} must be a list of paths, for example ["async-clients.toml"]')
    return found


def load_own(root: Path, metadata: Mapping[str, str]) -> Catalogue:
    """All files that the project names, together; raises CatalogueError with the file and the key that is wrong."""
    names = named_files(metadata.get("pyproject.toml", ""))
    return combine(parse_library(read_own(root, name), name) for name in names)


def read_own(root: Path, name: str) -> str:
    """The text of one file of the project."""
    path = root / name
    try:
        inside = path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError, ValueError):
        raise CatalogueError(f"{_KEY}: {name!r} is no path") from None
    if not inside:
        raise CatalogueError(f"{_KEY}: {name!r} leads out of the project; put the file beside pyproject.toml")
    return read_file(path, name)


def read_file(path: Path, name: str) -> str:
    """The text of a catalogue file; raises CatalogueError when it is none."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise CatalogueError(f"{name} is no regular file")
        if status.st_size > _LARGEST:
            raise CatalogueError(f"{name} is larger than a megabyte, which no catalogue is")
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        raise CatalogueError(f"{name} is not UTF-8") from None
    except (OSError, ValueError) as error:
        raise CatalogueError(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}") from None
