"""What the user wants left: by comments in the code, by the settings `ignore` and `per-path-ignore`, and unless opted in.

Asked where decisions are made, never afterwards: so whatever depends on a suppressed change follows. A handler whose only
awaited call is suppressed stays synchronous, a helper whose caller is suppressed keeps all its callers as they are.
"""

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from transforms.comments import Comment
from transforms.facts import Function, FunctionNode
from transforms.index import Index
from transforms.model import Decision, Outcome, Safety, Settings, Verdict
from transforms.planning import Plan
from transforms.rules import FOUND

BY_COMMENT, BY_SETTINGS, NOT_OPTED_IN, IDLE = "U400", "U401", "U402", "U403"


@dataclass(frozen=True)
class Left:
    """Why a change is left: the rule code, and the reason as a clause."""

    code: str
    reason: str


def left(index: Index, settings: Settings, function: Function, node: ast.AST, code: str) -> Left | None:
    """Why the user wants no change of that rule at that node of the function; None when it may be made."""
    first = getattr(node, "lineno", 1)
    last = first if isinstance(node, FunctionNode) else getattr(node, "end_lineno", first)
    return left_lines(index, settings, function.module.path, first, last, code)


def left_lines(index: Index, settings: Settings, path: str, first: int, last: int, code: str) -> Left | None:
    """The same for a change of these lines of a file."""
    for comment in index.files[path].comments:
        if comment.covers(first, last, code):
            return Left(BY_COMMENT, comment.words)
    if code in settings.ignore:
        return Left(BY_SETTINGS, f"the setting ignore leaves {code}")
    for glob, codes in settings.per_path_ignore:
        if code in codes and matches(path, glob):
            return Left(BY_SETTINGS, f"the setting per-path-ignore leaves {code} in {glob}")
    return None


def matches(path: str, glob: str) -> bool:
    """Whether a file is meant: `*` also matches `/`, and the name of a folder means all that is in it."""
    wanted = glob.strip("/").removeprefix("./")
    return fnmatchcase(path, wanted) or fnmatchcase(path, f"{wanted}/*") or wanted in ("", ".")


def not_opted_in(plan: Plan, settings: Settings) -> dict[str, tuple[str, str]]:
    """Groups in which a decision may change behaviour and its rule is not opted in: with the code and the reason.

    Asking for database work to be moved (`--orm executor`), or for the stage gather, is opting in to that rule.
    """
    wanted = {*settings.unsafe, *(["E302"] if settings.orm == "executor" else []), *(["G600"] if plan.stage == "gather" else [])}
    found: dict[str, tuple[str, str]] = {}
    for item in plan.decisions:
        if item.verdict == Verdict.CHANGE and item.safety == Safety.UNSAFE and item.code not in wanted:
            found[item.group] = (NOT_OPTED_IN, f"the program may behave differently ({item.reason}); `--unsafe {item.code}` takes it")
    return found


def idle_comments(indexes: Sequence[Index], outcomes: Sequence[Outcome], complete: bool) -> list[Decision]:
    """A row for each comment that is misspelt or, after a complete run, that kept nothing from being changed.

    `indexes[i]` is what stage i worked on. Lines are those of the first. Comments of one file are told apart by their
    order, so a file that a stage gave another comment (in a twin) is passed over.
    """
    found: list[Decision] = []
    for path in sorted(indexes[0].files if indexes else ()):
        mine = indexes[0].files[path].comments
        if path in indexes[0].project.editable:
            found += [_row(comment, comment.problem) for comment in mine if comment.problem]
            found += [_row(comment, _NO_EFFECT) for comment in _unused(path, mine, indexes, outcomes)] if complete and mine else []
    return sorted(found)


_NO_EFFECT = (
    "the comment has no effect: nothing would be changed on the line that it stands on, nor in a function or file that it heads; take it out or move it"
)


def _unused(path: str, mine: Sequence[Comment], indexes: Sequence[Index], outcomes: Sequence[Outcome]) -> Iterable[Comment]:
    unused = set(range(len(mine)))
    for index, outcome in zip(indexes, outcomes, strict=True):
        now = index.files[path].comments if path in index.files else ()
        if len(now) != len(mine):
            return []
        said = [item.reason for item in outcome.decisions if item.code == BY_COMMENT]
        unused -= {number for number, comment in enumerate(now) if any(_names(reason, comment) for reason in said)}
    return [mine[number] for number in sorted(unused) if not mine[number].problem and not set(mine[number].codes) & set(FOUND)]


def _names(reason: str, comment: Comment) -> bool:
    place = f"left by the comment at {comment.path}:{comment.line}"
    return reason.endswith(place) or f"{place}:" in reason or f"{place};" in reason


def _row(comment: Comment, reason: str) -> Decision:
    return Decision(comment.path, comment.line, "", IDLE, Verdict.LEAVE, reason)
