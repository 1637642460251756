"""Claims that this node has refused because another agent owned the chat: counted minute by minute, and written a moment later.

What is written is this node's count of the minute, so writing it again does no harm. What was refused in the last moments before a
process is killed is not counted.
"""

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from actors.append import StorageUnavailable
from actors.day import MINUTE_MS

if TYPE_CHECKING:
    from actors.node import Node

WRITE_S = 2.0
"""After this long what was counted is written."""


class RefusedClaims:
    """One for each node, whatever becomes of its store actors."""

    def __init__(self, node: "Node") -> None:
        self._node = node
        self._counts: Counter[tuple[str, int]] = Counter()
        """By store and minute."""
        self._due: set[tuple[str, int]] = set()
        self._writing = False

    def add(self, store: str) -> None:
        """One more, now."""
        place = store, self._node.clock.wall_ms() // MINUTE_MS
        self._counts[place] += 1
        self._due.add(place)
        if not self._writing:
            self._writing = True
            self._node.spawn(self._write())

    async def _write(self) -> None:
        while self._due:
            await asyncio.sleep(WRITE_S)
            await self.write()
        self._writing = False

    async def write(self) -> None:
        """Writes what is due, as far as the storage takes it; the rest stays due."""
        for place in tuple(self._due):
            self._due.discard(place)
            try:
                await self._node.storage.count_refused(*place, self._counts[place])
            except StorageUnavailable:
                self._due.add(place)
                return
        now = self._node.clock.wall_ms() // MINUTE_MS
        for place in [place for place in self._counts if place not in self._due and place[1] < now]:
            del self._counts[place]
