"""An HTTP server that keeps what arrived: method, path, headers, body. Its paths give every kind of answer that clients differ in."""

import contextlib
import gzip
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LATIN = "caf\u00e9 cr\u00e8me".encode("latin-1")
BODIES = {
    "text": ("text/plain; charset=utf-8", "h\u00e9llo".encode()),
    "latin": ("text/plain", LATIN),
    "html": ("text/html", b"<p>hello</p>"),
    "declared": ("text/plain; charset=iso-8859-1", LATIN),
    "json": ("application/json", b'{"a": 1, "b": "\xc3\xa9"}'),
    "json-latin": ("application/json", b'{"a": "\xe9"}'),
    "json-16": ("application/json", '{"a": "\u00e9"}'.encode("utf-16")),
    "json-bom": ("application/json", b'\xef\xbb\xbf{"a": 1}'),
    "json-declared": ("application/json; charset=iso-8859-1", b'{"a": "\xe9"}'),
    "json-text": ("text/plain", b'{"a": "\xc3\xa9"}'),
    "json-html-ascii": ("text/html", b'{"a": "\\u00e9"}'),
    "json-vendor": ("application/vnd.api+json", b'{"a": "\xc3\xa9"}'),
    "json-vendor-bom": ("application/vnd.api+json", b'\xef\xbb\xbf{"a": 1}'),
    "json-unknown": ("application/json; charset=klingon", b'{"a": "\xc3\xa9"}'),
    "json-bad": ("application/json", b'{"a": '),
    "empty": ("application/json", b""),
    "lines": ("text/plain", b"one\ntwo\r\nthree"),
    "large": ("application/octet-stream", bytes(range(256)) * 1200),
}


class _Showing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536  # one packet for head and body

    def answer(self):
        body = self._body()
        self.server.arrived.append((self.command, self.path, [(name.lower(), value) for name, value in self.headers.items()], body.decode("latin-1")))
        kind, *rest = self.path.partition("?")[0].strip("/").split("/")
        getattr(self, f"on_{kind}", self.on_show)(rest, body)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = answer

    def _body(self):
        if self.headers.get("Transfer-Encoding", "") == "chunked":
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def send(self, status, data=b"", kind="application/json", **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in headers.items():
            for one in value if isinstance(value, list) else [value]:
                self.send_header(name.replace("_", "-"), one)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD" and status not in (204, 304):
            self.wfile.write(data)

    def on_show(self, rest, body):
        self.send(200, json.dumps({"method": self.command, "path": self.path, "body": body.decode("latin-1")}).encode(), X_Shown="yes")

    def on_status(self, rest, body):
        self.send(int(rest[0]), f'{{"status": {rest[0]}}}'.encode(), **({"Location": "/show/elsewhere"} if rest[1:] else {}))

    def on_redirect(self, rest, body):
        self.send(int(rest[0]), b"moved", "text/plain", Location="/" + "/".join(rest[1:]))

    def on_to(self, rest, body):
        """`/to/2f73686f77`: a redirect to the address in hexadecimal."""
        self.send(302, Location=bytes.fromhex(rest[0]).decode("latin-1"))

    def on_hops(self, rest, body):
        count = int(rest[0])
        self.send(302, Location=f"/hops/{count - 1}") if count else self.on_show(rest, body)

    def on_body(self, rest, body):
        kind, data = BODIES[rest[0]]
        self.send(200, data, kind)

    def on_gzip(self, rest, body):
        self.send(200, gzip.compress(b'{"packed": true}'), Content_Encoding="gzip")

    def on_headers(self, rest, body):
        self.send(200, b"{}", X_Many=["a", "b"], X_Mixed_Case="Value", Set_Cookie=["one=1; Path=/", "two=2; Path=/"])

    def on_cookie(self, rest, body):
        self.send(302, Location="/show/after", Set_Cookie=["seen=yes; Path=/", "other=o; Path=/other"])

    def on_auth(self, rest, body):
        given = self.headers.get("Authorization")
        self.send(200, json.dumps(given).encode()) if given else self.send(401, WWW_Authenticate='Basic realm="x"')

    def on_chunked(self, rest, body):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for part in (b"first ", b"second ", b"third"):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def on_slow(self, rest, body):
        time.sleep(0.5)
        with contextlib.suppress(OSError):
            self.on_show(rest, body)

    def on_drop(self, rest, body):
        self.close_connection = True

    def on_short(self, rest, body):
        self.send_response(200)
        self.send_header("Content-Length", "100")
        self.end_headers()
        self.wfile.write(b"too little")
        self.close_connection = True

    def log_message(self, format, *args):
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        """A client that went away is what some of the cases are about."""


@contextlib.contextmanager
def showing_http(port):
    """The server on that port; its `arrived` is a list of (method, path, headers, body)."""
    server = _Server(("127.0.0.1", port), _Showing)
    server.arrived = []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
