"""A node: one process with its actors. The directory that finds or starts them, and the one sweep that looks after time.

Nothing here is global: the composition root builds a node from its parts (`web.serve`), a simulation builds several.
"""

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Any

from actors import wire
from actors.agent import AgentActor
from actors.append import Storage, StorageUnavailable
from actors.close import Close
from actors.delivery import Notice
from actors.erasure import Erasure
from actors.file import Files
from actors.file_retention import FileRetention
from actors.identity import Identity
from actors.joining import Joining
from actors.live import Live
from actors.option import Options
from actors.participant import Participant
from actors.port import Clock, Log
from actors.rate import BURST_S, Bucket
from actors.refused import RefusedClaims
from actors.retention import Retention
from actors.revocation import Revocation
from actors.roll import RollCaller
from actors.session import Session
from actors.store import StoreActor
from actors.store_message import ChatGone, TailLost
from actors.tally import Tally
from actors.task import Tasks
from actors.turnstile import Turnstile
from actors.user import UserActor
from actors.withdrawal import Withdrawals

SWEEP_S = 0.5
"""Between two looks at every session; less where the heartbeat is short."""


class Node:
    """Everything of it runs in `tasks`, which belongs to whoever builds the node."""

    def __init__(self, *, storage: Storage, clock: Clock, log: Log, tally: Tally, options: Options, tasks: Tasks) -> None:
        self.storage = storage
        self.clock = clock
        self.log = log
        self.tally = tally
        self.options = options
        self.sessions: set[Session] = set()
        self.users: dict[str, UserActor] = {}
        self.agents: dict[str, AgentActor] = {}
        self.stores: dict[str, StoreActor] = {}
        self.users_of: dict[str, dict[str, UserActor]] = {}
        """Store to the users who are online here and have a chat there."""
        self.agents_of: dict[str, dict[str, AgentActor]] = {}
        """Store to the agents who are there: with a session, or gone for a moment."""
        self.refused_claims = RefusedClaims(self)
        self.buckets: dict[tuple[str, str], Bucket] = {}
        """Side and id to the rate of an identity that has just left."""
        self.online = 0
        """The number of open sessions that have said hello."""
        self.draining = False
        self.files: Files | None = None
        """Where the files lie that messages name."""
        self.withdrawals = Withdrawals()
        self.revocation = Revocation(self)
        self.joining = Joining(self)
        self.erasure = Erasure(self)
        self.live = Live(self)
        self.roll = RollCaller(self)
        self.turnstile = Turnstile()
        """Through which openings go."""
        self.sweep_s = min(SWEEP_S, options.heartbeat_s / 5)
        self._tasks = tasks
        storage.on_rollback = self.rolled_back

    def spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Runs work that belongs to no mailbox: a read, a session's catch-up."""
        return self._tasks.start(work)

    @property
    def tasks(self) -> int:
        """How many tasks it has under way."""
        return len(self._tasks)

    # Sessions.

    def open(self, authenticate: Callable[[str], Identity]) -> Session:
        """A session for a socket that has just been accepted."""
        session = Session(self, secrets.token_urlsafe(9), authenticate)
        self.sessions.add(session)
        self.tally.sessions_opened += 1
        return session

    def join(self, session: Session, identity: Identity) -> Participant | None:
        """The actor of the identity with the session attached; None if it has too many."""
        participant = self._user(identity) if identity.role == "user" else self._agent(identity)
        if not participant.attach(session):
            return None
        self.online += 1
        return participant

    def leave(self, session: Session) -> None:
        """The session's socket is gone."""
        self.sessions.discard(session)
        if session.participant is not None:
            self.online -= 1
            session.participant.detach(session)

    # The directory.

    def store(self, store: str) -> StoreActor:
        """The store's actor, started if it is not there."""
        actor = self.stores.get(store)
        if actor is None:
            actor = self.stores[store] = StoreActor(store, self)
            self._tasks.start(actor.run())
        return actor

    def _user(self, identity: Identity) -> UserActor:
        actor = self.users.get(identity.id)
        if actor is None:
            actor = self.users[identity.id] = UserActor(self, identity)
            self.live.review_user(identity.id)
            self._tasks.start(actor.run())
        return actor

    def _agent(self, identity: Identity) -> AgentActor:
        actor = self.agents.get(identity.id)
        if actor is None:
            actor = self.agents[identity.id] = AgentActor(self, identity)
            self._tasks.start(actor.run())
        return actor

    def forget_user(self, actor: UserActor) -> None:
        """The actor has ended."""
        if self.users.get(actor.identity.id) is actor:
            del self.users[actor.identity.id]
        _forget(self.users_of, actor, actor.stores)
        self.live.review_user(actor.identity.id)
        for store in actor.stores:
            self.live.review_chat(store, actor.identity.id)

    def forget_agent(self, actor: AgentActor) -> None:
        """The actor has ended."""
        if self.agents.get(actor.identity.id) is actor:
            del self.agents[actor.identity.id]
        _forget(self.agents_of, actor, actor.stores)
        for store in actor.stores:
            self.live.review_store(store)

    def forget_agent_in(self, actor: AgentActor, store: str) -> None:
        """The agent is not there any more."""
        _forget(self.agents_of, actor, (store,))
        self.live.review_store(store)

    def forget_store(self, actor: StoreActor) -> None:
        """The actor has ended."""
        if self.stores.get(actor.store) is actor:
            del self.stores[actor.store]

    def chat_gone(self, store: str, user: str) -> None:
        """The chat is gone from the storage: once all that was told of it before has been passed on, so is it from here."""
        if store in self.stores:
            self.stores[store].mailbox.put_control(ChatGone(user))
        else:
            self.forget_chat(store, user)

    def forget_chat(self, store: str, user: str) -> None:
        """What clients have of the chat follows nothing any more: its user's and the store's agents' come again."""
        there: list[Participant] = list(self.agents_of.get(store, {}).values())
        if (actor := self.users.get(user)) is not None:
            there.append(actor)
            actor.tails.pop(store, None)
            actor.stores.discard(store)
            _forget(self.users_of, actor, (store,))
            self.live.review_chat(store, user)
        for session in [session for participant in there for session in participant.sessions if session.enters(store)]:
            # Who is still opening may have been shown what is gone.
            if store in session.tracks or not session.ready:
                session.end(Close.LOST_PLACE)

    def announce(self, notice: Notice) -> None:
        """Tells it to whoever of the store, or with a chat there, is here."""
        for there in (self.agents_of, self.users_of):
            for participant in there.get(notice.store, {}).values():
                participant.tell(notice)

    def rolled_back(self) -> None:
        """The storage is behind what was seen of it: a new generation begins, and everybody comes again."""
        self.spawn(self._renew())
        for store in dict.fromkeys((*self.stores, *self.agents_of, *self.users_of)):
            self._forget_tail(store)
        for session in tuple(self.sessions):
            if session.identity is not None:
                session.end(Close.LOST_PLACE)

    def lost_tail(self, store: str) -> None:
        """The storage is behind what was delivered of a store: a new generation begins, and whoever follows the store comes again."""
        self.spawn(self._renew())
        self._forget_tail(store)

    def _forget_tail(self, store: str) -> None:
        for there in (self.agents_of, self.users_of):
            for participant in there.get(store, {}).values():
                participant.tails.pop(store, None)
                for session in participant.sessions:
                    if store in session.tracks:
                        session.end(Close.LOST_PLACE)
        if store in self.stores:
            self.stores[store].mailbox.put_control(TailLost())

    async def _renew(self) -> None:
        while True:
            try:
                await self.storage.renew_generation()
            except StorageUnavailable:
                await asyncio.sleep(1.0)
            else:
                return

    # Time.

    async def run(self) -> None:
        """Wakes the stores in which somebody owns a chat, then sweeps until cancelled."""
        self.wake_stores()
        self.spawn(self.revocation.follow())
        self.spawn(self.live.run())
        self.spawn(self.roll.run())
        if self.options.keep_s:
            self.spawn(Retention(self).run())
            if self.files is not None:
                self.spawn(FileRetention(self, self.files).run())
        while True:
            await asyncio.sleep(self.sweep_s)
            now_s, now_ms = self.clock.monotonic_s(), self.clock.wall_ms()
            for session in tuple(self.sessions):
                try:
                    self._sweep_session(session, now_s, now_ms)
                except Exception as error:
                    self.log.error("session_not_swept", session=session.name, error=repr(error), exc_info=error)
                    session.end(Close.LOST_PLACE)
            for key in [key for key, bucket in self.buckets.items() if now_s - bucket.at_s > BURST_S]:
                del self.buckets[key]
            for actor in tuple(self.stores.values()):
                if actor.is_idle(now_s):
                    self.forget_store(actor)
                    actor.stop()

    def wake_stores(self) -> None:
        """Somebody may have gone who owned chats, in stores that nobody here looks after: a node has died, or this one begins."""
        self.spawn(self._wake_stores())

    async def _wake_stores(self) -> None:
        """An owner who vanished with a process that died is watched by those that live."""
        stores: tuple[str, ...] | None = None
        while stores is None:
            try:
                stores = await self.storage.stores_with_claims()
            except Exception as error:  # noqa: BLE001 - whatever it was, nobody's chat may stay with the dead
                self.log.warning("stores_with_claims_not_read", error=repr(error))
                await asyncio.sleep(1.0)
        for store in stores:
            self.store(store)

    def _sweep_session(self, session: Session, now_s: float, now_ms: int) -> None:
        options = self.options
        session.on_beat()
        if session.identity is None:
            if now_s - session.opened_s > options.hello_s:
                session.end(Close.PROTOCOL)
            return
        if (session.identity.expires_s + options.leeway_s) * 1000 <= now_ms:
            session.end(Close.TOKEN)
        elif session.writing_since_s is not None and now_s - session.writing_since_s > options.stall_s:
            session.end(Close.SLOW_READER)
        if session.ready and now_s - session.written_s > options.heartbeat_s - 2 * self.sweep_s:
            session.push(wire.PING)

    async def drain(self, patience_s: float, farewell_s: float) -> None:
        """No new sessions; every accepted command is finished, or given `patience_s`; every session ends with 1001 and has
        `farewell_s` to take it."""
        self.draining = True
        try:
            async with asyncio.timeout(patience_s):
                await asyncio.gather(*(session.drain() for session in tuple(self.sessions)))
        except TimeoutError:
            self.log.warning("drained with commands unanswered")
        for session in tuple(self.sessions):
            session.end(Close.DRAINING)
        with suppress(TimeoutError):
            async with asyncio.timeout(farewell_s):
                while self.sessions:  # noqa: ASYNC110 - they go one by one, each when its socket does
                    await asyncio.sleep(0.02)
        for session in tuple(self.sessions):
            session.on_stuck()
        await self.refused_claims.write()
        await self.roll.leave()


def _forget(there: dict[str, dict[str, Any]], actor: Participant, stores: Iterable[str]) -> None:
    id = actor.identity.id
    for store in stores:
        here = there.get(store, {})
        if here.get(id) is actor:
            del here[id]
            if not here:
                del there[store]
