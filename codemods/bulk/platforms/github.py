"""GitHub, and GitHub Enterprise. https://docs.github.com/rest/pulls/pulls"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from codemods.bulk.platforms.api import Api
from codemods.bulk.platforms.wanted import CLOSED, MERGED, OPEN, Found, Wanted


def base_of(host: str) -> str:
    """Where the interface of that host is."""
    return "https://api.github.com" if host == "github.com" else f"https://{host}/api/v3"


def headers_of(token: str) -> dict[str, str]:
    """How the token is given."""
    return {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}


@dataclass(frozen=True)
class GitHub:
    """One repository, `owner/name`."""

    api: Api
    path: str

    def find(self, wanted: Wanted) -> list[Found]:
        """The requests from that branch to that base, the newest first."""
        query = {"head": f"{self.path.partition('/')[0]}:{wanted.branch}", "base": wanted.base, "state": "all", "sort": "created", "direction": "desc"}
        return [_found(row) for row in self.api.call("GET", f"/repos/{self.path}/pulls", query)]

    def open(self, wanted: Wanted) -> Found:
        """Open one."""
        body = {"title": wanted.title, "head": wanted.branch, "base": wanted.base, "body": wanted.body, "draft": wanted.draft}
        return _found(self.api.call("POST", f"/repos/{self.path}/pulls", body=body))

    def update(self, found: Found, wanted: Wanted) -> None:
        """Bring title and body up to date."""
        self.api.call("PATCH", f"/repos/{self.path}/pulls/{found.number}", body={"title": wanted.title, "body": wanted.body})


def _found(row: Mapping[str, Any]) -> Found:
    state = OPEN if row["state"] == "open" else MERGED if row.get("merged_at") else CLOSED
    return Found(int(row["number"]), str(row["html_url"]), state, row.get("title") or "", row.get("body") or "")
