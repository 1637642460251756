"""A chat in memory, with its two faces: what Redis has said, and what it will be once everything in flight is committed."""

from collections import deque

import msgspec

from actors.append import Append, Committed, Duplicate
from actors.chat import Chat
from actors.event import OF_STORES, MarkMoved
from actors.request import Request
from actors.rule import apply


class Slot:
    """`chat` is what was committed, `tip` what decisions are made on. `parked` holds what came before the chat was loaded."""

    __slots__ = ("chat", "parked", "pending", "tip", "used_s")

    def __init__(self, chat: Chat, now_s: float) -> None:
        self.chat = chat
        self.tip = chat
        self.pending: deque[Request] = deque()
        """What is in flight, in the order of arrival."""
        self.parked: list[Request] | None = []
        """None once the chat is loaded."""
        self.used_s = now_s

    @property
    def is_unused(self) -> bool:
        """Whether nothing would be lost if the chat left memory."""
        return not self.pending and self.parked is None

    def landed(self, request: Request) -> None:
        """The fate of a request in flight is known."""
        if self.pending and self.pending[0] is request:
            self.pending.popleft()
        elif request in self.pending:
            self.pending.remove(request)

    def commit(self, append: Append, outcome: Committed | Duplicate) -> None:
        """What was decided has happened."""
        chat = self.chat
        for event in append.events:
            assert not isinstance(event, OF_STORES)
            if isinstance(event, MarkMoved):
                chat = msgspec.structs.replace(chat, seq=outcome.seq)
            chat = apply(chat, event)
        self.chat = msgspec.structs.replace(chat, seq=outcome.seq, offset=outcome.offset) if chat.exists else chat
        self.rest()

    def rest(self) -> None:
        """With nothing in flight the two faces are one. Where something is, fences will tell if it was decided on a tip that never came."""
        if not self.pending:
            self.tip = self.chat
