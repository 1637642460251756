"""Stands between dibs and its Redis on a unix socket, counts requests and replies, and strikes once at the k-th."""

import asyncio
import contextlib
from pathlib import Path
from typing import Self

import attrs

CUT = "cut after request"
DROP = "drop reply"
HALF = "cut within request"
MUTE = "never hear reply"
MODES = (CUT, DROP, HALF, MUTE)
_AGGREGATE = b"*~>%"
_BULK = b"$=!"


def whole(data: bytes, at: int = 0) -> int | None:
    """Where the RESP value that begins at `at` ends; None where it is not all there yet."""
    end = data.find(b"\r\n", at)
    if end < 0:
        return None
    kind, number = data[at : at + 1], data[at + 1 : end]
    at = end + 2
    if kind in _BULK:
        length = int(number)
        at += length + 2 if length >= 0 else 0
        return at if at <= len(data) else None
    if kind not in _AGGREGATE:
        return at
    for _ in range(int(number) * (2 if kind == b"%" else 1)):
        following = whole(data, at)
        if following is None:
            return None
        at = following
    return at


def values(buffer: bytearray) -> list[bytes]:
    """Takes every whole value out of the buffer."""
    data, found, at = bytes(buffer), [], 0
    while at < len(data) and (end := whole(data, at)) is not None:
        found.append(data[at:end])
        at = end
    del buffer[:at]
    return found


@attrs.define
class Strike:
    """`count` goes on after the strike, so that a run without one tells how many there are."""

    mode: str = CUT
    k: int = 0
    requests: int = 0
    replies: int = 0
    done: bool = False

    def hits_request(self) -> bool:
        self.requests += 1
        return self._hits(self.mode in (CUT, HALF) and self.requests == self.k)

    def hits_reply(self) -> bool:
        self.replies += 1
        return self._hits(self.mode in (DROP, MUTE) and self.replies == self.k)

    def _hits(self, now: bool) -> bool:
        self.done = self.done or now
        return now


class Proxy:
    """Listens on `socket`, speaks to `target`; `strike` is the fault at hand."""

    def __init__(self, socket: Path, target: Path) -> None:
        self.socket, self.target = socket, target
        self.url = f"unix://{socket}"
        self.strike = Strike()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_unix_server(self._accept, str(self.socket))
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Every connection ends."""
        for task in tuple(self._tasks):
            task.cancel()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        there_writer = None
        try:
            there_reader, there_writer = await asyncio.open_unix_connection(str(self.target))
            pumps = asyncio.ensure_future(self._requests(reader, there_writer)), asyncio.ensure_future(self._replies(there_reader, writer))
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            for end in (writer, there_writer):
                if end is not None:
                    end.close()
                    with contextlib.suppress(OSError):
                        await end.wait_closed()

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        buffer = bytearray()
        while data := await reader.read(1 << 16):
            buffer += data
            for request in values(buffer):
                hit = self.strike.hits_request()
                writer.write(request[: len(request) // 2] if hit and self.strike.mode == HALF else request)
                if hit:
                    await writer.drain()
                    return
            await writer.drain()

    async def _replies(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        buffer, mute = bytearray(), False
        while data := await reader.read(1 << 16):
            buffer += data
            for reply in values(buffer):
                if self.strike.hits_reply():
                    if self.strike.mode == DROP:
                        return
                    mute = True
                if not mute:
                    writer.write(reply)
            await writer.drain()
