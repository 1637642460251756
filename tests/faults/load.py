"""A bounded load on one store: shoppers write, agents claim, answer, hand over and let go, and everything asked is accounted for."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextvars import ContextVar
from typing import Any

import attrs

from tests.faults.audit import Audit, audit
from tests.faults.caller import Caller
from tests.faults.screen import Screens
from tests.history.feed import keep_over_the_wire
from tests.history.linear import check
from tests.history.record import Recorder, Setting
from tests.wire.server import Server

QUIET_S = 30.0
GATHERED_S = 1.2
"""Marks go out at most once a second."""
watching: ContextVar[Callable[["Figures"], None]] = ContextVar("watching", default=lambda figures: None)
"""Who wants to see figures while they grow."""


@attrs.define
class Figures:
    """What a row has to show."""

    rounds: int = 0
    acked: int = 0
    lost: int = 0
    doubled: int = 0
    double_owners: int = 0
    also: str = ""
    """What else is worth telling: with what the fault was made, a figure of this row alone."""
    worst_s: float = 0.0
    """The longest recovery: everybody back and caught up, or served again."""
    slowest_s: float = 0.0
    """The longest that a command on a living session went without an answer, where the row looks at it."""
    faults: list[str] = attrs.field(factory=list)

    def __attrs_post_init__(self) -> None:
        watching.get()(self)

    def add(self, audit: Audit) -> None:
        self.acked += audit.acked
        self.lost += len(audit.lost)
        self.doubled += len(audit.doubled)
        self.double_owners += len(audit.double_owners)
        self.faults += audit.sentences()

    def recovered(self, seconds: float, limit_s: float, what: str) -> None:
        self.worst_s = max(self.worst_s, seconds)
        if seconds > limit_s:
            self.faults.append(f"{what} took {seconds:.1f} s, more than {limit_s} s")

    def expect(self, holds: object, sentence: str) -> None:
        if not holds:
            self.faults.append(sentence)


class Load:
    """The people of one store on one server, or by turns on it and `others` that share its Redis."""

    def __init__(
        self,
        server: Server,
        *,
        shoppers: int = 10,
        agents: int = 2,
        pause_s: float = 0.1,
        burst: int = 4,
        seed: int = 0,
        token_s: int = 3600,
        setting: Setting | None = None,
        others: Sequence[Server] = (),
    ) -> None:
        self.server, self.pause_s, self.burst = server, pause_s, burst
        self.store = f"s-{uuid.uuid4().hex[:12]}"
        self.recorder = Recorder(setting)
        nodes = (server, *others)
        self.agents = [Caller(nodes[n % len(nodes)], "agent", f"{self.store}-a{n}", self.store, seed=seed) for n in range(agents)]
        self.shoppers = [Caller(nodes[n % len(nodes)], "user", f"{self.store}-u{n}", self.store, seed=seed) for n in range(shoppers)]
        for person in self.people:
            person.token_s, person.recorder = token_s, self.recorder
        self.screens: Screens | None = None
        self._ending = asyncio.Event()
        self._work: list[asyncio.Task[None]] = []

    @property
    def people(self) -> list[Caller]:
        return [*self.agents, *self.shoppers]

    @property
    def acked(self) -> int:
        return sum(len(person.acks) for person in self.people)

    async def begin(self) -> None:
        """Everybody is there; agents first, because only an agent's token makes a store."""
        for group in (self.agents, self.shoppers):
            for person in group:
                person.start()
            async with asyncio.timeout(30):
                await asyncio.gather(*(person.ready.wait() for person in group))

    def work(self) -> None:
        """Begins to write and to answer, or goes on."""
        self._ending.clear()
        jobs: list[Coroutine[Any, Any, None]] = [self._shop(person) for person in self.shoppers]
        jobs += [self._serve(person) for person in self.agents]
        self._work = [asyncio.create_task(job) for job in jobs]

    async def until_acked(self, count: int, within_s: float = 30.0) -> None:
        """So many more commands have been acknowledged."""
        goal = self.acked + count
        await until(lambda: self.acked >= goal, within_s, f"{count} more acks")

    async def back(self, within_s: float = 30.0) -> float:
        """How long from now until everybody is connected and caught up, and the store takes commands."""
        start = time.monotonic()
        await until(lambda: all(person.ready.is_set() for person in self.people), within_s, "everybody back", self.told)
        probe = self.shoppers[0]
        async with asyncio.timeout(within_s):
            await probe.ask(probe.text())
        return time.monotonic() - start

    def told(self) -> str:
        """Who is not there, and what ended their sessions."""
        return "".join(f"\n  {person.id} after {person.codes[-8:]}, {person.told()}" for person in self.people if not person.ready.is_set())

    async def pause(self) -> None:
        """No new commands; every command asked has its answer."""
        self._ending.set()
        try:
            async with asyncio.timeout(QUIET_S):
                await asyncio.gather(*self._work)
                await asyncio.gather(*(person.ready.wait() for person in self.people))
                if self.screens is not None:
                    await self.screens.rest()
        except TimeoutError:
            waiting = "".join(f"\n  {person.id} {person.told()}" for person in self.people if person.waits or not person.ready.is_set())
            shown = self.screens.state() if self.screens is not None else ""
            raise AssertionError(f"not at rest within {QUIET_S} s: {waiting}{shown}") from None

    async def audit(self) -> Audit:
        """What storage holds, against what everybody was told."""
        found = await audit(self.server, self.store, self.people)
        if self.screens is not None:
            found.others += await self.screens.judge()
        return found

    async def end(self) -> None:
        for task in self._work:
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)
        await asyncio.gather(*(person.stop() for person in self.people))
        if self.screens is not None:
            await self.screens.end()

    # What people do.

    async def _rest(self, person: Caller) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(person.random.uniform(0, 2 * self.pause_s)):
                await self._ending.wait()

    async def _shop(self, person: Caller) -> None:
        while not self._ending.is_set():
            await person.ask(*(person.text() for _ in range(person.random.randint(1, self.burst))))
            if person.random.random() < 0.3:
                await person.acknowledge()
            await self._rest(person)

    async def _serve(self, person: Caller) -> None:
        while not self._ending.is_set():
            await self._serve_one(person)
            await self._rest(person)

    async def _serve_one(self, person: Caller) -> None:
        chats = list(person.chats.values())
        mine = [chat["user"] for chat in chats if (chat["owner"] or {}).get("id") == person.id]
        waiting = [chat["user"] for chat in chats if chat["status"] == "waiting"]
        dice = person.random.random()
        if waiting and (len(mine) < 3 or dice < 0.2):
            await person.ask(person.frame("claim", user=person.random.choice(waiting)))
        elif mine:
            user = person.random.choice(mine)
            await person.ask(*(person.text(user=user) for _ in range(person.random.randint(1, 2))))
            if dice < 0.15:
                await person.ask(person.frame("release", user=user))
            elif dice < 0.3:
                to = person.random.choice([agent.id for agent in self.agents])
                await person.ask(person.frame("transfer", user=user, to=to))
            elif dice < 0.4:
                await person.ask(person.frame("resolve", user=user))
            elif dice < 0.6:
                await person.ask(person.frame("read", user=user, seq=person.chats[user]["seq"]))
        if dice > 0.7:
            await person.acknowledge()


async def until(holds: Callable[[], bool], within_s: float, what: str, told: Callable[[], str] = str) -> None:
    """Looks again, fifty times a second, at what no single event tells."""
    try:
        async with asyncio.timeout(within_s):
            while not holds():  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"not within {within_s} s: {what}{told()}") from None


@contextlib.asynccontextmanager
async def loaded(server: Server, **options: Any) -> AsyncIterator[Load]:
    """A load at work on a server that runs."""
    load = Load(server, **options)
    try:
        await load.begin()
        load.screens = Screens(server, f"{load.store}-screens")
        await load.screens.begin()
        load.work()
        yield load
    finally:
        await load.end()


async def conclude(load: Load, figures: Figures, *, history: bool = True) -> None:
    """Comes to rest and adds what the audit finds, and what the checker of histories finds in all that everybody was told."""
    await load.pause()
    figures.add(await load.audit())
    if history:
        await asyncio.sleep(GATHERED_S)
        await keep_over_the_wire(load.recorder, load.server, {load.store: load.server.token("agent", "keeper", stores=[load.store])})
        violations = await asyncio.to_thread(check, load.recorder.history)
        figures.faults += [f"history: {violation}" for violation in violations]


Row = Callable[..., Awaitable[Figures]]
