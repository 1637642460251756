"""Withdrawing access: made durable, known to every node within a second or so, and carried out.

    revoke -> durable -> known here: sessions end -> off the roster, chats given back -> the same once more, a moment later
                           |
    every other node hears of it, or reads what is new once a second: its sessions end

What each node knows stands in its memory (`actors.withdrawal`), so a token is checked without waiting for anything. The second round is
for what a session on another node did before that node knew: it may have claimed a chat, or come back to the roster.
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from actors.append import Committed, StorageUnavailable
from actors.attendance import give_back_request
from actors.close import Close
from actors.event import AgentLeft
from actors.identity import IdentitySide
from actors.news import AccessWithdrawn
from actors.request import Waiting
from actors.rule import Accepted
from actors.withdrawal import Withdrawal

if TYPE_CHECKING:
    from actors.node import Node

READ_S = 1.0
WHOLE_S = 30.0
"""After this long, and after an outage of the storage, everything is read again."""
OVERLAP_MS = 10_000
"""Clocks of nodes may differ: what is a little older than the newest is read again."""
AGAIN_S = 2.0
AGAIN_TRIES = 30
SOME = 256
"""Chats given back at a time."""


class Revoked(msgspec.Struct, frozen=True, kw_only=True):
    """What a withdrawal has done here: since when it holds, how many sessions it ended on this node, and in `stores` the agent was on the
    roster, with `chats` that went back to the queue."""

    at: int
    sessions: int
    stores: tuple[str, ...] = ()
    chats: int = 0


class Revocation:
    """A part of a node."""

    def __init__(self, node: "Node") -> None:
        self._node = node
        self._whole_s = -WHOLE_S
        self._outages = -1

    async def read(self) -> None:
        """Reads what is new and ends the sessions that it stops; raises `StorageUnavailable`."""
        node = self._node
        now_s, outages = node.clock.monotonic_s(), node.storage.outages
        whole = now_s - self._whole_s >= WHOLE_S or outages != self._outages
        newest = min(node.withdrawals.newest, node.clock.wall_ms())
        self._learn(await node.storage.withdrawals(0 if whole else max(0, newest - OVERLAP_MS)))
        if whole:
            self._whole_s, self._outages = now_s, outages

    def read_now(self) -> None:
        """Another node has withdrawn somebody's access a moment ago."""
        self._node.spawn(self._read_once())

    async def _read_once(self) -> None:
        with suppress(StorageUnavailable):
            await self.read()

    async def follow(self) -> None:
        """Reads what is new, again and again."""
        while True:
            try:
                await self.read()
            except StorageUnavailable:
                pass  # the storage actor has told it
            except Exception as error:
                self._node.log.error("withdrawals_not_read", error=repr(error), exc_info=error)
            await asyncio.sleep(READ_S)

    async def revoke(self, side: IdentitySide, id: str, store: str | None) -> Revoked:
        """Withdraws the access of an identity to a store, or to all. Returns when it is durable and carried out as far as this node can
        see; raises `StorageUnavailable`, after which it may be asked for again."""
        moment = await self._node.storage.withdraw(Withdrawal(side, id, store, self._node.clock.wall_ms()))
        self._node.live.tell(AccessWithdrawn())
        sessions = self._learn((Withdrawal(side, id, store, moment),))
        if side != "agent":
            return Revoked(at=moment, sessions=sessions)
        self._node.spawn(self._dismiss_again(id, store))
        stores, chats = await self._dismiss(id, store)
        return Revoked(at=moment, sessions=sessions, stores=stores, chats=chats)

    def _learn(self, withdrawals: Iterable[Withdrawal]) -> int:
        """Ends the sessions that are stopped by what is new; how many."""
        node = self._node
        if not sum(node.withdrawals.add(withdrawal) for withdrawal in withdrawals):
            return 0
        stopped = [session for session in node.sessions if session.close_code is None and session.is_withdrawn()]
        for session in stopped:
            session.end(Close.WITHDRAWN)
        return len(stopped)

    # What an agent leaves behind.

    async def _dismiss_again(self, agent: str, store: str | None) -> None:
        for _ in range(AGAIN_TRIES):
            await asyncio.sleep(AGAIN_S)
            try:
                await self._dismiss(agent, store)
            except StorageUnavailable:
                continue
            return
        self._node.log.warning("withdrawal_not_carried_out", agent=agent)

    async def _dismiss(self, agent: str, store: str | None) -> tuple[tuple[str, ...], int]:
        """Takes the agent off the rosters and gives its chats back. Not where it is with a token that is not stopped."""
        stores = await self._node.storage.stores_of_agent(agent) if store is None else (store,)
        left, chats = [], 0
        for name in sorted(stores):
            before = await self._node.storage.load_store(name)
            if self._is_welcome(agent, name):
                continue
            if not isinstance(await self._node.store(name).keep(AgentLeft(agent=agent)), Committed):
                raise StorageUnavailable
            if agent in before.roster:
                left.append(name)
            chats += await self._give_back(agent, name)
        return tuple(left), chats

    def _is_welcome(self, agent: str, store: str) -> bool:
        there = self._node.agents.get(agent)
        return there is not None and any(session.close_code is None and session.enters(store) for session in there.sessions)

    async def _give_back(self, agent: str, store: str) -> int:
        storage, actor = self._node.storage, self._node.store(store)
        # The fence is read first: whoever came after it keeps its chats, and the second round looks again.
        arrivals = (await storage.load_store(store)).arrivals.get(agent, 0)
        users = (await storage.owned(store)).get(agent, ())
        given = 0
        for start in range(0, len(users), SOME):
            waiting = [Waiting() for _ in users[start : start + SOME]]
            requests = [give_back_request(asker, user, agent, arrivals) for asker, user in zip(waiting, users[start:], strict=False)]
            for request in requests:
                if not actor.tell(request):
                    raise StorageUnavailable
            for asker, request in zip(waiting, requests, strict=True):
                refused = await asker.answered
                if refused is None:
                    given += isinstance(request.decision, Accepted) and bool(request.decision.events)
                elif refused.code != "not_owner":  # that the agent has come back meanwhile is no failure
                    raise StorageUnavailable
        return given
