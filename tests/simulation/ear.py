"""Stands where `storage.ear.Ear` stands: what one node hears of the simulated server's channels, late, in order, or not at all."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from storage.ear import Heard
from storage.journal import JournalLost, JournalUnreachable
from storage.pipe import CONNECT_TIMEOUT_S, Command
from tests.simulation.loop import context_of

if TYPE_CHECKING:
    from tests.simulation.server import Server


class SimulatedEar:
    """For one node. Each connection keeps its order; between two of them there is none."""

    def __init__(self, server: "Server", node: str) -> None:
        self.node = node
        self.is_dead = False
        """The node was killed: nothing is heard any more."""
        self.channels: dict[str, str] = {}
        """What the server tells it, to the kind of its messages."""
        self._server = server
        self._context = context_of("")
        self._under_way: deque[tuple[int, Heard | Command]] = deque()
        self._life = 0
        self._heard: asyncio.Queue[Heard | None] = asyncio.Queue()

    async def open(self) -> None:
        """See `Ear.open`."""
        await self.close()
        await asyncio.sleep(self._server.way_s() * 2)
        if self.is_dead or not self._server.is_up or self.node in self._server.unreachable:
            raise JournalUnreachable("no way")
        if self._server.is_stalled:
            await asyncio.sleep(CONNECT_TIMEOUT_S)
            raise JournalUnreachable("no reply in time")
        self._heard = asyncio.Queue()
        self._server.join(self)

    async def say(self, commands: Sequence[Command]) -> None:
        """See `Ear.say`."""
        if self not in self._server.ears:
            raise JournalLost("cut")
        for command in commands:
            self._send(command)

    async def hear(self) -> Heard:
        """See `Ear.hear`."""
        found = await self._heard.get()
        if found is None or self.is_dead:
            raise JournalLost("cut")
        return found

    async def close(self) -> None:
        """See `Ear.close`."""
        self._life += 1
        self._server.leave(self)

    def take(self, heard: Heard) -> None:
        """It leaves the server, and comes here behind what left it before."""
        self._send(heard)

    def cut(self) -> None:
        """The connection ends."""
        self._server.leave(self)
        self._heard.put_nowait(None)

    def _send(self, what: Heard | Command) -> None:
        self._under_way.append((self._life, what))
        asyncio.get_running_loop().call_later(self._server.way_s(), self._arrive, context=self._context)

    def _arrive(self) -> None:
        """Whatever is first: only the time is of the one that was sent."""
        life, what = self._under_way.popleft()
        if life != self._life or self not in self._server.ears:
            return
        if self.node in self._server.unreachable:
            self.cut()
        elif len(what) == 3:
            self._heard.put_nowait(what)  # type: ignore[arg-type]
        else:
            self._server.obey(self, str(what[0]), str(what[1]))
