"""Keeping for so long and no longer: a slow walk over all chats of all stores, also of those that nobody touches.

So many chats a second, then the next; where the walk is stands in the storage, so that a restart goes on from there. Several nodes may
walk at once: whatever one has dropped the other does not find. Who comes again below what is kept gets `reset`, as after any other trim.
Numbers are no messages: they stay, so that those of a chat never begin anew.
"""

import asyncio
from typing import TYPE_CHECKING

from actors.append import StorageUnavailable

if TYPE_CHECKING:
    from actors.node import Node

SOME = 50
STEP_S = 0.25
"""So a million chats take an hour and a half."""
ROUND_S = (1.0, 600.0)
"""The rest between two walks: a tenth of the time that is kept, within these."""


class Retention:
    """A part of a node."""

    def __init__(self, node: "Node") -> None:
        self._node = node
        self._keep_s = node.options.keep_s
        self._entries = self._chats = 0

    async def run(self) -> None:
        """Walks until cancelled."""
        shortest_s, longest_s = ROUND_S
        rest_s = max(shortest_s, min(self._keep_s / 10, longest_s))
        while True:
            over = False
            try:
                over = await self._step()
            except StorageUnavailable:
                pass  # the storage actor has told it
            except Exception as error:
                self._node.log.error("chats_not_swept", error=repr(error), exc_info=error)
            await asyncio.sleep(rest_s if over else STEP_S)

    async def _step(self) -> bool:
        node = self._node
        swept = await node.storage.sweep(int(node.clock.wall_ms() - self._keep_s * 1000), SOME)
        node.tally.swept["entry"] += swept.entries
        node.tally.swept["chat"] += swept.chats
        self._entries += swept.entries
        self._chats += swept.chats
        if swept.over and self._entries:
            node.log.info("swept", entries=self._entries, chats=self._chats)
        if swept.over:
            self._entries = self._chats = 0
        return swept.over
