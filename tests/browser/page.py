"""A page of somebody else's, on an origin of its own; empty if nothing is said of it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

EMPTY = "<!doctype html>"


@contextlib.asynccontextmanager
async def page(*pages: str, headers: str = "") -> AsyncIterator[str]:
    """The origin of these pages: the first at `/`, the others at `/1`, `/2` and so on. `headers` are lines that end with CRLF."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A browser opens sockets on suspicion and may say nothing on them; from Python 3.12 on that would be an error in the loop.
        with contextlib.suppress(asyncio.IncompleteReadError):
            asked = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode().split("?")[0].strip("/")
            body = (dict(enumerate(pages)).get(int(asked or 0), EMPTY) if asked.isdigit() or not asked else EMPTY).encode()
            head = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nConnection: close\r\n"
            writer.write(f"{head}{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
