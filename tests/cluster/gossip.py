"""Stands between one node and Redis, and strikes at what is published: loses every k-th message, holds all back, cuts who listens."""

import asyncio
from pathlib import Path

from tests.faults.proxy import Proxy, values

PUBLISHED = b"*3\r\n$8\r\nsmessage\r\n"


class Gossip(Proxy):
    """What is asked and answered passes; only what is published is struck at."""

    def __init__(self, socket: Path, target: Path) -> None:
        super().__init__(socket, target)
        self.drop_every = 0
        self.passed = self.dropped = 0
        self.open = asyncio.Event()
        """Cleared: connections that listen stand still, in this direction."""
        self.open.set()
        self._listening: dict[asyncio.StreamWriter, None] = {}

    def cut_listeners(self) -> int:
        """Ends every connection on which anything was ever published; how many."""
        found = list(self._listening)
        self._listening.clear()
        for writer in found:
            writer.transport.abort()
        return len(found)

    async def _replies(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        buffer = bytearray()
        while data := await reader.read(1 << 16):
            buffer += data
            for value in values(buffer):
                if value.startswith(PUBLISHED):
                    self._listening[writer] = None
                    self.passed += 1
                    if self.drop_every and not self.passed % self.drop_every:
                        self.dropped += 1
                        continue
                if writer in self._listening:
                    await self.open.wait()
                writer.write(value)
            await writer.drain()
