"""Gitea and Forgejo. https://docs.gitea.com/api/ (`/repos/{owner}/{repo}/pulls`)"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from codemods.bulk.platforms.api import Api
from codemods.bulk.platforms.wanted import CLOSED, MERGED, OPEN, Found, Wanted

_PAGE = 50
_PAGES = 40  # of the newest requests; the interface cannot be asked for those of one branch


def base_of(host: str) -> str:
    """Where the interface of that host is."""
    return f"https://{host}/api/v1"


def headers_of(token: str) -> dict[str, str]:
    """How the token is given."""
    return {"Authorization": f"token {token}"}


@dataclass(frozen=True)
class Gitea:
    """One repository, `owner/name`."""

    api: Api
    path: str

    def find(self, wanted: Wanted) -> list[Found]:
        """The requests from that branch to that base, the newest first."""
        found = []
        for page in range(1, _PAGES + 1):
            rows = self.api.call("GET", f"/repos/{self.path}/pulls", {"state": "all", "sort": "newest", "limit": _PAGE, "page": page})
            found += [_found(row) for row in rows if _is_ours(row, wanted)]
            if len(rows) < _PAGE or found:
                break
        return found

    def open(self, wanted: Wanted) -> Found:
        """Open one."""
        title = f"WIP: {wanted.title}" if wanted.draft else wanted.title
        return _found(
            self.api.call("POST", f"/repos/{self.path}/pulls", body={"head": wanted.branch, "base": wanted.base, "title": title, "body": wanted.body})
        )

    def update(self, found: Found, wanted: Wanted) -> None:
        """Bring title and body up to date; whether it is a draft is left to people."""
        title = f"WIP: {wanted.title}" if found.title.startswith("WIP: ") else wanted.title
        self.api.call("PATCH", f"/repos/{self.path}/pulls/{found.number}", body={"title": title, "body": wanted.body})


def _is_ours(row: Mapping[str, Any], wanted: Wanted) -> bool:
    """From the branch of this repository, not from one of that name in a fork."""
    head, base = row["head"], row["base"]
    return bool(head.get("ref") == wanted.branch and base.get("ref") == wanted.base and head.get("repo_id") == base.get("repo_id"))


def _found(row: Mapping[str, Any]) -> Found:
    state = OPEN if row["state"] == "open" else MERGED if row.get("merged") else CLOSED
    return Found(int(row["number"]), str(row["html_url"]), state, row.get("title") or "", row.get("body") or "")
