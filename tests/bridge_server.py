"""An HTTP server on 127.0.0.1 that keeps every request as the bytes that arrived, and answers bytes that are written out by hand."""

import contextlib
import gzip
import json
import socketserver
import ssl
import threading
import time
import zlib

TEXT = "Grüße".encode()


def answer(body=b"", status="200 OK", *headers, length=True):
    """The bytes of a response."""
    lines = [f"HTTP/1.1 {status}", *headers, *([f"Content-Length: {len(body)}"] if length else [])]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def moved(status, where, *headers):
    return answer(b"moved", f"{status} Moved", f"Location: {where}", *headers)


def chunked(*parts, end=b"0\r\n\r\n"):
    return answer(b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + end, "200 OK", "Transfer-Encoding: chunked", length=False)


def deflate_raw(data):
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


ROUTES = {
    "/text": answer(TEXT, "200 OK", "Content-Type: text/plain; charset=utf-8"),
    "/text-without-charset": answer(TEXT, "200 OK", "Content-Type: text/html"),
    "/unknown-charset": answer(TEXT, "200 OK", "Content-Type: text/plain; charset=klingon"),
    "/quoted-charset": answer("é".encode("cp1252"), "200 OK", "Content-Type: text/plain; charset='cp1252'"),
    "/no-type": answer(TEXT * 20),
    "/latin": answer("déjà vu".encode("latin-1"), "200 OK", "Content-Type: text/plain; charset=iso-8859-1"),
    "/empty": answer(),
    "/json": answer(b'{"a": [1, 2], "b": "\xc3\xa9"}', "200 OK", "Content-Type: application/json"),
    "/json-bom": answer(b'\xef\xbb\xbf{"a": 1}', "200 OK", "Content-Type: application/json"),
    "/json-utf16": answer('{"a": "é"}'.encode("utf-16"), "200 OK", "Content-Type: application/json"),
    "/json-latin": answer('{"a": "é"}'.encode("latin-1"), "200 OK", "Content-Type: application/json"),
    "/json-bad": answer(b"{nope", "200 OK", "Content-Type: application/json"),
    "/lines": answer(b"one\ntwo\r\nthree\n\nfour", "200 OK", "Content-Type: text/plain"),
    "/links": answer(b"", "200 OK", 'Link: <http://127.0.0.1/2>; rel="next", </0>; rel=prev; title="x"'),
    "/many-headers": answer(b"", "200 OK", "X-One: 1", "x-ONE: 2", "X-Empty:", "X-Space:   a b  ", "X-Latin: caf\xe9"),
    "/two-cookies": answer(b"", "200 OK", "Set-Cookie: a=1; Path=/", "Set-Cookie: b=2; Path=/; HttpOnly"),
    "/expired-cookie": answer(b"", "200 OK", "Set-Cookie: a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/"),
    "/other-path-cookie": answer(b"", "200 OK", "Set-Cookie: a=1; Path=/elsewhere"),
    "/foreign-cookie": answer(b"", "200 OK", "Set-Cookie: a=1; Domain=example.org"),
    "/quoted-cookie": answer(b"", "200 OK", 'Set-Cookie: a="x y"; Path=/'),
    "/cookie-then-moved": moved(302, "/text", "Set-Cookie: a=1; Path=/"),
    "/gzip": answer(gzip.compress(TEXT, mtime=0), "200 OK", "Content-Encoding: gzip"),
    "/gzip-bad": answer(b"this is no gzip", "200 OK", "Content-Encoding: gzip"),
    "/gzip-cut": answer(gzip.compress(b"x" * 500, mtime=0)[:-12], "200 OK", "Content-Encoding: gzip"),
    "/deflate": answer(zlib.compress(TEXT), "200 OK", "Content-Encoding: deflate"),
    "/deflate-raw": answer(deflate_raw(TEXT), "200 OK", "Content-Encoding: deflate"),
    "/gzip-twice": answer(gzip.compress(gzip.compress(TEXT, mtime=0), mtime=0), "200 OK", "Content-Encoding: gzip, gzip"),
    "/unknown-coding": answer(TEXT, "200 OK", "Content-Encoding: rot13"),
    "/gzip-empty": answer(b"", "200 OK", "Content-Encoding: gzip"),
    "/large": answer(b"0123456789" * 60000, "200 OK", "Content-Type: application/octet-stream"),
    "/large-gzip": answer(gzip.compress(b"0123456789" * 300000, 0, mtime=0), "200 OK", "Content-Encoding: gzip"),
    "/chunked": chunked(b"one", b"two"),
    "/chunked-gzip": chunked(*(bytes([byte]) for byte in gzip.compress(TEXT, mtime=0))).replace(b"HTTP/1.1 200 OK", b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip"),
    "/chunked-trailer": chunked(b"one", end=b"0\r\nX-Trailer: 1\r\n\r\n"),
    "/chunked-cut": [chunked(b"one", end=b"ff\r\ntwo"), None],
    "/chunked-cut-between": [chunked(b"one", end=b""), None],
    "/chunked-bad": [chunked(b"one", end=b"zz\r\n"), None],
    "/cut": [answer(b"", "200 OK", "Content-Length: 100", length=False) + b"short", None],
    "/cut-at-once": [answer(b"", "200 OK", "Content-Length: 100", length=False), None],
    "/until-close": [answer(TEXT, "200 OK", "Content-Type: text/plain; charset=utf-8", length=False), None],
    "/http10": [b"HTTP/1.0 200 OK\r\n\r\nold", None],
    "/no-answer": [None],
    "/garbage": [b"this is no HTTP\r\n\r\n", None],
    "/no-reason": b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
    "/odd-reason": answer(b"", "200 Tr\xe8s bien"),
    "/odd-status": answer(b"", "299 Odd"),
    "/204": answer(b"", "204 No Content", length=False),
    "/304": answer(b"", "304 Not Modified", 'ETag: "x"', length=False),
    "/304-location": answer(b"", "304 Not Modified", "Location: /text", length=False),
    "/100-first": b"HTTP/1.1 100 Continue\r\n\r\n" + answer(b"after"),
    "/103-first": b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + answer(b"after"),
    "/slow": [0.6, answer(b"late")],
    "/slow-body": [answer(b"", "200 OK", "Content-Length: 10", length=False) + b"half", 0.6, b"s late"],
    "/folded": b"HTTP/1.1 200 OK\r\nX-Folded: one\r\n two\r\nContent-Length: 0\r\n\r\n",
    "/long-header": answer(b"", "200 OK", "X-Long: " + "x" * 30000),
    "/100-headers": answer(b"", "200 OK", *(f"X-{number}: {number}" for number in range(90))),
    "/130-headers": answer(b"", "200 OK", *(f"X-{number}: {number}" for number in range(140))),
    "/two-lengths": answer(b"abc", "200 OK", "Content-Length: 3", "Content-Length: 3", length=False),
    "/401-basic": answer(b"", "401 Unauthorized", 'WWW-Authenticate: Basic realm="x"'),
    "/loop": moved(302, "/loop"),
    "/to-relative": moved(302, "text"),
    "/to-slashes": moved(302, "//127.0.0.1:{port}/text"),
    "/to-fragment": moved(302, "/text#there"),
    "/to-query": moved(302, "/text?a=b c&d=%zz"),
    "/to-umlaut": moved(302, "/\u00c3\u00bc"),
    "/to-other-host": moved(302, "http://localhost:{port}/echo"),
    "/to-userinfo": moved(302, "http://u:p@127.0.0.1:{port}/echo"),
    "/to-ftp": moved(302, "ftp://127.0.0.1/x"),
    "/to-nowhere": moved(302, "http://127.0.0.1:1/"),
    "/to-empty": moved(302, ""),
    "/to-bad-url": moved(302, "http://[bad/"),
    "/moved-cut": [moved(302, "/text").replace(b"Content-Length: 5", b"Content-Length: 50"), None],
    "/moved-gzip-bad": moved(302, "/text", "Content-Encoding: gzip"),
    "/without-location": answer(b"", "302 Found"),
    "/refresh-200": answer(b"x", "200 OK", "Location: /text"),
    **{f"/{status}": moved(status, "/echo") for status in (301, 302, 303, 307, 308)},
    **{f"/status/{status}": answer(b"it", f"{status} Whatever") for status in (201, 400, 404, 410, 418, 500, 503)},
    **{f"/hop/{number}": moved(302, f"/hop/{number - 1}" if number > 1 else "/text") for number in range(1, 33)},
}  # fmt: skip


class _Handler(socketserver.StreamRequestHandler):
    def handle(self):
        self.connection.settimeout(10)
        with contextlib.suppress(OSError):
            while self.one():
                pass

    def one(self):
        head = b""
        while (line := self.rfile.readline()) not in (b"\r\n", b""):
            head += line
        if not head:
            return False
        fields = {name.lower(): value.strip() for name, _, value in (row.partition(":") for row in head.decode("latin-1").split("\r\n")[1:])}
        body = self.rfile.read(int(fields.get("content-length") or 0))
        if fields.get("transfer-encoding") == "chunked":
            body = b"".join(iter(self.chunk, b""))
        self.server.seen.append(head + b"\r\n" + body)
        return self.reply(head, head.split(b" ")[1].partition(b"?")[0].decode("latin-1"), body)

    def chunk(self):
        data = self.rfile.read(int(self.rfile.readline(), 16))
        self.rfile.readline()
        return data

    def reply(self, head, path, body):
        steps = ROUTES.get(path) or self.made(path, head, body)
        for step in steps if isinstance(steps, list) else [steps]:
            if step is None:
                return False
            if isinstance(step, float):
                time.sleep(step)
            else:
                data = step.replace(b"{port}", str(self.server.server_address[1]).encode())
                self.wfile.write(data.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if head.startswith(b"HEAD") else data)
        return True

    def made(self, path, head, body):
        if path == "/digest":
            if b"Authorization: Digest" in head:
                return answer(b"welcome")
            return answer(b"", "401 Unauthorized", 'WWW-Authenticate: Digest realm="x", nonce="abc", qop="auth", algorithm=MD5')
        if path == "/basic":
            return answer(b"welcome" if b"Authorization: Basic dTpw" in head else b"", "200 OK" if b"dTpw" in head else "401 Unauthorized")
        text = json.dumps({"request": (head + body).decode("latin-1")}).encode()
        return answer(text, "200 OK" if path == "/echo" else "404 Not Found", "Content-Type: application/json")


@contextlib.contextmanager
def recording(context: ssl.SSLContext | None = None):
    """The running server: `seen` has the requests, `url` the address."""

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        request_queue_size = 128

        def get_request(self):
            connection, address = super().get_request()
            return (context.wrap_socket(connection, server_side=True) if context else connection), address

        def handle_error(self, request, client_address):
            pass

    with Server(("127.0.0.1", 0), _Handler) as server:
        server.seen = []
        server.url = f"http{'s' if context else ''}://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
