"""The user's git repository: whether writing into it is safe, and one commit a stage on request.

Git itself is asked, through its command line, with the user's own configuration and hooks. History is never rewritten.
"""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from codemods.apply import ApplyError, apply
from codemods.journal import JournalError, content, digest
from codemods.undo import recorded
from transforms.model import FileChange

_SHOWN = 5


class GitError(Exception):
    """Nothing was written; the message says why and what to do."""


@dataclass(frozen=True)
class Repository:
    """A working tree with the project inside; `root` is the project's root."""

    root: Path

    def run(self, *arguments: str, data: bytes | None = None) -> bytes:
        """Run git in the project's root; raises GitError with git's own words."""
        command = ["git", "--no-optional-locks", "--literal-pathspecs", *arguments]
        try:
            result = subprocess.run(command, cwd=self.root, input=data, capture_output=True, stdin=None if data is not None else subprocess.DEVNULL)
        except OSError as error:
            raise GitError(f"git could not be run: {error.strerror}") from None
        if result.returncode:
            raise GitError((result.stderr + result.stdout).decode(errors="replace").strip() or f"git {arguments[0]} failed")
        return result.stdout

    def modified(self) -> list[str]:
        """Tracked files below the root with changes that are not committed, staged or not."""
        return _paths(self.run("status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=no", "--", "."))

    def uncommitted(self, paths: Sequence[str]) -> list[str]:
        """Of these files those that the last commit does not hold as they are, untracked ones included, ignored ones not."""
        return _paths(self.run("status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--", *paths)) if paths else []

    def untracked(self, paths: Sequence[str]) -> list[str]:
        """Of these files those that git does not know, be they ignored or not."""
        known = self.run("ls-files", "-z", "--", *paths).decode(errors="surrogateescape").split("\0") if paths else []
        return [path for path in paths if path not in known]


def _paths(data: bytes) -> list[str]:
    return [row[3:] for row in data.decode(errors="surrogateescape").split("\0") if row]


def find_repository(root: Path) -> Repository | None:
    """The repository around that folder, None where there is none. Raises GitError when there is one that git cannot read."""
    if not any((folder / ".git").exists() for folder in [root, *root.parents]):
        return None
    repository = Repository(root)
    inside = repository.run("rev-parse", "--is-inside-work-tree").decode().strip()
    return repository if inside == "true" else None


def check_clean(root: Path, changes: Sequence[FileChange]) -> None:
    """Raise GitError when the repository has changes that a migration would be mixed with; no repository is no hindrance.

    Files that stand as an earlier pass wrote them are no hindrance either: one stage follows the other, and `undo` has them.
    """
    remedy = "; commit or stash them, or give --allow-dirty"
    try:
        repository = find_repository(root)
        modified = _not_ours(repository, repository.modified()) if repository else []
        mine = _not_ours(repository, repository.uncommitted(_existing(changes))) if repository else []
    except (GitError, JournalError) as error:
        raise GitError(f"it cannot be told whether the git tree is clean ({error}); nothing was written, --allow-dirty writes nevertheless") from None
    if modified or mine:
        raise GitError(
            f"the git tree has changes that are not committed ({_some([*modified, *(path for path in mine if path not in modified)])}); nothing was written{remedy}"
        )


def _not_ours(repository: Repository, paths: Sequence[str]) -> list[str]:
    """Of these files, named from the top of the repository, those that do not stand as the last recorded pass wrote them."""
    root = repository.root
    written = {(root / file.path).resolve(): file.after for item in recorded(root) for file in item.files}
    top = Path(repository.run("rev-parse", "--show-toplevel").decode(errors="surrogateescape").rstrip("\n"))
    return [path for path in paths if digest(content(top / path)) != written.get((top / path).resolve(), "")]


def _some(paths: Sequence[str]) -> str:
    return ", ".join(paths[:_SHOWN]) + (f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else "")


def _existing(changes: Sequence[FileChange]) -> list[str]:
    return [change.path for change in changes if change.before is not None]


def check_committable(root: Path, changes: Sequence[FileChange]) -> Repository:
    """The repository in which each stage can be committed; raises GitError when it cannot."""
    repository = find_repository(root)
    if repository is None:
        raise GitError("--commit needs a git repository, and the project is in none; nothing was written")
    existing = _existing(changes)
    strange = repository.untracked(existing) + [path for path in repository.uncommitted(existing) if path]
    if strange:
        raise GitError(f"--commit needs the files that change to be committed as they are ({_some(sorted(set(strange)))}); nothing was written")
    repository.run("rev-parse", "--verify", "--quiet", "HEAD")
    repository.run("var", "GIT_COMMITTER_IDENT")
    return repository


def commit_stage(repository: Repository, changes: Sequence[FileChange], message: str) -> None:
    """Write one stage and commit exactly its files. When that fails the files are as before, and GitError says why."""
    apply(repository.root, changes)
    paths = [change.path for change in changes]
    try:
        repository.run("add", "--", *paths)
        repository.run("commit", "--quiet", "--only", "--file=-", "--", *paths, data=message.encode("utf-8", "surrogateescape"))
    except GitError as error:
        raise GitError(f"the commit failed, and {_put_back(repository, changes)}. Git says: {error}") from None
    except BaseException:
        _put_back(repository, changes)
        raise


def _put_back(repository: Repository, changes: Sequence[FileChange]) -> str:
    """Undo a stage that could not be committed: its files are out of the index and as they were. Says how it went."""
    try:
        repository.run("reset", "--quiet", "--", *(change.path for change in changes))
        for change in changes:
            path = repository.root / change.path
            if change.before is None:
                path.unlink(missing_ok=True)
            else:
                current = path.read_bytes() if path.exists() else None
                apply(repository.root, [FileChange(change.path, current, change.before)])
    except (GitError, ApplyError, OSError) as error:
        return f"its files could not all be put back ({error}); `git status` shows them, `git checkout -- FILE` puts them back"
    return "its files are as they were before"
