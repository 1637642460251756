"""An agent actor: one agent or supervisor with its sessions on this node, and what agents may say."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from actors import frame as f
from actors import wire
from actors.append import Append, Committed, Duplicate, Failed, Outcome, Reused, StorageUnavailable
from actors.body import BODY_LIMIT
from actors.close import Close
from actors.command import AddNote, ClaimChat, Command, ReleaseChat, RequeueChat, ResolveChat, TakeOverChat, TransferChat
from actors.configuring import configure
from actors.delivery import Notice
from actors.earlier import earlier
from actors.event import AgentArrived, AgentLeft, AvailabilitySet, CursorMoved, Event
from actors.identity import Identity
from actors.news import NoticeTold
from actors.participant import Participant
from actors.rate import Bucket
from actors.refusal import Refused
from actors.request import Done, StoreRequest, content_digest, sender_digest
from actors.search import SEARCH_RATE, search
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
        searches = node.buckets.pop(("search", identity.id), None)
        rate = SEARCH_RATE if node.options.rate else 0.0
        self._searches = Bucket(rate, node.clock.monotonic_s()) if searches is None else searches
        self.stores: dict[str, asyncio.TimerHandle | None] = {}
        """The stores in which this agent is there; with a timer, those that no session's token names any more."""

    # Sessions.

    def attach(self, session: "Session") -> bool:
        """See `Participant`."""
        if not super().attach(session):
            return False
        self._review()
        return True

    def detach(self, session: "Session") -> None:
        """See `Participant`."""
        super().detach(session)
        if not self._stopped:
            self._review()

    def is_in(self, store: str) -> bool:
        """Whether a session's token names the store."""
        return any(session.identity is not None and session.identity.may_enter(store) for session in self.sessions)

    def _review(self) -> None:
        """Compares where this agent is there with what the tokens of its sessions name. Others see it leave a store a moment later,
        so that a refresh is silent; its grace period begins at once."""
        named = {store for session in self.sessions if session.identity is not None for store in session.identity.stores or ()}
        for store in named:
            leaving = self.stores.get(store)
            if leaving is not None:
                leaving.cancel()
            if store not in self.stores:
                self.node.agents_of.setdefault(store, {})[self.identity.id] = self
                self.node.live.review_store(store)
            if store not in self.stores or leaving is not None:
                self.stores[store] = None
                self._store(store).mailbox.put_control(AgentBack(self.identity.id))
        for store, leaving in self.stores.items():
            if store not in named and leaving is None:
                self.stores[store] = asyncio.get_running_loop().call_later(self.node.options.linger_s, self._leave, store)
                self._store(store).mailbox.put_control(AgentGone(self.identity.id))

    def _leave(self, store: str) -> None:
        del self.stores[store]
        self.node.forget_agent_in(self, store)
        self.tails.pop(store, None)
        self._store(store).mailbox.put_control(AgentDeparted(self.identity.id))
        if not self.stores and not self.sessions:
            self.node.forget_agent(self)
            self.stop()

    def ended(self) -> None:
        """See `Participant`. After a crash the stores hear that the agent is gone; its clients come back to a new actor."""
        self.node.forget_agent(self)
        self.node.buckets["search", self.identity.id] = self._searches
        super().ended()
        for store, leaving in self.stores.items():
            if leaving is not None:
                leaving.cancel()
            self._store(store).mailbox.put_control(AgentDeparted(self.identity.id))
            self._store(store).mailbox.put_control(AgentGone(self.identity.id))
        self.stores = {}

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
        # By the newest token: another tab may have brought a store meanwhile.
        await asyncio.gather(*(self._keep(store, AgentLeft(agent=identity.id)) for store in listed if not self.identity.may_enter(store)))

    def _keep(self, store: str, event: Event) -> "asyncio.Future[Outcome]":
        return self._store(store).keep(event)

    def entitle(self, session: "Session", before: Identity, fresh: Identity) -> None:
        """See `Participant`."""
        self.identity = fresh
        old, new = before.stores or frozenset(), fresh.stores or frozenset()
        for store in old - new:
            session.tracks.pop(store, None)
            self._keep(store, AgentLeft(agent=fresh.id))
        self._review()
        for store in sorted(new - old):
            self.node.spawn(self._add_store(session, store))

    async def _add_store(self, session: "Session", store: str) -> None:
        try:
            await session.catchup.add_store(store)
        except StorageUnavailable:
            session.end(Close.OVERLOADED)
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

    def _command(self, session: "Session", frame: Any) -> None:  # noqa: C901 - one case for each command
        match frame:
            case f.Send(user=str(user)):
                self._send(session, frame, user)
            case f.Note():
                self._note(session, frame)
            case f.Claim() | f.Release() | f.Transfer() | f.TakeOver() | f.Requeue() | f.Resolve():
                self._own(session, frame)
            case f.Read(user=str(user)):
                if self._is_allowed(session, frame):
                    self._read(session, frame, user)
            case f.History(user=str(user)):
                if self._is_allowed(session, frame):
                    self._history(session, frame, user)
            case f.Chats():
                if self._is_allowed(session, frame):
                    self._chats(session, frame, None)
            case f.Search():
                if self._is_allowed(session, frame):
                    self._search(session, frame)
            case f.Profile():
                if self._is_allowed(session, frame):
                    self._profile(session, frame)
            case f.Context(user=str(user)):
                if self._is_allowed(session, frame):
                    self._context(session, frame, user)
            case f.Configure():
                self._configure(session, frame)
            case f.Figures():
                self._figures(session, frame)
            case f.End() | f.Rate():
                session.refuse(frame.id, Refused(code="forbidden"))
            case f.Availability():
                self._set_availability(session, frame)
            case f.Announce():
                self._announce(session, frame)
            case _:
                raise TypeError(frame)

    def _note(self, session: "Session", frame: f.Note) -> None:
        body = self._body(session, frame)
        if body is not None and self._is_allowed(session, frame):
            assert session.identity is not None
            self._ask(session, frame, frame.user, AddNote(by=session.identity.party, id=frame.id, body=body), body)

    def _own(self, session: "Session", frame: f.Claim | f.Release | f.Transfer | f.TakeOver | f.Requeue | f.Resolve) -> None:
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
                if frame.note is not None and len(wire.text({"text": frame.note})) > BODY_LIMIT:
                    session.refuse(frame.id, Refused(code="too_large"))
                    return
                command = TransferChat(by=by, id=frame.id, to=frame.to, note=frame.note, limit=limit, expected_epoch=frame.epoch)
                content = (frame.to, frame.note, frame.epoch)
            case f.TakeOver():
                command = TakeOverChat(by=by, id=frame.id, limit=limit)
            case f.Requeue():
                command = RequeueChat(by=by, id=frame.id, expected_epoch=frame.epoch)
                content = (frame.epoch,)
            case f.Resolve():
                command = ResolveChat(by=by, id=frame.id, expected_epoch=frame.epoch)
                content = (frame.epoch,)
        if not self._is_allowed(session, frame):
            return
        if isinstance(frame, f.TakeOver | f.Requeue) and by.role != "supervisor":
            session.refuse(frame.id, Refused(code="forbidden"))
            return
        self._ask(session, frame, frame.user, command, *content)

    def _context(self, session: "Session", frame: f.Context, user: str) -> None:
        async def answer() -> bytes | Refused:
            stretches = await earlier(self.node.storage, frame.store, user)
            if stretches is None:
                return await self._missing(frame.store)
            at, said = await self.node.storage.load_context(frame.store, user) or (None, b"null")
            about = b'"id":"%b","store":"%b","user":"%b"' % (frame.id.encode(), frame.store.encode(), user.encode())
            return b'{"type":"context",%b,"context":%b,"at":%b,"earlier":%b}' % (about, said, wire.text(at), wire.text(stretches))

        self._query(session, frame.id, answer)

    def _configure(self, session: "Session", frame: f.Configure) -> None:
        assert session.identity is not None
        if not self._is_allowed(session, frame):
            return
        if session.identity.role != "supervisor":
            session.refuse(frame.id, Refused(code="forbidden"))
            return
        self._query(session, frame.id, lambda: configure(session, frame))

    def _received(self, session: "Session", frame: f.Received) -> None:
        assert frame.offset is not None
        if self._enters(session, frame.store):
            self.receipts.take(frame.store, min(frame.offset, f.NUMBER_LIMIT))
        else:
            session.complain(None, "forbidden")

    def _keep_receipt(self, store: str, number: int, done: Callable[[], None]) -> None:
        append = Append(store=store, events=(CursorMoved(agent=self.identity.id, offset=number),), tails=(b"",), size=100)
        if not self._store(store).tell(StoreRequest(append=append, done=lambda _: done())):
            done()

    def _typing(self, session: "Session", frame: f.Typing) -> None:
        assert frame.user is not None
        if not self._enters(session, frame.store):
            session.complain(None, "forbidden")
        elif not self._bucket.take(self.node.clock.monotonic_s()):
            self._store(frame.store).tell(ShowTyping(self.identity.party, frame.user, frame.on))

    # What concerns a store as a whole.

    def _search(self, session: "Session", frame: f.Search) -> None:
        wait_s = self._searches.take(self.node.clock.monotonic_s())
        if wait_s:
            self._refuse_temporarily(self._at_hand, Refused(code="rate_limited", retry_after_s=wait_s))
            return
        storage, store, user = self.node.storage, frame.store, frame.user

        async def answer() -> bytes | Refused:
            if user is not None:
                (record,) = await storage.load_chats(store, (user,))
                if not record.chat.exists:
                    return await self._missing(store)
            before = None if frame.before is None else int(frame.before)
            return wire.found(frame.id, store, await search(storage, store, user, frame.text, before, frame.limit))

        self._query(session, frame.id, answer)

    def _figures(self, session: "Session", frame: f.Figures) -> None:
        if not self._is_allowed(session, frame):
            return
        assert session.identity is not None
        if session.identity.role != "supervisor":
            session.refuse(frame.id, Refused(code="forbidden"))
            return

        async def answer() -> bytes:
            since = None if frame.since is None else min(frame.since, f.NUMBER_LIMIT)
            return wire.text({"type": "figures", "id": frame.id} | await self._store(frame.store).figures.answer(since))

        self._query(session, frame.id, answer)

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
        body = self._body(session, frame)
        if body is None or not self._is_allowed(session, frame):
            return
        assert session.identity is not None
        if session.identity.role != "supervisor":
            session.refuse(frame.id, Refused(code="forbidden"))
            return

        def happened() -> None:
            notice = Notice(frame.store, wire.notice(frame.store, body, self.node.clock.wall_ms()))
            self.node.announce(notice)
            self.node.live.tell(NoticeTold(notice.store, notice.frame))

        def done(outcome: Outcome) -> None:
            _conclude(session, frame.id, [outcome])

        self._remember(session, frame.store, frame.id, content_digest("announce", body), (), done, happened)

    def _remember(
        self,
        session: "Session",
        store: str,
        id: str,
        content: bytes,
        events: tuple[Event, ...],
        done: Done,
        happened: Callable[[], None] | None = None,
    ) -> None:
        assert session.identity is not None
        append = Append(store=store, sender=sender_digest("agent", session.identity.id, id), content=content, records=True)
        append.events, append.tails, append.size = events, (b"",) * len(events), 100
        if not self._store(store).tell(StoreRequest(append=append, done=done, happened=happened)):
            done(Failed("the mailbox is full", "overloaded"))


def _conclude(session: "Session", id: str, outcomes: list[Outcome]) -> None:
    """One answer for what was asked of one or more stores."""
    if any(isinstance(outcome, Reused) for outcome in outcomes):
        session.refuse(id, Refused(code="id_reused"))
    elif all(isinstance(outcome, Committed | Duplicate) for outcome in outcomes):
        known = all(isinstance(outcome, Duplicate) and not outcome.recovered for outcome in outcomes)
        session.acknowledge(id, b"", duplicate=known)
    else:
        codes = [outcome.code for outcome in outcomes if isinstance(outcome, Failed)]
        session.refuse(id, Refused(code=codes[0] if codes else "unavailable"))
