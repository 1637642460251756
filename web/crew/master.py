"""The master of several workers: starts them, watches them, relieves them one by one on SIGHUP, ends them one by one on SIGTERM.

It opens what all of them share, the storage below and the listening socket, and says once that dibs listens. It takes no part in chats.

    SIGHUP           settings are read again; for each worker a successor is started, and when that serves the old one drains
    SIGTERM, SIGINT  no new sessions; each worker drains, the next as soon as it is gone or its time is over; a second signal hurries
    a worker ends    another takes its place, at once if it was of use, else less and less often
"""

import asyncio
import secrets
import signal
import socket
import time
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any

import uvloop
from structlog.typing import FilteringBoundLogger

from web.below import in_one_line, next_pause_s, open_storage, promised
from web.crew.gathering import Gathering
from web.crew.member import Member
from web.crew.message import Ask, CloseDoor, Drain, Erased, Forget, Ready, Standing, Start, Word
from web.env_file import Given
from web.listener import announce, listen
from web.log import make_log, routed
from web.place import DRAIN_S, GOODBYE_S
from web.secret import load_secret
from web.setting import ConfigError, Settings, StartError
from web.tls import server_context
from web.token import TokenSigner

START_S = 30.0
"""How long a worker may take until it serves."""
PORT_S = 2.0
"""Workers whose master was killed may hold the port for so long."""
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


def run(given: Given, settings: Settings) -> int:
    """Serves until a signal; the exit status. Raises `StartError` and `ConfigError` with one line for people."""
    log = make_log(settings.log_level, settings.log_format).bind(worker="master")
    with routed(log), in_one_line(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(given, settings, log))
    return 0


async def _serve(given: Given, settings: Settings, log: FilteringBoundLogger) -> None:
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        if settings.cert is not None and settings.key is not None:
            server_context(settings.cert, settings.key)
        signals = _Signals()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, signals.stop)
        loop.add_signal_handler(signal.SIGHUP, signals.again.set)
        listener = stack.enter_context(await _listen(settings))
        redis = await open_storage(settings, log, stack)
        promise = await promised(redis, log, strict=settings.strict)
        signer = TokenSigner(load_secret(settings.secret, settings.data, log), settings.secret_old)
        master = Master(given, settings, log, listener, redis, promise.sentence)
        stack.callback(master.kill)
        if await master.begin(signals.stopping):
            announce(settings, listener.getsockname()[1], signer)
            await master.govern(signals)
        await master.end(signals)


async def _listen(settings: Settings) -> socket.socket:
    """Workers that a killed master left let go of the port in a moment, and no event of ours tells."""
    until_s = time.monotonic() + PORT_S
    while True:
        try:
            return listen(settings.host, settings.port)
        except StartError:
            if time.monotonic() >= until_s:
                raise
        await asyncio.sleep(0.1)


class _Signals:
    """What the master was told from outside."""

    def __init__(self) -> None:
        self.stopping, self.hurrying, self.again = asyncio.Event(), asyncio.Event(), asyncio.Event()

    def stop(self) -> None:
        (self.hurrying if self.stopping.is_set() else self.stopping).set()


class Slot:
    """The place of one worker, in which one follows another; `turn` is held by whoever puts another there."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.member: Member | None = None
        self.tried = asyncio.Event()
        """Set when the first worker serves, or will not."""
        self.turn = asyncio.Lock()
        self.keeper: asyncio.Task[None] | None = None


class Master:
    """Of the workers; what it holds for them is the caller's."""

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
        tried = asyncio.gather(*(slot.tried.wait() for slot in self._slots.values()))
        await _first(tried, stopping.wait())
        if stopping.is_set():
            return False
        if not self._has_served:
            failure = self._last_failure.failure if self._last_failure is not None else None
            reason = self._last_failure.reason if self._last_failure is not None else "there is no room for a process"
            if failure is not None:
                raise ConfigError(reason) if failure.status == 2 else StartError(reason)
            raise StartError(f"no worker could be started: {reason}")
        return True

    async def govern(self, signals: _Signals) -> None:
        """Until it is to stop."""
        while not signals.stopping.is_set():
            await _first(signals.stopping.wait(), signals.again.wait())
            if signals.again.is_set() and not signals.stopping.is_set():
                signals.again.clear()
                await _first(signals.stopping.wait(), self._reload())

    async def end(self, signals: _Signals) -> None:
        """Ends every worker, one after another as far as there is time."""
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
            await _first(member.ended.wait(), signals.hurrying.wait(), within_s=IN_TURN_S / len(everyone))
        gone = asyncio.gather(*(member.ended.wait() for member in everyone))
        await _first(gone, signals.hurrying.wait(), within_s=max(0.0, began_s + ALL_GONE_S - time.monotonic()))
        if signals.hurrying.is_set():
            for member in self._members:
                member.say(HURRY)
            await _first(asyncio.gather(*(member.ended.wait() for member in everyone)), within_s=HURRY_S)
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

    async def _reload(self) -> None:
        """A successor for each worker, by the settings and the code of now. Where one cannot start the others stay as they are."""
        try:
            settings, variables = self._given.settings(), self._given.variables()
            promise = await promised(self._redis, self._log, strict=settings.strict)
        except (ConfigError, StartError) as error:
            self._log.error("not_reloaded", reason=str(error))
            return
        for name in KEPT:
            if getattr(settings, name) != getattr(self._settings, name):
                self._log.warning("setting_kept", setting=name, sentence="it is read at the start only")
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
        await _first(member.ended.wait(), within_s=RELIEF_S)
        if not member.ended.is_set():
            self._log.error("worker_killed", of=member.name, pid=member.pid)
            member.kill()
            await member.ended.wait()


async def _first(*works: Any, within_s: float | None = None) -> None:
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
