"""Where each need belongs, and who edits it: what a person wrote is edited, what a tool wrote is named.

A need goes where the project asks for Flask, and `flask[async]` is that very line with the extra. It does not edit
setup.py (code), lock files, files with hashes, files that pip-compile and the like wrote, nor files outside the folder
that was named.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import tomlkit
from tomlkit.exceptions import TOMLKitError

from transforms.dependencies.lines import Lines, included, obstacle, requirements, setup_lists
from transforms.dependencies.spelling import Need, need_of
from transforms.dependencies.tables import pipfile_sections, project_sections
from transforms.model import Decision, FileChange, Verdict

_OTHER = re.compile(r"(?:^|[/_.-])(?:dev|develop|development|test|tests|testing|docs?|lint|ci|build|typing|types)(?:[/_.-]|$)", re.I)
_LOCKS = {"poetry.lock": ("pyproject.toml", "poetry lock"), "uv.lock": ("pyproject.toml", "uv lock"), "Pipfile.lock": ("Pipfile", "pipenv lock")}


class Section(Protocol):
    """A list of dependencies in one file; `main` when it is installed wherever the app is."""

    main: bool

    def names(self) -> list[str]:
        """The canonical names."""

    def lacks(self, need: Need) -> bool:
        """Whether the need is not met by what stands there."""

    def declare(self, need: Need) -> object:
        """Add what is missing of the need."""


@dataclass
class _Document:
    """One file that declares dependencies, open for edits."""

    path: str
    before: bytes
    sections: list[Section]
    parsed: tomlkit.TOMLDocument | None = None
    includes: tuple[str, ...] = ()
    obstacle: str = ""

    @property
    def text(self) -> str:
        """The file as edited so far."""
        if self.parsed is not None:
            return tomlkit.dumps(self.parsed)
        lines = self.sections[0] if self.sections else None
        return "".join(lines.lines) if isinstance(lines, Lines) else self.before.decode()


@dataclass(frozen=True)
class Declared:
    """The changed files, and a decision for each file that was changed or is left to the user."""

    changes: tuple[FileChange, ...] = ()
    decisions: tuple[Decision, ...] = ()


def declare(files: Mapping[str, bytes], editable: Collection[str], code: Collection[str], needs: Iterable[str]) -> Declared:
    """Add the needs of changed `code` (paths) to the declarations among `files`; only `editable` ones are changed."""
    wanted = sorted((need_of(text) for text in needs), key=lambda need: need.name)
    documents = [item for path in sorted(files) if _concerns(path, code) and (item := _open(path, files[path]))]
    targets = _targets(documents)
    if not wanted or not targets:
        return Declared((), tuple(_nowhere(documents, wanted, code)))
    changes: list[FileChange] = []
    decisions: list[Decision] = []
    included_too = {path: _closure(path, documents) for path in {document.path for document, _ in targets}}
    for document in documents:
        sections = [section for owner, section in targets if owner is document]
        missing = [need for need in wanted if _missing(need, document, sections, targets, included_too)]
        if not missing:
            continue
        names = ", ".join(need.text for need in missing)
        reason = document.obstacle or ("" if document.path in editable else "it lies outside the folder that was named")
        if not reason:
            reason = _edit(document, sections, missing)
        if reason:
            decisions.append(_decision(document.path, "D501", Verdict.LEAVE, f"{reason}; add {names}", names))
            continue
        changes.append(FileChange(document.path, document.before, document.text.encode()))
        decisions.append(_decision(document.path, "D500", Verdict.CHANGE, f"the migrated code needs {names}", names))
    return Declared(tuple(changes), (*decisions, *_locks(files, changes)))


def _concerns(path: str, code: Collection[str]) -> bool:
    """Whether the declarations of that file are those of the code: it lies beside it or above."""
    folder = re.sub(r"(^|/)requirements$", "", path.rpartition("/")[0])
    return not folder or any(item.startswith(f"{folder}/") for item in code)


def _open(path: str, data: bytes) -> _Document | None:
    name = path.rpartition("/")[2]
    if not _is_declaration(path):
        return None
    try:
        text = data.decode()
        if name == "setup.py":
            return _Document(path, data, [_quoted(text)], obstacle="it is code, which the tool does not rewrite")
        if name == "setup.cfg":
            lists, on_one_line = setup_lists(text)
            return _Document(path, data, list(lists), obstacle="its requirements stand on one line" if on_one_line else "")
        if name.endswith(".toml") or name == "Pipfile":
            parsed = tomlkit.parse(text)
            sections = pipfile_sections(parsed) if name == "Pipfile" else project_sections(parsed)
            return _Document(path, data, list(sections), parsed)
    except (UnicodeDecodeError, TOMLKitError, AttributeError, TypeError, ValueError):
        return None
    lines = requirements(text)
    lines.main = not _OTHER.search(path.removesuffix(".txt").removesuffix(".in"))
    return _Document(path, data, [lines], includes=tuple(included(path, text)), obstacle=obstacle(text))


def _is_declaration(path: str) -> bool:
    folder, _, name = path.rpartition("/")
    if name in ("pyproject.toml", "Pipfile", "setup.py", "setup.cfg"):
        return True
    return name.endswith((".txt", ".in")) and ("requirements" in name or folder.rpartition("/")[2] == "requirements") and "constraints" not in name


def _quoted(text: str) -> Lines:
    """What setup.py asks for, as far as its strings show: enough to know whether anything is missing."""
    found = re.findall(r"""['"]([A-Za-z0-9][^'"\n]*)['"]""", text)
    return Lines(found, 0, len(found))


def _targets(documents: Sequence[_Document]) -> list[tuple[_Document, Section]]:
    """The lists that ask for Flask, those that are always installed before others; without any, the app's main list."""
    every = [(document, section) for document in documents for section in document.sections]
    having = [(document, section) for document, section in every if "flask" in section.names()]
    main = [(document, section) for document, section in having if section.main]
    return main or having or [(document, section) for document, section in every if section.main and section.names() and not document.obstacle][:1]


def _closure(path: str, documents: Sequence[_Document]) -> set[str]:
    """The files that a requirements file includes, at any depth, without itself."""
    by_path = {document.path: document for document in documents}
    found: set[str] = set()
    waiting = [path]
    while waiting:
        for name in by_path[waiting.pop()].includes:
            if name in by_path and name not in found:
                found.add(name)
                waiting.append(name)
    return found - {path}


def _missing(
    need: Need, document: _Document, sections: Sequence[Section], targets: Sequence[tuple[_Document, Section]], included_too: Mapping[str, set[str]]
) -> bool:
    """Whether one of the file's lists lacks the need, and no file that it includes has it or gets it."""
    if not sections or not any(section.lacks(need) for section in sections):
        return False
    if any(need.name in section.names() for section in sections):
        return not (need.text == "flask[async]" and all("asgiref" in section.names() for section in sections))
    below = included_too.get(document.path, set())
    return not any(owner.path in below for owner, _ in targets)


def _edit(document: _Document, sections: Sequence[Section], needs: Sequence[Need]) -> str:
    """Make the edits; the reason when the result would not be what it should."""
    try:
        for section in sections:
            for need in needs:
                if section.lacks(need):
                    section.declare(need)
        again = _open(document.path, document.text.encode())
    except (TOMLKitError, AttributeError, TypeError, ValueError, KeyError):
        return "it is written in a way that the tool cannot edit"
    found = [section for section in again.sections if any(not section.lacks(need) for need in needs)] if again else []
    return "" if len(found) >= len(sections) else "it is written in a way that the tool cannot edit"


def _locks(files: Mapping[str, bytes], changes: Sequence[FileChange]) -> Iterable[Decision]:
    changed = {change.path for change in changes}
    for path in sorted(files):
        folder, slash, name = path.rpartition("/")
        if name in _LOCKS and f"{folder}{slash}{_LOCKS[name][0]}" in changed:
            yield _decision(path, "D501", Verdict.LEAVE, f"{_LOCKS[name][0]} beside it changes: renew it with `{_LOCKS[name][1]}`", _LOCKS[name][0])


def _nowhere(documents: Sequence[_Document], wanted: Sequence[Need], code: Collection[str]) -> Iterable[Decision]:
    if wanted and code:
        names = ", ".join(need.text for need in wanted)
        where = documents[0].path if documents else min(code)
        yield _decision(where, "D501", Verdict.LEAVE, f"no file of the project lists what the app needs to be installed; it needs {names}", names)


def _decision(path: str, code: str, verdict: Verdict, reason: str, subject: str) -> Decision:
    return Decision(path, 1, "", code, verdict, reason, "", subject)  # no group: it follows those that need it
