"""What the project says it runs on: Python, Flask, and the libraries it already has. Read as text, never run."""

import ast
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from transforms.parsing import parse

_REQUIREMENT = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*\(?([^;#)]*)")
_CLAUSE = re.compile(r"(===|==|~=|>=|<=|!=|<|>|\^|~)\s*v?(\d+(?:\.\d+)*)")
_LOWER = ("==", "===", "~=", ">=", ">", "^", "~")


@dataclass(frozen=True)
class Requirement:
    """A distribution that some file of the project asks for; versions as tuples, empty when not given."""

    name: str
    clauses: tuple[tuple[str, tuple[int, ...]], ...]
    source: str

    @property
    def lowest(self) -> tuple[int, ...]:
        """The lowest version allowed; empty when any is."""
        return max((version for operator, version in self.clauses if operator in _LOWER), default=())

    def excludes_from(self, version: tuple[int, ...]) -> bool:
        """Whether only versions below `version` are allowed."""
        below = any(operator in ("<", "<=") and bound <= version for operator, bound in self.clauses)
        pinned = any(operator in ("==", "===", "~=", "^", "~") and bound < version and bound[:1] < version[:1] for operator, bound in self.clauses)
        return below or pinned


@dataclass(frozen=True)
class Requirements:
    """All requirements, and the lowest Python version that the project says it supports."""

    items: tuple[Requirement, ...] = ()
    python: tuple[int, int] | None = None

    def find(self, name: str) -> list[Requirement]:
        """Every mention of a distribution."""
        wanted = _normal(name)
        return [item for item in self.items if item.name == wanted]

    def has(self, name: str) -> bool:
        """Whether the distribution is asked for anywhere."""
        return bool(self.find(name))


def read_requirements(metadata: Mapping[str, str]) -> Requirements:
    """Requirements from requirements files, pyproject.toml, setup.cfg, setup.py, Pipfile; unreadable ones count as empty."""
    items: list[Requirement] = []
    pythons: list[tuple[int, int]] = []
    for path in sorted(metadata):
        if not _is_declaration(path):
            continue
        lines, python = _parse(path.rpartition("/")[2], metadata[path])
        items += [item for line in lines if isinstance(line, str) and (item := parse_requirement(line, path))]
        pythons += [python] if python else []
    return Requirements(tuple(items), max(pythons, default=None))


def _is_declaration(path: str) -> bool:
    folder, _, name = path.rpartition("/")
    if name in ("pyproject.toml", "Pipfile", "setup.py", "setup.cfg", "Pipfile.lock", "poetry.lock", "uv.lock"):
        return True
    return name.endswith(".txt") and ("requirements" in name or "constraints" in name or folder.endswith("requirements"))


def parse_requirement(line: str, source: str) -> Requirement | None:
    """One requirement line; None for options, comments and URLs."""
    found = _REQUIREMENT.match(line)
    if not found or line.lstrip().startswith(("-", "#")) or "://" in line:
        return None
    clauses = tuple((operator, _version(version)) for operator, version in _CLAUSE.findall(found.group(2)))
    return Requirement(_normal(found.group(1)), clauses, source)


def _parse(name: str, text: str) -> tuple[list[str], tuple[int, int] | None]:
    try:
        if name == "pyproject.toml" or name == "Pipfile":
            return _from_toml(tomllib.loads(text))
        if name == "Pipfile.lock":
            return _from_pipfile_lock(json.loads(text)), None
        if name in ("poetry.lock", "uv.lock"):
            return _from_lock(tomllib.loads(text)), None
        if name == "setup.py":
            return _from_setup(parse(text))
    except (tomllib.TOMLDecodeError, SyntaxError, ValueError, TypeError, AttributeError):
        return [], None
    if name == "setup.cfg":
        return text.splitlines(), _python(re.search(r"^python_requires\s*=\s*(.*)$", text, re.M))
    return text.splitlines(), None


def _from_toml(data: dict[str, object]) -> tuple[list[str], tuple[int, int] | None]:
    project: dict[str, object] = data.get("project", {})  # type: ignore[assignment]
    poetry: dict[str, object] = data.get("tool", {}).get("poetry", {})  # type: ignore[attr-defined]
    lines = [*project.get("dependencies", [])]  # type: ignore[misc]
    for extra in project.get("optional-dependencies", {}).values():  # type: ignore[attr-defined]
        lines += extra
    for group in data.get("dependency-groups", {}).values():  # type: ignore[attr-defined]
        lines += [item for item in group if isinstance(item, str)]
    for table in (poetry.get("dependencies", {}), data.get("packages", {})):
        lines += [f"{name}{_poetry(spec)}" for name, spec in table.items()]  # type: ignore[attr-defined]
    python = project.get("requires-python") or poetry.get("dependencies", {}).get("python")  # type: ignore[attr-defined]
    return lines, _python(re.search(r"(.*)", str(python))) if python else None


def _from_pipfile_lock(data: dict[str, dict[str, dict[str, str]]]) -> list[str]:
    return [f"{name}{item.get('version', '')}" for section in ("default", "develop") for name, item in data.get(section, {}).items()]


def _from_lock(data: dict[str, list[dict[str, str]]]) -> list[str]:
    return [f"{item['name']}=={item['version']}" for item in data.get("package", []) if "version" in item]


def _poetry(spec: object) -> str:
    version = spec.get("version", "") if isinstance(spec, dict) else spec
    text = str(version)
    return f"=={text}" if text[:1].isdigit() else ("" if text == "*" else text)


def _from_setup(tree: ast.Module) -> tuple[list[str], tuple[int, int] | None]:
    lines: list[str] = []
    python = None
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg in ("install_requires", "extras_require", "tests_require"):
            lines += list(_strings(node.value))
        if isinstance(node, ast.keyword) and node.arg == "python_requires" and isinstance(node.value, ast.Constant):
            python = _python(re.search(r"(.*)", str(node.value.value)))
    return lines, python


def _strings(node: ast.AST) -> Iterable[str]:
    for item in ast.walk(node):
        if isinstance(item, ast.Constant) and isinstance(item.value, str):
            yield item.value


def _python(found: re.Match[str] | None) -> tuple[int, int] | None:
    if not found:
        return None
    bounds: Iterator[tuple[int, ...]] = (_version(version) for operator, version in _CLAUSE.findall(found.group(1)) if operator in _LOWER)
    lowest = max(bounds, default=())
    return (lowest[0], lowest[1]) if len(lowest) > 1 else None


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
