"""Pull requests of `bulk`: real git over HTTP, platforms on loopback, and people who push and close."""

import pytest
from bulk_repositories import APP, GOOD, bare, git
from git_host import PASSWORD, TOKEN, git_host
from test_bulk import WORK, bulk, rows_of

ARGUMENTS = ("run", "--pull-request")


@pytest.fixture
def kind():
    """The platform; tests that are about all of them say so."""
    return "github"


every_kind = pytest.mark.parametrize("kind", ["github", "gitlab", "gitea"])


@pytest.fixture
def host(kind, tmp_path):
    (tmp_path / "served" / "team").mkdir(parents=True)
    place = bare(tmp_path / "served" / "team" / "shop.git", GOOD)
    git("config", "http.receivepack", "true", cwd=place)
    server = git_host(tmp_path / "served", kind)
    name = f"127.0.0.1:{server.server_port}"
    (tmp_path / "repos.toml").write_text(
        f'[host."{name}"]\nplatform = "{kind}"\napi = "http://{name}/api"\ntoken-env = "HOST_TOKEN"\nconcurrency = 1\n'
        f'[[repository]]\nurl = "http://robot:${{HOST_PASSWORD}}@{name}/team/shop.git"\n'
    )
    yield server
    server.shutdown()


def go(folder, code=0, arguments=ARGUMENTS, **more):
    out = bulk(*arguments, cwd=folder, code=code, HOST_TOKEN=TOKEN, HOST_PASSWORD=PASSWORD, **more)
    for path in (folder / WORK).rglob("*"):
        if path.is_file() and not path.is_symlink():
            assert not {PASSWORD.encode(), TOKEN.encode()} & {word for word in (PASSWORD.encode(), TOKEN.encode()) if word in path.read_bytes()}, path
    assert PASSWORD not in out and TOKEN not in out
    return rows_of(folder)["shop"]


def add_commit(place, name, text):
    """A commit of people on the main branch."""
    work = place.with_name("people")
    git("clone", "-q", place, work)
    (work / name).write_text(text)
    git("add", "-A", cwd=work)
    git("commit", "-qm", "more", cwd=work)
    git("push", "-q", "origin", "HEAD", cwd=work)
    for path in sorted(work.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    work.rmdir()


def tip(place, name="flask-to-async"):
    return git("rev-parse", f"refs/heads/{name}", cwd=place).decode().strip()


@every_kind
def test_one_request_is_opened_and_kept_up_to_date(host, tmp_path):
    """Opened after the host asked to wait; updated with its branch; not opened again when people closed it."""
    place = host.folder / "team" / "shop.git"
    host.failures.append((429, [("Retry-After", "1")]))
    row = go(tmp_path)
    assert row["outcome"] == "migrated" and row["pull_request"] == "http://host/pulls/1" and tip(place) == row["tip"]
    (request,) = host.requests
    assert request["title"] == "Flask to async: 2 handlers, 2 files" and "| stage |" in request["body"] and "`app.py:" in request["body"]
    add_commit(place, "more.py", APP.replace("app = Flask", "more = Flask").replace("@app", "@more"))
    row = go(tmp_path)
    assert len(host.requests) == 1 and host.requests[0]["title"].startswith("Flask to async: 4 handlers") and tip(place) == row["tip"]
    assert git("merge-base", "--is-ancestor", "main", "flask-to-async", cwd=place) == b""
    host.requests[0]["state"] = "closed"
    writes = [call for call in host.calls if call[0] != "GET"]
    row = go(tmp_path)
    assert row["declined"] and [call for call in host.calls if call[0] != "GET"] == writes


def test_what_is_up_to_date_is_left_and_what_was_merged_is_past(host, tmp_path):
    place = host.folder / "team" / "shop.git"
    row = go(tmp_path)
    writes = [call for call in host.calls if call[0] != "GET"]
    assert go(tmp_path)["tip"] == row["tip"] and [call for call in host.calls if call[0] != "GET"] == writes, "nothing changed, nothing is written"
    host.requests[0].update(state="closed", merged_at="2026-01-01")
    add_commit(place, "again.py", APP)
    assert go(tmp_path)["pull_request"] == "http://host/pulls/2" and len(host.requests) == 2


def test_a_branch_that_people_pushed_to_is_left(host, tmp_path):
    place = host.folder / "team" / "shop.git"
    go(tmp_path)
    mine = git("commit-tree", "flask-to-async^{tree}", "-p", "flask-to-async", "-m", "mine", cwd=place).decode().strip()
    git("update-ref", "refs/heads/flask-to-async", mine, cwd=place)
    body = host.requests[0]["body"]
    add_commit(place, "more.py", APP)
    row = go(tmp_path, code=2)
    assert row["outcome"] == "failed" and "not from this tool" in row["reason"] and tip(place) == mine and host.requests[0]["body"] == body


def test_a_token_follows_no_redirect(host, tmp_path):
    host.failures.append((302, [("Location", "/api/elsewhere")]))
    row = go(tmp_path, code=2)
    assert row["outcome"] == "failed" and "302" in row["reason"] and len(host.calls) == 1 and row["pushed"]
    calls = len(host.calls)
    assert go(tmp_path, arguments=("retry", "--failed"))["outcome"] == "migrated" and len(host.calls) == calls + 2, "only what failed is done again"


def test_a_wrong_token_is_a_reason(host, tmp_path):
    bulk(*ARGUMENTS, cwd=tmp_path, code=2, HOST_TOKEN="wrong-token", HOST_PASSWORD=PASSWORD)
    row = rows_of(tmp_path)["shop"]
    assert "401" in row["reason"] and "token" in row["reason"] and "wrong-token" not in row["reason"]
    bulk(*ARGUMENTS, cwd=tmp_path, code=2, HOST_PASSWORD=PASSWORD)
    assert "set HOST_TOKEN" in rows_of(tmp_path)["shop"]["reason"]
