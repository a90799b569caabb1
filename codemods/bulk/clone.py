"""The clone in which a repository is worked on: made or brought up to date, at one commit, with the bytes that git holds.

Attributes of the repository are put out of force in it (`info/attributes`): no line ending is converted and no filter
runs, so that what is read is what is committed.
"""

import contextlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from codemods.bulk.git import Git
from codemods.bulk.running import NothingToDo, StepError
from codemods.bulk.spec import Spec

_ATTRIBUTES = "* -text -eol -crlf -ident -filter -working-tree-encoding\n"
_MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Remote:
    """What the remote has: `head` is the branch that its HEAD names, empty when it names none; `refs` all branches and HEAD."""

    head: str
    refs: Mapping[str, str]


def prepare(git: Git, spec: Spec) -> dict[str, str]:
    """Bring the clone to the commit that is to be migrated: `base`, the branch (empty for none), and `commit`."""
    try:
        return _prepared(git, spec)
    except StepError:
        _tidy(git)
        raise


def _tidy(git: Git) -> None:
    """What a fetch that failed has left may fill the disk."""
    with contextlib.suppress(OSError, StepError):
        if git.ended(("rev-parse", "--verify", "--quiet", "HEAD"), {}).code:
            _remove(git.folder)
        else:
            _unlock(git.folder)


def _prepared(git: Git, spec: Spec) -> dict[str, str]:
    _make(git, spec)
    _unlock(git.folder)
    remote = _look(git, spec)
    base, commit = _chosen(remote, spec)
    if _current(git) != commit:
        depth = [f"--depth={spec.depth}"] if spec.depth else []
        sifted = [f"--filter={spec.filter}"] if spec.filter else []
        wanted = f"refs/heads/{base}" if base else "HEAD"
        git.remote("fetch", "--quiet", "--no-tags", "--force", *depth, *sifted, "origin", f"+{wanted}:refs/flask-to-async/base")
        commit = git.local("rev-parse", "--verify", "--end-of-options", "refs/flask-to-async/base^{commit}").decode().strip()
        _check_sizes(git, spec, commit)
        git.local("clean", "--quiet", "-ffdx")
        git.remote("checkout", "--quiet", "--force", "--detach", commit)
    if spec.submodules:
        git.remote("submodule", "sync", "--quiet", "--recursive")
        git.remote("submodule", "update", "--quiet", "--init", "--recursive", "--force", *([f"--depth={spec.depth}"] if spec.depth else []))
    return {"base": base, "commit": commit}


def top_checked(git: Git, commit: str, anew: bool = False) -> None:
    """Raise StepError unless the clone is there and stands at that commit; `anew`: bring it there, from where hooks left it."""
    if git.folder.is_symlink() or not (git.folder / ".git").is_dir():
        raise StepError("its clone in the work folder is gone; `flask-to-async bulk run` makes it again")
    _unlock(git.folder)
    if anew:
        git.local("checkout", "--quiet", "--force", "--detach", commit)
    if git.local("rev-parse", "--verify", "HEAD").decode().strip() != commit:
        raise StepError("its clone in the work folder was changed; `flask-to-async bulk run` brings it in order")


def _make(git: Git, spec: Spec) -> None:
    """An empty clone, in place only when it is whole; one of another address is made anew."""
    folder = git.folder
    if folder.is_symlink():
        raise StepError(f"{folder.name} in the work folder is a symbolic link, which this tool does not make; remove it")
    if folder.is_dir():
        known = git.ended(("config", "--file", ".git/config", "--get", "remote.origin.url"), {})
        if known.out.decode("utf-8", "surrogateescape").strip() == spec.url:
            return
        _remove(folder)
    part = folder.with_name(f".{folder.name}.part")
    _remove(part)
    part.mkdir(parents=True)
    fresh = Git(part, git.log, git.limit, (), git.lock)
    fresh.local("init", "--quiet", "--template=")
    fresh.local("config", "remote.origin.url", spec.url)
    (part / ".git" / "info").mkdir(exist_ok=True)
    (part / ".git" / "info" / "attributes").write_text(_ATTRIBUTES)
    part.rename(folder)


def _remove(folder: Path) -> None:
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)


def _unlock(folder: Path) -> None:
    """Remove what a git that was killed left locked or half-written; the repository's own lock says that none is running."""
    inner = folder / ".git"
    for path in [*inner.glob("*.lock"), *(inner / "refs").rglob("*.lock"), *(inner / "objects").glob("*/tmp_*")]:
        with contextlib.suppress(OSError):
            path.unlink()


def _look(git: Git, spec: Spec) -> Remote:
    head, refs = "", {}
    for line in git.remote("ls-remote", "--symref", "origin").decode("utf-8", "replace").splitlines():
        value, _, name = line.partition("\t")
        if value.startswith("ref: ") and name == "HEAD":
            head = value.removeprefix("ref: ").removeprefix("refs/heads/")
        elif name == "HEAD" or name.startswith("refs/heads/"):
            refs[name.removeprefix("refs/heads/")] = value
    return Remote(head, refs)


def _chosen(remote: Remote, spec: Spec) -> tuple[str, str]:
    """The branch to start from, and its commit."""
    if not remote.refs:
        raise NothingToDo("the repository is empty")
    if spec.base:
        if spec.base not in remote.refs:
            raise StepError(f"there is no branch {spec.base!r}; there are {_some(remote)}")
        return spec.base, remote.refs[spec.base]
    if "HEAD" not in remote.refs:
        raise StepError(f"the default branch has no commit; name another as `base`: {_some(remote)}")
    if remote.head == spec.branch:
        raise StepError(f"{spec.branch!r} is the default branch; name another `branch` for the result")
    return remote.head, remote.refs["HEAD"]


def _some(remote: Remote) -> str:
    names = sorted(set(remote.refs) - {"HEAD"})
    return ", ".join(repr(name) for name in names[:5]) + (" …" if len(names) > 5 else "")


def _current(git: Git) -> str:
    """The commit that is checked out, whole and clean; empty when there is none."""
    head = git.ended(("rev-parse", "--verify", "--quiet", "HEAD^{commit}"), {})
    if head.code or git.local("status", "--porcelain", "--untracked-files=no", "--ignore-submodules=all").strip():
        return ""
    return head.out.decode().strip()


def _check_sizes(git: Git, spec: Spec, commit: str) -> None:
    """Before anything is written or read: what is too large is a reason, not a full disk."""
    if spec.filter:
        return  # sizes of what was not fetched are not known
    total = 0
    for row in git.local("ls-tree", "-r", "-l", "-z", commit).split(b"\0"):
        about, _, path = row.partition(b"\t")
        size = int(about.split()[3]) if about and about.split()[3].isdigit() else 0
        total += size
        if path.endswith(b".py") and spec.largest_file and size > spec.largest_file * _MEGABYTE:
            raise StepError(f"{os.fsdecode(path)!r} has {size / _MEGABYTE:.3g} MB, more than `largest-file` allows ({spec.largest_file:g} MB)")
    if spec.largest and total > spec.largest * _MEGABYTE:
        raise StepError(f"its files take {total / _MEGABYTE:.3g} MB, more than `largest` allows ({spec.largest:g} MB)")
