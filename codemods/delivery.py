"""What becomes of a result: written, committed stage by stage, or kept as it is; and the exit code."""

from pathlib import Path

from codemods.apply import apply
from codemods.baseline import Baseline
from codemods.commit_message import message_of
from codemods.git import GitError, check_clean, check_committable, commit_stage
from codemods.pipeline import Migration
from codemods.project import Loaded


def deliver(root: Path, result: Migration, allow_dirty: bool, commit: bool) -> None:
    """Write all changes, in one go or with a commit for each stage. Raises ApplyError or GitError; see there for what stands."""
    if not result.changes:
        return
    if not allow_dirty:
        check_clean(root, result.changes)
    if commit:
        _commit(root, result)
    else:
        apply(root, result.changes)


def _commit(root: Path, result: Migration) -> None:
    repository = check_committable(root, result.changes)
    done: list[str] = []
    for outcome in result.outcomes:
        if outcome.changes:
            try:
                commit_stage(repository, outcome.changes, message_of(outcome))
            except GitError as error:
                before = f"; committed already: {', '.join(done)}" if done else ""
                raise GitError(f"stage {outcome.stage}: {error}{before}") from None
            done.append(outcome.stage)


def status_of(loaded: Loaded, result: Migration, check: bool, baseline: Baseline | None) -> int:
    """0: fine; 1: with `--check` there is something to change that the baseline does not know; 2: something could not be done."""
    broken = any(decision.code in ("F001", "F002", "B401", "B402", "B403") for outcome in result.outcomes for decision in outcome.decisions)
    if broken or loaded.unreadable:
        return 2
    new = bool(baseline.new(result.outcomes)) if baseline else bool(result.changes)
    return 1 if check and new else 0
