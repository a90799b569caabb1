"""Pull requests: three verbs, in the words of each platform. A request that is open already is brought up to date."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from codemods.bulk.addresses import host_of, path_of
from codemods.bulk.hosts import Host
from codemods.bulk.job import Job
from codemods.bulk.platforms import gitea, github, gitlab
from codemods.bulk.platforms.api import Api
from codemods.bulk.platforms.wanted import CLOSED, OPEN, Platform, Wanted
from codemods.bulk.running import StepError
from codemods.counted import counted

_BY_HOST = {"github.com": "github", "gitlab.com": "gitlab", "codeberg.org": "gitea", "gitea.com": "gitea"}
_KINDS: Mapping[str, tuple[Callable[[str], str], Callable[[str], dict[str, str]], Callable[[Api, str], Platform]]] = {
    "github": (github.base_of, github.headers_of, github.GitHub),
    "gitlab": (gitlab.base_of, gitlab.headers_of, gitlab.GitLab),
    "gitea": (gitea.base_of, gitea.headers_of, gitea.Gitea),
}
_TOKENS = {"github": "GITHUB_TOKEN", "gitlab": "GITLAB_TOKEN", "gitea": "GITEA_TOKEN"}
TOKENS = tuple(_TOKENS.values())
_PATH = re.compile(r"[\w.-]+(?:/[\w.-]+)+", re.ASCII)


def kind_of(host: Host) -> str:
    """The platform of a host: as the user says, else by its name; empty when that is not known."""
    return host.platform or _BY_HOST.get(host.name, "")


def token_name(host: Host) -> str:
    """The environment variable that holds the token for a host; empty when there is no platform."""
    return host.token_env or _TOKENS.get(kind_of(host), "")


def request(job: Job) -> dict[str, Any]:
    """Open a pull request for the branch, or bring the open one up to date. Raises StepError."""
    platform, wanted = _platform(job), _wanted(job)
    known = platform.find(wanted)
    found = next((item for item in known if item.state == OPEN), None)
    if found is None and known and known[0].state == CLOSED:
        return {"url": known[0].url, "number": known[0].number, "declined": True}  # people closed it: it is not opened again
    if found is None:
        found = platform.open(wanted)
    elif (found.title.removeprefix("Draft: ").removeprefix("WIP: "), _lines(found.body)) != (wanted.title, _lines(wanted.body)):
        platform.update(found, wanted)
    return {"url": job.log.clean(found.url), "number": found.number, "declined": False}


def _lines(text: str) -> list[str]:
    """Platforms change line endings and what stands at the end."""
    return text.strip().splitlines()


def _platform(job: Job) -> Platform:
    url = job.spec.push_url or job.spec.url
    kind, path = kind_of(job.host), path_of(url)
    if kind not in _KINDS:
        name = host_of(url) or "git.example.com"
        raise StepError(f'the platform of {name} is not known; write platform = "github", "gitlab" or "gitea" below [host."{name}"]')
    if not job.token:
        raise StepError(f"there is no token: set {token_name(job.host)} in the environment")
    if not _PATH.fullmatch(path) or ".." in path:
        raise StepError(f"{path!r} is no `owner/name` of a repository")
    base_for, headers_for, make = _KINDS[kind]
    return make(Api(job.host.api.rstrip("/") or base_for(job.host.name), headers_for(job.token), job.log), path)


def _wanted(job: Job) -> Wanted:
    base, commit = job.known["clone"]["base"], job.known["commit"]
    if not base:
        raise StepError("the remote's HEAD is no branch: name the `base` that the pull request is for")
    try:
        body = job.place.body(job.spec.name).read_text(encoding="utf-8")
    except OSError as error:
        raise StepError(f"the text of the pull request cannot be read: {error.strerror}") from None
    title = job.spec.title or f"Flask to async: {counted(commit['async'], 'handler')}, {counted(commit['files'], 'file')}"
    return Wanted(job.spec.branch, base, title, body, job.spec.draft)
