"""An agent actor: one agent or supervisor with its sessions on this node, and what agents may say."""

import asyncio
from typing import TYPE_CHECKING, Any

from actors import frame as f
from actors import wire
from actors.append import Append, Committed, Duplicate, Failed, Outcome, Reused, StorageUnavailable
from actors.command import AddNote, ClaimChat, Command, ReleaseChat, ResolveChat, TakeOverChat, TransferChat
from actors.delivery import Notice
from actors.event import AgentArrived, AgentLeft, AvailabilitySet, CursorMoved, Event
from actors.identity import Identity
from actors.participant import Participant, parse_before
from actors.refusal import Refused
from actors.request import StoreRequest, content_digest, sender_digest
from actors.store_message import AgentBack, AgentDeparted, AgentGone, ShowTyping, WelcomeAgent

if TYPE_CHECKING:
    from actors.node import Node
    from actors.session import Session

AGENT_RATE = 10
"""Agents may say this many times as much as users."""


class AgentActor(Participant):
    """One for each agent with a session on this node, and for a moment after."""

    kind = "agent"
    side = "store"

    def __init__(self, node: "Node", identity: Identity) -> None:
        super().__init__(node, identity, node.options.rate * AGENT_RATE)
        self.stores: set[str] = set()
        """The stores in which this agent is there."""
        self._leaving: asyncio.TimerHandle | None = None

    # Sessions.

    def attach(self, session: "Session") -> bool:
        """See `Participant`."""
        if not super().attach(session):
            return False
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None
        self._enter(self.identity.stores or frozenset())
        return True

    def detach(self, session: "Session") -> None:
        """See `Participant`. Others see it leave a moment later, so that a refresh is silent."""
        super().detach(session)
        if not self.sessions and not self._stopped:
            for store in self.stores:
                self._store(store).mailbox.put_control(AgentGone(self.identity.id))
            self._leaving = asyncio.get_running_loop().call_later(self.node.options.linger_s, self._depart)

    def _enter(self, stores: frozenset[str]) -> None:
        for store in stores:
            if store not in self.stores:
                self.stores.add(store)
                self.node.agents_of.setdefault(store, {})[self.identity.id] = self
            self._store(store).mailbox.put_control(AgentBack(self.identity.id))

    def _leave(self, store: str) -> None:
        self.stores.discard(store)
        there = self.node.agents_of.get(store, {})
        there.pop(self.identity.id, None)
        if not there:
            self.node.agents_of.pop(store, None)
        self.tails.pop(store, None)
        self._store(store).mailbox.put_control(AgentDeparted(self.identity.id))

    def _depart(self) -> None:
        for store in list(self.stores):
            self._leave(store)
        self.node.forget_agent(self)
        self.stop()

    def ended(self) -> None:
        """See `Participant`. After a crash the stores hear that the agent is gone; its clients come back to a new actor."""
        self.node.forget_agent(self)
        super().ended()
        if self._leaving is not None:
            self._leaving.cancel()
        for store in self.stores:
            self._store(store).mailbox.put_control(AgentDeparted(self.identity.id))
            self._store(store).mailbox.put_control(AgentGone(self.identity.id))

    def welcomed(self, session: "Session") -> None:
        """See `Participant`."""
        assert session.identity is not None
        for store in session.identity.stores or ():
            self._store(store).tell(WelcomeAgent(session))

    async def arrive(self, stores: list[str]) -> None:
        """See `Participant`: durable, and so is the leaving of stores that the token does not name any more."""
        identity = self.identity
        name = identity.party.owner.name
        at = self.node.clock.wall_ms()
        arrivals = [self._keep(store, AgentArrived(agent=identity.id, name=name, at=at)) for store in stores]
        for outcome in await asyncio.gather(*arrivals):
            if not isinstance(outcome, Committed):
                raise StorageUnavailable
        listed = await self.node.storage.stores_of_agent(identity.id)
        for store in listed:
            if store not in (identity.stores or ()):
                await self._keep(store, AgentLeft(agent=identity.id))

    def _keep(self, store: str, event: Event) -> "asyncio.Future[Outcome]":
        kept: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

        def done(outcome: Outcome) -> None:
            if not kept.done():
                kept.set_result(outcome)

        append = Append(store=store, events=(event,), tails=(b"",), size=100)
        if not self._store(store).tell(StoreRequest(append=append, done=done)):
            done(Failed("overloaded"))
        return kept

    def entitle(self, session: "Session", before: Identity, fresh: Identity) -> None:
        """See `Participant`."""
        self.identity = fresh
        old, new = before.stores or frozenset(), fresh.stores or frozenset()
        for store in old - new:
            session.tracks.pop(store, None)
            if not any(store in (other.identity.stores or ()) for other in self.sessions if other.identity is not None):
                self._leave(store)
            self._keep(store, AgentLeft(agent=fresh.id))
        self._enter(new - old)
        for store in sorted(new - old):
            self.node.spawn(self._add_store(session, store))

    async def _add_store(self, session: "Session", store: str) -> None:
        try:
            await session.catchup.add_store(store)
        except StorageUnavailable:
            session.fall_behind()
        else:
            self._store(store).tell(WelcomeAgent(session))

    # Frames.

    def _heard(self, session: "Session", frame: f.Frame) -> None:
        match frame:
            case f.Received():
                self._received(session, frame)
            case f.Typing():
                self._typing(session, frame)
            case f.Hello() | f.Renew() | f.Ping() | f.Pong():
                raise TypeError(frame)
            case _:
                if self._may_ask(session, frame):
                    self._command(session, frame)

    def _command(self, session: "Session", frame: Any) -> None:
        match frame:
            case f.Send(user=user) | f.Read(user=user) | f.History(user=user) if user is None:
                session.refuse(frame.id, Refused(code="bad_frame"))
            case f.Send(user=str(user)):
                self._send(session, frame, user)
            case f.Note():
                self._note(session, frame)
            case f.Claim() | f.Release() | f.Transfer() | f.TakeOver() | f.Resolve():
                self._own(session, frame)
            case f.Read(user=str(user)):
                if self._is_allowed(session, frame):
                    self._read(session, frame, user)
            case f.History(user=str(user)):
                if self._is_allowed(session, frame):
                    self._history(session, frame, user)
            case f.Chats():
                self._list(session, frame)
            case f.Availability():
                self._set_availability(session, frame)
            case f.Announce():
                self._announce(session, frame)
            case _:
                raise TypeError(frame)

    def _note(self, session: "Session", frame: f.Note) -> None:
        body = self._body(session, frame.id, "text", frame.body)
        if body is not None and self._is_allowed(session, frame):
            assert session.identity is not None
            self._ask(session, frame, frame.user, AddNote(by=session.identity.party, id=frame.id, body=body), body)

    def _own(self, session: "Session", frame: f.Claim | f.Release | f.Transfer | f.TakeOver | f.Resolve) -> None:
        limit = self.node.options.agent_limit
        assert session.identity is not None
        by = session.identity.party
        command: Command
        content: tuple[str | bytes | int | None, ...] = ()
        match frame:
            case f.Claim():
                command = ClaimChat(by=by, id=frame.id, limit=limit)
            case f.Release():
                command = ReleaseChat(by=by, id=frame.id, expected_epoch=frame.epoch)
                content = (frame.epoch,)
            case f.Transfer():
                if frame.note is not None and self._body(session, frame.id, "text", wire.text({"text": frame.note})) is None:
                    return
                command = TransferChat(by=by, id=frame.id, to=frame.to, note=frame.note, limit=limit, expected_epoch=frame.epoch)
                content = (frame.to, frame.note, frame.epoch)
            case f.TakeOver():
                command = TakeOverChat(by=by, id=frame.id, limit=limit)
            case f.Resolve():
                command = ResolveChat(by=by, id=frame.id, expected_epoch=frame.epoch)
                content = (frame.epoch,)
        if not self._is_allowed(session, frame):
            return
        if isinstance(frame, f.TakeOver) and by.role != "supervisor":
            session.refuse(frame.id, Refused(code="forbidden"))
            return
        self._ask(session, frame, frame.user, command, *content)

    def _list(self, session: "Session", frame: f.Chats) -> None:
        try:
            after = parse_before(frame.before)
        except ValueError:
            session.refuse(frame.id, Refused(code="bad_frame"))
            return
        if self._is_allowed(session, frame):
            self._chats(session, frame, None, after)

    def _received(self, session: "Session", frame: f.Received) -> None:
        if frame.offset is None:
            session.complain(None, "bad_frame")
        elif not self._enters(session, frame.store):
            session.complain(None, "forbidden")
        else:
            self._keep(frame.store, CursorMoved(agent=self.identity.id, offset=min(frame.offset, f.NUMBER_LIMIT)))

    def _typing(self, session: "Session", frame: f.Typing) -> None:
        if frame.user is None:
            session.complain(None, "bad_frame")
        elif not self._enters(session, frame.store):
            session.complain(None, "forbidden")
        elif not self._bucket.take(self.node.clock.monotonic_s()):
            self._store(frame.store).tell(ShowTyping(self.identity.party, frame.user, frame.on))

    # What concerns a store as a whole.

    def _set_availability(self, session: "Session", frame: f.Availability) -> None:
        assert session.identity is not None
        stores = sorted(session.identity.stores or ())
        outcomes: list[Outcome] = []

        def done(outcome: Outcome) -> None:
            outcomes.append(outcome)
            if len(outcomes) == len(stores):
                _conclude(session, frame.id, outcomes)

        event = AvailabilitySet(agent=self.identity.id, away=frame.status == "away")
        for store in stores:
            self._remember(session, store, frame.id, content_digest("availability", frame.status), (event,), done)

    def _announce(self, session: "Session", frame: f.Announce) -> None:
        body = self._body(session, frame.id, "text", frame.body)
        if body is None or not self._is_allowed(session, frame):
            return
        assert session.identity is not None
        if session.identity.role != "supervisor":
            session.refuse(frame.id, Refused(code="forbidden"))
            return

        def done(outcome: Outcome) -> None:
            if isinstance(outcome, Committed):
                notice = Notice(wire.notice(frame.store, body, self.node.clock.wall_ms()))
                for there in (self.node.agents_of, self.node.users_of):
                    for participant in there.get(frame.store, {}).values():
                        participant.tell(notice)
            _conclude(session, frame.id, [outcome])

        self._remember(session, frame.store, frame.id, content_digest("announce", body), (), done)

    def _remember(self, session: "Session", store: str, id: str, content: bytes, events: tuple[Event, ...], done: Any) -> None:
        assert session.identity is not None
        append = Append(store=store, sender=sender_digest("agent", session.identity.id, id), content=content, records=True)
        append.events, append.tails, append.size = events, (b"",) * len(events), 100
        if not self._store(store).tell(StoreRequest(append=append, done=done)):
            done(Failed("overloaded"))


def _conclude(session: "Session", id: str, outcomes: list[Outcome]) -> None:
    """One answer for what was asked of one or more stores."""
    if any(isinstance(outcome, Reused) for outcome in outcomes):
        session.refuse(id, Refused(code="id_reused"))
    elif all(isinstance(outcome, Committed | Duplicate) for outcome in outcomes):
        known = all(isinstance(outcome, Duplicate) and not outcome.recovered for outcome in outcomes)
        session.acknowledge(id, b"", duplicate=known)
    else:
        codes = [outcome.reason for outcome in outcomes if isinstance(outcome, Failed)]
        session.refuse(id, Refused(code=codes[0] if codes and codes[0] in ("overloaded", "internal") else "unavailable"))
