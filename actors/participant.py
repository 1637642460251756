"""What user and agent actors share: one identity with its sessions on this node, whatever the number of tabs.

Any session can close; the identity stays. Frames of all its sessions come in here and go on to the store actors with the rights,
the rate and the id of the identity; deliveries come from the store actors and go to all sessions.
"""

from abc import abstractmethod
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import msgspec

from actors import frame as f
from actors import profile, wire
from actors.actor import Actor
from actors.append import StorageUnavailable
from actors.chat import Side
from actors.close import Close
from actors.command import Command, MarkRead, SendMessage
from actors.delivery import Delivery, Newest, Notice
from actors.event import for_user
from actors.identity import Identity
from actors.rate import Bucket
from actors.receipt import Receipts
from actors.refusal import Refused
from actors.request import Request, content_digest, sender_digest

if TYPE_CHECKING:
    from actors.node import Node
    from actors.session import Session
    from actors.store import StoreActor


REPLY_BYTES = 512 * 1024
"""A page is cut before it grows beyond this: many clients take no message above 1 MiB."""


class Heard(msgspec.Struct, frozen=True):
    """A frame of one of the sessions."""

    session: Any
    frame: f.Frame
    body: bytes | None
    """The encoded body of a frame that has one; None if it is too large."""
    place: int
    """The how manieth command of its session it is; 0 for what has no answer."""


ParticipantMessage = Heard | Delivery | Newest | Notice


class Participant(Actor[ParticipantMessage]):
    """`rate` in commands a second."""

    kind = "participant"
    side: Side

    def __init__(self, node: "Node", identity: Identity, rate: float) -> None:
        super().__init__(node.options.mailbox_limit, node.tally, node.log)
        self.node = node
        self.identity = identity
        self.sessions: list[Session] = []
        self.tails: dict[str, int] = {}
        """Store to the last number that was delivered here."""
        bucket = node.buckets.pop((self.side, identity.id), None)
        self._bucket = Bucket(rate, node.clock.monotonic_s()) if bucket is None else bucket
        self._queries = 0
        self._at_hand: Heard
        self.receipts = Receipts(self._keep_receipt)

    # Sessions.

    def attach(self, session: "Session") -> bool:
        """One more session; False if there are too many."""
        if len(self.sessions) >= self.node.options.sessions_limit:
            return False
        self.sessions.append(session)
        assert session.identity is not None
        self.identity = session.identity
        return True

    def detach(self, session: "Session") -> None:
        """One session less."""
        self.sessions.remove(session)

    def welcomed(self, session: "Session") -> None:
        """The session is live; what has no number follows `ready`."""

    def entitle(self, session: "Session", before: Identity, fresh: Identity) -> None:
        """A session has a token with other stores."""

    async def arrive(self, stores: list[str]) -> None:
        """Whoever has a roster to be on gets there."""

    def frequent(self, stores: Any) -> bool:
        """Whoever shops in stores is known there as being online. Whether one of them is new."""
        return False

    def hear(self, session: "Session", frame: f.Frame, body: bytes | None) -> None:
        """Takes a frame of a session, or answers at once that there is no room for it."""
        id = getattr(frame, "id", None)
        place = 0 if id is None else session.expect()
        heard = Heard(session, frame, body, place)
        if not self.tell(heard) and id is not None:
            self._refuse_temporarily(heard, Refused(code="overloaded"))

    def hand(self, delivery: Delivery) -> None:
        """Takes what a store actor delivers. With no room for it every session goes back to the log."""
        self.tails[delivery.store] = max(delivery.last, self.tails.get(delivery.store, 0))
        if not self.tell(delivery):
            for session in self.sessions:
                session.fall_behind()

    def catch_up(self, store: str, end: int) -> None:
        """The log of the store, or of its user's chat, was found to end there: whoever was handed less of it reads it."""
        if end > self.tails.get(store, 0):
            self.tails[store] = end
            for session in self.sessions:
                session.catch_up(store, end)

    # The mailbox.

    def receive(self, message: ParticipantMessage) -> None:
        """See `Actor`."""
        match message:
            case Heard(session=session) if session.close_code is Close.WITHDRAWN:
                self.refuse(message, "forbidden")  # it was said before the end, and is not carried out after it
            case Heard():
                self._at_hand = message
                self._heard(message.session, message.frame)
            case Delivery():
                for session in self.sessions:
                    session.deliver(message)
            case Newest():
                for session in self.sessions:
                    session.show(message)
            case Notice():
                for session in self.sessions:
                    session.notify(message)

    def refuse(self, message: ParticipantMessage, code: str) -> None:
        """See `Actor`."""
        if isinstance(message, Heard) and (id := getattr(message.frame, "id", None)) is not None:
            message.session.refuse(id, Refused(code=code))

    def ended(self) -> None:
        """See `Actor`: it is not rebuilt, the clients resume. Its rate outlives it, so that coming again buys nothing."""
        self.node.buckets[self.side, self.identity.id] = self._bucket
        for session in self.sessions:
            session.end(Close.LOST_PLACE)

    # Frames.

    @abstractmethod
    def _heard(self, session: "Session", frame: f.Frame) -> None:
        """Does what a frame of the client says."""

    def _may_ask(self, session: "Session", frame: Any) -> bool:
        """Whether the rate allows one more command; answers for itself if not."""
        self.node.tally.commands[type(frame).__name__.lower()] += 1
        if isinstance(frame, f.Send):
            # Before the rate: what has to wait for another costs nothing, so that the other finds the rate as it was told.
            held = session.held(frame.store, self._chat_of(frame), frame.id, self._at_hand.place)
            if held is not None:
                session.refuse(frame.id, held)
                return False
        wait_s = self._bucket.take(self.node.clock.monotonic_s())
        if not wait_s:
            return True
        self._refuse_temporarily(self._at_hand, Refused(code="rate_limited", retry_after_s=wait_s))
        return False

    def _refuse_temporarily(self, heard: Heard, refused: Refused) -> None:
        session, frame = heard.session, heard.frame
        assert not isinstance(frame, f.Hello | f.Renew | f.Ping | f.Pong | f.Received | f.Typing)
        if isinstance(frame, f.Send):
            session.hold(frame.store, self._chat_of(frame), frame.id, heard.place, refused)
        session.refuse(frame.id, refused)

    def _chat_of(self, frame: f.Send) -> str:
        return frame.user or self.identity.id

    def _enters(self, session: "Session", store: str, user: str | None = None) -> bool:
        """Whether the session's token reaches the store, and this user's chat in it."""
        del user
        assert session.identity is not None
        return session.identity.may_enter(store)

    def _ask(self, session: "Session", frame: Any, user: str, command: Command, *content: str | bytes | int | None) -> None:
        """Sends a command on to the store. `content` is all that tells it from another command of the same id."""
        assert session.identity is not None
        request = Request(
            asker=session,
            user=user,
            command=command,
            sender=sender_digest(session.identity.side, session.identity.id, frame.id),
            content=content_digest(type(frame).__name__, user, *content),
            place=self._at_hand.place,
            since_s=self.node.clock.monotonic_s(),
        )
        if not self._store(frame.store).tell(request):
            self._refuse_temporarily(self._at_hand, Refused(code="overloaded"))

    def _send(self, session: "Session", frame: f.Send, user: str) -> None:
        body = self._body(session, frame)
        if body is None or not self._is_allowed(session, frame):
            return
        assert session.identity is not None
        command = SendMessage(
            by=session.identity.party, id=frame.id, kind=frame.kind, body=body, expected_epoch=frame.epoch if self.side == "store" else None
        )
        self._ask(session, frame, user, command, frame.kind, body, command.expected_epoch)

    def _read(self, session: "Session", frame: f.Read, user: str) -> None:
        assert session.identity is not None
        seq = min(frame.seq, f.NUMBER_LIMIT)
        self._ask(session, frame, user, MarkRead(by=session.identity.party, id=frame.id, seq=seq), frame.seq)

    def _is_allowed(self, session: "Session", frame: Any) -> bool:
        """Whether the token reaches the frame's store; answers for itself if not."""
        if self._enters(session, frame.store, getattr(frame, "user", None)):
            return True
        session.refuse(frame.id, Refused(code="forbidden"))
        return False

    def _body(self, session: "Session", frame: f.Send | f.Note | f.Announce | f.Context) -> bytes | None:
        if self._at_hand.body is None:
            session.refuse(frame.id, Refused(code="too_large"))
        return self._at_hand.body

    @abstractmethod
    def _keep_receipt(self, store: str, number: int, done: Callable[[], None]) -> None:
        """Makes durable up to where the client holds a store; `done` is called when that is over, however it ended."""

    def _store(self, store: str) -> "StoreActor":
        return self.node.store(store)

    # Queries.

    def _query(self, session: "Session", id: str, answer: Callable[[], Coroutine[Any, Any, bytes | Refused]]) -> None:
        """Answers from the storage, outside the mailbox: a long read holds nobody up."""
        if self._queries >= self.node.options.query_limit:
            session.refuse(id, Refused(code="overloaded"))
            return
        self._queries += 1
        self.node.spawn(self._answer(session, id, answer))

    async def _answer(self, session: "Session", id: str, answer: Callable[[], Coroutine[Any, Any, bytes | Refused]]) -> None:
        try:
            # One after another, each when the client has taken what it asked for before: a page may be large.
            async with session.asking:
                await session.until_taken()
                found = await answer() if session.close_code is None else Refused(code="unavailable")
        except StorageUnavailable:
            found = Refused(code="unavailable")
        except Exception as error:
            self.node.log.error("query_failed", error=repr(error), exc_info=error)
            found = Refused(code="internal")
        finally:
            self._queries -= 1
        if isinstance(found, Refused):
            session.refuse(id, found)
        else:
            session.reply(found)

    def _history(self, session: "Session", frame: f.History, user: str) -> None:
        for_agents = self.side == "store"

        async def answer() -> bytes | Refused:
            before = None if frame.before is None else min(frame.before, f.NUMBER_LIMIT)
            page = await self.node.storage.read_history(
                frame.store, user, before, f.page_size(frame.limit), notes=for_agents, statuses=for_agents and bool(frame.events)
            )
            if not page.offset:
                return await self._missing(frame.store)
            shown = list(page.entries)
            size = sum(len(entry.frame) for entry in shown)
            while size > REPLY_BYTES and sum(entry.kind == "m" for entry in shown) > 1:
                size -= len(shown.pop(0).frame)
            # What stood behind a message that was cut off goes with it.
            while shown[:1] and shown[0].kind != "m" and len(shown) < len(page.entries):
                shown.pop(0)
            more = page.more or len(shown) < len(page.entries)
            frames = [entry.frame if for_agents else for_user(entry.frame) for entry in shown]
            about = b'"store":"%b","user":"%b"' % (frame.store.encode(), user.encode())
            return b'{"type":"history","id":"%b",%b,"messages":[%b],"more":%b}' % (
                frame.id.encode(),
                about,
                b",".join(frames),
                b"true" if more else b"false",
            )

        self._query(session, frame.id, answer)

    def _profile(self, session: "Session", frame: f.Profile) -> None:
        async def answer() -> bytes | Refused:
            version, kept = await self.node.storage.load_profile(frame.store)
            if not version and not (await self.node.storage.load_store(frame.store)).exists:
                return Refused(code="no_such_store")
            return profile.shown(frame.store, version, profile.read(kept), self.side, frame.id)

        self._query(session, frame.id, answer)

    async def _missing(self, store: str) -> Refused:
        state = await self.node.storage.load_store(store)
        return Refused(code="not_found" if state.exists else "no_such_store")

    def _chats(self, session: "Session", frame: f.Chats, users: tuple[str, ...] | None) -> None:
        """`users`: the only chats that may be shown; None for all of the store's."""
        after = f.place_of(frame.before)

        async def answer() -> bytes | Refused:
            storage = self.node.storage
            more = False
            shown = users
            if shown is None:
                page = await storage.list_chats(frame.store, frame.status, after, f.page_size(frame.limit))
                shown, more = page.users, page.more
            records = [record for record in await storage.load_chats(frame.store, shown) if record.chat.exists]
            if users is not None:
                if not records and (missing := await self._missing(frame.store)).code == "no_such_store":
                    return missing
                records = [
                    r
                    for r in records
                    if frame.status in (None, r.chat.status) and (after is None or (-r.chat.at, r.chat.user) > (-after[0], after[1]))
                ]
            summaries = [wire.summary(record, self.side) for record in records]
            while sum(map(len, summaries)) > REPLY_BYTES and len(summaries) > 1:
                summaries.pop()
                records.pop()
                more = True
            body = b'{"type":"chats","id":"%b","store":"%b","chats":[%b],"more":%b' % (
                frame.id.encode(),
                frame.store.encode(),
                b",".join(summaries),
                b"true" if more else b"false",
            )
            if more and records:
                last = records[-1].chat
                body += b',"next":%b' % wire.text(f"{last.at}:{last.user}")
            return body + b"}"

        self._query(session, frame.id, answer)
