"""Commits made from bytes, without a checkout, an index or a hook: one for each stage, all of them in one run of git.

Made a second time from the same files and messages they are found to be there, and the first ones are kept.
"""

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from codemods.bulk.git import Git
from codemods.bulk.running import StepError
from transforms.model import FileChange

_NEW = "refs/flask-to-async/new"


@dataclass(frozen=True)
class Draft:
    """A commit to be made: paths from the top of the repository."""

    message: str
    changes: tuple[FileChange, ...]


@dataclass(frozen=True)
class Identity:
    """Who commits, as git writes it: `Name <mail>`; and when, in seconds since 1970."""

    who: str
    when: int


def add_commits(git: Git, base: str, drafts: Sequence[Draft], identity: Identity) -> list[str]:
    """A commit for each draft, the first one on `base`, on no branch. Raises StepError."""
    entries = _entries(git, base, {change.path for draft in drafts for change in draft.changes})
    _check_unchanged(drafts, entries)
    git.local("fast-import", "--quiet", "--force", "--done", data=b"".join(_stream(base, drafts, identity, entries)))
    made = [item[0] for item in _chain(git, base, _NEW)]
    git.local("update-ref", "-d", _NEW)
    return made


def commit_tree(git: Git, tree: str, base: str, message: str, identity: Identity) -> str:
    """A commit of that tree on `base`, on no branch."""
    head = f"tree {tree}\nparent {base}\nauthor {identity.who} {identity.when} +0000\ncommitter {identity.who} {identity.when} +0000\n\n{message}\n"
    return git.local("hash-object", "-t", "commit", "-w", "--stdin", data=head.encode()).decode().strip()


def settle(git: Git, branch: str, base: str, tip: str) -> list[str]:
    """The commits from `base` to `tip`, now on `branch`; when the branch had the same ones, made another time, it keeps them."""
    made, before = _chain(git, base, tip), _chain(git, base, f"refs/heads/{branch}")
    kept = before if [item[1:] for item in before] == [item[1:] for item in made] else made
    if kept is made:
        git.local("update-ref", f"refs/heads/{branch}", tip)
    return [item[0] for item in kept]


def forget(git: Git, branch: str) -> None:
    """No branch: there is nothing to change."""
    git.local("update-ref", "-d", f"refs/heads/{branch}")


def _entries(git: Git, base: str, paths: set[str]) -> dict[str, tuple[str, str]]:
    """Mode and object of each of these files in the commit."""
    found = {}
    for row in git.local("ls-tree", "-r", "-z", base).split(b"\0"):
        about, _, path = row.partition(b"\t")
        if os.fsdecode(path) in paths:
            mode, _, name = about.decode().split()
            found[os.fsdecode(path)] = (mode, name)
    return found


def _check_unchanged(drafts: Sequence[Draft], entries: Mapping[str, tuple[str, str]]) -> None:
    """What was read must be what is committed: an install command may have rewritten it."""
    seen: set[str] = set()
    for change in (change for draft in drafts for change in draft.changes):
        if change.path not in seen and change.before is not None:
            mode, name = entries.get(change.path, ("", ""))
            if not mode.startswith("100") or _object(change.before, name) != name:
                raise StepError(f"{change.path!r} is not as the commit has it: git does not know the file, or a command changed it")
        seen.add(change.path)


def _object(data: bytes, like: str) -> str:
    """Git's name for these bytes, in the kind of hash that `like` is of."""
    kind = hashlib.sha256 if len(like) == 64 else hashlib.sha1
    return kind(b"blob %d\0" % len(data) + data).hexdigest()


def _stream(base: str, drafts: Sequence[Draft], identity: Identity, entries: Mapping[str, tuple[str, str]]) -> Sequence[bytes]:
    parts, before = [], base.encode()
    for number, draft in enumerate(drafts, 1):
        message = draft.message.encode("utf-8", "surrogateescape")
        head = f"commit {_NEW}\nmark :{number}\ncommitter {identity.who} {identity.when} +0000\ndata {len(message)}\n".encode()
        parts += [head, message, b"\nfrom ", before, b"\n"]
        for change in draft.changes:
            mode = entries.get(change.path, ("100644", ""))[0]
            parts += [b"M %s inline %s\ndata %d\n" % (mode.encode(), _quoted(change.path), len(change.after)), change.after, b"\n"]
        before = b":%d" % number
    return [*parts, b"done\n"]


def _quoted(path: str) -> bytes:
    """A path as fast-import reads it."""
    escaped = re.sub(rb'[\\"\n\r\t]', lambda match: b"\\%03o" % match[0][0], os.fsencode(path))
    return b'"' + escaped + b'"'


def _chain(git: Git, base: str, ref: str) -> list[tuple[str, str, str, str]]:
    """Commit, parents, tree and message of each commit from `base` to `ref`; parents beyond the first are not told by their name."""
    listed = git.ended(("log", "--reverse", "--no-show-signature", "--format=%H%x00%P%x00%T%x00%B%x01", f"{base}..{ref}", "--"), {})
    rows = [row.strip("\n").split("\0") for row in listed.out.decode("utf-8", "surrogateescape").split("\x01") if row.strip("\n")]
    own = {row[0]: f":{number}" for number, row in enumerate(rows)}
    return [(row[0], own.get(row[1], row[1]), row[2], row[3]) for row in rows]


def patch_of(git: Git, base: str, tip: str) -> bytes:
    """The commits as `git am` takes them; the same bytes whenever and wherever they are made."""
    if base == tip:
        return b""
    options = ("--stdout", "--zero-commit", "--no-signature", "--full-index", "--binary", "--no-renames")
    return git.local("format-patch", *options, f"{base}..{tip}", "--")


def identity_of(git: Git, when: int, more: Mapping[str, str] | None = None) -> Identity:
    """Who commits: git is asked, with the user's configuration. Raises StepError when it does not know."""
    found = git.run(("var", "GIT_COMMITTER_IDENT"), more or {})
    match = re.match(rb"(.*<.*>) \d+ [+-]\d+$", found.strip())
    if not match:
        raise StepError("git does not say who commits; set user.name and user.email")
    return Identity(match[1].decode("utf-8", "replace"), when)
