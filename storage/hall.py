"""Channels in memory: what `storage.ear` and the publishing half of `append.lua` do, for nodes over one journal in memory."""

import asyncio
from collections.abc import Sequence

from storage.ear import Heard
from storage.journal import JournalLost
from storage.pipe import Command


class Hall:
    """Where everybody hears what is said in the channels that it follows."""

    def __init__(self) -> None:
        self.ears: list[MemoryEar] = []
        self.moves: dict[str, int] = {}
        """Store to how many moves of marks were published in it."""
        self.changes: dict[str, int] = {}
        """Store to how many changes of its queue and its state were published."""
        self.deaf: set[MemoryEar] = set()
        """Those that hear nothing, and do not know it."""
        self.drops = 0
        """So many of the next messages of stores and chats are lost; not those of who came and went."""

    def __deepcopy__(self, memo: object) -> "Hall":
        """Channels are no part of the data: a copy of a journal is heard in the same place."""
        return self

    def publish(self, channel: str, message: bytes) -> None:
        """Says it to whoever follows the channel."""
        if self.drops and (b" log " in message or (b" about " in message and not message.endswith(b"p"))):
            self.drops -= 1
            return
        for ear in self.ears:
            if channel in ear.channels and ear not in self.deaf:
                ear.take((ear.channels[channel], channel, message))


class MemoryEar:
    """See `storage.ear.Ear`."""

    def __init__(self, hall: Hall) -> None:
        self._hall = hall
        self.channels: dict[str, str] = {}
        """What it follows, to the kind of its messages."""
        self._heard: asyncio.Queue[Heard | None] = asyncio.Queue()

    def __deepcopy__(self, memo: object) -> "MemoryEar":
        """Nor are those who listen."""
        return self

    async def open(self) -> None:
        """See `Ear.open`."""
        await self.close()
        self._heard = asyncio.Queue()
        self._hall.ears.append(self)

    async def say(self, commands: Sequence[Command]) -> None:
        """See `Ear.say`."""
        for command, name in commands:
            channel = str(name)
            if "UNSUBSCRIBE" in str(command):
                self.channels.pop(channel, None)
            else:
                self.channels[channel] = "smessage" if command == "SSUBSCRIBE" else "message"
            self.take((str(command).lower(), channel, b""))

    async def hear(self) -> Heard:
        """See `Ear.hear`."""
        found = await self._heard.get()
        if found is None:
            raise JournalLost("cut")
        return found

    def take(self, heard: Heard | None) -> None:
        """It is heard next; None: the connection is cut."""
        self._heard.put_nowait(heard)

    async def close(self) -> None:
        """See `Ear.close`."""
        self.channels = {}
        self._hall.deaf.discard(self)
        if self in self._hall.ears:
            self._hall.ears.remove(self)
