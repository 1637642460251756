"""A wire that breaks: each connection a few bytes later than the one before it, in turn on the way up and on the way down."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

PIECE = 16 * 1024


class Cutter:
    """`cuts` counts the connections that were broken. Once `mended`, nothing breaks any more."""

    def __init__(self, address: str, first: int, step: int) -> None:
        self._host, _, self._port = address.rpartition(":")
        self._allowed, self._step = first, step
        self.cuts = 0
        self.mended = False
        self.address = ""

    async def attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either end or we end it."""
        up, down = await asyncio.open_connection(self._host, int(self._port))
        self._allowed += self._step
        allowed = None if self.mended else self._allowed
        is_up = self.cuts % 2 == 0
        ways = [
            asyncio.create_task(self._pass(reader, down, allowed if is_up else None)),
            asyncio.create_task(self._pass(up, writer, None if is_up else allowed)),
        ]
        done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        self.cuts += any(way.result() for way in done)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        for end in (writer, down):
            end.transport.abort()

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, allowed: int | None) -> bool:
        """Passes on until the end, or so many bytes; whether it broke."""
        with contextlib.suppress(OSError):
            while piece := await source.read(PIECE):
                sink.write(piece if allowed is None else piece[:allowed])
                await sink.drain()
                if allowed is not None:
                    allowed -= len(piece)
                    if allowed <= 0:
                        return True
        return False


@contextlib.asynccontextmanager
async def cutter(address: str, first: int, step: int) -> AsyncIterator[Cutter]:
    """To a server at `HOST:PORT`."""
    made = Cutter(address, first, step)
    server = await asyncio.start_server(made.attend, "127.0.0.1", 0)
    async with server:
        made.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield made
