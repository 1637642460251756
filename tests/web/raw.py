"""A WebSocket client of bytes: what it says need not be WebSocket at all."""

import asyncio
import base64
import contextlib
import os
from collections.abc import AsyncIterator

MASK = b"\x37\xfa\x21\x3d"


def frame(opcode, payload=b"", *, fin=True, reserved=0, mask=MASK, width=0):
    """One frame of a client (RFC 6455, section 5.2).

    `mask` None leaves it unmasked and `width` writes its length in 2 or 8 bytes though fewer would do: no client may.
    """
    masked = 0x80 if mask is not None else 0
    size = len(payload)
    head = bytes([(0x80 if fin else 0) | reserved << 4 | opcode])
    if size < 126 and not width:
        head += bytes([masked | size])
    elif size < 65536 and width < 8:
        head += bytes([masked | 126]) + size.to_bytes(2, "big")
    else:
        head += bytes([masked | 127]) + size.to_bytes(8, "big")
    if mask is None:
        return head + payload
    key = int.from_bytes((mask * (size // 4 + 1))[:size], "big")
    return head + mask + (int.from_bytes(payload, "big") ^ key).to_bytes(size, "big")


class Raw:
    """A connection behind its handshake."""

    def __init__(self, reader, writer):
        self._reader, self._writer = reader, writer
        self.ended = False

    def say(self, data):
        self._writer.write(data)

    def end(self):
        """Says nothing more: the end of this side."""
        self.ended = True
        self._writer.write_eof()

    async def hear(self, within_s=5.0):
        """The next frame, (opcode, payload), its fragments put together; None where the server has ended its side."""
        async with asyncio.timeout(within_s):
            try:
                whole = b""
                while True:
                    first, second = await self._reader.readexactly(2)
                    size = second & 0x7F
                    if size >= 126:
                        size = int.from_bytes(await self._reader.readexactly(2 if size == 126 else 8), "big")
                    whole += await self._reader.readexactly(size)
                    if first & 0x80:
                        return first & 0x0F, whole
            except (asyncio.IncompleteReadError, ConnectionError):
                return None

    async def hear_all(self, within_s=5.0):
        """Every frame until the server ends its side."""
        heard = []
        while (one := await self.hear(within_s)) is not None:
            heard.append(one)
        return heard

    async def close(self):
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()


@contextlib.asynccontextmanager
async def dial(address, path) -> AsyncIterator[Raw]:
    """Shakes hands with the server at `host:port`; the connection is closed at the end."""
    host, port = address.rsplit(":", 1)
    reader, writer = await asyncio.open_connection(host, int(port))
    key = base64.b64encode(os.urandom(16)).decode()
    lines = (
        f"GET {path} HTTP/1.1",
        f"Host: {address}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {key}",
    )
    raw = Raw(reader, writer)
    try:
        writer.write("\r\n".join((*lines, "", "")).encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        assert b" 101 " in answer.split(b"\r\n")[0], answer
        yield raw
    finally:
        await raw.close()
