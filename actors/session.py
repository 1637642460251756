"""One WebSocket without the socket: the frames of one client in, what it is to hear out.

    starting --hello--> opening --ready--> live --end()--> ended

A session is a cursor over the log. It is `opening` while it is handed what it missed, and again behind whenever a delivery does
not follow its cursor or its outbox overflows: then `actors.catchup` reads the log until it meets the tail. The web layer calls
`feed` for each text message, runs `write` beside it, and closes the socket with `close_code` when `write` returns.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from actors import frame as f
from actors import wire
from actors.attendance import SIDES
from actors.bell import Bell
from actors.body import BadBody, BodyTooLarge, encode_body
from actors.catchup import Catchup
from actors.chat import Chat
from actors.close import Close
from actors.context import encode_context
from actors.delivery import Delivery, Newest, Notice, marks_key
from actors.hold import Hold
from actors.identity import Identity
from actors.outbox import Outbox, Track
from actors.rate import Bucket
from actors.refusal import TEMPORARY, Refused

if TYPE_CHECKING:
    from actors.node import Node
    from actors.participant import Participant

BAD_FRAMES_IN_A_ROW = 10
# A union in `isinstance` is built anew at each call; these are asked for every frame.
_FREE = (f.Malformed, f.Ping, f.Pong, f.Received, f.Typing, f.Renew)
_WITH_BODY = (f.Send, f.Note, f.Announce, f.Context)
FREE_RATE = 10
"""Frames without an answer of their own may come this many times as fast as a user's commands."""
REFUSALS = 10
"""Commands that the rate refuses cost as much as one of those frames: whoever does not hear is answered, but at a bounded pace."""
LARGE_BYTES = 6 * 1024
"""As much as one of those frames costs each piece of this size of a message that is larger."""
THROTTLE_S = 0.02
"""Whoever is read more slowly is read in pieces, not frame by frame."""
LATE_MS = 60_000
"""Marks of a chat in which nothing was said for so long are not on their way: nobody waits so long for a replica."""
ROOM_BYTES = 256 * 1024
"""More than this in the outbox, and neither the client nor the log is read."""


class BadToken(Exception):
    """The token is not good, whatever the reason."""


class Session:
    """`authenticate` turns a token into an identity or raises `BadToken`."""

    def __init__(self, node: "Node", name: str, authenticate: Callable[[str], Identity]) -> None:
        self.name = name
        self.node = node
        self.identity: Identity | None = None
        self.participant: Participant | None = None
        self.outbox = Outbox(node.options.outbox_frames, node.options.outbox_bytes)
        self.tracks: dict[str, Track] = {}
        self.ready = False
        self.close_code: Close | None = None
        self.opened_s = node.clock.monotonic_s()
        self.written_s = self.opened_s
        """When something was last handed to the socket."""
        self.writing_since_s: float | None = None
        """Since when the socket has been taking what it was handed last."""
        self.outstanding = 0
        """Commands without an answer."""
        self._expected = 0
        self.asking = asyncio.Lock()
        """Held by the query of this session that is under way."""
        self.catchup = Catchup(self)
        self.on_hello: Callable[[], None] = _nothing
        """Called once, when the session has an identity and a place."""
        self.on_end: Callable[[], None] = _nothing
        """Called once, at the end; the web layer closes the socket."""
        self.on_beat: Callable[[], None] = _nothing
        """Called several times in each heartbeat; the web layer sees whether the peer is alive."""
        self.on_stuck: Callable[[], None] = _nothing
        """Called when the socket is to be dropped, whatever waits in it."""
        self.on_room: Callable[[], None] = _nothing
        """Called when the session is no longer full."""
        self._authenticate = authenticate
        self._bad_frames = 0
        self._was_full = self._throttled = False
        self._free = Bucket(node.options.rate * FREE_RATE, self.opened_s)
        self._early: list[tuple[bytes, int]] = []
        """Answers and notices that came before `ready`."""
        self._early_marks: dict[tuple[str, ...], Newest] | None = {}
        """Marks that came before the snapshot was shown."""
        self._marks_shown: dict[tuple[str, ...], int] = {}
        """Key to the rank of the marks in the snapshot, where older ones may still be on their way here."""
        self._ranks: dict[tuple[str, ...], int] = {}
        """A user's: key to the rank of the marks that it was shown last."""
        self._marks_found: dict[tuple[str, ...], int] = {}
        """Key to the rank of marks that a look has shown, and that may still be on their way here."""
        self._holds: dict[tuple[str, str], Hold] = {}
        self._work = Bell()
        self._room = asyncio.Event()
        self._room.set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._draining = False

    # In.

    def feed(self, text: str) -> None:
        """Takes one text message. Whoever feeds asks `is_full` before each, and goes on at `on_room`."""
        if self._is_over():
            return  # not even read: who floods on after its end gets nothing for it
        if len(text) > LARGE_BYTES:
            self._spend(len(text) / LARGE_BYTES)
        try:
            for frame in f.parse(text):
                if self._is_over():
                    return
                self._take(frame)
        except Exception as error:
            self.node.log.error("session_failed", session=self.name, error=repr(error), exc_info=error)
            self.end(Close.LOST_PLACE)

    def _is_over(self) -> bool:
        return self.close_code is not None or self._draining

    def feed_binary(self, part: bytes, *, finished: bool) -> None:
        """Only text is spoken here: the first part of anything else is the end."""
        self.end(Close.NOT_TEXT)

    def is_full(self) -> bool:
        """Whether the client is to wait: too much of it has no answer yet, or it does not take its answers."""
        limit = self.node.options.outstanding_limit
        waits = self._throttled or self.outstanding >= limit or len(self._early) >= limit or self.outbox.bytes > ROOM_BYTES
        full = self.close_code is None and waits
        self._was_full = full
        return full

    def _take(self, frame: f.Frame | f.Malformed) -> None:
        if isinstance(frame, _FREE):
            self._spend(1.0)
        if self.identity is None:
            self._greet(frame)
            return
        if isinstance(frame, f.Malformed):
            self._count_bad(frame)
            return
        assert self.participant is not None
        body: bytes | None = b""
        if isinstance(frame, _WITH_BODY):
            try:
                body = encode_body(frame.kind, frame.body) if isinstance(frame, f.Send) else _encoded(frame)
            except BodyTooLarge:
                body = None
            except BadBody:
                self._count_bad(f.Malformed("bad_frame", frame.id))
                return
        if isinstance(frame, f.Hello) or not f.fits(frame, self.participant.side):
            self._count_bad(f.Malformed("bad_frame", getattr(frame, "id", None)))
            return
        self._bad_frames = 0
        match frame:
            case f.Ping():
                self._put(wire.PONG)
            case f.Pong():
                pass
            case f.Renew(token=token):
                self._renew(token)
            case _:
                self.participant.hear(self, frame, body)

    def _spend(self, cost: float) -> None:
        """What the rate of commands does not cover has a wide rate of its own; beyond it the client is read more slowly."""
        wait_s = self._free.owe(self.node.clock.monotonic_s(), cost)
        if wait_s and not self._throttled:
            self._throttled = True
            asyncio.get_running_loop().call_later(max(wait_s, THROTTLE_S), self._unthrottle)

    def _unthrottle(self) -> None:
        self._throttled = False
        self._update_room()

    def _greet(self, frame: f.Frame | f.Malformed) -> None:
        if not isinstance(frame, f.Hello):
            self.end(Close.PROTOCOL)
            return
        try:
            identity = self._authenticate(frame.token or "")
        except BadToken:
            self.end(Close.TOKEN)
            return
        if self.node.withdrawals.stop(identity):
            self.end(Close.WITHDRAWN)
            return
        self.identity = identity
        participant = self.node.join(self, identity)
        if participant is None:
            self.end(Close.OVERLOADED)
            return
        self.participant = participant
        self.on_hello()
        self.catchup.open(frame)

    def identify(self, token: str) -> Identity | None:
        """Whose token that is, if it is good."""
        try:
            return self._authenticate(token)
        except BadToken:
            return None

    def _renew(self, token: str) -> None:
        assert self.identity is not None
        assert self.participant is not None
        try:
            fresh = self._authenticate(token)
        except BadToken:
            fresh = None
        if fresh is None or (fresh.id, fresh.role) != (self.identity.id, self.identity.role):
            self.push(wire.error(None, Refused(code="forbidden")))
            self.end(Close.TOKEN)
            return
        if self.node.withdrawals.stop(fresh):
            self.push(wire.error(None, Refused(code="forbidden")))
            self.end(Close.WITHDRAWN)
            return
        before, self.identity = self.identity, fresh
        if fresh.stores != before.stores:
            self.participant.entitle(self, before, fresh)

    def _count_bad(self, bad: f.Malformed) -> None:
        self.node.tally.refusals[bad.code] += 1
        self._put(wire.error(bad.id, Refused(code=bad.code)))
        if bad.code == "bad_frame":
            self._bad_frames += 1
            if self._bad_frames >= BAD_FRAMES_IN_A_ROW:
                self.end(Close.PROTOCOL)

    # Answers (`actors.request.Asker`).

    def expect(self) -> int:
        """A command is on its way; `acknowledge`, `refuse` or `reply` will follow. The how manieth it is."""
        self.outstanding += 1
        self._expected += 1
        self._idle.clear()
        return self._expected

    def acknowledge(self, id: str, fields: bytes, *, duplicate: bool) -> None:
        """See `Asker`."""
        for hold in self._holds.values():
            hold.acknowledged(id)
        self._answered(wire.ack(id, fields, duplicate=duplicate))

    def refuse(self, id: str, refused: Refused) -> None:
        """See `Asker`."""
        self.node.tally.refusals[refused.code] += 1
        if refused.code == "rate_limited":
            self._spend(1 / REFUSALS)
        self._answered(wire.error(id, refused))

    def reply(self, frame: bytes) -> None:
        """The answer of a query."""
        self._answered(frame)

    def complain(self, id: str | None, code: str) -> None:
        """An error at once, for a frame that was never on its way."""
        self.node.tally.refusals[code] += 1
        self._put(wire.error(id, Refused(code=code)))

    def held(self, store: str, user: str, id: str, place: int) -> Refused | None:
        """See `Asker`."""
        hold = self._holds.get((store, user))
        if hold is None:
            return None
        now_s = self.node.clock.monotonic_s()
        refused = hold.refusal(id, place, now_s)
        if hold.is_over(now_s):
            del self._holds[store, user]
        return refused

    def hold(self, store: str, user: str, id: str, place: int, refused: Refused) -> None:
        """See `Asker`."""
        if refused.code not in TEMPORARY:
            return
        now_s = self.node.clock.monotonic_s()
        hold = self._holds.get((store, user))
        if hold is None or hold.is_over(now_s):
            self._holds[store, user] = Hold(id, place, refused, now_s)
        else:
            hold.fail(id, place, refused, now_s)

    def _answered(self, frame: bytes) -> None:
        self.outstanding -= 1
        if self.outstanding <= 0:
            self._idle.set()
        self._put(frame)
        if self._was_full:
            self._update_room()

    def _put(self, frame: bytes) -> None:
        if self.ready:
            self.push(frame)
        else:
            self._early.append((frame, 1))

    # Out.

    def push(self, frame: bytes, count: int = 1) -> None:
        """Adds a frame that is in no log, now."""
        if self.close_code is None:
            self.outbox.put(frame, count)
            self.wake()

    def notify(self, notice: Notice) -> None:
        """Adds a notice; before `ready` it waits."""
        if self.enters(notice.store):
            self._put(notice.frame)

    def enters(self, store: str) -> bool:
        """Whether the session's token reaches the store, now."""
        return self.identity is not None and self.identity.may_enter(store)

    def is_withdrawn(self) -> bool:
        """Whether the access of the session's token was withdrawn."""
        return self.identity is not None and self.node.withdrawals.stop(self.identity)

    def show(self, newest: Newest) -> None:
        """Adds a frame of which the newest alone matters; before `ready` it waits."""
        if newest.rank and self._marks_found.pop(newest.key, 0) >= newest.rank:
            return  # it was found before it was told
        if newest.rank < self._ranks.get(newest.key, 0):
            return  # where nothing is told before a replica has it, a snapshot may have shown it long before
        if self.close_code is None and self.enters(newest.store) and (not newest.rank or self._is_news(newest)):
            self.outbox.put_newest(newest.key, newest.frame)
            if newest.rank and self._is_user:
                self._ranks[newest.key] = newest.rank
            if self.ready:
                self.wake()

    def show_found(self, newest: Newest) -> None:
        """Adds marks that were found, if a user was shown less."""
        if newest.rank > self._ranks.get(newest.key, 0):
            self.show(newest)
            self._marks_found[newest.key] = newest.rank

    @property
    def _is_user(self) -> bool:
        return self.identity is not None and self.identity.role == "user"

    def _is_news(self, newest: Newest) -> bool:
        """Whether marks are no older than the snapshot."""
        if self._early_marks is not None:
            self._early_marks[newest.key] = newest
            return False
        shown = self._marks_shown.get(newest.key, 0)
        if newest.rank < shown:
            return False
        if shown:
            del self._marks_shown[newest.key]
        return True

    def marks_shown(self, chats: list[Chat]) -> None:
        """The snapshot with these chats goes out: marks that were gathered before it was read are not to follow it."""
        late_ms = self.node.clock.wall_ms() - LATE_MS
        for chat in chats:
            actor = self.node.stores.get(chat.store)
            for side in SIDES:
                key = marks_key(chat.store, chat.user, side)
                if self._is_user:
                    self._ranks[key] = chat.rank(side)
                is_moving = (actor is not None and actor.attendance.is_moving(chat.user, side)) or key in (self._early_marks or ())
                if is_moving or (chat.at > late_ms and chat.rank(side)):
                    self._marks_shown[key] = chat.rank(side)
        early, self._early_marks = self._early_marks, None
        for newest in (early or {}).values():
            self.show(newest)

    def deliver(self, delivery: Delivery) -> None:
        """Takes what follows the cursor; anything else sends the session back to the log."""
        track = self.tracks.get(delivery.store) or self._first_track(delivery.store)
        if track is None or not track.live or self.close_code is not None:
            return
        if delivery.previous != track.cursor:
            if delivery.last <= track.cursor:
                return
            if delivery.previous > track.cursor:
                self._fall_behind(track)
                return
            delivery = delivery.above(track.cursor)
        if self.outbox.put_live(track, delivery):
            self.wake()
        else:
            self._fall_behind(track)

    def catch_up(self, store: str, end: int) -> None:
        """Something was written up to `end` that may not have been heard of here."""
        track = self.tracks.get(store) or (self._first_track(store) if self.ready else None)
        if track is not None and track.live and track.cursor < end:
            self._fall_behind(track)

    def _first_track(self, store: str) -> Track | None:
        """A user's first message to a store makes a chat that was not there at the opening: its log is followed from its start."""
        if self.identity is None or self.identity.role != "user" or not self.enters(store):
            return None
        track = self.tracks[store] = Track(store, 0)
        track.live = self.ready
        return track

    def go_live(self) -> None:
        """The opening is over: from here on everything goes straight to the outbox, or is read from the log behind `ready`."""
        self.ready = True
        self.push(wire.READY)
        for hold in self._holds.values():
            hold.heard(self.node.clock.monotonic_s())
        for frame, count in self._early:
            self.push(frame, count)
        self._early = []
        self._update_room()

    def fall_behind(self, store: str | None = None) -> None:
        """Deliveries were lost on the way to this session: it reads the log, of one store or of all."""
        for track in self.tracks.values():
            if track.live and store in (None, track.store):
                self._fall_behind(track)

    def _fall_behind(self, track: Track) -> None:
        track.live = False
        self.outbox.keep(track)
        self.node.tally.fallen_behind += 1
        self.catchup.follow()
        self.wake()

    async def write(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        """Hands the outbox to `send` until the session ends and everything before its end is written."""
        outbox, tally, clock = self.outbox, self.node.tally, self.node.clock
        while True:
            payload, frames = outbox.take(newest=self.ready)
            if not payload:
                if self.close_code is not None:
                    return
                await self._work.wait()
                continue
            tally.deliveries += frames
            tally.payloads += 1
            self.writing_since_s = clock.monotonic_s()
            await send(payload)
            self.writing_since_s = None
            self.written_s = clock.monotonic_s()
            self._update_room()

    async def until_room(self) -> None:
        """Returns when the outbox has room for what was read from the log."""
        while self.outbox.bytes > ROOM_BYTES and self.close_code is None:
            self._room.clear()
            await self._room.wait()

    async def until_taken(self) -> None:
        """Returns when the session is live and its client has taken what it was answered before, or when it has ended."""
        while (not self.ready or self.outbox.bytes > ROOM_BYTES) and self.close_code is None:
            self._room.clear()
            await self._room.wait()

    def _update_room(self) -> None:
        if self.outbox.bytes <= ROOM_BYTES:
            self._room.set()
        if self._was_full and not self.is_full():
            self.on_room()

    def wake(self) -> None:
        """There is something to write."""
        self._work.ring()
        if self.outbox.bytes > ROOM_BYTES:
            self._room.clear()

    # The end.

    def end(self, code: Close) -> None:
        """Ends the session with this close code; the first one counts. What waits in the outbox is still written."""
        if self.close_code is None:
            self.close_code = code
            self.catchup.stop()
            self._work.ring()
            self._room.set()
            self._idle.set()
            self._update_room()
            self.on_end()

    def gone(self) -> None:
        """The socket is gone: leaves the participant and the node. Called once, by the web layer."""
        self.end(Close.NORMAL)
        self.node.leave(self)

    async def drain(self) -> None:
        """Takes nothing more, waits for what was accepted, and ends."""
        self._draining = True
        await self._idle.wait()
        self.end(Close.DRAINING)


def _encoded(frame: f.Note | f.Announce | f.Context) -> bytes:
    if isinstance(frame, f.Context):
        return encode_context(frame.context) if frame.tells else b""
    return encode_body("text", frame.body)


def _nothing() -> None:
    """No socket hangs on this session."""
