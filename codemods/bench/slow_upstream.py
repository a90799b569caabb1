"""A service on 127.0.0.1 that answers every request after the same time, for applications that wait for others.

    python slow_upstream.py PORT MILLISECONDS

Any number of connections wait at once, in one thread: what is measured is the application. Every path answers
`{"path": …, "value": …}`, the value made from the path. Run as a program, with the standard library only.
"""

import asyncio
import json
import sys
import zlib

BACKLOG = 2048


async def main(port: int, seconds: float) -> None:
    """Serve until the process is ended."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *fields = head.decode("latin-1").split("\r\n")
                method, path, _ = first.split(" ", 2)
                headers = {name.strip().lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
                await reader.readexactly(int(headers.get("content-length", 0)))
                await asyncio.sleep(seconds)
                writer.write(answer(method, path))
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, ValueError):
            pass  # the client went away, or it does not speak HTTP
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port, backlog=BACKLOG)
    async with server:
        await server.serve_forever()


def answer(method: str, path: str) -> bytes:
    """The whole response."""
    body = json.dumps({"path": path, "value": zlib.crc32(path.encode()) % 1000}).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    return head if method == "HEAD" else head + body


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]) / 1000))
