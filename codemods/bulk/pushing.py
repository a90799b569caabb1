"""Pushing the branch: what people put on it is never overwritten."""

from collections.abc import Collection

from codemods.bulk.git import Git
from codemods.bulk.running import StepError, complaint


def push(git: Git, url: str, branch: str, tip: str, ours: Collection[str]) -> str:
    """Bring the remote's branch to `tip` when it is not there, or stands at one of `ours`; says what was done.

    The remote is told what it must have (`--force-with-lease`), so that a push by somebody else in between is safe too.
    """
    now = _tip(git, url, branch)
    if now == tip:
        return "already there"
    if now and now not in ours:
        raise StepError(f"the branch {branch!r} has commits that are not from this tool (its tip is {now[:12]}); it was left as it is")
    reference = f"refs/heads/{branch}"
    arguments = ("push", "--porcelain", "--no-verify", f"--force-with-lease={reference}:{now}", "--", url, f"{tip}:{reference}")
    ended = git.pushed(arguments)
    if ended.code:
        words = " ".join(line.split("\t")[-1] for line in ended.out.decode(errors="replace").splitlines() if line.startswith("!"))
        if "stale info" in words:
            raise StepError(f"somebody pushed to {branch!r} at this moment; it was left as it is")
        raise StepError(f"git push: {git.log.clean(words or complaint(ended))}")
    return "updated" if now else "created"


def _tip(git: Git, url: str, branch: str) -> str:
    """The commit of the branch on the remote; empty when there is no such branch."""
    for line in git.remote("ls-remote", "--", url, f"refs/heads/{branch}").decode(errors="replace").splitlines():
        value, _, name = line.partition("\t")
        if name == f"refs/heads/{branch}":
            return value
    return ""
