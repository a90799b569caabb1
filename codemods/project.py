"""Which files belong to a project, and reading them without following loops or losing a byte."""

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from codemods.neighbours import neighbours
from transforms.embedded import DOCUMENTS
from transforms.embedded import SUFFIXES as EMBEDDED
from transforms.model import Project, as_text
from transforms.templates import SUFFIXES

_NEVER = {"__pycache__", "node_modules", "site-packages"}
_SKIPPED = {"venv", "env", "build", "dist", "_build"}
_MARKS = ("pyproject.toml", "setup.py", "setup.cfg", ".git", "Pipfile", "requirements.txt", "tox.ini")
METADATA = ("pyproject.toml", "setup.py", "setup.cfg", "Pipfile", "Pipfile.lock", "poetry.lock", "uv.lock")


class ProjectError(Exception):
    """The folder cannot be worked on; the message tells the user what to do."""


@dataclass(frozen=True)
class Loaded:
    """A project as read from disk. `unreadable` maps a path to the reason; paths are relative to `root`.

    `apart` are folders inside with a git repository of their own (submodules, clones): read, because the app may import
    from them, and never changed.
    """

    root: Path
    project: Project
    unreadable: dict[str, str]
    apart: frozenset[str] = field(default_factory=frozenset)


def load(target: Path) -> Loaded:
    """Read the project around `target`; only what lies in `target` may be edited.

    Raises ProjectError when there is nothing to read.
    """
    _check(target)
    target = target.resolve()
    root = find_root(target)
    found, unreadable = _found(root, target)
    apart = frozenset(folder.relative_to(root).as_posix() for folder in _own_repositories({path.parent for path in found}, target))
    files, metadata, others = _contents(root, found, unreadable)
    if not any(_inside(root / name, target) for name in [*files, *unreadable]):
        raise ProjectError(f"{target} holds no Python file; name the folder or file of a Flask application")

    def is_open(name: str) -> bool:
        return _inside(root / name, target) and not _is_apart(name, apart)

    python = files if installed(root) else files | neighbours(root, files)
    texts = {name: as_text(data) for name, data in metadata.items()}
    editable, beside = frozenset(filter(is_open, files)), frozenset(filter(is_open, metadata))
    project = Project(python, editable, texts, metadata_bytes=metadata, metadata_editable=beside, others=others)
    return Loaded(root, project, {name: why for name, why in unreadable.items() if _inside(root / name, target)}, apart)


def _check(target: Path) -> None:
    if not target.exists():
        raise ProjectError(f"{target} does not exist; name the folder or file of a Flask application")
    if not target.is_dir() and not target.is_file():
        raise ProjectError(f"{target} is no folder and no regular file; name the folder or file of a Flask application")


def _found(root: Path, target: Path) -> tuple[list[Path], dict[str, str]]:
    """The files to read, and what cannot be read with the reason. Where packages are installed, only the one of the target."""
    unreadable: dict[str, str] = {}
    inside = next((root / part for part in target.relative_to(root).parts[:1] if installed(root)), root)
    return sorted([inside] if inside.is_file() else _walk(inside, unreadable, root, target)), unreadable


def _contents(root: Path, found: Sequence[Path], unreadable: dict[str, str]) -> tuple[dict[str, bytes], dict[str, bytes], dict[str, str]]:
    """Python files, metadata, and other files that hold code; what cannot be read is added to `unreadable`."""
    files: dict[str, bytes] = {}
    metadata: dict[str, bytes] = {}
    others: dict[str, str] = {}
    for path in found:
        name = path.relative_to(root).as_posix()
        try:
            if path.suffix == ".py":
                files[name] = path.read_bytes()
            elif _holds_code(path):
                others[name] = as_text(path.read_bytes())
            if (path.suffix != ".py" and name not in others) or path.name in METADATA:
                metadata[name] = path.read_bytes()
        except OSError as error:
            unreadable[name] = f"cannot be read: {error.strerror}"
    return files, metadata, others


def _own_repositories(folders: Collection[Path], target: Path) -> Iterator[Path]:
    """Of the folders and those between them and the target: the tops of other git repositories."""
    between = {item for folder in folders for item in (folder, *folder.parents) if target in item.parents}
    return (folder for folder in between if _exists(folder / ".git"))


def _is_apart(name: str, apart: Collection[str]) -> bool:
    return any(name.startswith(f"{folder}/") for folder in apart)


def find_root(target: Path) -> Path:
    """The nearest folder at or above `target` that looks like the root of a project; `target`'s own folder otherwise."""
    folder = target if target.is_dir() else target.parent
    for candidate in [folder, *folder.parents]:
        if installed(candidate):
            return candidate
        if any(_exists(candidate / mark) for mark in _MARKS):
            return candidate
    while (folder / "__init__.py").exists() and folder.parent != folder:
        folder = folder.parent
    return folder


def installed(folder: Path) -> bool:
    """Whether packages are installed there: each of them is then a project of its own."""
    return folder.name in ("site-packages", "dist-packages")


def _inside(path: Path, target: Path) -> bool:
    return path == target or target in path.parents


def _walk(folder: Path, unreadable: dict[str, str], root: Path, target: Path) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        unreadable[folder.relative_to(root).as_posix()] = f"the folder cannot be read: {error.strerror}"
        return
    for entry in entries:
        path = Path(entry.path)
        if entry.is_symlink():
            if entry.name.endswith(".py"):
                _note_link(path, unreadable, root)
        elif entry.is_dir():
            if path == target or path in target.parents or not _is_skipped(path):
                yield from _walk(path, unreadable, root, target)
        elif not entry.is_file(follow_symlinks=False):
            if entry.name.endswith(".py"):
                unreadable[path.relative_to(root).as_posix()] = "not a regular file"
        elif entry.name.endswith(".py") or entry.name in METADATA or _is_requirements(path) or _is_template(path) or _is_deployment(path) or _holds_code(path):
            yield path


def _note_link(path: Path, unreadable: dict[str, str], root: Path) -> None:
    """A link to a file inside the project is read there; any other is a row."""
    try:
        inside = root in path.resolve(strict=True).parents
    except (OSError, RuntimeError):
        unreadable[path.relative_to(root).as_posix()] = "a symbolic link that leads nowhere or to itself"
        return
    if not inside:
        unreadable[path.relative_to(root).as_posix()] = "a symbolic link to a file outside the project; it is not followed"


def _is_skipped(path: Path) -> bool:
    if path.name.startswith(".") or path.name.endswith(".egg-info") or path.name in _NEVER or _exists(path / "pyvenv.cfg"):
        return True
    return path.name in _SKIPPED and not _exists(path / "__init__.py")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False


def _is_requirements(path: Path) -> bool:
    return path.suffix in (".txt", ".in") and ("requirements" in path.name or "constraints" in path.name or path.parent.name == "requirements")


def _is_template(path: Path) -> bool:
    """Jinja templates call methods of the application."""
    return path.suffix in SUFFIXES[:5] or "templates" in path.parts


def _holds_code(path: Path) -> bool:
    """Notebooks, stubs, documents with doctests, and commands that may run a line of Python."""
    if path.name in METADATA or _is_requirements(path) or _is_template(path) or _is_deployment(path):
        return False
    if path.suffix in DOCUMENTS:
        return _contains(path, b">>>")
    return path.suffix in EMBEDDED or (path.name in ("Makefile", "justfile") or path.suffix in (".yml", ".yaml", ".mk")) and _contains(path, b" -c")


def _contains(path: Path, wanted: bytes) -> bool:
    try:
        return wanted in path.read_bytes()
    except OSError:
        return False


def _is_deployment(path: Path) -> bool:
    """What starts the app: it says which workers serve it."""
    if not path.suffix and path.name not in ("Makefile", "LICENSE"):
        return _is_script(path)
    if path.suffix in (".conf", ".ini"):
        return "uwsgi" in path.name or "supervisor" in path.name or any(part.startswith("supervisor") for part in path.parts[-3:-1])
    return path.name.startswith(("Procfile", "Dockerfile", "docker-compose", "compose.")) or path.suffix in (".sh", ".service")


def _is_script(path: Path) -> bool:
    """A Python program without a suffix: it may call the application's functions."""
    if path.name.startswith(("Procfile", "Dockerfile")):
        return True
    try:
        with path.open("rb") as file:
            head = file.read(64)
        return head.startswith(b"#!") and b"python" in head
    except OSError:
        return False
