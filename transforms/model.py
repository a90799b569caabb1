"""The words of the tool: stage, verdict, decision, group, outcome."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum


class Verdict(str, Enum):
    """What is done at a site."""

    CHANGE = "change"
    LEAVE = "leave"
    REFUSE = "refuse"


class Safety(str, Enum):
    """Whether the program may behave differently after a change."""

    SAFE = "safe"
    UNSAFE = "unsafe"


@dataclass(frozen=True, order=True)
class Decision:
    """What happens at one site and why.

    `path` is relative to the project root, `line` counts from 1. `group` names the decisions that stand or fall
    together; it is empty for decisions that change nothing, and for additions to requirement files, which follow others.
    """

    path: str
    line: int
    symbol: str
    code: str
    verdict: Verdict
    reason: str
    group: str = ""
    subject: str = ""
    safety: Safety = Safety.SAFE


@dataclass(frozen=True)
class FileChange:
    """One file before and after a stage; `before` is None for a file that the stage creates."""

    path: str
    before: bytes | None
    after: bytes


@dataclass(frozen=True)
class Outcome:
    """What a stage does to the whole project."""

    stage: str
    changes: tuple[FileChange, ...]
    decisions: tuple[Decision, ...]
    needs: tuple[str, ...] = ()

    def files(self, before: Mapping[str, bytes]) -> dict[str, bytes]:
        """The project's files after this stage."""
        return {**before, **{change.path: change.after for change in self.changes}}


@dataclass(frozen=True)
class Settings:
    """What the user chose. Every field has the command line's spelling."""

    only: tuple[str, ...] = ()
    all_handlers: bool = False
    orm: str = "leave"
    executor: str = "to_thread"
    http: str = "auto"
    helpers: str = "executor"
    python: tuple[int, int] | None = None
    unsafe: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    per_path_ignore: tuple[tuple[str, tuple[str, ...]], ...] = ()
    host: str = "threads"


@dataclass(frozen=True, order=True)
class Seen:
    """A call that was seen to block a loop at run time and that static analysis could not type.

    It is found again by the function that holds it and its own source text, because lines move from stage to stage.
    `what` says of what that text (`call`) is: a call (without its arguments), a read of an attribute, or, where neither is
    known, the first line of a statement. `name` is what ran, `blocks` what waited in it.
    """

    path: str
    function: str
    call: str
    name: str
    blocks: str
    what: str = "call"


@dataclass(frozen=True)
class Project:
    """The input of every stage: the files, which of them may be edited, and the metadata beside them.

    `python` holds every Python file that is read, `editable` those that may be changed (the rest, for instance
    tests outside the folder that was named, is read so that callers are seen). `metadata` holds requirement and
    project files as text, `metadata_bytes` the same files as they are, and `metadata_editable` names those that may be
    changed; `seen` what a trace saw at run time; `others` holds files of other kinds in which code stands (notebooks, documents).
    """

    python: Mapping[str, bytes]
    editable: frozenset[str]
    metadata: Mapping[str, str] = field(default_factory=dict)
    seen: frozenset[Seen] = frozenset()
    metadata_bytes: Mapping[str, bytes] = field(default_factory=dict)
    metadata_editable: frozenset[str] = frozenset()
    others: Mapping[str, str] = field(default_factory=dict)

    def replace_python(self, python: Mapping[str, bytes], created: frozenset[str] = frozenset()) -> "Project":
        """The same project with other file contents."""
        return replace(self, python=python, editable=self.editable | created)

    def replace_metadata(self, changes: Iterable[FileChange]) -> "Project":
        """The same project with other requirement and project files."""
        after = {change.path: change.after for change in changes}
        texts = {path: as_text(data) for path, data in after.items()}
        return replace(self, metadata={**self.metadata, **texts}, metadata_bytes={**self.metadata_bytes, **after})


def as_text(data: bytes) -> str:
    """A metadata file as text to be looked at: newlines are one kind, bytes that are no UTF-8 are marked."""
    return data.decode(errors="replace").replace("\r\n", "\n").replace("\r", "\n")
