"""Code around a project that may call it: other folders of the same repository, and hidden folders such as `.ci`.

It is read, so that callers are seen, and never changed. Only files that import a module of the project count.
"""

import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path

_CACHES = {".git", ".hg", ".svn", ".tox", ".nox", ".venv", ".eggs", ".idea", ".vscode", ".hypothesis"}
_INSTALLED = {"node_modules", "site-packages", "__pycache__"}
_COMMON = {"tests", "test", "docs", "conftest", "setup", "src", "lib", "examples", "scripts", "__init__", "__main__"}


def neighbours(root: Path, files: Collection[str]) -> dict[str, bytes]:
    """Python files by path relative to `root` (with `..`) that import the project and are not among its `files`."""
    names = _top_names(files)
    if not names:
        return {}
    imports = re.compile(rb"^\s*(?:from|import)\s[^#\n]*\b(" + "|".join(sorted(map(re.escape, names))).encode() + rb")\b", re.MULTILINE)
    found: dict[str, bytes] = {}
    for path in _around(root):
        name = Path(os.path.relpath(path, root)).as_posix()
        data = _read(path) if name not in files else b""
        if any(not _is_own(path, item.decode(), root) for item in set(imports.findall(data))):
            found[name] = data
    return found


def _top_names(files: Collection[str]) -> set[str]:
    """The names under which the project's modules may be imported: top folders, `src/` left out, and modules beside them."""
    parts = [name.removeprefix("src/").removesuffix(".py").split("/")[0] for name in files]
    return {part for part in parts if part.isidentifier()} - _COMMON


def _around(root: Path) -> Iterator[Path]:
    """Python files below the repository that holds `root`, outside of it; and those in hidden folders of `root`."""
    top = next((folder for folder in [root, *root.parents] if _has_git(folder)), root)
    if top in (Path.home(), Path(top.anchor)):
        top = root
    for folder, folders, names in os.walk(top):
        here = Path(folder)
        folders[:] = sorted(name for name in folders if name not in _INSTALLED | _CACHES and not name.endswith("_cache") and not _is_venv(here / name))
        outside = here != root and root not in here.parents
        if outside or any(part.startswith(".") for part in here.relative_to(root).parts):
            yield from (here / name for name in sorted(names) if name.endswith(".py"))


def _has_git(folder: Path) -> bool:
    return os.path.lexists(folder / ".git")


def _is_venv(folder: Path) -> bool:
    return os.path.lexists(folder / "pyvenv.cfg")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes() if path.is_file() and not path.is_symlink() else b""
    except OSError:
        return b""


def _is_own(path: Path, name: str, root: Path) -> bool:
    """Whether that import finds a module beside the file, or in a folder around it that is not the project's."""
    for folder in path.parents:
        if folder == root or folder in root.parents:
            return False
        if any(os.path.lexists(folder / home / found) for home in ("", "src") for found in (name, f"{name}.py")):
            return True
    return False
