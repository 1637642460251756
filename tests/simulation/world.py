"""A run: a schedule carried out on the simulated loop, recorded, and judged when everything is at rest."""

import asyncio
import gc
import random
import secrets
import traceback
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import attrs

from actors.live import LOOK_S
from actors.option import Options
from storage.batch import Limits
from storage.key import BIRTH, COUNT, StoreKeys
from tests.history.account import Account
from tests.history.feed import keep_from_journal
from tests.history.holding import at_rest_everybody_holds_what_is_kept
from tests.history.linear import RULES, judged
from tests.history.record import History, Kept, Recorder, Setting
from tests.history.search import every_answer_has_an_order
from tests.simulation.client import Tab
from tests.simulation.excuse import is_excused
from tests.simulation.fault import break_things
from tests.simulation.grace import gone_too_soon
from tests.simulation.index import disagreements
from tests.simulation.loop import SimulatedClock, SimulatedLoop, Spinning
from tests.simulation.node import BEGIN_S, SimulatedNode, journal
from tests.simulation.peace import differences
from tests.simulation.receipt import Received, lost, receive, settled
from tests.simulation.redis import Redis
from tests.simulation.schedule import LONG_S, Schedule, Step, schedule
from tests.simulation.server import Server
from tests.simulation.verb import act

JUDGES = tuple(rule for rule in RULES if rule is not at_rest_everybody_holds_what_is_kept)
"""That rule looks at single sessions; `Held` follows a tab over all of them."""
SEARCHED = 3
"""Of so many schedules one is held against the search too; not where storage may roll back, which no order explains."""
BEGIN_MS = BEGIN_S * 1000
CALM_S = 2.5
"""Agents are there for a second after they have gone, and presence is gathered for another."""
REST_S = 90.0
"""Everybody has an answer and is connected this long after the last fault, or never."""


@attrs.frozen
class Verdict:
    """What came of a run."""

    schedule: Schedule
    violations: tuple[str, ...]
    history: History
    trace: tuple[str, ...]
    virtual_s: float

    @property
    def kinds(self) -> tuple[str, ...]:
        """The rules that were broken."""
        return tuple(dict.fromkeys(violation.split(":")[0] for violation in self.violations))


class World:
    """Everything of one run."""

    def __init__(self, schedule: Schedule, loop: SimulatedLoop, *, is_told: bool, redis: Redis) -> None:
        self.schedule, self.loop, self.is_told = schedule, loop, is_told
        self.chance = random.Random(f"network {schedule.seed}")
        self.trace: list[str] = []
        self.faults: list[str] = []
        """What is wrong besides the history."""
        setting = Setting(
            history_limit=schedule.terms.history_limit,
            agent_limit=schedule.agent_limit,
            may_roll_back=schedule.mode == "rollback",
            nodes_pause=self._pauses(),
            answer_s=None if self._pauses() or any(fault.kind == "slow_reader" for fault in schedule.faults) else 5.0,
            grace_s=schedule.grace_s,
        )
        self.recorder = Recorder(setting, clock=loop.time)
        self.server = Server(redis, self.chance)
        terms = schedule.terms
        limits = Limits(terms.log_limit, terms.history_limit)
        size = random.Random(f"sizes {schedule.seed}").choice
        # Small ones, so that sixty commands are enough to overflow, to turn pages and to forget chats.
        sizes = {"outbox_frames": terms.outbox_frames, "page_limit": size((2, 7, 200)), "chats_limit": size((1, 3, 10_000))}
        options = Options(
            grace_s=schedule.grace_s,
            agent_limit=schedule.agent_limit,
            rate=terms.rate,
            linger_s=1.0,
            heartbeat_s=terms.heartbeat_s,
            **sizes,
        )
        # Clocks of machines do not agree about the time of day.
        clocks = [SimulatedClock(loop, BEGIN_MS + self.chance.randrange(-2000, 2000)) for _ in range(schedule.nodes)]
        self.nodes = [SimulatedNode(f"n{i}", self.server, options, self.note, clock, limits) for i, clock in enumerate(clocks, 1)]
        self.tabs = [Tab(self, someone, number) for someone in schedule.people for number in range(someone.tabs)]
        kinds = {fault.kind for fault in schedule.faults}
        self.silence_s = 10.0**6 if kinds & {"pause", "slow_reader", "half_open"} else terms.heartbeat_s
        """Whoever is ready hears something in this time, unless it is the network or a whole node that stands still."""
        self.moved_s = 0.0
        """When somebody came or went last."""
        self._ids = 0
        self._lost: bytes | None = None
        """The birth mark of data of which something was lost that a node had seen committed."""

    def _pauses(self) -> bool:
        return any(fault.kind == "pause" for fault in self.schedule.faults)

    def note(self, who: str, text: str) -> None:
        """One line for people."""
        if self.is_told:
            self.trace.append(f"{self.loop.time():9.4f}  {who:6} {text}")

    def new_id(self) -> str:
        self._ids += 1
        return f"c{self._ids}"

    def tabs_of(self, id: str) -> list[Tab]:
        return [tab for tab in self.tabs if tab.someone.id == id]

    def users_of(self, store: str) -> list[str]:
        return [someone.id for someone in self.schedule.people if someone.role == "user" and store in someone.stores]

    def node_for(self, tab: Tab, dice: random.Random) -> SimulatedNode | None:
        """Where the balancer sends a tab; None if nobody is up there."""
        if self.schedule.is_sticky:
            node = self.nodes[self.schedule.stores.index(tab.someone.stores[0]) % len(self.nodes)]
            return node if node.takes else None
        up = [node for node in self.nodes if node.takes]
        return dice.choice(up) if up else None

    async def run(self) -> None:
        """The whole life of it."""
        for node in self.nodes:
            node.start()
        for tab in self.tabs:
            tab.come(0.3)
        broken = [self.loop.call_at(fault.at_s, break_things, self, fault) for fault in self.schedule.faults]
        for step in self.schedule.steps:
            self.loop.call_at(0.4 + step.at_s, self._step, step)
        end_s = max([0.4 + step.at_s for step in self.schedule.steps] + [f.at_s + f.lasts_s + 0.3 for f in self.schedule.faults] + [1.0])
        await asyncio.sleep(end_s - self.loop.time())
        del broken
        for tab in self.tabs:
            tab.come(0.5)
        await self._rest(2.0 + (self.schedule.grace_s if self.schedule.grace_s < LONG_S else 0))
        received = receive(self.tabs)
        await self._rest(2.0)
        received = settled(received)
        ends: object = None
        while self.schedule.mode != "sticky" and ends != (ends := self._ends()):
            for tab in self.tabs if self.schedule.mode == "rollback" else ():
                tab.cut("comes again before all is compared")
            # Where somebody comes again, all is right; else what was lost between nodes has to be found by looking.
            await self._rest(2.0 if self.schedule.mode == "rollback" else LOOK_S + 2.0)
        until_s = self.loop.time() + REST_S
        while self.schedule.mode == "sticky" and not self._is_calm and self.loop.time() < until_s:
            await self._rest(0.25)
        await self._keep(received)

    def _step(self, step: Step) -> None:
        tab = next(tab for tab in self.tabs_of(step.who) if tab.number == step.tab)
        act(tab, step.verb, random.Random(step.dice))

    async def _rest(self, settle_s: float) -> None:
        """Until everybody is connected and answered, and what is gathered is told."""
        until_s = self.loop.time() + REST_S
        while self.loop.time() < until_s and not all(tab.is_content for tab in self.tabs):  # noqa: ASYNC110 - of all tabs at once
            await asyncio.sleep(0.25)
        for tab in self.tabs:
            if not tab.is_content:
                left = [command.frame for command in tab.outbox.values()]
                self.faults.append(
                    f"at rest nobody waits: {tab.name} is {'ready' if tab.is_ready else 'not ready'} and waits for {left[:3]}"
                )
        await asyncio.sleep(settle_s)

    @property
    def _is_calm(self) -> bool:
        """Whether all are there, and have been for so long that everybody was told."""
        return self.loop.time() - self.moved_s > CALM_S and all(tab.is_ready or tab.is_away for tab in self.tabs)

    def _ends(self) -> list[bytes | None]:
        """Where the logs end: a node may still take somebody for gone who is on another."""
        return [self.server.redis.execute(("HGET", StoreKeys(store).head, "of")) for store in self.schedule.stores]

    def loses(self, backup: Any) -> None:
        """These data take the place of what there is now."""
        then = Redis(backup)
        birth = then.execute(("GET", BIRTH)) or b""
        for node in self.nodes:
            if node.witness.has_seen_more(birth.decode(), int(then.execute(("HGET", COUNT, node.name)) or 0)):
                self._lost = birth

    async def _keep(self, received: Received) -> None:
        reader = journal(self.server, "reader", lambda: BEGIN_MS)
        birth = await reader.birth()
        self.faults += [f"what was received is kept: {fault}" for fault in await lost(received, reader)]
        if self._lost is not None and birth.encode() == self._lost:
            self.faults.append("a roll-back is noticed: what was committed is gone, and the generation is the same")
        await keep_from_journal(self.recorder, reader, self.schedule.stores, birth)
        if self.schedule.mode == "sticky" and self._is_calm:
            for store in self.schedule.stores:
                present = self.tabs, store, await reader.load_store(store), await reader.waiting(store)
                self.faults += [f"at rest everybody knows who is there and who is next: {fault}" for fault in differences(*present)]
        await reader.close()
        kept = {line.store: line for line in self.recorder.lines if isinstance(line, Kept)}
        for tab in self.tabs:
            if tab.is_ready:
                self.faults += [
                    f"at rest {tab.name} holds what is kept: {fault}" for fault in tab.held.differences(tab.someone.stores, kept)
                ]
        for tab in self.tabs:
            if tab.overstays:
                self.faults.append(f"a session ends with its token: {tab.name} lives, and it was good until {tab.token_until_s}")
        soon = gone_too_soon(self.schedule, self.recorder.history)
        self.faults += [f"grace starts anew after an outage: {fault}" for fault in soon]
        self.faults += [f"lists agree with the chats: {fault}" for fault in disagreements(self.server.redis, kept)]
        for node in self.nodes:
            self.faults += [f"nothing is logged as an error: {error}" for error in node.errors]


def simulate(schedule: Schedule, *, is_told: bool = False, redis: Redis | None = None) -> Verdict:
    """Carries a schedule out and judges it."""
    loop = SimulatedLoop(random.Random(f"order {schedule.seed}"))
    loop.set_exception_handler(
        lambda _, context: world.faults.append(f"nothing is raised in the loop: {context.get('exception') or context}")
    )
    world = World(schedule, loop, is_told=is_told, redis=redis or Redis())
    collects = gc.isenabled()
    gc.disable()
    try:
        with seeded(schedule.seed):
            try:
                loop.run_until_complete(world.run())
            except Spinning as error:
                world.faults.append(f"the run comes to rest: {error}")
            # What is ended now is ended in no order, and is no part of the run.
            took_s, faults, trace = loop.time(), tuple(world.faults), tuple(world.trace)
            _end(loop, world)
    finally:
        loop.close()
        if collects:
            gc.enable()
    history = world.recorder.history
    account = Account(history)
    rules = JUDGES if schedule.mode == "rollback" or schedule.seed % SEARCHED else (*JUDGES, every_answer_has_an_order)
    violations = (*faults, *map(str, judged(account, rules)))
    violations = tuple(violation for violation in violations if not is_excused(schedule.mode, violation))
    return Verdict(schedule, violations, history, trace, took_s)


def judge(seed: int) -> tuple[int, tuple[str, ...], str, int]:
    """Runs one seed, in a process that does nothing else: its violations, its mode, and how many frames and steps its history has."""
    if gc.isenabled():
        gc.collect()
        gc.freeze()
        gc.disable()
    gc.collect()
    try:
        verdict = simulate(schedule(seed))
    except Exception:  # noqa: BLE001 - a bug of the simulation is a failure of its seed too
        return seed, (f"the simulation fails: {traceback.format_exc()}",), "", 0
    return seed, verdict.violations, verdict.schedule.mode, len(verdict.history.lines)


def _end(loop: SimulatedLoop, world: World) -> None:
    async def end() -> None:
        for node in world.nodes:
            node.kill()
        while len(tasks := asyncio.all_tasks()) > 1:
            for task in tasks - {asyncio.current_task()}:
                task.cancel()
            await asyncio.sleep(1.0)

    loop.run_until_complete(end())


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Names that nobody can guess come from the seed too, so that two runs are the same to the letter."""
    dice = random.Random(f"names {seed}")
    kept = secrets.token_hex, secrets.token_urlsafe, uuid.uuid4
    secrets.token_hex = lambda nbytes=16: dice.randbytes(nbytes or 16).hex()
    secrets.token_urlsafe = lambda nbytes=16: dice.randbytes(nbytes or 16).hex()
    uuid.uuid4 = lambda: uuid.UUID(bytes=dice.randbytes(16), version=4)
    try:
        yield
    finally:
        secrets.token_hex, secrets.token_urlsafe, uuid.uuid4 = kept
