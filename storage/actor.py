"""The storage actor: gathers what all stores of the node want appended, and sends it as one batch while the next gathers.

At most one batch is on its way. Results come back in order. A batch whose fate is unknown is settled first, by sending the same
ids again, before the next one goes; whoever waits for it hears `Unknown` after `ANSWER_S` and the truth when there is one.
What each state of an append means to whom is drawn in `actors.append`.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import ParamSpec, TypeVar

from actors.append import (
    Append,
    ChatPage,
    ChatRecord,
    Conflicted,
    Failed,
    ListPage,
    LogPage,
    Outcome,
    Settler,
    Snapshot,
    StorageUnavailable,
    StoreState,
    Swept,
    Unknown,
    Unmet,
    Withdrawn,
)
from actors.bell import Bell
from actors.news import Call, Dead, Followed, Heads, News, Roll, Said, Topic
from actors.port import Clock, Log
from actors.tally import Tally
from actors.withdrawal import Withdrawal
from storage.deadline import Deadline, within
from storage.erasure import rewrite_files, rewrite_log
from storage.follower import Follower
from storage.journal import Journal, JournalLost, JournalRefused, JournalUnreachable
from storage.news import write

ANSWER_S = 4.0
"""Nobody waits longer for an answer: a command is answered within 5 s, whatever Redis does."""
BATCH_COUNT = 512
BATCH_BYTES = 1024 * 1024
GATHER_COUNT = 8192
GATHER_BYTES = 16 * 1024 * 1024
PAUSE_S = (0.0, 0.05, 0.1, 0.2, 0.5)
"""The pause before the n-th try at the same batch."""

WATCH_S = 0.25
"""Deadlines are looked at this often at most."""
PING_S = 1.0
"""After this long without a reply the storage is asked whether it is there."""
LOOK_S = 5.0
"""And this often, whatever it replies, whether it is what it was: another node may know that it was rolled back."""

_NOT_AS_DECIDED = (Conflicted, Unmet, Withdrawn, Failed)

P = ParamSpec("P")
T = TypeVar("T")

Waiting = tuple[Append, Settler, float]


class StorageActor:
    """Implements `actors.append.Storage` over a journal."""

    def __init__(self, journal: Journal, clock: Clock, tally: Tally, log: Log) -> None:
        self._journal = journal
        self._clock = clock
        self._tally = tally
        self._log = log
        self._gathered: list[Waiting] = []
        self._gathered_bytes = 0
        self._sent: list[Waiting] = []
        self._told_unknown = False
        self._abandoned = False
        self._maybe_done = False
        """Whether the batch on its way may have been carried out already."""
        self._work = Bell()
        self._early = Bell()
        """Rung for what is late before the watch looks again: its sender has waited for something else already."""
        self._wakes_s = 0.0
        self._turn = asyncio.Lock()
        """Held while a batch is on its way, and by whatever must not fall between a batch and its answer."""
        self._deadline = Deadline(ANSWER_S)
        self._born = ""
        self._nonce = secrets.randbits(32)
        self._heard_s = clock.monotonic_s()
        self.outages = 0
        self.reachable = True
        self.on_rollback: Callable[[], None] = _nobody
        """See `Storage.on_rollback`."""
        self.follower = Follower(journal, log)
        self._looked_s = self._heard_s
        self._renewing = False

    @property
    def generation(self) -> str:
        """See `Storage.generation`."""
        return self._born

    async def begin(self) -> None:
        """Reads the birth mark; raises a `Journal…` error if the journal cannot be reached."""
        self._born = await self._journal.birth()

    async def renew_generation(self) -> None:
        """See `Storage.renew_generation`. In memory at once: whoever comes again must not be taken for somebody who knows."""
        self._born = secrets.token_hex(8)
        self._renewing = True
        self._born = await self._read(self._journal.rebirth)
        self._renewing = False

    async def withdraw(self, withdrawal: Withdrawal) -> int:
        """See `Storage.withdraw`."""
        return await self._read(self._journal.withdraw, withdrawal)

    async def erase_chat(self, store: str, user: str) -> bool:
        """See `Storage.erase_chat`."""
        async with self._turn:
            return await self._read(self._journal.erase_chat, store, user)

    async def rewrite_log(self, store: str, user: str) -> int:
        """See `Storage.rewrite_log`."""
        return await rewrite_log(self._journal, self._read, store, user)

    async def rewrite_files(self) -> bool:
        """See `Storage.rewrite_files`."""
        return await rewrite_files(self._journal, self._read)

    async def sweep(self, before: int, count: int) -> Swept:
        """See `Storage.sweep`. Not while a batch is on its way: a user's index is not taken from a chat that is just beginning."""
        async with self._turn:
            return await self._read(self._journal.sweep, before, count)

    async def probe(self) -> bool:
        """Whether the storage can be reached and takes writes, found out now, within 2 s."""
        try:
            async with asyncio.timeout(2.0):
                await self._journal.probe()
        except (JournalUnreachable, JournalRefused, JournalLost, TimeoutError):
            self._failed()
            return False
        self._heard()
        return True

    # Gathering.

    def has_room(self) -> bool:
        """See `Storage.has_room`."""
        return len(self._gathered) < GATHER_COUNT and self._gathered_bytes < GATHER_BYTES

    def append(self, append: Append, settler: Settler) -> None:
        """See `Storage.append`."""
        self._nonce = (self._nonce + 1) % 2**32
        append.nonce = self._nonce.to_bytes(4, "big")
        since_s = self._clock.monotonic_s() if append.since_s is None else append.since_s
        self._gathered.append((append, settler, since_s))
        self._gathered_bytes += append.size
        if since_s + ANSWER_S < self._wakes_s:
            self._early.ring()
        self._work.ring()

    @property
    def depth(self) -> int:
        """Appends that wait or are on their way."""
        return len(self._gathered) + len(self._sent)

    async def run(self) -> None:
        """The actor's task, until cancelled. Whatever goes wrong in it costs the batch at hand a try, never the actor."""
        watch = asyncio.get_running_loop().create_task(self._watch())
        follower = asyncio.get_running_loop().create_task(self.follower.run())
        try:
            while True:
                try:
                    if not self._gathered:
                        await self._work.wait()
                    async with self._turn:
                        self._take()
                        await self._settle_batch()
                except Exception as error:  # noqa: BLE001 - the storage actor outlives its bugs
                    self._crashed(error)
                    sent, self._sent = self._sent, []
                    self._tell(sent, [Failed("a bug")] * len(sent))
        finally:
            watch.cancel()
            follower.cancel()

    def _take(self) -> None:
        count = size = 0
        for append, _, _ in self._gathered[:BATCH_COUNT]:
            if count and size + append.size > BATCH_BYTES:
                break
            count += 1
            size += append.size
        self._sent, self._gathered = self._gathered[:count], self._gathered[count:]
        self._gathered_bytes -= size
        self._told_unknown = self._abandoned = self._maybe_done = False

    # One batch on its way.

    async def _settle_batch(self) -> None:
        tries = crashes = 0
        batch = [append for append, _, _ in self._sent]
        while True:
            try:
                outcomes = await self._try(batch)
            except Exception as error:  # noqa: BLE001 - one bad append must not take the others of its batch with it
                self._crashed(error)
                crashes += 1
                outcomes = [await self._try_alone(append) for append in batch] if crashes > 1 else None
            if outcomes is not None:
                self._conclude(outcomes)
                return
            tries += 1
            if self._abandoned and not self._maybe_done:
                self._conclude([Failed("storage cannot be reached", "unavailable")] * len(batch))
                return
            await asyncio.sleep(PAUSE_S[min(tries, len(PAUSE_S) - 1)])

    async def _try_alone(self, append: Append) -> Outcome:
        try:
            while True:
                outcomes = await self._try([append])
                if outcomes is not None:
                    return outcomes[0]
                await asyncio.sleep(PAUSE_S[-1])
        except Exception as error:  # noqa: BLE001 - this is the bad one
            self._crashed(error)
            return Failed("a bug")

    def _crashed(self, error: Exception) -> None:
        self._tally.crashes["storage"] += 1
        self._log.error("storage actor failed", error=repr(error), exc_info=error)

    async def _try(self, batch: list[Append]) -> list[Outcome] | None:
        started_s = self._clock.monotonic_s()
        maybe_before, self._maybe_done = self._maybe_done, True
        try:
            with within(self._deadline):
                outcomes = await self._journal.append(batch)
        except JournalUnreachable as error:
            self._maybe_done = maybe_before
            self._failed(error)
            return None
        except JournalRefused as error:
            self._maybe_done = maybe_before
            self._abandoned = not maybe_before
            self._failed(error)
            return None
        except (JournalLost, TimeoutError) as error:
            self._failed(error)
            return None
        self._heard()
        self._notice()
        self._tally.append_s.observe(self._clock.monotonic_s() - started_s)
        self._tally.batch.observe(len(batch))
        return outcomes

    def _failed(self, error: Exception | None = None) -> None:
        if self.reachable:
            self._log.warning("storage_out_of_reach", error=repr(error))
        self.reachable = False
        self.outages += 1
        self._tally.storage_failures += 1

    def _conclude(self, outcomes: list[Outcome]) -> None:
        """Tells the outcomes. Of a chat in which something did not happen as decided nothing newer is sent: it is withdrawn."""
        broken = {
            (append.store, append.user)
            for (append, _, _), outcome in zip(self._sent, outcomes, strict=True)
            if append.user and isinstance(outcome, _NOT_AS_DECIDED)
        }
        sent, self._sent = self._sent, []
        withdrawn = self._withdraw(broken) if broken else []
        self._tell(sent + withdrawn, [*outcomes, *[Withdrawn()] * len(withdrawn)])

    def _withdraw(self, chats: set[tuple[str, str]]) -> list[Waiting]:
        withdrawn = [waiting for waiting in self._gathered if (waiting[0].store, waiting[0].user) in chats]
        self._gathered = [waiting for waiting in self._gathered if (waiting[0].store, waiting[0].user) not in chats]
        self._gathered_bytes -= sum(append.size for append, _, _ in withdrawn)
        return withdrawn

    def _tell(self, waiting: list[Waiting], outcomes: list[Outcome]) -> None:
        told: dict[Settler, list[tuple[Append, Outcome]]] = {}
        for (append, settler, _), outcome in zip(waiting, outcomes, strict=True):
            told.setdefault(settler, []).append((append, outcome))
        for settler, settled in told.items():
            settler.settle_nowait(tuple(settled))

    # Deadlines.

    async def _watch(self) -> None:
        ping: asyncio.Task[None] | None = None
        while True:
            await self._until_next()
            if (ping is None or ping.done()) and self._clock.monotonic_s() >= self._look_s():
                self._looked_s = self._clock.monotonic_s()
                ping = asyncio.get_running_loop().create_task(self._ping())
            late_s = self._clock.monotonic_s() - ANSWER_S
            if self._sent and not self._told_unknown and _since_s(self._sent) < late_s:
                if self._maybe_done:
                    self._told_unknown = True
                    self._tell(self._sent, [Unknown()] * len(self._sent))
                else:
                    # Given up after the try at hand; should that one be lost, there is something to tell after all.
                    self._abandoned = True
            if self._gathered and _since_s(self._gathered) < late_s:
                self._fail_gathered(late_s)

    async def _until_next(self) -> None:
        """Until there is something to look at, or something is appended that is due before that."""
        now_s = self._clock.monotonic_s()
        self._wakes_s = max(now_s + WATCH_S, self._next_s())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._wakes_s - now_s):
                await self._early.wait()

    def _next_s(self) -> float:
        due_s = [_since_s(waiting) + ANSWER_S for waiting in (self._sent, self._gathered) if waiting]
        return min([self._look_s(), *due_s])

    def _look_s(self) -> float:
        return min(self._heard_s + PING_S, self._looked_s + LOOK_S)

    def _fail_gathered(self, late_s: float) -> None:
        """What waited too long was never sent. What is gathered of the same chats was decided on it or by its side, and fails with it:
        decided again it would wait as long once more."""
        late = [waiting for waiting in self._gathered if waiting[2] < late_s]
        self._gathered = [waiting for waiting in self._gathered if waiting[2] >= late_s]
        self._gathered_bytes -= sum(append.size for append, _, _ in late)
        withdrawn = self._withdraw({(append.store, append.user) for append, _, _ in late if append.user})
        self._tell(late + withdrawn, [Failed("storage cannot be reached", "unavailable")] * (len(late) + len(withdrawn)))

    async def _ping(self) -> None:
        """An outage that nobody meets must be noticed too: grace periods start anew after it."""
        try:
            async with asyncio.timeout(2 * PING_S):
                await self._journal.ping()
        except (JournalUnreachable, JournalRefused, JournalLost, TimeoutError) as error:
            self._failed(error)
        else:
            self._heard()
        self._notice()

    def _notice(self) -> None:
        """Data that are not what was seen of them are told of at once, before anything is told that rests on them."""
        if self._journal.rolled_back and not self._renewing:
            self._renewing = True
            self._log.error("storage_rolled_back")
            self.on_rollback()

    def _heard(self) -> None:
        self._heard_s = self._clock.monotonic_s()
        if not self.reachable:
            self.reachable = True
            self.outages += 1  # an outage ends now, however long ago it was noticed
            self._log.info("storage_reached_again")

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

    async def list_chats(self, store: str, status: str | None, after: tuple[int, str] | None, limit: int) -> ListPage:
        """See `Storage`."""
        return await self._read(self._journal.list_chats, store, status, after, limit)

    async def snapshot(self, store: str, agent: str, limit: int) -> Snapshot:
        """See `Storage`."""
        return await self._read(self._journal.snapshot, store, agent, limit)

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


def _since_s(waiting: list[Waiting]) -> float:
    """Since when the one waits who waits longest."""
    return min(since_s for _, _, since_s in waiting)
