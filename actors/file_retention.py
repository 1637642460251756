"""Files whose messages are gone go too: a slow walk over those that are older than messages are kept.

A file goes if it came before that time and nothing that is kept of its chat names it: one that a later message names again stays. Whoever
sends a file sends its message soon after, so what was never named goes as well. Several nodes may walk at once.
"""

import asyncio
from typing import TYPE_CHECKING

import msgspec

from actors.append import StorageUnavailable
from actors.file import Files, names_in

if TYPE_CHECKING:
    from actors.node import Node


class _Said(msgspec.Struct):
    seq: int


_said = msgspec.json.Decoder(_Said)
PAGE = 200
PAUSE_S = 0.05
"""Between two looks at what is kept."""
ROUND_S = (1.0, 600.0)
"""The rest between two walks: a tenth of the time that is kept, within these."""


class FileRetention:
    """A part of a node."""

    def __init__(self, node: "Node", files: Files) -> None:
        self._node = node
        self._files = files
        self._keep_s = node.options.keep_s

    async def run(self) -> None:
        """Walks until cancelled."""
        shortest_s, longest_s = ROUND_S
        while True:
            await asyncio.sleep(max(shortest_s, min(self._keep_s / 10, longest_s)))
            try:
                await self._walk()
            except StorageUnavailable as error:
                self._node.log.warning("files_not_swept", error=repr(error.__cause__))

    async def _walk(self) -> None:
        before_s = self._node.clock.wall_ms() / 1000 - self._keep_s
        async for store, user, names in self._files.walk(before_s):
            if gone := set(names) - await self._named(store, user):
                await self._files.drop(store, user, gone, before_s)
            await asyncio.sleep(PAUSE_S)

    async def _named(self, store: str, user: str) -> set[str]:
        """The files that are named by what is kept of a chat."""
        named: set[str] = set()
        before: int | None = None
        while True:
            page = await self._node.storage.read_history(store, user, before, PAGE, notes=False, statuses=False)
            for entry in page.entries:
                named |= names_in(store, user, entry.frame)
            if not page.more or not page.entries:
                return named
            before = _said.decode(page.entries[0].frame).seq
            await asyncio.sleep(PAUSE_S)
