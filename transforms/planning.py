"""A stage's plan: edits with their groups, and the decisions about everything that was looked at."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from transforms.edits import Edit, Import
from transforms.facts import Function, is_local
from transforms.index import Index
from transforms.model import Decision, FileChange, Safety, Verdict
from transforms.values import External, Value

_LIBRARIES = {"asyncio", "contextvars", "functools", "asgiref", "httpx", "httpx2", "certifi", "json", "ssl", "os", "redis"}


@dataclass(frozen=True)
class Change:
    """One edit in one file, the imports it needs, and the group that it stands or falls with."""

    path: str
    edit: Edit
    group: str
    imports: tuple[Import, ...] = ()
    constants: tuple[str, ...] = ()


@dataclass
class Plan:
    """What a stage would do if everything were accepted.

    Beside edits: files that it makes (`created`), files of ours that it replaces whole (`replaced`), and single lines of
    files that are no Python (`lines`: number from 1, new text, group).
    """

    stage: str
    changes: list[Change] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    created: dict[str, tuple[str, set[str]]] = field(default_factory=dict)
    needs: dict[str, set[str]] = field(default_factory=dict)
    replaced: dict[str, tuple[FileChange, str]] = field(default_factory=dict)
    lines: dict[str, list[tuple[int, str, str]]] = field(default_factory=dict)

    def need(self, requirement: str, group: str) -> None:
        """Record that a group of changes needs a distribution to be installed."""
        self.needs.setdefault(requirement, set()).add(group)

    def decide(
        self, function: Function, line: int, code: str, verdict: Verdict, reason: str, group: str = "", subject: str = "", safety: Safety = Safety.SAFE
    ) -> None:
        """Record what happens at a site in that function."""
        self.decisions.append(Decision(function.module.path, line, function.qualname, code, verdict, reason, group, subject, safety))


def own_module(index: Index, function: Function, item: Import) -> bool:
    """Whether the project has a module of that name, which the import would load instead of the library."""
    swapped = {row.module for row in index.catalogue.swaps.values()} | {row.module for row in index.catalogue.calls.values()}
    library = not item.module.startswith(".") and (item.module.partition(".")[0] in _LIBRARIES or item.module in swapped)
    return library and index.layout.find(item.module, function.module.path) is not None


def shadowed(index: Index, function: Function, imports: Iterable[Import]) -> str:
    """The first of the names that means something else in the function already; empty when all are free or right."""
    for item in imports:
        if own_module(index, function, item):
            return item.module
        if is_local(item.binds, function.scope):  # be it by importing the same module later
            return item.binds
        expected: Value = External(f"{item.module}.{item.name}" if item.name else item.binds)
        if index.resolver.bindings(item.binds, function.scope) and index.resolver.name(item.binds, function.scope) != expected:
            return item.binds
    return ""
