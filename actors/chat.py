"""What a chat is: the one lasting conversation between one user and one store.

`Chat` holds what decisions and lists need and nothing of the messages themselves. It is never changed, only
replaced (`actors.rule.apply`). A chat that does not exist yet is a `Chat` of epoch 0.
"""

from typing import Literal

import msgspec

Status = Literal["waiting", "claimed", "closed"]
Side = Literal["user", "store"]


class Owner(msgspec.Struct, frozen=True):
    """The one agent who has claimed a chat, as everybody sees it: `{"id","name"}`."""

    id: str
    name: str


class Party(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who did something, as it stands in `from` and `by`: `{"role","id","name"?}`."""

    role: str
    id: str
    name: str | None = None

    @property
    def owner(self) -> Owner:
        """The same agent as an owner; without a name the id stands for it."""
        return Owner(self.id, self.name or self.id)


class Chat(msgspec.Struct, frozen=True, kw_only=True):
    """One chat. Numbers of messages count from 1, times are integer milliseconds since the epoch."""

    store: str
    user: str
    name: str | None = None
    status: Status = "closed"
    owner: Owner | None = None
    epoch: int = 0
    since: int = 0
    seq: int = 0
    """The number of the last message."""
    from_user: int = 0
    """How many of the messages are the user's."""
    offset: int = 0
    """The store's number of the chat's last event; a session's cursor in the chat."""
    at: int = 0
    """When the last message was written."""
    user_received: int = 0
    user_read: int = 0
    user_read_from_user: int = 0
    """How many of the messages up to `user_read` are the user's own."""
    store_read: int = 0
    store_read_from_user: int = 0
    """How many of the messages up to `store_read` are the user's."""

    rated: int = 0
    """The epoch of the last end that its user has rated."""

    @property
    def exists(self) -> bool:
        """Whether anything was ever written in this chat."""
        return self.epoch > 0

    @property
    def owner_id(self) -> str:
        """The owner's id, empty when nobody owns the chat: one half of the fence."""
        return self.owner.id if self.owner else ""

    @property
    def is_rated(self) -> bool:
        """Whether the present end was rated."""
        return self.rated > 0 and self.rated == self.epoch

    def rank(self, side: Side) -> int:
        """How far the marks of a side have come: they only rise, so of two states the one with the higher rank is the newer."""
        return self.user_received + self.user_read if side == "user" else self.store_read

    def unread(self, side: Side) -> int:
        """The messages of the other side above this side's read mark. Arithmetic, so it can neither drift nor be negative."""
        if side == "store":
            return max(0, self.from_user - self.store_read_from_user)
        from_agents = self.seq - self.from_user
        return max(0, from_agents - (self.user_read - self.user_read_from_user))
