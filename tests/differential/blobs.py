"""A server that speaks enough of Azure's blob protocol: containers, block blobs, metadata, ranges, lists, errors.

It keeps what arrived: method, path, the headers that matter, body. Signatures are not checked. By hand, the same kinds of calls were
also compared on Azurite 3.35, Microsoft's own emulator: synchronous and asynchronous clients did the same there.
"""

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

_SHOWN = ("x-ms-blob-type", "x-ms-range", "x-ms-delete-snapshots", "if-none-match", "content-type")
_WHEN = "Fri, 02 Jan 2026 03:04:05 GMT"


class _Blobs(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536  # one packet for head and body

    def answer(self):
        parts = urlsplit(self.path)
        self.query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        shown = {name.lower(): value for name, value in self.headers.items() if name.lower() in _SHOWN or name.lower().startswith("x-ms-meta-")}
        self.server.arrived.append((self.command, self.path, sorted(shown.items()), body.decode("latin-1")))
        _, _, container, *name = unquote(parts.path).split("/", 3)
        if parts.path.startswith("/-/"):
            self.send(200)
        elif not container:
            self.send(200, _listed("Containers", "Container", sorted(self.server.kept), self.query))
        elif name:
            self.blob(container, name[0], body)
        else:
            self.container(container)

    do_GET = do_HEAD = do_PUT = do_DELETE = answer

    def container(self, name):
        kept = self.server.kept
        if self.command == "PUT":
            self.fail(409, "ContainerAlreadyExists") if name in kept else self.send(201, made=kept.setdefault(name, {}))
        elif name not in kept:
            self.fail(404, "ContainerNotFound")
        elif self.command == "DELETE":
            self.send(202, made=kept.pop(name))
        else:
            self.send(200, _listed("Blobs", "Blob", sorted(kept[name]), self.query) if self.query.get("comp") == "list" else b"")

    def blob(self, container, name, body):
        blobs = self.server.kept.get(container)
        if blobs is None:
            self.fail(404, "ContainerNotFound")
        elif self.command == "PUT" and "comp" not in self.query:
            if name in blobs and self.headers.get("If-None-Match") == "*":
                self.fail(409, "BlobAlreadyExists")
            else:
                self.send(201, made=blobs.__setitem__(name, (body, self.metadata())))
        elif name not in blobs:
            self.fail(404, "BlobNotFound")
        elif self.command == "PUT":
            self.send(200, made=blobs.__setitem__(name, (blobs[name][0], self.metadata())))
        elif self.command == "DELETE":
            self.send(202, made=blobs.pop(name))
        else:
            self.content(*blobs[name])

    def metadata(self):
        return {name.lower(): value for name, value in self.headers.items() if name.lower().startswith("x-ms-meta-")}

    def content(self, data, metadata):
        wanted = self.headers.get("x-ms-range")
        if not wanted:
            self.send(200, data, x_ms_blob_type="BlockBlob", **metadata)
            return
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        if int(first) >= len(data):
            self.fail(416, "InvalidRange")
            return
        part = data[int(first) : int(last) + 1 if last else None]
        where = f"bytes {first}-{int(first) + len(part) - 1}/{len(data)}"
        self.send(206, part, x_ms_blob_type="BlockBlob", Content_Range=where, **metadata)

    def fail(self, status, code):
        text = f"<?xml version='1.0' encoding='utf-8'?><Error><Code>{code}</Code><Message>{code}, it says.</Message></Error>"
        self.send(status, text.encode(), x_ms_error_code=code)

    def send(self, status, data=b"", made=None, **headers):
        self.send_response(status)
        for name, value in {"ETag": '"0x1"', "Last-Modified": _WHEN, "x-ms-version": "2021-12-02", "Content-Type": "application/xml", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, format, *args):
        pass


def _listed(whole, one, names, query):
    """A page of a list: as many names as `maxresults` says, and where the next page begins."""
    names = [name for name in names if name.startswith(query.get("prefix", ""))]
    start = int(query.get("marker", 0))
    end = start + int(query.get("maxresults", 5000))
    rows = "".join(
        f"<{one}><Name>{name}</Name><Properties><Etag>0x1</Etag><Last-Modified>{_WHEN}</Last-Modified></Properties></{one}>" for name in names[start:end]
    )
    marker = str(end) if end < len(names) else ""
    head = '<?xml version="1.0" encoding="utf-8"?><EnumerationResults>'
    return f"{head}<{whole}>{rows}</{whole}><NextMarker>{marker}</NextMarker></EnumerationResults>".encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


@contextlib.contextmanager
def showing_blobs(port):
    """The server on that port; its `arrived` is a list, `kept` the blobs by container and name."""
    server = _Server(("127.0.0.1", port), _Blobs)
    server.arrived, server.kept = [], {}
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
