"""Small services on 127.0.0.1 for the fixture apps: an HTTP service and a Redis. Ports are literals in the apps."""

import contextlib
import errno
import json
import socketserver
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PATIENCE = 60  # seconds to wait for another test process to leave the port


class _Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        routes = self.server.routes
        status, content = routes.get((self.command, self.path), (404, {"error": self.path}))
        if callable(content):
            content = content(self.headers, body)
        data = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8" if isinstance(content, str) else "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = answer

    def log_message(self, format, *args):
        pass


def _bind(make):
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return make()
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > end:
                raise
            time.sleep(0.1)


@contextlib.contextmanager
def _running(server):
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.contextmanager
def http_service(port, routes):
    """Answers by (method, path): (status, JSON or text, or a function of headers and body)."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

    server = _bind(lambda: Server(("127.0.0.1", port), _Quiet))
    server.routes = routes
    with _running(server):
        yield server


class _Redis(socketserver.StreamRequestHandler):
    """The part of Redis that the apps use, in its own protocol (RESP)."""

    null = b"$-1\r\n"

    def handle(self):
        while line := self.rfile.readline():
            parts = []
            for _ in range(int(line[1:])):
                size = int(self.rfile.readline()[1:])
                parts.append(self.rfile.read(size + 2)[:-2].decode())
            with self.server.lock:
                answer = self.run(*parts)
            self.wfile.write(answer)

    def run(self, command, *args):
        data = self.server.data
        match command.upper(), args:
            case "GET", (key,):
                return self.bulk(data.get(key))
            case "SET", (key, value, *_):
                data[key] = value
                return b"+OK\r\n"
            case "INCR" | "INCRBY", (key, *_):
                data[key] = str(int(data.get(key, 0)) + 1)
                return b":%d\r\n" % int(data[key])
            case "RPUSH", (key, *values):
                data.setdefault(key, []).extend(values)
                return b":%d\r\n" % len(data[key])
            case "LRANGE", (key, low, high):
                items = data.get(key, [])[int(low) : (int(high) + 1) or None]
                return b"*%d\r\n" % len(items) + b"".join(self.bulk(item) for item in items)
            case "DEL", keys:
                return b":%d\r\n" % sum(data.pop(key, None) is not None for key in keys)
            case "HELLO", ("3", *_):
                self.null = b"_\r\n"
                return b"%2\r\n" + self.bulk("server") + self.bulk("redis") + self.bulk("proto") + b":3\r\n"
            case "PING", _:
                return b"+PONG\r\n"
            case "CLIENT" | "SELECT", _:
                return b"+OK\r\n"
        return f"-ERR unknown command '{command}'\r\n".encode()

    def bulk(self, value):
        return self.null if value is None else b"$%d\r\n%s\r\n" % (len(value.encode()), value.encode())


@contextlib.contextmanager
def redis_service(port):
    """An empty Redis."""

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True
        request_queue_size = 128

    server = _bind(lambda: Server(("127.0.0.1", port), _Redis))
    server.data, server.lock = {}, threading.Lock()
    with _running(server):
        yield server
