"""The workers of a master: each place has one, whatever becomes of it, and another in its time.

A worker that ends is followed by another, at once if it was of use, else less and less often. On a reload one is relieved after the other:
the old one goes when its successor serves. In the end they go one by one as far as there is time.
"""

import asyncio
import secrets
import socket
import time
from collections.abc import Coroutine
from typing import Any

from structlog.typing import FilteringBoundLogger

from web.below import in_one_line, next_pause_s, promised
from web.crew.gathering import Gathering
from web.crew.member import Member
from web.crew.message import Ask, CloseDoor, Drain, Erased, Forget, Ready, Standing, Start, Word
from web.env_file import Given
from web.place import DRAIN_S, GOODBYE_S
from web.setting import OPTIONS, ConfigError, Settings, StartError, read_settings

START_S = 30.0
"""How long a worker may take until it serves."""
PING_S = 0.5
"""Each worker that serves is asked so often for a sign of life."""
GAP_S = 1.0
"""Where the master asks later than this it stood still itself, or the machine did."""
RELIEVED = Drain(patience_s=DRAIN_S, farewell_s=GOODBYE_S, relieved=True)
RELIEF_S = 12.0
LAST = Drain(patience_s=3.0, farewell_s=2.5, relieved=False)
IN_TURN_S = 1.5
"""When all are to go each has its part of this for itself, then the next is told, whether it is gone or not."""
ALL_GONE_S = 8.5
HURRY = Drain(patience_s=0.0, farewell_s=0.3, relieved=False)
HURRY_S = 2.0
KEPT = ("host", "port", "redis", "redis_server", "data")
"""Settings of what the master holds for all; they are those of its start."""


class Slot:
    """The place of one worker, in which one follows another; `turn` is held by whoever puts another there."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.member: Member | None = None
        self.tried = asyncio.Event()
        """Set when the first worker serves, or will not."""
        self.turn = asyncio.Lock()
        self.keeper: asyncio.Task[None] | None = None


class Staff:
    """All workers; what is held for them is the caller's."""

    def __init__(
        self, given: Given, settings: Settings, log: FilteringBoundLogger, listener: socket.socket, redis: str, promise: str
    ) -> None:
        self._given = given
        self._settings = settings
        self._variables = given.variables()
        self._log = log
        self._listener = listener
        self._redis = redis
        self._promise = promise
        self._counter = secrets.token_hex(4)
        self._slots: dict[str, Slot] = {}
        self._members: set[Member] = set()
        """Every worker that has not ended."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._gathering = Gathering(self._members)
        self._leaving = self._has_served = False
        self._last_failure: Member | None = None

    async def begin(self, stopping: asyncio.Event) -> bool:
        """Starts all. Returns when each serves or has failed; False if it is to stop before. Raises `StartError` or `ConfigError` where
        none serves."""
        self._open_slots(self._settings.workers)
        self._spawn(self._find_stuck())
        tried = asyncio.gather(*(slot.tried.wait() for slot in self._slots.values()))
        await first(tried, stopping.wait())
        if stopping.is_set():
            return False
        if not self._has_served:
            failure = self._last_failure.failure if self._last_failure is not None else None
            reason = self._last_failure.reason if self._last_failure is not None else "there is no room for a process"
            if failure is not None:
                raise ConfigError(reason) if failure.status == 2 else StartError(reason)
            raise StartError(f"no worker could be started: {reason}")
        return True

    async def end(self, hurrying: asyncio.Event) -> None:
        """Ends every worker, one after another as far as there is time, and there is less when it hurries."""
        began_s = time.monotonic()
        self._leaving = True
        for slot in self._slots.values():
            if slot.keeper is not None:
                slot.keeper.cancel()
        self._log.info("stopping", workers=len(self._members))
        for member in self._members:
            if member.served:
                member.say(CloseDoor())
            else:
                member.kill()
        everyone = sorted(self._members, key=lambda member: member.name)
        for member in everyone:
            member.say(LAST)
            await first(member.ended.wait(), hurrying.wait(), within_s=IN_TURN_S / len(everyone))
        gone = asyncio.gather(*(member.ended.wait() for member in everyone))
        await first(gone, hurrying.wait(), within_s=max(0.0, began_s + ALL_GONE_S - time.monotonic()))
        if hurrying.is_set():
            for member in self._members:
                member.say(HURRY)
            await first(asyncio.gather(*(member.ended.wait() for member in everyone)), within_s=HURRY_S)
        for member in tuple(self._members):
            self._log.error("worker_killed", of=member.name, pid=member.pid)
            member.kill()
            await member.ended.wait()

    def kill(self) -> None:
        """Whatever has happened, no worker is left."""
        self._leaving = True
        for member in self._members:
            member.kill()

    # One place after another.

    def _open_slots(self, workers: int) -> None:
        for number in range(1, workers + 1):
            name = str(number)
            if name not in self._slots:
                slot = self._slots[name] = Slot(name)
                slot.keeper = self._spawn(self._keep(slot))

    async def _keep(self, slot: Slot) -> None:
        """Has a worker in this place, whatever becomes of it."""
        pause_s = 0.0
        while True:
            async with slot.turn:
                member = slot.member
                if member is None or member.ended.is_set():
                    member = slot.member = await self._hire(slot.name)
            if member is not None:
                await self._await_ready(member)
            slot.tried.set()
            served_s = time.monotonic()
            if member is not None:
                await member.ended.wait()
                if slot.member is not member:
                    continue  # it has been relieved
                if member.served:
                    self._log.warning("worker_ended", of=slot.name, pid=member.pid, reason=member.reason)
            was_of_use = member is not None and member.served
            pause_s = next_pause_s(pause_s, time.monotonic() - served_s if was_of_use else 0.0)
            await asyncio.sleep(pause_s)
            self._gathering.restarts += 1

    async def _find_stuck(self) -> None:
        """One that says nothing any more is killed: its clients hang on to it, and the kernel goes on giving it new ones."""
        while True:
            asked_s = time.monotonic()
            await asyncio.sleep(PING_S)
            stood_still = time.monotonic() - asked_s > PING_S + GAP_S
            for member in [member for member in self._members if member.served and not self._leaving]:
                if stood_still:
                    member.forgive()
                if member.ping() > self._settings.worker_timeout:
                    self._log.error("worker_stuck", of=member.name, pid=member.pid, sentence="it does not answer, and is killed")
                    member.kill()

    async def _await_ready(self, member: Member) -> None:
        if member.served:
            return
        if await member.until_ready(START_S):
            self._has_served = True
            self._log.info("worker_ready", of=member.name, pid=member.pid)
        elif not self._leaving:
            self._last_failure = member
            self._log.error("worker_not_started", of=member.name, pid=member.pid, reason=member.reason)

    async def _hire(self, name: str) -> Member | None:
        start = Start(
            name=name,
            workers=self._settings.workers,
            flags={key: value for key, value in self._given.flags.items() if value is not None},
            variables=self._variables,
            redis=self._redis,
            promise=self._promise,
            counter=f"{self._counter}-{name}",
        )
        try:
            member = await Member.start(start, self._listener)
        except OSError as error:
            self._log.error("worker_not_started", of=name, reason=error.strerror or repr(error))
            return None
        self._members.add(member)
        self._spawn(self._follow(member))
        return member

    async def _follow(self, member: Member) -> None:
        await member.follow(self._heed)
        self._members.discard(member)
        self._gathering.bury(member)
        self._tell_standing()

    def _heed(self, member: Member, word: Word) -> None:
        match word:
            case Ready():
                self._tell_standing()
            case Ask():
                self._spawn(self._gathering.answer(member))
            case Erased(store=store, user=user):
                for other in self._members - {member}:
                    other.say(Forget(store=store, user=user))
            case _:
                pass

    def _tell_standing(self) -> None:
        ready = len({member.name for member in self._members if member.served})
        for member in self._members:
            member.say(Standing(ready=ready, workers=self._settings.workers))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # Reloading.

    async def reload(self) -> None:
        """A successor for each worker, by the settings and the code of now. Where one cannot start the others stay as they are."""
        try:
            variables = self._with_what_is_kept(self._given.variables())
            settings = read_settings(self._given.flags, variables)
            with in_one_line():
                promise = await promised(self._redis, self._log, strict=settings.strict)
        except (ConfigError, StartError) as error:
            self._log.error("not_reloaded", reason=str(error))
            return
        before = self._settings, self._variables, self._promise
        self._settings, self._variables, self._promise = settings, variables, promise.sentence
        self._log.info("reloading", workers=settings.workers)
        for name in [name for name in self._slots if int(name) <= settings.workers]:
            if not await self._relieve(self._slots[name]):
                if name == "1":
                    self._settings, self._variables, self._promise = before
                self._log.error("not_reloaded", of=name, sentence="the worker before it goes on, and so do those behind it")
                return
        self._open_slots(settings.workers)
        for slot in [slot for slot in self._slots.values() if int(slot.name) > settings.workers]:
            await self._close_slot(slot)
        self._tell_standing()
        self._log.info("reloaded", workers=settings.workers)

    def _with_what_is_kept(self, variables: dict[str, str]) -> dict[str, str]:
        """The variables, but for those of which the master holds what they name; these are as they were."""
        for option in OPTIONS:
            before, now = self._variables.get(option.variable), variables.get(option.variable)
            if option.field in KEPT and before != now:
                self._log.warning("setting_kept", setting=option.variable, sentence="it is read at the start only")
                variables.pop(option.variable, None)
                variables |= {} if before is None else {option.variable: before}
        return variables

    async def _relieve(self, slot: Slot) -> bool:
        """Whether another worker serves in this place."""
        async with slot.turn:
            successor = await self._hire(slot.name)
            if successor is None:
                return False
            await self._await_ready(successor)
            if not successor.served:
                return False
            old, slot.member = slot.member, successor
        if old is not None:
            await self._dismiss(old)
        return True

    async def _close_slot(self, slot: Slot) -> None:
        del self._slots[slot.name]
        if slot.keeper is not None:
            slot.keeper.cancel()
        if slot.member is not None:
            await self._dismiss(slot.member)

    async def _dismiss(self, member: Member) -> None:
        """Its sessions are closed with 1001, and it ends."""
        member.say(RELIEVED)
        await first(member.ended.wait(), within_s=RELIEF_S)
        if not member.ended.is_set():
            self._log.error("worker_killed", of=member.name, pid=member.pid)
            member.kill()
            await member.ended.wait()


async def first(*works: Any, within_s: float | None = None) -> None:
    """Until one of them is done, or the time is over; the others are cancelled."""
    tasks = [asyncio.ensure_future(work) for work in works]
    done: set[asyncio.Future[Any]] = set()
    try:
        done, _ = await asyncio.wait(tasks, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
