"""What nodes tell each other of what they wrote, as a closed union, and the topics by which a node says what it wants to hear.

News are the fast way and nothing rests on them: what is lost of them shows by its number, or is found by comparing (`actors.live`).
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

import msgspec

from actors.chat import Side


class Topic(NamedTuple):
    """`live`: all that happens in a store, for its agents. `about`: who is there and who is next in it. `chat`: one chat, for its user.
    `user`: the chats that a user begins."""

    kind: Literal["live", "about", "chat", "user"]
    store: str = ""
    user: str = ""


class MarkShown(msgspec.Struct, frozen=True):
    """How far a side of a chat has received and read, as it is now."""

    user: str
    side: Side
    received: int
    read: int


class LogGrew(msgspec.Struct, frozen=True, kw_only=True):
    """Another node has written in a store, or (`user` not empty) in one chat of it."""

    store: str
    user: str
    previous: int
    """The offset before the first of these: the store's, or the chat's own."""
    numbers: tuple[int, ...]
    frames: tuple[bytes, ...]
    """As agents get them; an empty one is not for the chat's user."""
    marks: tuple[MarkShown, ...]


class StoreChanged(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown about a store has changed: its queue, or its roster and who is away, or who is there, or its profile."""

    store: str
    queue: bool = False
    state: bool = False
    presence: bool = False
    profile: bool = False


class ChatBegan(msgspec.Struct, frozen=True):
    """A user has written to a store for the first time, on another node."""

    store: str
    user: str


class MarksLost(msgspec.Struct, frozen=True):
    """Marks of a store have moved, and nobody knows which."""

    store: str


class TypingShown(msgspec.Struct, frozen=True):
    """Somebody of this side of a chat is writing, or stopped."""

    store: str
    user: str
    side: Side
    on: bool


class NoticeTold(msgspec.Struct, frozen=True):
    """An announcement, as it is told to all of the store and of its chats."""

    store: str
    frame: bytes


class ContextShown(msgspec.Struct, frozen=True):
    """Where a shopper is, as agents are told."""

    store: str
    user: str
    frame: bytes


class ChatErased(msgspec.Struct, frozen=True):
    """A chat is gone from the storage."""

    store: str
    user: str


class AccessWithdrawn(msgspec.Struct, frozen=True):
    """Somebody's access was withdrawn; whose stands in the storage."""


Said = TypingShown | NoticeTold | ContextShown | ChatErased | AccessWithdrawn
"""What a node tells the others itself, since no append does."""
News = LogGrew | StoreChanged | ChatBegan | MarksLost | Said


class Call(NamedTuple):
    """What a node says of itself in a store, or (`store` empty) to the other nodes: its beat rises, `who` is empty if nobody is here."""

    store: str
    beat: int
    who: bytes


Dead = Mapping[str, int]
"""Nodes that stand still, each with its last beat."""


class Roll(NamedTuple):
    """Each of the other nodes to its last beat and to who it said is there."""

    store: str
    others: dict[str, tuple[int, bytes]]


class Followed(Protocol):
    """Who is told what is followed from now on."""

    def __call__(self, topics: Sequence[Topic], *, again: bool) -> None:
        """`again`: it was followed before, until the connection was cut. Never waits."""


class Head(msgspec.Struct, frozen=True):
    """Where a chat stands: its last offset and its marks."""

    offset: int
    user_received: int = 0
    user_read: int = 0
    store_read: int = 0


class Heads(msgspec.Struct, frozen=True, kw_only=True):
    """Where the logs of stores and of chats end, and the stores that users have written to."""

    stores: dict[str, int]
    moves: dict[str, int]
    """How many moves of marks were published in each of the stores."""
    changes: dict[str, int]
    """How many changes of the queue and of the store's state were published in each."""
    chats: dict[tuple[str, str], Head]
    users: dict[str, tuple[str, ...]]
