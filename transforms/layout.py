"""Which file an import means: packages, `src/`, scripts, namespace packages, several roots in one project."""

import ast
from collections.abc import Collection, Iterable
from functools import cache, lru_cache


class Layout:
    """The module tree of a project. Paths are relative to its root, with forward slashes.

    A module is named by its file; a namespace package (a folder without `__init__.py`) by the folder with a
    trailing slash.
    """

    def __init__(self, paths: Iterable[str], libraries: Collection[str] = ()) -> None:
        """`libraries` are top-level names of what is likely to be installed, the standard library among it."""
        self.files = frozenset(paths)
        self.libraries = libraries
        self.folders = frozenset(folder for path in self.files for folder in _folders(path))
        self.roots = sorted({self.root_of(path) for path in self.files})
        self.find = lru_cache(maxsize=None)(self._find)

    def root_of(self, path: str) -> str:
        """The folder that must be on `sys.path` for the topmost package of this file to be importable."""
        folder = _parent(path)
        while folder and f"{folder}/__init__.py" in self.files:
            folder = _parent(folder)
        return folder

    def module_name(self, path: str) -> str:
        """Dotted name of the file, seen from its own root."""
        root = self.root_of(path)
        name = path[len(root) + 1 if root else 0 :].removesuffix(".py").removesuffix("/__init__")
        return name.replace("/", ".")

    def _find(self, dotted: str, importer: str) -> str | None:
        """The file or folder that `import dotted` in `importer` loads; None when it is not of this project."""
        if dotted.partition(".")[0] in self.libraries:
            return self._shadowing(dotted, importer)
        near = [self.root_of(importer), _parent(importer), "", "src"]
        is_packaged = near[0] != near[1] and not importer.endswith("__init__.py")  # where a module is not imported by its last name
        for root in [*near, *self.roots]:
            found = self.under(root, dotted)
            if found and not (is_packaged and found == importer):
                return found
        return None

    def _shadowing(self, dotted: str, importer: str) -> str | None:
        """A file of the project that is found before the library of that name.

        The neighbour in a package is not, nor is a folder without `__init__.py`, such as `docker/` with a script in it
        (https://docs.python.org/3/reference/import.html#path-entry-finders: a portion of a namespace package is the last choice).
        """
        for root in (self.root_of(importer), "", "src"):
            found = self.under(root, dotted)
            if found and not found.endswith("/") and (found != importer or found.endswith("__init__.py")):
                return found
        return None

    def under(self, folder: str, dotted: str) -> str | None:
        """The module `dotted` below `folder`."""
        base = "/".join(part for part in [folder, *dotted.split(".")] if part)
        for candidate in (f"{base}/__init__.py", f"{base}.py"):
            if candidate in self.files:
                return candidate
        return f"{base}/" if base in self.folders and dotted else None

    def relative(self, importer: str, level: int, dotted: str) -> str | None:
        """The module that `from ..dotted import x` in `importer` names."""
        folder = _parent(importer)
        for _ in range(level - 1):
            folder = _parent(folder)
        if dotted:
            return self.under(folder, dotted)
        init = f"{folder}/__init__.py" if folder else "__init__.py"
        return init if init in self.files else f"{folder}/"

    def imported(self, node: ast.ImportFrom, importer: str) -> str | None:
        """The file or folder from which that statement in `importer` takes; None when it is not of this project."""
        dotted = node.module or ""
        return self.relative(importer, node.level, dotted) if node.level else self.find(dotted, importer)

    def submodule(self, module: str, name: str) -> str | None:
        """The module `name` inside the package `module`."""
        if module.endswith("/"):
            return self.under(module[:-1], name)
        if module.endswith("__init__.py"):
            return self.under(_parent(module), name)
        return None


@cache
def is_test(path: str) -> bool:
    """Whether the file belongs to the tests, by pytest's and unittest's conventions."""
    *folders, name = path.split("/")
    return name == "conftest.py" or name.startswith("test_") or name.endswith("_test.py") or bool({"tests", "test"} & set(folders)) or name == "tests.py"


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _folders(path: str) -> Iterable[str]:
    folder = _parent(path)
    while folder:
        yield folder
        folder = _parent(folder)
