"""HTTP by hand: bytes that no client library would send, and what comes back."""

import asyncio
from collections.abc import Sequence

import attrs

UPGRADE = (
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),
)
PATIENCE_S = 5.0


@attrs.frozen
class Answer:
    """`headers` keeps every line, names in lower case; an empty `status` is a connection that ended without a word."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    def one(self, name: str) -> str | None:
        values = self.all(name)
        assert len(values) <= 1, f"{name} stands there twice: {values}"
        return values[0] if values else None


def head(method: str, target: str, headers: Sequence[tuple[str, str]]) -> bytes:
    """A request's head, one byte for each character."""
    return "\r\n".join([f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers), "", ""]).encode("latin1")


async def ask(address: str, request: bytes) -> Answer:
    """Sends the bytes on a connection of their own and reads the one response."""
    return (await ask_all(address, request, 1))[0]


async def ask_all(address: str, request: bytes, count: int) -> list[Answer]:
    """Sends the bytes of several requests at once and reads as many responses."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        async with asyncio.timeout(PATIENCE_S):
            try:
                writer.write(request)
                await writer.drain()
                return [await _read(reader, is_head=request.startswith(b"HEAD ")) for _ in range(count)]
            except (ConnectionError, asyncio.IncompleteReadError):
                return [Answer(0, (), b"")] * count
    finally:
        writer.transport.abort()


async def _read(reader: asyncio.StreamReader, *, is_head: bool) -> Answer:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin1").split("\r\n")[:-2]
    headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    answer = Answer(int(first.split()[1]), headers, b"")
    if answer.status < 200 or is_head:
        return answer
    length = answer.one("content-length")
    return attrs.evolve(answer, body=await (reader.read() if length is None else reader.readexactly(int(length))))


async def get(address: str, target: str, *headers: tuple[str, str], method: str = "GET") -> Answer:
    """A plain request that closes behind itself."""
    return await ask(address, head(method, target, [("Host", address), ("Connection", "close"), *headers]))


async def shake(address: str, *headers: tuple[str, str], host: str | None = None, target: str = "/ws") -> Answer:
    """A WebSocket handshake with these headers too."""
    return await ask(address, head("GET", target, [("Host", address if host is None else host), *UPGRADE, *headers]))
