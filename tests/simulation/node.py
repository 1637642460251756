"""A simulated node: the real actors over the real journal, in a context of their own, so that they can be stopped as one process.

A killed node says nothing any more: its ways to the storage and to its clients are dead before anything in it is ended.
"""

import asyncio
from collections.abc import Callable

from actors.identity import Identity
from actors.node import Node
from actors.option import Options
from actors.session import BadToken
from actors.tally import Tally
from actors.task import Tasks
from storage.actor import StorageActor
from storage.batch import Limits
from storage.journal import JournalLost, JournalRefused, JournalUnreachable
from storage.redis import RedisJournal
from tests.simulation.ear import SimulatedEar
from tests.simulation.loop import SimulatedClock, context_of
from tests.simulation.server import Server, SimulatedPipe

DRAIN_S, GOODBYE_S = 5.0, 2.0
"""As long as `web.serve` waits for commands that were accepted, and for sessions to take their leave."""
BEGIN_S = 19_676 * 86_400 - 4
"""The time of day at the beginning of a run, by the clock of the shop: ids are remembered by day, and the day ends in the middle of it."""


class Ordered(dict):
    """A set in the order of adding: sets of objects go by address, and a run has to be a function of its seed."""

    def add(self, item) -> None:
        self[item] = None

    def discard(self, item) -> None:
        self.pop(item, None)


class Lines:
    """A log that keeps what is worse than information."""

    def __init__(self, note: Callable[[str, str], None], name: str) -> None:
        self.errors: list[str] = []
        self._note, self._name = note, name

    def debug(self, event, **fields) -> None:
        """Nobody reads it."""

    info = debug

    def warning(self, event, **fields) -> None:
        self._note(self._name, f"warns: {event} {fields or ''}")

    def error(self, event, **fields) -> None:
        fields.pop("exc_info", None)
        self._note(self._name, f"error: {event} {fields or ''}")
        self.errors.append(f"{self._name}: {event} {fields}")


class Memory:
    """Stands where `storage.witness.Witness` stands: what a node has on its disk outlives it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._noted = ("", 0)

    def has_seen_more(self, birth: str, count: int) -> bool:
        return self._noted[0] == birth and self._noted[1] > count

    def note(self, birth: str, count: int) -> None:
        self._noted = (birth, count)


def journal(
    server: Server, node: str, now_ms: Callable[[], int], witness: Memory | None = None, limits: Limits | None = None
) -> RedisJournal:
    """The real journal with simulated connections."""
    made = RedisJournal(_no_connection, now_ms, limits or Limits(), witness)  # type: ignore[arg-type]
    made._writer = SimulatedPipe(server, node, is_writer=True)  # type: ignore[assignment]
    made._reader = SimulatedPipe(server, node, is_writer=False)  # type: ignore[assignment]
    made.ear = SimulatedEar(server, node)  # type: ignore[assignment]
    return made


def _no_connection():
    raise AssertionError("a simulation has no sockets")


class SimulatedNode:
    """`start`, `kill`, `start` again."""

    def __init__(
        self, name: str, server: Server, options: Options, note: Callable[[str, str], None], clock: SimulatedClock, limits: Limits
    ) -> None:
        self.name = name
        self.node: Node | None = None
        self.errors: list[str] = []
        self.clock = clock
        self.links = Ordered()
        """The sockets of its clients."""
        self._server, self._options, self._note, self._limits = server, options, note, limits
        self.witness = Memory(name)
        self._starts = 0
        self._journal: RedisJournal | None = None
        self._tasks: Tasks | None = None
        self._begun: asyncio.Task[None] | None = None

    def start(self) -> None:
        """A fresh process. It takes clients as soon as it has read the birth mark."""
        self._starts += 1
        self.context = context_of(f"{self.name}.{self._starts}")
        self.key = f"{self.name}.{self._starts}"
        self._begun = asyncio.get_running_loop().create_task(self._begin(), context=self.context)

    async def _begin(self) -> None:
        log = Lines(self._note, self.name)
        log.errors = self.errors
        tally, tasks = Tally(), Tasks(log)
        tasks._running = Ordered()  # type: ignore[assignment]
        made = self._journal = journal(self._server, self.name, self.clock.wall_ms, self.witness, self._limits)
        storage = StorageActor(made, self.clock, tally, log)
        while True:
            try:
                await storage.begin()
                break
            except (JournalUnreachable, JournalRefused, JournalLost):
                await asyncio.sleep(0.3)
        node = Node(storage=storage, clock=self.clock, log=log, tally=tally, options=self._options, tasks=tasks)
        node.sessions = Ordered()  # type: ignore[assignment]
        tasks.start(storage.run())
        tasks.start(node.run())
        self._tasks, self.node = tasks, node

    @property
    def takes(self) -> bool:
        """Whether a balancer sends anybody here."""
        return self.node is not None and not self.node.draining

    def drain(self) -> None:
        """SIGTERM: every accepted command is finished, every session hears 1001; then the process ends, and a fresh one starts."""
        if self._tasks is not None and self.takes:
            asyncio.get_running_loop().create_task(self._drain(self._starts), context=self.context)

    async def _drain(self, start: int) -> None:
        assert self.node is not None
        await self.node.drain(DRAIN_S, GOODBYE_S)
        if start != self._starts or self.node is None:
            return  # killed meanwhile
        for link in self.links:
            if link.is_session and not link.is_half_open and not link.pace_s:
                self.errors.append(f"{self.name}: a session was not told that the server drains")
        self.kill()
        asyncio.get_running_loop().call_later(0.3, self.start)

    def kill(self) -> None:
        """Nothing leaves it from now on; whoever is connected is cut."""
        tasks, begun = self._tasks, self._begun
        self.node = self._tasks = None
        for link in tuple(self.links):
            link.cut()
        if self._journal is not None:
            for way in (self._journal._writer, self._journal._reader, self._journal.ear):
                way.is_dead = True  # type: ignore[union-attr]
            self._journal.ear.cut()  # type: ignore[attr-defined]
        loop = asyncio.get_running_loop()
        if loop.is_paused(self.key):
            loop.resume(self.key)
        if begun is not None:
            begun.cancel()
        if self._journal is not None:
            self._journal._asking.end()
        if tasks is not None:
            asyncio.get_running_loop().create_task(tasks.end(), context=self.context)

    def authenticate(self, token: str) -> Identity:
        """A token is `role/id/stores/until`."""
        role, id, stores, until_s = token.split("/")
        entitled = frozenset(stores.split(",")) if stores else None
        # What tokens are signed by is a clock of its own; this node's may be fast or slow.
        expires_s = BEGIN_S + float(until_s) if until_s else 10.0**11
        if expires_s + self._options.leeway_s < self.clock.wall_ms() / 1000:
            raise BadToken
        return Identity(role=role, id=id, name=None, stores=entitled, expires_s=expires_s)  # type: ignore[arg-type]
