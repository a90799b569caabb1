"""GitLab. https://docs.gitlab.com/api/merge_requests/"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from codemods.bulk.platforms.api import Api
from codemods.bulk.platforms.wanted import CLOSED, MERGED, OPEN, Found, Wanted

_STATES = {"opened": OPEN, "locked": OPEN, "merged": MERGED}


def base_of(host: str) -> str:
    """Where the interface of that host is."""
    return f"https://{host}/api/v4"


def headers_of(token: str) -> dict[str, str]:
    """How the token is given."""
    return {"PRIVATE-TOKEN": token}


@dataclass(frozen=True)
class GitLab:
    """One project, `group/name` or deeper."""

    api: Api
    path: str

    def find(self, wanted: Wanted) -> list[Found]:
        """The requests from that branch to that base, the newest first."""
        query = {"source_branch": wanted.branch, "target_branch": wanted.base, "state": "all", "order_by": "created_at", "sort": "desc"}
        return [_found(row) for row in self.api.call("GET", self._place, query)]

    def open(self, wanted: Wanted) -> Found:
        """Open one."""
        body = {"source_branch": wanted.branch, "target_branch": wanted.base, "title": _title(wanted), "description": wanted.body}
        return _found(self.api.call("POST", self._place, body=body))

    def update(self, found: Found, wanted: Wanted) -> None:
        """Bring title and body up to date; whether it is a draft is left to people."""
        draft = found.title.startswith("Draft: ")
        title = f"Draft: {wanted.title}" if draft else wanted.title
        self.api.call("PUT", f"{self._place}/{found.number}", body={"title": title, "description": wanted.body})

    @property
    def _place(self) -> str:
        return f"/projects/{quote(self.path, safe='')}/merge_requests"


def _title(wanted: Wanted) -> str:
    return f"Draft: {wanted.title}" if wanted.draft else wanted.title


def _found(row: Mapping[str, Any]) -> Found:
    state = _STATES.get(row["state"], CLOSED)
    return Found(int(row["iid"]), str(row["web_url"]), state, row.get("title") or "", row.get("description") or "")
