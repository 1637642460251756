"""A user actor: one shopper with its sessions on this node. What a shopper may say stands here, what follows stands in the rule."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from actors import frame as f
from actors.close import Close
from actors.command import MarkReceived, RateChat, ResolveChat, TellContext
from actors.identity import Identity
from actors.participant import Participant
from actors.refusal import Refused
from actors.request import Internal, Request
from actors.store_message import ShowTyping, WelcomeUser

if TYPE_CHECKING:
    from actors.node import Node
    from actors.session import Session


class _Receipt(Internal):
    """Waits for the fate of one `received`."""

    def __init__(self, done: Callable[[], None]) -> None:
        self._done = done

    def acknowledge(self, id: str, fields: bytes, *, duplicate: bool) -> None:
        self._done()

    def refuse(self, id: str, refused: Refused) -> None:
        self._done()


class UserActor(Participant):
    """One for each user with a session on this node."""

    kind = "user"
    side = "user"

    def __init__(self, node: "Node", identity: Identity) -> None:
        super().__init__(node, identity, node.options.rate)
        self.stores: set[str] = set()
        """The stores in which this user has a chat."""

    def detach(self, session: "Session") -> None:
        """See `Participant`. Without a session there is no user actor."""
        super().detach(session)
        if not self.sessions:
            self.node.forget_user(self)
            self.stop()

    def ended(self) -> None:
        """See `Participant`."""
        self.node.forget_user(self)
        super().ended()

    def frequent(self, stores: Iterable[str]) -> bool:
        """See `Participant`."""
        fresh = [store for store in stores if store not in self.stores]
        for store in fresh:
            self.stores.add(store)
            self.node.users_of.setdefault(store, {})[self.identity.id] = self
            self.node.live.review_chat(store, self.identity.id)
        return bool(fresh)

    def welcomed(self, session: "Session") -> None:
        """See `Participant`: presence and the place in the queue follow."""
        for store in self.stores:
            if self._enters(session, store):
                self._store(store).tell(WelcomeUser(session, self.identity.id))

    def entitle(self, session: "Session", before: Identity, fresh: Identity) -> None:
        """See `Participant`: stores that the fresh token does not name are not followed any more; for others the client comes again."""
        for store in list(session.tracks):
            if not fresh.may_enter(store):
                del session.tracks[store]
        if before.stores is not None and (fresh.stores is None or fresh.stores - before.stores):
            session.end(Close.LOST_PLACE)

    def _heard(self, session: "Session", frame: f.Frame) -> None:
        match frame:
            case f.Received():
                self._received(session, frame)
            case f.Typing():
                self._typing(session, frame)
            case f.Send() | f.End() | f.Rate() | f.Read() | f.Chats() | f.History() | f.Profile() | f.Context():
                self._command(session, frame)
            case f.Note() | f.Announce():
                if self._may_ask(session, frame) and self._body(session, frame) is not None:
                    session.refuse(frame.id, Refused(code="forbidden"))
            case (
                f.Claim()
                | f.Release()
                | f.Transfer()
                | f.TakeOver()
                | f.Requeue()
                | f.Resolve()
                | f.Availability()
                | f.Search()
                | f.Configure()
                | f.Figures()
            ):
                if self._may_ask(session, frame):
                    session.refuse(frame.id, Refused(code="forbidden"))
            case _:
                raise TypeError(frame)

    def _command(  # noqa: C901 - one case for each
        self, session: "Session", frame: f.Send | f.End | f.Rate | f.Read | f.Chats | f.History | f.Profile | f.Context
    ) -> None:
        if not self._may_ask(session, frame):
            return
        user = self.identity.id
        match frame:
            case f.Send():
                self._send(session, frame, user)
            case f.End():
                if self._is_allowed(session, frame):
                    assert session.identity is not None
                    self._ask(session, frame, user, ResolveChat(by=session.identity.party, id=frame.id))
            case f.Rate():
                if self._is_allowed(session, frame):
                    assert session.identity is not None
                    rate = RateChat(by=session.identity.party, id=frame.id, score=frame.score, comment=frame.comment or None)
                    self._ask(session, frame, user, rate, frame.score, rate.comment)
            case f.Read():
                if self._is_allowed(session, frame):
                    self._read(session, frame, user)
            case f.Context():
                body = self._body(session, frame)
                if body is not None and self._is_allowed(session, frame):
                    assert session.identity is not None
                    self._ask(session, frame, user, TellContext(by=session.identity.party, id=frame.id, context=body), body)
            case f.Profile():
                if self._is_allowed(session, frame):
                    self._profile(session, frame)
            case f.History():
                if self._is_allowed(session, frame):
                    self._history(session, frame, user)
            case f.Chats():
                if self._is_allowed(session, frame):
                    self._chats(session, frame, (user,))

    def _enters(self, session: "Session", store: str, user: str | None = None) -> bool:
        return super()._enters(session, store) and user in (None, self.identity.id)

    def _received(self, session: "Session", frame: f.Received) -> None:
        assert frame.seq is not None
        if self._enters(session, frame.store):
            if frame.store not in self.stores and self._bucket.take(self.node.clock.monotonic_s()):
                return  # a store it never wrote to costs as much as a command
            self.receipts.take(frame.store, min(frame.seq, f.NUMBER_LIMIT))
        else:
            session.complain(None, "forbidden")

    def _keep_receipt(self, store: str, number: int, done: Callable[[], None]) -> None:
        command = MarkReceived(by=self.identity.party, id="", seq=number)
        request = Request(asker=_Receipt(done), user=self.identity.id, command=command, sender=b"", content=b"")
        if not self._store(store).tell(request):
            done()

    def _typing(self, session: "Session", frame: f.Typing) -> None:
        if not self._enters(session, frame.store, frame.user):
            session.complain(None, "forbidden")
        elif not self._bucket.take(self.node.clock.monotonic_s()):
            self._store(frame.store).tell(ShowTyping(self.identity.party, self.identity.id, frame.on))
