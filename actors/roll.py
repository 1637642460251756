"""Who is there on which node: each says so for itself every few seconds, and takes for dead whoever has stopped saying it.

    somebody came or went here -> said at once -> the other nodes hear that it changed, and look
    a node that died           -> its beat stands still: its agents are gone, and its stores are looked after by the others

Nobody's clock is compared with another's: a beat is old by how long it has stood still here. All of it is advice, and nobody owns
anything by it: whose chats are given back is fenced by how often the agent has come (`NotSeenSince`).
"""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from actors.append import StorageUnavailable
from actors.news import Call, Roll
from actors.store_message import RollCalled

if TYPE_CHECKING:
    from actors.node import Node

BEAT_S = 2.0
DEAD_S = 7.0
"""A node whose beat has stood still for so long is dead."""
QUIET_S = 3.0
"""And for so long, if it does not listen any more either: it was killed."""
GAP_S = 1.0
"""A look that is later than this shows that this node or the storage stood still: how long the others did counts anew."""
LEAVE_S = 1.0
"""Whoever ends does not wait longer to say so."""
DEAD_LIMIT = 256
"""So many of the dead are remembered."""

_people = msgspec.json.Decoder(dict[str, tuple[str, bool]])


class RollCaller:
    """A part of a node."""

    def __init__(self, node: "Node") -> None:
        self._node = node
        self._beat = 0
        self._beats: dict[str, tuple[int, float]] = {}
        """Each of the other nodes to its last beat, and since when it stands there."""
        self._dead: dict[str, int] = {}
        """Nodes found dead, each with the beat it stopped at."""
        self._said: set[str] = set()
        """Stores in which it stands that somebody is here."""
        self._due: set[str] = set()
        self._news = asyncio.Event()
        self._judged_s = 0.0
        self._over = False
        self._turn = asyncio.Lock()
        self.online_elsewhere = 0
        """Open sessions on the other nodes, as they said last."""

    @property
    def has_others(self) -> bool:
        """Whether there is any other node."""
        return bool(self._beats)

    def due(self, store: str) -> None:
        """Somebody came or went, here or elsewhere."""
        self._due.add(store)
        self._news.set()

    async def run(self) -> None:
        """Says it and looks, again and again."""
        clock = self._node.clock
        next_s = clock.monotonic_s()
        while not self._over:
            is_beat = clock.monotonic_s() >= next_s
            due, self._due = self._due, set()
            self._news.clear()
            if is_beat:
                next_s = clock.monotonic_s() + BEAT_S
                due |= self._said | {store for store, actor in self._node.stores.items() if actor.attendance.is_busy}
            try:
                await self._call(due)
            except StorageUnavailable:
                self._due |= due
                await asyncio.sleep(BEAT_S / 4)
            except Exception as error:
                self._node.log.error("roll_not_called", error=repr(error), exc_info=error)
                await asyncio.sleep(BEAT_S / 4)
            if not self._due:
                with suppress(TimeoutError):
                    async with asyncio.timeout(max(0.0, next_s - clock.monotonic_s())):
                        await self._news.wait()

    async def look(self, store: str) -> None:
        """Looks now, for whoever is about to act on it; raises `StorageUnavailable`."""
        await self._call({store})

    async def leave(self) -> None:
        """This node ends: nobody is here any more."""
        self._over = True
        with suppress(StorageUnavailable, TimeoutError):
            async with asyncio.timeout(LEAVE_S):
                await self._call(self._said)

    def _forgive(self) -> None:
        """Who could not be heard may have been there all the time."""
        now_s = self._node.clock.monotonic_s()
        self._beats = {node: (beat, now_s) for node, (beat, _) in self._beats.items()}

    async def _call(self, stores: set[str]) -> None:
        async with self._turn:
            self._beat += 1
            names = ["", *sorted(stores)]
            calls = tuple(Call(name, self._beat, self._who(name)) for name in names)
            known = tuple(self._beats)
            rolls, listening = await self._node.storage.call_roll(calls, self._dead, known)
            self._judge(rolls[0], listening)
            for call, roll in zip(calls[1:], rolls[1:], strict=True):
                if call.who:
                    self._said.add(call.store)
                else:
                    self._said.discard(call.store)
                self._tell(roll)

    def _who(self, store: str) -> bytes:
        """What this node says of itself; empty where nobody is here."""
        if self._over:
            return b""
        if not store:
            return b"%d" % self._node.online
        there = self._node.agents_of.get(store, {})
        people = {id: (agent.identity.party.owner.name, agent.is_in(store)) for id, agent in sorted(there.items())}
        return msgspec.json.encode(people) if people else b""

    def _judge(self, nodes: Roll, listening: frozenset[str]) -> None:
        """Who lives, by the beats of all nodes."""
        now_s = self._node.clock.monotonic_s()
        if now_s - self._judged_s > BEAT_S + GAP_S:
            self._forgive()
        self._judged_s = now_s
        before, self._beats = self._beats, {}
        self.online_elsewhere = 0
        for node, (beat, online) in nodes.others.items():
            known = before.get(node)
            since_s = known[1] if known is not None and known[0] == beat else now_s
            still_s = now_s - since_s
            if self._dead.get(node) == beat or still_s >= DEAD_S or (still_s >= QUIET_S and node not in listening):
                self._dead[node] = beat
                continue
            self._dead.pop(node, None)
            self._beats[node] = beat, since_s
            self.online_elsewhere += int(online)
        while len(self._dead) > DEAD_LIMIT:
            del self._dead[next(iter(self._dead))]
        if before.keys() - self._beats.keys():
            self._node.wake_stores()

    def _tell(self, roll: Roll) -> None:
        actor = self._node.stores.get(roll.store)
        if actor is None:
            return
        others: dict[str, tuple[str, bool]] = {}
        for node, (_, who) in roll.others.items():
            if node in self._beats:
                for agent, (name, is_in) in _people.decode(who).items():
                    others[agent] = name, is_in or others.get(agent, ("", False))[1]
        actor.mailbox.put_control(RollCalled(others))
