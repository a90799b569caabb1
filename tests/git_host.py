"""A git host on loopback: real git over HTTP (`git http-backend`), and what three platforms say of pull requests."""

import base64
import json
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

from bulk_repositories import WHO

USER, PASSWORD, TOKEN = "robot", "pa55-w0rd", "t0ken-of-the-platform"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, data=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def handle_one(self):
        body = self.body()
        parts = urlsplit(self.path)
        if parts.path.startswith("/api/"):
            return self.api(parts.path.removeprefix("/api"), {name: value[0] for name, value in parse_qs(parts.query).items()}, json.loads(body or b"null"))
        wanted = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {wanted}":
            return self.answer(401, headers=[("WWW-Authenticate", 'Basic realm="git"')])
        return self.git(parts, body)

    do_GET = do_POST = do_PATCH = do_PUT = handle_one

    def body(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            data = b""
            while size := int(self.rfile.readline(), 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return data
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def git(self, parts, body):
        environment = {
            **os.environ, **WHO, "GIT_PROJECT_ROOT": str(self.server.folder), "GIT_HTTP_EXPORT_ALL": "1", "REMOTE_USER": USER, "REQUEST_METHOD": self.command,
            "PATH_INFO": parts.path, "QUERY_STRING": parts.query, "CONTENT_TYPE": self.headers.get("Content-Type", ""), "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""), "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }  # fmt: skip
        head, _, data = subprocess.run(["git", "http-backend"], env=environment, input=body, capture_output=True, check=False).stdout.partition(b"\r\n\r\n")
        headers = [tuple(line.split(": ", 1)) for line in head.decode().split("\r\n")]
        status = next((int(value.split()[0]) for name, value in headers if name == "Status"), 200)
        self.answer(status, data, [item for item in headers if item[0] != "Status"])

    def api(self, path, query, body):
        server = self.server
        server.calls.append((self.command, path))
        if server.failures:
            status, headers = server.failures.pop(0)
            return self.answer(status, b'{"message": "no"}', headers)
        if TOKEN not in (self.headers.get("Authorization") or self.headers.get("PRIVATE-TOKEN") or ""):
            return self.answer(401, b'{"message": "Bad credentials"}')
        found = getattr(self, server.kind)(path, query, body)
        return self.answer(200 if found is not None else 404, json.dumps(found if found is not None else {"message": "Not Found"}).encode())

    def github(self, path, query, body):
        if self.command == "GET":
            return [row for row in self.newest() if row["head"] == query["head"].partition(":")[2] and row["base"] == query["base"]]
        if self.command == "POST":
            return self.opened(body["head"], body["base"], body["title"], body["body"])
        return self.changed(path, body["title"], body["body"])

    def gitea(self, path, query, body):
        if self.command != "GET":
            return self.github(path, query, body)
        rows = self.newest() if query["page"] == "1" else []
        return [
            {**row, "head": {"ref": row["head"], "repo_id": 1}, "base": {"ref": row["base"], "repo_id": 1}, "merged": bool(row["merged_at"])} for row in rows
        ]

    def gitlab(self, path, query, body):
        assert unquote(path).startswith("/projects/team/"), path
        if self.command == "GET":
            rows = [row for row in self.newest() if row["head"] == query["source_branch"] and row["base"] == query["target_branch"]]
            return [self.of_gitlab(row) for row in rows]
        if self.command == "POST":
            return self.of_gitlab(self.opened(body["source_branch"], body["target_branch"], body["title"], body["description"]))
        return self.of_gitlab(self.changed(path, body["title"], body["description"]))

    def of_gitlab(self, row):
        state = {"open": "opened"}.get(row["state"], "merged" if row["merged_at"] else "closed")
        return {"iid": row["number"], "web_url": row["html_url"], "state": state, "title": row["title"], "description": row["body"]}

    def newest(self):
        return list(reversed(self.server.requests))

    def opened(self, head, base, title, body):
        number = len(self.server.requests) + 1
        row = {"number": number, "html_url": f"http://host/pulls/{number}", "state": "open", "merged_at": None, "head": head, "base": base, "title": title}
        self.server.requests.append({**row, "body": body})
        return self.server.requests[-1]

    def changed(self, path, title, body):
        row = self.server.requests[int(path.rpartition("/")[2]) - 1]
        row.update(title=title, body=body)
        return row

    def log_message(self, format, *args):
        pass


def git_host(folder, kind):
    """The host, running; it serves the bare repositories below that folder."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.folder, server.kind, server.requests, server.calls, server.failures = folder, kind, [], [], []
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server
