"""A journal with weather: what may happen between a node and its storage, when a test says so."""

import asyncio

from storage.hall import MemoryEar
from storage.journal import JournalLost, JournalRefused, JournalUnreachable


class Weather:
    """A journal around a journal, with faults. Counts are of the calls of `append` still to be hit."""

    def __init__(self, inner):
        self.inner = inner
        self.ear = MemoryEar(inner.hall)
        self.latency_s = 0.001
        """There, and as long back: what is read is old when it arrives."""
        self.unreachable = self.refusing = False
        self.lost_before = self.lost_after = 0
        self.poison = None
        """A bug: called with the batch before it is carried out."""
        self.meddle = None
        """Somebody else: awaited just before a batch is carried out."""
        self.batches = []
        """What each call of `append` carried."""
        self.carried_out = []
        self.most_at_once = 0
        self._under_way = 0
        self.open = asyncio.Event()
        self.open.set()
        """Cleared: batches wait at the door."""
        self.held = asyncio.Event()
        """Set when a batch waits at the door."""
        self.reads = asyncio.Event()
        self.reads.set()
        self.withheld = []
        """Names of reads that raise JournalLost."""
        self.lost_reads = 0
        """So many of the next reads raise it."""

    async def append(self, batch):
        self.batches.append(tuple(batch))
        self._under_way += 1
        self.most_at_once = max(self.most_at_once, self._under_way)
        try:
            await asyncio.sleep(self.latency_s)
            if not self.open.is_set():
                self.held.set()
            await self.open.wait()
            return await self._append(batch)
        finally:
            self.held.clear()
            self._under_way -= 1

    async def _append(self, batch):
        if self.unreachable:
            raise JournalUnreachable("weather")
        if self.refusing:
            raise JournalRefused("weather")
        if self.poison is not None:
            self.poison(batch)
        if self.meddle is not None:
            await self.meddle()
        if self.lost_before:
            self.lost_before -= 1
            raise JournalLost("weather")
        outcomes = await self.inner.append(batch)
        self.carried_out.append(tuple(batch))
        await asyncio.sleep(self.latency_s)
        if self.lost_after:
            self.lost_after -= 1
            raise JournalLost("weather")
        return outcomes

    @property
    def node(self):
        return self.inner.node

    @property
    def lanes(self):
        return self.inner.lanes

    def lane(self, store):
        return self.inner.lane(store)

    def named(self, born):
        return self.inner.named(born)

    def continues(self, generation, store):
        return self.inner.continues(generation, store)

    @property
    def rolled_back(self):
        return self.inner.rolled_back

    def __getattr__(self, name):
        call = getattr(self.inner, name)

        async def read(*args, **kwargs):
            await asyncio.sleep(self.latency_s)
            await self.reads.wait()
            if self.unreachable:
                raise JournalUnreachable("weather")
            if name in self.withheld:
                raise JournalLost("weather")
            if self.lost_reads:
                self.lost_reads -= 1
                raise JournalLost("weather")
            found = await call(*args, **kwargs)
            await asyncio.sleep(self.latency_s)
            return found

        return read
