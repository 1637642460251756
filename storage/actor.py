"""The storage actor: gathers what all stores of the node want appended, and sends it in batches while the next gather.

At most one batch of a lane is on its way (`storage.lane`). Results come back in order. A batch whose fate is unknown is settled first, by
sending the same ids again, before the next one goes; whoever waits for it hears `Unknown` after `ANSWER_S` and the truth when there is one.
What each state of an append means to whom is drawn in `actors.append`.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import ParamSpec, TypeVar

from actors.append import (
    Append,
    ChatPage,
    ChatRecord,
    ListPage,
    LogPage,
    Overview,
    Past,
    Settler,
    Snapshot,
    StorageUnavailable,
    StoreState,
    Swept,
)
from actors.news import Call, Dead, Followed, Heads, News, Roll, Said, Topic
from actors.port import Clock, Log
from actors.tally import Tally
from actors.withdrawal import Withdrawal
from storage.deadline import Deadline, within
from storage.erasure import rewrite_files, rewrite_log
from storage.follower import Follower
from storage.journal import Journal, JournalLost, JournalRefused, JournalUnreachable
from storage.lane import ANSWER_S, WATCH_S, Lane
from storage.news import write

PING_S = 1.0
"""After this long without a reply the storage is asked whether it is there."""
LOOK_S = 5.0
"""And this often, whatever it replies, whether it is what it was: another node may know that it was rolled back."""

P = ParamSpec("P")
T = TypeVar("T")


class StorageActor:
    """Implements `actors.append.Storage` over a journal."""

    def __init__(self, journal: Journal, clock: Clock, tally: Tally, log: Log) -> None:
        self._journal = journal
        self._clock = clock
        self._tally = tally
        self._log = log
        self._lanes = [Lane(journal, self, clock, tally, log)]
        self._deadline = Deadline(ANSWER_S)
        self._silent: set[object] = set()
        """Lanes that storage does not answer; this actor itself for what is asked besides."""
        self._born = ""
        self._nonce = secrets.randbits(32)
        self._heard_s = clock.monotonic_s()
        self.outages = 0
        self.on_rollback: Callable[[], None] = _nobody
        """See `Storage.on_rollback`."""
        self.follower = Follower(journal, log)
        self._looked_s = self._heard_s
        self._renewing = False

    @property
    def generation(self) -> str:
        """See `Storage.generation`."""
        return self._journal.named(self._born)

    def continues(self, generation: str, store: str) -> bool:
        """See `Storage.continues`."""
        return generation == self.generation or self._journal.continues(generation, store)

    async def begin(self) -> None:
        """Reads the birth mark; raises a `Journal…` error if the journal cannot be reached."""
        self._born = await self._journal.birth()
        more = range(len(self._lanes), self._journal.lanes)
        self._lanes += [Lane(self._journal, self, self._clock, self._tally, self._log) for _ in more]

    async def renew_generation(self) -> None:
        """See `Storage.renew_generation`. In memory at once: whoever comes again must not be taken for somebody who knows."""
        self._born = secrets.token_hex(8)
        self._renewing = True
        self._born = await self._read(self._journal.rebirth)
        self._renewing = False

    async def withdraw(self, withdrawal: Withdrawal) -> int:
        """See `Storage.withdraw`."""
        return await self._read(self._journal.withdraw, withdrawal)

    async def count_refused(self, store: str, minute: int, count: int) -> None:
        """See `Storage.count_refused`."""
        await self._read(self._journal.count_refused, store, minute, count)

    async def spend(self, side: str, id: str, day: int, size: int, limit: int) -> bool:
        """See `Storage.spend`."""
        return await self._read(self._journal.spend, side, id, day, size, limit)

    async def erase_chat(self, store: str, user: str) -> bool:
        """See `Storage.erase_chat`."""
        async with self._lanes[self._journal.lane(store)].turn:
            return await self._read(self._journal.erase_chat, store, user)

    async def rewrite_log(self, store: str, user: str) -> int:
        """See `Storage.rewrite_log`."""
        return await rewrite_log(self._journal, self._read, store, user)

    async def rewrite_files(self) -> bool:
        """See `Storage.rewrite_files`."""
        return await rewrite_files(self._journal, self._read)

    async def sweep(self, before: int, count: int) -> Swept:
        """See `Storage.sweep`. Not while a batch is on its way: a user's index is not taken from a chat that is just beginning."""
        async with AsyncExitStack() as stack:
            for lane in self._lanes:
                await stack.enter_async_context(lane.turn)
            return await self._read(self._journal.sweep, before, count)

    async def probe(self) -> bool:
        """Whether the storage can be reached and takes writes, found out now, within 2 s."""
        try:
            async with asyncio.timeout(2.0):
                await self._journal.probe()
        except (JournalUnreachable, JournalRefused, JournalLost, TimeoutError):
            self._failed()
            return False
        self._heard_all()
        return True

    # Gathering.

    def has_room(self) -> bool:
        """See `Storage.has_room`."""
        for lane in self._lanes:  # noqa: SIM110 - asked for every message, and a generator costs as much again
            if not lane.has_room():
                return False
        return True

    def append(self, append: Append, settler: Settler) -> None:
        """See `Storage.append`."""
        self._nonce = (self._nonce + 1) % 2**32
        append.nonce = self._nonce.to_bytes(4, "big")
        self._lanes[self._journal.lane(append.store)].append(append, settler)

    @property
    def depth(self) -> int:
        """Appends that wait or are on their way."""
        return sum(lane.depth for lane in self._lanes)

    async def run(self) -> None:
        """The actor's tasks, until cancelled."""
        loop = asyncio.get_running_loop()
        parts = [loop.create_task(part) for part in (self._watch(), self.follower.run(), *(lane.run() for lane in self._lanes))]
        try:
            await asyncio.gather(*parts)
        finally:
            for part in parts:
                part.cancel()

    # Whether it is there.

    @property
    def reachable(self) -> bool:
        """Whether all of the storage answers, as far as is known."""
        return not self._silent

    def failed(self, lane: object, error: Exception) -> None:
        """See `storage.lane.Hears`."""
        self._miss(lane, error)

    def heard(self, lane: object) -> None:
        """See `storage.lane.Hears`."""
        self._reach(lane)
        self._notice()

    def _failed(self, error: Exception | None = None) -> None:
        """What was asked besides the lanes found no answer."""
        self._miss(self, error)

    def _heard(self) -> None:
        """And here it did. Of several lanes that tells nothing of the others."""
        if len(self._lanes) == 1:
            self._reach(self)

    def _heard_all(self) -> None:
        """All of it answers; what a lane waits for it may still not get."""
        self._reach(self, *(lane for lane in self._lanes if not lane.depth))

    def _miss(self, what: object, error: Exception | None) -> None:
        if self.reachable:
            self._log.warning("storage_out_of_reach", error=repr(error))
        self._silent.add(what)
        self.outages += 1
        self._tally.storage_failures += 1

    def _reach(self, *what: object) -> None:
        self._heard_s = self._clock.monotonic_s()
        silent, self._silent = self._silent, self._silent.difference(what)
        if silent and not self._silent:
            self.outages += 1  # an outage ends now, however long ago it was noticed
            self._log.info("storage_reached_again")

    async def _watch(self) -> None:
        ping: asyncio.Task[None] | None = None
        while True:
            await asyncio.sleep(max(WATCH_S, self._look_s() - self._clock.monotonic_s()))
            if (ping is None or ping.done()) and self._clock.monotonic_s() >= self._look_s():
                self._looked_s = self._clock.monotonic_s()
                ping = asyncio.get_running_loop().create_task(self._ping())

    def _look_s(self) -> float:
        return min(self._heard_s + PING_S, self._looked_s + (PING_S if self._silent else LOOK_S))

    async def _ping(self) -> None:
        """An outage that nobody meets must be noticed too: grace periods start anew after it."""
        try:
            async with asyncio.timeout(2 * PING_S):
                await self._journal.ping()
        except (JournalUnreachable, JournalRefused, JournalLost, TimeoutError) as error:
            self._failed(error)
        else:
            self._heard_all()
        self._notice()

    def _notice(self) -> None:
        """Data that are not what was seen of them are told of at once, before anything is told that rests on them."""
        if self._journal.rolled_back and not self._renewing:
            self._renewing = True
            self._log.error("storage_rolled_back")
            self.on_rollback()

    # Hearing of other nodes.

    def listen(self, on_news: Callable[[News], None], on_followed: Followed) -> None:
        """See `Storage.listen`."""
        self.follower.on_news, self.follower.on_followed = on_news, on_followed

    def follow(self, topic: Topic) -> None:
        """See `Storage.follow`."""
        self.follower.follow(topic)

    def leave(self, topic: Topic) -> None:
        """See `Storage.leave`."""
        self.follower.leave(topic)

    def has_heard(self, store: str, moves: int) -> bool:
        """See `Storage.has_heard`."""
        return self.follower.has_heard(store, moves)

    async def tell(self, said: Said) -> None:
        """See `Storage.tell`."""
        await self._read(self._journal.publish, *write(self._journal.node, said))

    async def call_roll(self, calls: Sequence[Call], dead: Dead, known: Sequence[str]) -> tuple[tuple[Roll, ...], frozenset[str]]:
        """See `Storage.call_roll`."""
        return await self._read(self._journal.call_roll, calls, dead, known)

    async def heads(self, topics: Sequence[Topic]) -> Heads:
        """See `Storage.heads`."""
        return await self._read(self._journal.heads, topics)

    # Reading.

    async def _read(self, read: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            with within(self._deadline):
                try:
                    found = await read(*args, **kwargs)
                except JournalLost as error:
                    # Perhaps the connection died long ago, while nobody asked. What reads may be asked again; the outage counts.
                    self._failed(error)
                    found = await read(*args, **kwargs)
        except (JournalUnreachable, JournalRefused, JournalLost, TimeoutError) as error:
            self._failed(error)
            self._notice()
            raise StorageUnavailable from error
        self._heard()
        return found

    async def load_store(self, store: str) -> StoreState:
        """See `Storage`."""
        return await self._read(self._journal.load_store, store)

    async def load_chats(self, store: str, users: tuple[str, ...]) -> tuple[ChatRecord, ...]:
        """See `Storage`."""
        return await self._read(self._journal.load_chats, store, users)

    async def read_log(self, store: str, after: int, limit: int) -> LogPage:
        """See `Storage`."""
        return await self._read(self._journal.read_log, store, after, limit)

    async def read_chat(
        self, store: str, user: str, *, after_seq: int | None = None, after_offset: int | None = None, limit: int
    ) -> ChatPage:
        """See `Storage`."""
        return await self._read(self._journal.read_chat, store, user, after_seq=after_seq, after_offset=after_offset, limit=limit)

    async def read_history(self, store: str, user: str, before: int | None, limit: int, *, notes: bool, statuses: bool) -> ChatPage:
        """See `Storage`."""
        return await self._read(self._journal.read_history, store, user, before, limit, notes=notes, statuses=statuses)

    async def read_past(self, store: str, user: str | None, before: int | None, limit: int) -> Past:
        """See `Storage`."""
        return await self._read(self._journal.read_past, store, user, before, limit)

    async def list_chats(self, store: str, status: str | None, after: tuple[int, str] | None, limit: int) -> ListPage:
        """See `Storage`."""
        return await self._read(self._journal.list_chats, store, status, after, limit)

    async def overview(self, store: str, agents: tuple[str, ...], since: int, now: int) -> Overview:
        """See `Storage`."""
        return await self._read(self._journal.overview, store, agents, since, now)

    async def snapshot(self, store: str, agent: str, limit: int) -> Snapshot:
        """See `Storage`."""
        return await self._read(self._journal.snapshot, store, agent, limit)

    async def load_profile(self, store: str) -> tuple[int, bytes]:
        """See `Storage`."""
        return await self._read(self._journal.load_profile, store)

    async def load_context(self, store: str, user: str) -> tuple[int, bytes] | None:
        """See `Storage`."""
        return await self._read(self._journal.load_context, store, user)

    async def stores_of_user(self, user: str) -> tuple[str, ...]:
        """See `Storage`."""
        return await self._read(self._journal.stores_of_user, user)

    async def erased_at(self, user: str) -> int:
        """See `Storage`."""
        return await self._read(self._journal.erased_at, user)

    async def stores_of_agent(self, agent: str) -> tuple[str, ...]:
        """See `Storage`."""
        return await self._read(self._journal.stores_of_agent, agent)

    async def waiting(self, store: str) -> tuple[str, ...]:
        """See `Storage`."""
        return await self._read(self._journal.waiting, store)

    async def owned(self, store: str) -> dict[str, tuple[str, ...]]:
        """See `Storage`."""
        return await self._read(self._journal.owned, store)

    async def stores_with_claims(self) -> tuple[str, ...]:
        """See `Storage`."""
        return await self._read(self._journal.stores_with_claims)

    async def withdrawals(self, since: int) -> tuple[Withdrawal, ...]:
        """See `Storage`."""
        return await self._read(self._journal.withdrawals, since)


def _nobody() -> None:
    """No node rests on this storage yet."""
