"""What a supervisor's board shows of a store: how it stands, and its last day.

How it stands is read at each question. The day is folded from the log (`actors.day`), which is the truth on all nodes: at the first
question from where it begins, at the next from where the last has ended.
"""

import asyncio
from typing import TYPE_CHECKING, Any

from actors.append import Overview
from actors.day import DAY_MS, KEPT_MS, MINUTE_MS, Day, Event, Talk, read, talk_of
from actors.event import ERASED

if TYPE_CHECKING:
    from actors.store import StoreActor

PAGE = 100
"""Entries of the log that are folded in one turn of the loop."""
LOOK_UP = 20
"""So many chats are looked up at once, so many of their entries at a time."""
CLOSED = 10_000
"""So many chats that are closed are remembered."""
KEEP_S = 3600.0
"""A day that nobody has asked for is forgotten after this long."""


class Figures:
    """A part of a store actor, asked from outside its mailbox: whoever asks waits for the one before."""

    def __init__(self, actor: "StoreActor") -> None:
        self._actor = actor
        self._turn = asyncio.Lock()
        self._day: Day | None = None
        self._forgetting: asyncio.TimerHandle | None = None

    def forget(self) -> None:
        """What was folded is not needed any more, or not true."""
        self._day = None
        if self._forgetting is not None:
            self._forgetting.cancel()
            self._forgetting = None

    async def answer(self, from_ms: int | None) -> dict[str, Any]:
        """All of it, from a moment of the last 25 hours on; raises `StorageUnavailable`."""
        actor, node = self._actor, self._actor.node
        async with self._turn:
            state = actor.state or await node.storage.load_store(actor.store)
            now_ms = node.clock.wall_ms()
            since_ms = min(max(now_ms - DAY_MS if from_ms is None else from_ms, now_ms - KEPT_MS), now_ms)
            view = await node.storage.overview(actor.store, tuple(state.roster), now_ms - KEPT_MS, now_ms)
            day = await self._fold(view, now_ms)
            report = day.report(since_ms - since_ms % MINUTE_MS, now_ms, view.waiting, view.refused)
            there, limit = actor.attendance.there(), node.options.agent_limit
            agents = [
                {"id": id, "name": name, "status": there.get(id, ("", "gone"))[1], "chats": view.loads[id], "limit": limit}
                for id, name in sorted(state.roster.items())
            ]
            longest = None if view.longest is None else {"user": view.longest[0], "since": view.longest[1]}
            found = {"store": actor.store, "at": now_ms, "waiting": view.waiting, "claimed": view.claimed, "longest": longest}
            return found | {"unanswered": await self._unanswered(day), "agents": agents} | report

    async def _fold(self, view: Overview, now_ms: int) -> Day:
        """The day up to where the store stood when it was looked at."""
        day, self._day = self._day, None
        if day is None or day.offset > view.offset or not await self._go_on(day, view.offset, fresh=False):
            # Nothing was folded yet, or what was is not what the log says now.
            day = Day(await self._begin(view.offset, now_ms))
            await self._go_on(day, view.offset, fresh=True)
            await self._add_owned(day, view.offset)
        day.forget(now_ms - KEPT_MS, CLOSED)
        self.forget()
        self._day = day
        self._forgetting = asyncio.get_running_loop().call_later(KEEP_S, self.forget)
        return day

    async def _begin(self, end: int, now_ms: int) -> int:
        """The offset behind which the day begins. Offsets have no gap, and times hardly ever go back."""
        storage, store = self._actor.node.storage, self._actor.store
        low, high = (await storage.read_log(store, 0, 1)).first, end + 1
        while low < high:
            middle = (low + high) // 2
            frames = (await storage.read_log(store, middle - 1, 1)).frames
            if not frames or read(frames[0]).at >= now_ms - KEPT_MS:
                high = middle
            else:
                low = middle + 1
        return low - 1

    async def _go_on(self, day: Day, end: int, *, fresh: bool) -> bool:
        """Folds the log up to `end`; False where the day has to begin anew: the log was trimmed past it, or something of it was erased."""
        storage, store = self._actor.node.storage, self._actor.store
        while day.offset < end:
            page = await storage.read_log(store, day.offset, min(PAGE, end - day.offset))
            events = [read(frame) for frame in page.frames]
            if not fresh and (page.first > day.offset + 1 or any(event.user == ERASED for event in events)):
                return False
            if not events:
                day.offset = end
            lacking = list(day.lacks(events).items())
            for start in range(0, len(lacking), LOOK_UP):
                some = lacking[start : start + LOOK_UP]
                day.talks.update(await asyncio.gather(*(self._look_up(user, before) for user, before in some)))
            for event in events:
                day.fold(event)
        return True

    async def _add_owned(self, day: Day, end: int) -> None:
        """Chats in which nothing has happened all day may have been waiting for an answer all the longer."""
        owned = await self._actor.node.storage.owned(self._actor.store)
        quiet = [user for users in owned.values() for user in users if user not in day.talks]
        for start in range(0, len(quiet), LOOK_UP):
            day.talks.update(await asyncio.gather(*(self._look_up(user, end + 1) for user in quiet[start : start + LOOK_UP])))
        for user in (user for users in owned.values() for user in users):
            if not day.talks[user].status:
                day.talks[user].status = "claimed"

    async def _look_up(self, user: str, before: int) -> tuple[str, Talk]:
        """What a chat was before an offset, by as much of its past as that takes."""
        events: list[Event] = []
        more = True
        while more and not (events and events[-1].begins):
            page = await self._actor.node.storage.read_past(self._actor.store, user, events[-1].offset if events else before, LOOK_UP)
            more = page.more
            for frame in page.frames:
                events.append(read(frame))
                if events[-1].begins:
                    break
        return user, talk_of(reversed(events))

    async def _unanswered(self, day: Day) -> dict[str, Any] | None:
        """The user of a chat that still is claimed who has waited longest for an answer."""
        waiting = day.unanswered()
        for start in range(0, len(waiting), LOOK_UP):
            some = waiting[start : start + LOOK_UP]
            records = await self._actor.node.storage.load_chats(self._actor.store, tuple(user for _, user in some))
            for (since, user), record in zip(some, records, strict=True):
                if record.chat.status == "claimed":
                    return {"user": user, "since": since}
        return None
