"""Everything a store actor is told, as a closed union."""

from typing import Any

import msgspec

from actors.append import ChatRecord, Settled, StoreState
from actors.chat import Party
from actors.news import ContextShown, LogGrew, MarkShown, MarksLost, NoticeTold, StoreChanged, TypingShown
from actors.request import Request, StoreRequest


class ShowTyping(msgspec.Struct, frozen=True):
    """`by` is writing in the chat of `user`, or stopped."""

    by: Party
    user: str
    on: bool


class WelcomeUser(msgspec.Struct, frozen=True):
    """A user's session is live: it is to hear who is there and its place in the queue."""

    session: Any
    user: str


class WelcomeAgent(msgspec.Struct, frozen=True):
    """An agent's session is live: it is to hear who is there."""

    session: Any


class AgentBack(msgspec.Struct, frozen=True):
    """An agent has a session again."""

    agent: str


class AgentGone(msgspec.Struct, frozen=True):
    """An agent's last session has ended."""

    agent: str


class AgentDeparted(msgspec.Struct, frozen=True):
    """It has been gone long enough for the others to see it."""

    agent: str


class BatchSettled(msgspec.Struct, frozen=True):
    """What became of appends (control)."""

    settled: Settled


class StoreLoaded(msgspec.Struct, frozen=True):
    """The store as a whole was read, with the owners of its chats (control); None: it could not be."""

    state: StoreState | None
    owners: tuple[str, ...] = ()


class ChatLoaded(msgspec.Struct, frozen=True):
    """A chat was read (control); None: it could not be."""

    user: str
    record: ChatRecord | None


class OwnedFound(msgspec.Struct, frozen=True):
    """The chats of an agent who has been gone for the whole grace period (control); None: they could not be read."""

    agent: str
    users: tuple[str, ...] | None


class RollCalled(msgspec.Struct, frozen=True):
    """Who is there on other nodes: agent to its name, and whether it has a session (control)."""

    others: dict[str, tuple[str, bool]]


class PlacesFound(msgspec.Struct, frozen=True):
    """The waiting users, the longest waiting first (control); None: they could not be read."""

    users: tuple[str, ...] | None


class TailLost(msgspec.Struct, frozen=True):
    """The storage is behind what was delivered: nothing that is remembered of the store can be trusted (control)."""


class ChatGone(msgspec.Struct, frozen=True):
    """The chat was taken out of the storage (control)."""

    user: str


class HeadFound(msgspec.Struct, frozen=True):
    """The marks of a chat whose user is here, as they are (control)."""

    marks: tuple[MarkShown, ...]


class ProfileFound(msgspec.Struct, frozen=True):
    """The store's profile was read (control)."""

    version: int
    profile: bytes


class Tick(msgspec.Struct, frozen=True):
    """It is time to look at what is gathered and at the deadlines (control)."""

    due_s: float


StoreMessage = (
    Request
    | StoreRequest
    | ShowTyping
    | WelcomeUser
    | WelcomeAgent
    | AgentBack
    | AgentGone
    | AgentDeparted
    | BatchSettled
    | StoreLoaded
    | ChatLoaded
    | OwnedFound
    | PlacesFound
    | TailLost
    | ChatGone
    | LogGrew
    | StoreChanged
    | MarksLost
    | TypingShown
    | NoticeTold
    | ContextShown
    | ProfileFound
    | HeadFound
    | RollCalled
    | Tick
)
