"""What a store actor does with what other nodes have written in its store: the log's own frames go to whoever is here.

A chat in memory is brought up to date where that is easy. It may stay behind: what is decided on it then is fenced, and decided again.
"""

from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from actors import wire
from actors.chat import Chat, Owner, Party, Side, Status
from actors.delivery import Newest, deliver
from actors.event import Reason, StatusChanged, for_user, subject
from actors.news import LogGrew, MarkShown, TypingShown
from actors.rule import apply

if TYPE_CHECKING:
    from actors.store import StoreActor


class _Status(msgspec.Struct):
    user: str
    status: Status
    owner: Owner | None
    epoch: int
    by: Party | None
    reason: Reason
    offset: int
    at: int


_status = msgspec.json.Decoder(_Status)
_STATUS = b'{"type":"status"'


class Foreign:
    """A part of a store actor: called by it alone, inside its mailbox."""

    def __init__(self, actor: "StoreActor") -> None:
        self._actor = actor
        self._node = actor.node

    def grew(self, news: LogGrew) -> None:
        """Another node has written: in the store as a whole, or in the chat of a user who is here."""
        actor, store = self._actor, self._actor.store
        if news.user:
            user = self._node.users_of.get(store, {}).get(news.user)
            if user is not None and news.numbers:
                frames = tuple(for_user(frame) if frame else b"" for frame in news.frames)
                user.hand(deliver(store, news.previous, news.numbers, frames))
        elif news.numbers:
            agents = self._node.agents_of.get(store)
            if agents:
                delivery = deliver(store, news.previous, news.numbers, news.frames)
                for agent in agents.values():
                    agent.hand(delivery)
        for frame in news.frames:
            if frame.startswith(_STATUS):
                self._status_changed(_status.decode(frame))
        self.marked(news.marks, agents=not news.user)
        actor.used_s = self._node.clock.monotonic_s()

    def _status_changed(self, found: _Status) -> None:
        event = StatusChanged(
            status=found.status, owner=found.owner, epoch=found.epoch, by=found.by, reason=found.reason, at=found.at, before=""
        )
        slot = self._actor.slots.get(found.user)
        if slot is not None and slot.is_unused and slot.chat.exists and found.epoch > slot.chat.epoch:
            slot.chat = slot.tip = msgspec.structs.replace(apply(slot.chat, event), offset=max(found.offset, slot.chat.offset))
        elif slot is not None and slot.is_unused and not slot.chat.exists:
            del self._actor.slots[found.user]
        self._actor.attendance.status_changed(found.user, event)

    def marked(self, marks: tuple[MarkShown, ...], *, agents: bool) -> None:
        """Marks are where they are, and whoever is here is to see it: the store's agents, or the chat's user."""
        for mark in marks:
            self._note(mark)
            self._actor.attendance.mark_shown(mark, agents=agents)

    def found(self, marks: tuple[MarkShown, ...]) -> None:
        """Marks of a chat whose user is here are at least there."""
        for mark in marks:
            self._note(mark)
            self._actor.attendance.mark_found(mark)

    def _note(self, mark: MarkShown) -> None:
        slot = self._actor.slots.get(mark.user)
        if slot is not None and slot.parked is None:
            slot.chat, slot.tip = _with(slot.chat, mark), _with(slot.tip, mark)

    def typing(self, news: TypingShown) -> None:
        """Somebody writes, on another node."""
        frame = wire.typing(subject(news.store, news.user), news.side, on=news.on)
        newest = Newest(("typing", news.store, news.user, news.side), frame)
        self._actor.attendance.show(newest, news.user, agents=news.side == "user", user=news.side == "store")

    async def reload_marks(self) -> None:
        """Reads the marks of the chats that agents see first, and of those that were written in last, and shows them."""
        storage, store, limit = self._node.storage, self._actor.store, self._node.options.list_limit
        with suppress(Exception):  # whatever it was, marks are shown again when they move
            snapshot, newest = await storage.snapshot(store, "", limit), await storage.list_chats(store, None, None, limit)
            for record in await storage.load_chats(store, tuple(dict.fromkeys((*snapshot.users, *newest.users)))):
                self._actor.mailbox.put_control(_found(record.chat))


def _found(chat: Chat) -> LogGrew:
    return LogGrew(store=chat.store, user="", previous=0, numbers=(), frames=(), marks=tuple(_shown(chat)))


def _shown(chat: Chat) -> list[MarkShown]:
    both: tuple[tuple[Side, int, int], ...] = (("user", chat.user_received, chat.user_read), ("store", 0, chat.store_read))
    return [MarkShown(chat.user, side, received, read) for side, received, read in both if received or read]


def _with(chat: Chat, mark: MarkShown) -> Chat:
    if mark.side == "user":
        received, read = max(chat.user_received, mark.received), max(chat.user_read, mark.read)
        return msgspec.structs.replace(chat, user_received=received, user_read=read)
    return msgspec.structs.replace(chat, store_read=max(chat.store_read, mark.read))
