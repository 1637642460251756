"""A lane of the storage actor: what is appended in some of the stores, one batch on its way and the next gathering.

A single server has one lane; of a cluster each shard has one, so that none waits for another. A store stays in its lane as long as the node
lives: so what is appended in it goes and is settled in the order of arrival, wherever its keys are.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Protocol

from actors.append import Append, Conflicted, Failed, Outcome, Settler, Unknown, Unmet, Withdrawn
from actors.bell import Bell
from actors.port import Clock, Log
from actors.tally import Tally
from storage.deadline import Deadline, within
from storage.journal import JournalLost, JournalRefused, JournalUnreachable

ANSWER_S = 4.0
"""Nobody waits longer for an answer: a command is answered within 5 s, whatever Redis does."""
BATCH_COUNT = 512
BATCH_BYTES = 1024 * 1024
GATHER_COUNT = 8192
GATHER_BYTES = 16 * 1024 * 1024
PAUSE_S = (0.0, 0.05, 0.1, 0.2, 0.5)
"""The pause before the n-th try at the same batch."""
WATCH_S = 0.25
"""Deadlines are looked at this often at most,"""
IDLE_S = 1.0
"""and at least this often."""

_NOT_AS_DECIDED = (Conflicted, Unmet, Withdrawn, Failed)

Waiting = tuple[Append, Settler, float]


class Writes(Protocol):
    """What a lane needs of a journal."""

    async def append(self, batch: Sequence[Append]) -> list[Outcome]:
        """See `Journal.append`."""


class Hears(Protocol):
    """Who is told how the storage answered a lane."""

    def heard(self, lane: object) -> None:
        """A batch of it was carried out."""

    def failed(self, lane: object, error: Exception) -> None:
        """A try at one failed."""


class Lane:
    """A part of the storage actor."""

    def __init__(self, journal: Writes, hears: Hears, clock: Clock, tally: Tally, log: Log) -> None:
        self._journal = journal
        self._hears = hears
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
        self.turn = asyncio.Lock()
        """Held while a batch is on its way, and by whatever must not fall between a batch and its answer."""
        self._deadline = Deadline(ANSWER_S)

    # Gathering.

    def has_room(self) -> bool:
        """See `Storage.has_room`."""
        return len(self._gathered) < GATHER_COUNT and self._gathered_bytes < GATHER_BYTES

    def append(self, append: Append, settler: Settler) -> None:
        """See `Storage.append`."""
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
        """The lane's task, until cancelled. Whatever goes wrong in it costs the batch at hand a try, never the lane."""
        watch = asyncio.get_running_loop().create_task(self._watch())
        try:
            while True:
                try:
                    if not self._gathered:
                        await self._work.wait()
                    async with self.turn:
                        self._take()
                        await self._settle_batch()
                except Exception as error:  # noqa: BLE001 - the storage actor outlives its bugs
                    self._crashed(error)
                    sent, self._sent = self._sent, []
                    self._tell(sent, [Failed("a bug")] * len(sent))
        finally:
            watch.cancel()

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
            self._hears.failed(self, error)
            return None
        except JournalRefused as error:
            self._maybe_done = maybe_before
            self._abandoned = not maybe_before
            self._hears.failed(self, error)
            return None
        except (JournalLost, TimeoutError) as error:
            self._hears.failed(self, error)
            return None
        self._hears.heard(self)
        self._tally.append_s.observe(self._clock.monotonic_s() - started_s)
        self._tally.batch.observe(len(batch))
        return outcomes

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
        while True:
            await self._until_next()
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
        due_s = [_since_s(waiting) + ANSWER_S for waiting in (self._sent, self._gathered) if waiting]
        self._wakes_s = max(now_s + WATCH_S, min([now_s + IDLE_S, *due_s]))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._wakes_s - now_s):
                await self._early.wait()

    def _fail_gathered(self, late_s: float) -> None:
        """What waited too long was never sent. What is gathered of the same chats was decided on it or by its side, and fails with it:
        decided again it would wait as long once more."""
        late = [waiting for waiting in self._gathered if waiting[2] < late_s]
        self._gathered = [waiting for waiting in self._gathered if waiting[2] >= late_s]
        self._gathered_bytes -= sum(append.size for append, _, _ in late)
        withdrawn = self._withdraw({(append.store, append.user) for append, _, _ in late if append.user})
        self._tell(late + withdrawn, [Failed("storage cannot be reached", "unavailable")] * (len(late) + len(withdrawn)))


def _since_s(waiting: list[Waiting]) -> float:
    """Since when the one waits who waits longest."""
    return min(since_s for _, _, since_s in waiting)
