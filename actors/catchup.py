"""How a session gets what it missed: the one mechanism for the first connect, the resume, the slow reader and the hole.

    snapshot -> missed, up to the snapshot -> ready -> what came since, page by page -> met the tail: live
                                                           ^                                   |
                                                           +-------- hole or overflow ---------+

The session is registered for deliveries before the first read, so whatever is committed after the last page is delivered; whether
something came in between is decided without an await, by comparing the cursor with the last number the participant was handed.
"""

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from actors import frame as f
from actors import wire
from actors.append import ChatRecord, Snapshot, StorageUnavailable
from actors.chat import Side
from actors.close import Close
from actors.event import for_user, offset_of
from actors.outbox import Track

if TYPE_CHECKING:
    from actors.session import Session

T = TypeVar("T")

RETRY_S = 0.5
"""The pause before the log is read again when storage did not answer."""


class Catchup:
    """One for each session; at most one task at a time."""

    def __init__(self, session: "Session") -> None:
        self._session = session
        self._node = session.node
        self._task: asyncio.Task[None] | None = None
        self._erased_at = 0
        self._kept: str | None = None
        """The generation under which this client goes on, where it is an earlier one."""

    def open(self, hello: f.Hello) -> None:
        """Starts the opening."""
        self._task = self._node.spawn(self._open(hello))

    def follow(self) -> None:
        """Sees to it that tracks that are behind catch up."""
        if self._task is None or self._task.done():
            self._task = self._node.spawn(self._follow())

    def stop(self) -> None:
        """Ends whatever is under way."""
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()

    async def _open(self, hello: f.Hello) -> None:
        session = self._session
        identity = session.identity
        assert identity is not None
        try:
            await self._node.turnstile.enter()
            if hello.visitor is not None and not await self._node.joining.join(session.identify(hello.visitor), identity):
                session.complain(None, "forbidden")
            if identity.role == "user":
                await self._open_user(hello)
            else:
                await self._open_agent(hello)
            if session.close_code is None:
                # What happened after the snapshot must not come before `ready`: up to there a client leaves its summaries alone.
                session.go_live()
                assert session.participant is not None
                session.participant.welcomed(session)
                await self._follow()
        except StorageUnavailable:
            session.end(Close.OVERLOADED)
        except Exception as error:
            self._node.log.error("session failed to open", error=repr(error), exc_info=error)
            session.end(Close.LOST_PLACE)

    async def _follow(self) -> None:
        while self._session.close_code is None:
            try:
                await self._read_behind()
            except StorageUnavailable:
                await asyncio.sleep(RETRY_S)
                continue
            except Exception as error:
                self._node.log.error("session lost its place", error=repr(error), exc_info=error)
                self._session.end(Close.LOST_PLACE)
                return
            if self._meet_the_tail():
                return

    def _meet_the_tail(self) -> bool:
        """Makes every track live whose cursor is at the last delivery. No await between looking and doing."""
        participant = self._session.participant
        assert participant is not None
        behind = [track for track in self._session.tracks.values() if not track.live]
        if any(participant.tails.get(track.store, 0) > track.cursor for track in behind):
            return False
        for track in behind:
            track.live = True
        return True

    async def _read_behind(self) -> None:
        for track in [track for track in self._session.tracks.values() if not track.live]:
            while await self._read_page(track):
                pass

    async def _read_page(self, track: Track) -> bool:
        """Reads one page behind the track's cursor; False when it was the last."""
        identity = self._session.identity
        assert identity is not None
        if identity.role == "user":
            return await self._read_chat_page(track, identity.id)
        page = await self._node.storage.read_log(track.store, track.cursor, self._node.options.page_limit)
        if self._lost_place(track, page.offset, trimmed=page.first > track.cursor + 1):
            return False
        await self._put(track, [(offset_of(frame), frame) for frame in page.frames])
        return len(page.frames) == self._node.options.page_limit

    async def _read_chat_page(self, track: Track, user: str) -> bool:
        page = await self._node.storage.read_chat(track.store, user, after_offset=track.cursor, limit=self._node.options.page_limit)
        if track.cursor and not page.offset:
            self._session.end(Close.LOST_PLACE)  # the chat was taken away
            return False
        trimmed = page.first > 1 and page.entries[0].seq <= page.first if page.entries else page.offset > track.cursor
        if self._lost_place(track, page.offset, trimmed=trimmed):
            return False
        await self._put(track, [(entry.offset, b"" if entry.kind == "n" else for_user(entry.frame)) for entry in page.entries])
        return page.more

    def _lost_place(self, track: Track, end: int, *, trimmed: bool) -> bool:
        """Whether the log was trimmed past a slow reader, or ends below what was delivered: only a new snapshot can tell what there is."""
        if end < track.cursor:
            self._node.lost_tail(track.store)
        elif trimmed:
            self._session.end(Close.LOST_PLACE)
        return self._session.close_code is not None

    async def _put(self, track: Track, numbered: list[tuple[int, bytes]]) -> None:
        """Puts frames into the outbox in pieces that fit one WebSocket message, as fast as the socket takes them."""
        part: list[bytes] = []
        size = 0
        for i, (number, frame) in enumerate(numbered):
            if frame:
                part.append(frame)
                size += len(frame)
            if size > 32 * 1024 or i == len(numbered) - 1:
                self._session.outbox.put_read(track, number, b",".join(part), len(part))
                self._session.wake()
                part, size = [], 0
                await self._session.until_room()

    # The opening of an agent.

    async def _open_agent(self, hello: f.Hello) -> None:
        session, node = self._session, self._node
        identity = session.identity
        assert identity is not None
        assert identity.stores is not None
        assert session.participant is not None
        stores = sorted(identity.stores)
        await session.participant.arrive(stores)
        await _all([node.live.heard(store) for store in stores])
        limit = node.options.list_limit
        found = await _all([node.storage.snapshot(store, identity.id, limit) for store in stores])
        snapshots = dict(zip(stores, found, strict=True))
        records = await _all([node.storage.load_chats(store, snapshots[store].users) for store in stores])
        self._keep_generation(hello)
        self._welcome()
        self._show([record for some in records for record in some], {store: snapshots[store].offset for store in stores})
        for store in stores:
            if session.enters(store):  # a fresh token may have come meanwhile
                await self._place_agent(store, snapshots[store], hello)

    async def _place_agent(self, store: str, snapshot: Snapshot, hello: f.Hello) -> None:
        """Hands over the log up to the snapshot."""
        named = hello.resume is not None and hello.generation is not None and store in hello.resume
        cursor = snapshot.offset if snapshot.acknowledged is None else snapshot.acknowledged
        if named:
            assert hello.resume is not None
            cursor = hello.resume[store]
        stale = named and hello.generation != self._generation
        erased = bool(snapshot.erased) and cursor <= snapshot.erased
        if stale or cursor > snapshot.offset or snapshot.first > cursor + 1 or erased:
            self._session.push(wire.reset(store))
            cursor = snapshot.offset
        track = self._session.tracks[store] = Track(store, cursor)
        while track.cursor < snapshot.offset and self._session.close_code is None:
            page = await self._node.storage.read_log(store, track.cursor, self._node.options.page_limit)
            if self._lost_place(track, page.offset, trimmed=page.first > track.cursor + 1):
                return
            missed = [(number, frame) for frame in page.frames if (number := offset_of(frame)) <= snapshot.offset]
            await self._put(track, missed or [(snapshot.offset, b"")])

    async def add_store(self, store: str) -> None:
        """A fresh token names one more store: its chats are shown, and it is live from there."""
        session, node = self._session, self._node
        assert session.identity is not None
        assert session.participant is not None
        await session.participant.arrive([store])
        await node.live.heard(store)
        snapshot = await node.storage.snapshot(store, session.identity.id, node.options.list_limit)
        records = await node.storage.load_chats(store, snapshot.users)
        if not session.enters(store):
            return  # a newer token has taken it away again
        self._show(list(records), {store: snapshot.offset})
        session.tracks[store] = Track(store, snapshot.offset)
        self.follow()

    # The opening of a user.

    async def _open_user(self, hello: f.Hello) -> None:
        session, node = self._session, self._node
        identity = session.identity
        assert identity is not None
        assert session.participant is not None
        listed, self._erased_at = await asyncio.gather(node.storage.stores_of_user(identity.id), node.storage.erased_at(identity.id))
        stores = [store for store in listed if identity.may_enter(store)]
        found = await _all([node.storage.load_chats(store, (identity.id,)) for store in stores])
        records = [record for (record,) in found if record.chat.exists]
        records.sort(key=lambda record: (-record.chat.at, record.chat.store))
        if session.participant.frequent(record.chat.store for record in records):
            # What another tab began a moment ago was read before its commit was heard of: that tab is to hear who is there too.
            for other in session.participant.sessions:
                if other.ready:
                    session.participant.welcomed(other)
        self._keep_generation(hello)
        self._welcome()
        self._show(records[: node.options.list_limit], None)
        for record in reversed(records):
            await self._place_user(record, hello)
        if hello.generation is not None:
            # What the client holds of a chat that is not there any more was taken away by a roll-back.
            for store in sorted((hello.resume or {}).keys() - {record.chat.store for record in records}):
                if hello.resume and hello.resume[store] and session.enters(store):
                    session.push(wire.reset(store))

    async def _place_user(self, record: ChatRecord, hello: f.Hello) -> None:
        """Hands over the messages up to the snapshot; what happened after it follows by offset, statuses included."""
        chat, node = record.chat, self._node
        limit = node.options.list_limit
        named = hello.resume is not None and hello.generation is not None and chat.store in hello.resume
        after = chat.user_received
        if named:
            assert hello.resume is not None
            after = hello.resume[chat.store]
        track = Track(chat.store, 0)
        stale = named and hello.generation != self._generation
        from_the_start = not named and chat.user_received == 0
        page = await node.storage.read_chat(chat.store, chat.user, after_seq=min(after, chat.seq), limit=node.options.page_limit)
        if stale or after > chat.seq or page.first > after + 1 or (from_the_start and chat.seq > limit):
            self._session.push(wire.reset(chat.store))
            after = max(page.first - 1, chat.seq - limit)
            page = await node.storage.read_chat(chat.store, chat.user, after_seq=after, limit=node.options.page_limit)
        while True:
            missed = [(e.offset, for_user(e.frame)) for e in page.entries if e.kind == "m" and e.offset <= chat.offset]
            await self._put(track, missed)
            if not page.more or not page.entries or page.entries[-1].offset >= chat.offset:
                break
            page = await node.storage.read_chat(chat.store, chat.user, after_offset=page.entries[-1].offset, limit=node.options.page_limit)
        self._session.outbox.put_read(track, chat.offset, b"", 0)
        if self._session.enters(chat.store):
            self._session.tracks[chat.store] = track

    def _keep_generation(self, hello: f.Hello) -> None:
        """Where nothing was lost of what the client holds, it keeps its generation, whatever befell other stores."""
        told, storage = (hello.generation or "").partition("-")[0], self._node.storage
        held = hello.resume or {}
        self._kept = told if held and all(storage.continues(told, store) for store in held) else None

    @property
    def _generation(self) -> str:
        """The storage's, and for a user of whom a chat was taken away one of its own: the numbers of that chat begin anew."""
        generation = self._kept or self._node.storage.generation
        return f"{generation}-{self._erased_at}" if self._erased_at else generation

    def _welcome(self) -> None:
        session, node = self._session, self._node
        identity = session.identity
        assert identity is not None
        welcome = {
            "type": "welcome",
            "protocol": 1,
            "session": session.name,
            "generation": self._generation,
            "role": identity.role,
            "id": identity.id,
            "name": identity.name,
            "online": node.online + node.roll.online_elsewhere,
            "heartbeat": node.options.heartbeat_s,
            "at": node.clock.wall_ms(),
        }
        session.push(wire.text(welcome))

    def _show(self, records: list[ChatRecord], offsets: dict[str, int] | None) -> None:
        side: Side = "user" if offsets is None else "store"
        shown = [record for record in records if self._session.enters(record.chat.store)]
        for frame in wire.chats([wire.summary(record, side) for record in shown], offsets):
            self._session.push(frame)
        self._session.marks_shown([record.chat for record in shown])


async def _all(reads: list[Coroutine[Any, Any, T]]) -> list[T]:
    """What several stores hold, read at once. Most people have one, and a single read needs no task of its own."""
    return [await reads[0]] if len(reads) == 1 else await asyncio.gather(*reads)
