"""What `storage.ear` is for one server, for those of a cluster: a connection to each primary, and each channel followed where its slot is.

The channels of nodes are followed at all of them, since a script sees only who listens at its own server. A token is heard when it came
back over every connection. Where a server is gone the others are heard; when there is another one, and when a slot has moved, all is
begun anew.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence

from storage.cluster import Cluster
from storage.ear import Ear, Heard
from storage.journal import JournalLost, JournalUnreachable
from storage.pipe import Command
from storage.shards import Shards

OPEN_S = 1.0
"""A server that is not connected by then is not waited for."""
LOOK_S = 0.5
"""Whether one that is not heard is there again is looked at this often."""
WAITING = 256
"""So much may be heard that nobody has taken yet; then no more is read."""


class Ears:
    """See `storage.journal.Listening`."""

    def __init__(self, cluster: Cluster, shards: Shards) -> None:
        self._cluster = cluster
        self._shards = shards
        self._ears: dict[str, Ear] = {}
        self._where: dict[str, str] = {}
        """Channel that is followed, to the address of the server where it is."""
        self._back: Counter[tuple[str, bytes]] = Counter()
        """Over how many connections something that all servers tell was heard."""
        self._heard: asyncio.Queue[Heard | JournalLost] = asyncio.Queue(WAITING)
        self._parts: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """See `Listening.open`."""
        await self.close()
        await self._shards.find()
        addresses = self._shards.slots.primaries
        found = await asyncio.gather(*(self._open(address) for address in addresses))
        self._ears = {address: ear for address, ear in zip(addresses, found, strict=True) if ear is not None}
        if not self._ears:
            raise JournalUnreachable("no server of the cluster can be heard")
        loop, self._heard = asyncio.get_running_loop(), asyncio.Queue(WAITING)
        self._parts = [loop.create_task(self._listen(address, ear)) for address, ear in self._ears.items()]
        self._parts.append(loop.create_task(self._look_out()))

    async def _open(self, address: str) -> Ear | None:
        ear = Ear(self._cluster.link(address).connection)
        try:
            async with asyncio.timeout(OPEN_S):
                await ear.open()
        except (JournalUnreachable, TimeoutError):
            return None
        return ear

    async def _listen(self, address: str, ear: Ear) -> None:
        while True:
            try:
                kind, channel, message = await ear.hear()
            except JournalLost as error:
                await self._heard.put(error)
                return
            if kind == "sunsubscribe" and self._where.get(channel) == address:
                await self._heard.put(JournalLost("the slot of a channel has moved"))
            elif kind == "message":
                self._back[channel, message] += 1
                if self._back[channel, message] >= len(self._ears):
                    del self._back[channel, message]
                    await self._heard.put((kind, channel, message))
            else:
                await self._heard.put((kind, channel, message))

    async def _look_out(self) -> None:
        """Ends it all when other servers could be heard."""
        while True:
            await asyncio.sleep(LOOK_S)
            addresses = self._shards.slots.primaries
            gone = self._ears.keys() - set(addresses)
            missing = [address for address in addresses if address not in self._ears]
            there = await asyncio.gather(*(self._open(address) for address in missing))
            for ear in there:
                if ear is not None:
                    await ear.close()
            if gone or any(ear is not None for ear in there):
                await self._heard.put(JournalLost("other servers have the slots"))
                return

    async def say(self, commands: Sequence[Command]) -> None:
        """See `Listening.say`. What is said to a server that is gone is said again when there is one."""
        lists: dict[str, list[Command]] = {}
        for command in commands:
            name, channel = str(command[0]), str(command[1])
            if name == "SSUBSCRIBE":
                at = [self._where.setdefault(channel, self._shards.slots.owner(channel))]
            elif name == "SUNSUBSCRIBE":
                at = [self._where.pop(channel, "")]
            else:
                at = list(self._ears)
            for address in at:
                lists.setdefault(address, []).append(command)
        for address, some in lists.items():
            if address in self._ears:
                await self._ears[address].say(some)

    async def hear(self) -> Heard:
        """See `Listening.hear`."""
        found = await self._heard.get()
        if isinstance(found, JournalLost):
            raise found
        return found

    async def close(self) -> None:
        """See `Listening.close`."""
        parts, self._parts = self._parts, []
        for part in parts:
            part.cancel()
        await asyncio.gather(*parts, return_exceptions=True)
        ears, self._ears, self._where, self._back = self._ears, {}, {}, Counter()
        for ear in ears.values():
            await ear.close()
