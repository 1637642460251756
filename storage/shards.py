"""The servers of a cluster as one: each command goes to the server that has its slot, and to another where that one says so.

    sent by the map -> MOVED: the map is put right, sent again · ASK: sent to the other, behind ASKING · TRYAGAIN and such: later again
    no server there, or a reply lost -> the map is asked for anew before anything else is sent

One server that stands still holds up only what is asked of it.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from storage.cluster import Cluster, Slots
from storage.journal import JournalLost, JournalRefused, JournalUnreachable
from storage.lineage import Lineage
from storage.link import NoPrimary
from storage.pipe import Command, Pipe
from storage.reader import Reader
from storage.replica import WAIT, confirm
from storage.slot import Asked, Moved, NotYet, keys, refusal

PAUSES_S = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4)
"""The pause before the n-th try at what a server refused for its slot. After all of them it is given up."""
FIND_S = 0.1
"""The map is asked for this often at most, however often it proves wrong."""


class Shards:
    """`lineage` is told of every server that is connected to."""

    def __init__(self, cluster: Cluster, lineage: Lineage) -> None:
        self._cluster = cluster
        self._lineage = lineage
        self.slots = Slots([""], ())
        self._pipes: dict[tuple[str, int], Pipe] = {}
        """By address and lane; -1 is that of the readers."""
        self._readers: dict[str, Reader] = {}
        self._finding: asyncio.Task[None] | None = None
        self.is_stale = True
        """Whether the map is doubted."""
        self._asked_elsewhere: dict[str | bytes, str] = {}
        """Key to the server that was named for one call."""
        self._next_s = 0.0

    # The map.

    async def find(self) -> None:
        """The map anew. Whoever asks meanwhile waits for the same; raises `JournalUnreachable`."""
        if self._finding is None or self._finding.done():
            self._finding = asyncio.get_running_loop().create_task(self._find())
        await asyncio.shield(self._finding)

    async def _find(self) -> None:
        try:
            found = await self._cluster.discover(self.slots.servers)
        except NoPrimary as error:
            raise JournalUnreachable(str(error)) from error
        self.is_stale = False
        if found.owners != self.slots.owners or found.servers != self.slots.servers:
            self.slots = found
        for (address, _), pipe in list(self._pipes.items()):
            if address not in self.slots.primaries:
                await pipe.close()

    async def look(self) -> None:
        """The map anew, if it is doubted and was not looked at a moment ago."""
        now_s = asyncio.get_running_loop().time()
        if self.is_stale and now_s >= self._next_s:
            self._next_s = now_s + FIND_S
            await self.find()

    def owner(self, key: str | bytes) -> str:
        """The address of the server to which a key's next command goes; empty if the slot has none."""
        return self._asked_elsewhere.get(key) or self.slots.owner(key)

    def prefix(self, key: str | bytes) -> list[Command]:
        """What stands before the key's next command."""
        return [("ASKING",)] if self._asked_elsewhere.pop(key, None) else []

    def refused(self, key: str | bytes, reply: object, address: str) -> str | None:
        """Why the server at `address` did not carry a command out that may be sent again; None if it did. The next goes where that said."""
        match refusal(reply):
            case None:
                return None
            case Moved(slot, host, port):
                self.slots = self.slots.corrected(slot, self._named(host, port, address))
                self.is_stale = True
                return "the slot is another server's"
            case Asked(host, port):
                self._asked_elsewhere[key] = self._named(host, port, address)
                return "the slot is on its way to another server"
            case NotYet(reason):
                self.is_stale = True
                return reason

    def _named(self, host: str, port: int, by: str) -> str:
        return f"{host or by.rpartition(':')[0]}:{port}"

    # Ways.

    def pipe(self, address: str, lane: int = -1) -> Pipe:
        """That of a lane to a server."""
        if (address, lane) not in self._pipes:
            self._pipes[address, lane] = Pipe(self._cluster.link(address).connection)
        return self._pipes[address, lane]

    async def call(self, address: str, lane: int, commands: Sequence[Command]) -> list[Any]:
        """A list to one server. Raises as `Pipe.call` does; the map is doubted then."""
        pipe = self.pipe(address, lane)
        try:
            replies = await pipe.call(commands)
        except (JournalLost, JournalUnreachable):
            self.is_stale = True
            raise
        if self._lineage.is_new(address, pipe.replication_id):
            # A former primary that was started anew has another line too, and takes itself for one for a moment.
            await self.find()
            if address not in self.slots.primaries:
                raise JournalLost("the server is no primary any more")
        self._lineage.met(address, pipe.replication_id)
        return replies

    def reader(self, address: str) -> Reader:
        """Who asks a server what many want to know."""
        if address not in self._readers:

            async def call(commands: list[Command]) -> list[Any]:
                was_doubted = self._lineage.doubted
                replies = await self.call(address, -1, commands)
                if self._lineage.doubted and not was_doubted:
                    # What is read of others would be taken for what follows on what is known.
                    raise JournalLost("another server is in the place of one")
                return replies

            self._readers[address] = Reader(call)
        return self._readers[address]

    async def close(self) -> None:
        """Gives all connections up."""
        if self._finding is not None:
            self._finding.cancel()
        for reader in self._readers.values():
            reader.end()
        for pipe in self._pipes.values():
            await pipe.close()

    # Asking.

    async def ask(self, commands: Sequence[Command], *, stays: bool = False, within_s: float | None = None) -> list[Any]:
        """The reply to each command, or in its place what the server said against it, or the fault that came between. `stays`: of a
        write that no replica has the fault is `JournalLost`; `within_s`: so is that of a server that does not answer by then."""
        replies: list[Any] = [JournalUnreachable("no server has the slot")] * len(commands)
        left, reasons = list(range(len(commands))), dict[int, str]()
        for pause_s in PAUSES_S:
            await asyncio.sleep(pause_s)
            try:
                await self.look()
            except JournalUnreachable as fault:
                return [fault if place in left else reply for place, reply in enumerate(replies)]
            groups: dict[str, list[int]] = {}
            for place in left:
                groups.setdefault(self._to(commands[place]), []).append(place)
            groups.pop("", None)
            found = await asyncio.gather(*(self._ask_one(address, commands, places, stays, within_s) for address, places in groups.items()))
            reasons = {}
            for (address, places), answers in zip(groups.items(), found, strict=True):
                for place, answer in zip(places, answers, strict=True):
                    replies[place] = answer
                    if reason := self.refused(_key(commands[place]), answer, address):
                        reasons[place] = reason
            left = list(reasons)
            if not left:
                return replies
        for place, reason in reasons.items():
            replies[place] = JournalRefused(reason)
        return replies

    def _to(self, command: Command) -> str:
        found = keys(command)
        return self.owner(found[0]) if found else self.slots.primaries[0]

    async def _ask_one(
        self, address: str, commands: Sequence[Command], places: list[int], stays: bool, within_s: float | None
    ) -> list[Any]:
        """Of one server."""
        asked: list[Command] = []
        at: list[int] = []
        for place in places:
            asked += self.prefix(_key(commands[place]))
            at.append(len(asked))
            asked.append(commands[place])
        try:
            async with asyncio.timeout(within_s):
                replies = await self.reader(address).ask(*asked, *([WAIT] if stays else []))
            if stays:
                confirm(replies[-1])
        except (JournalLost, JournalUnreachable) as fault:
            return [fault] * len(places)
        except TimeoutError:
            return [JournalLost("no reply in time")] * len(places)
        return [replies[place] for place in at]


def _key(command: Command) -> str | bytes:
    found = keys(command)
    return found[0] if found else ""
