"""What happened in a chat or a store, as closed unions, and how each stands on the wire.

The numbers of an event are given by the append script, so a frame is made of two halves with the numbers between them: `tail`
makes the second half once, and `for_agents` and `for_user` join it after the commit. `storage/lua/append.lua` joins the same
halves in Redis, byte for byte; `storage` and `actors` agree on this page only.
"""

from typing import Literal

import msgspec

from actors.chat import Owner, Party, Side, Status

Reason = Literal["new", "claim", "release", "transfer", "takeover", "resolve", "reopen", "assigned", "agent_gone"]

_json = msgspec.json.Encoder().encode


class MessageAdded(msgspec.Struct, frozen=True, kw_only=True):
    """A message; `by` its sender, `id` the sender's own."""

    by: Party
    kind: str
    body: bytes
    id: str
    at: int


class NoteAdded(msgspec.Struct, frozen=True, kw_only=True):
    """A note of an agent to the other agents."""

    by: Party
    body: bytes
    id: str
    at: int


class ChatRated(NoteAdded, frozen=True, kw_only=True):
    """The user's word at the end of the chat. To agents it is a note; `body` has the rating besides its text."""


class StatusChanged(msgspec.Struct, frozen=True, kw_only=True):
    """The chat has another status or owner, and so a new epoch. `before` is the owner it had."""

    status: Status
    owner: Owner | None
    epoch: int
    by: Party | None
    reason: Reason
    at: int
    before: str


class MarkMoved(msgspec.Struct, frozen=True, kw_only=True):
    """A side has read or received up to `seq`."""

    side: Side
    mark: Literal["read", "received"]
    seq: int


class ContextTold(msgspec.Struct, frozen=True, kw_only=True):
    """Where the user is, in place of what was told before."""

    context: bytes
    at: int


ChatEvent = MessageAdded | NoteAdded | ChatRated | StatusChanged | MarkMoved | ContextTold


class AgentArrived(msgspec.Struct, frozen=True, kw_only=True):
    """An agent presented a token for the store: the store exists, the agent is on its roster."""

    agent: str
    name: str
    at: int


class AgentLeft(msgspec.Struct, frozen=True, kw_only=True):
    """The agent is on the roster no more."""

    agent: str


class AvailabilitySet(msgspec.Struct, frozen=True, kw_only=True):
    """The agent takes chats, or is away."""

    agent: str
    away: bool


class CursorMoved(msgspec.Struct, frozen=True, kw_only=True):
    """The agent safely holds the store's log up to `offset`."""

    agent: str
    offset: int


class ProfileSet(msgspec.Struct, frozen=True, kw_only=True):
    """The store says something else of itself; `profile` is all of it, encoded."""

    version: int
    profile: bytes


StoreEvent = AgentArrived | AgentLeft | AvailabilitySet | CursorMoved | ProfileSet
Event = ChatEvent | StoreEvent
Numbered = MessageAdded | NoteAdded | StatusChanged
"""The events that stand in the store's log."""
NUMBERED = (MessageAdded, NoteAdded, StatusChanged)
"""The same for `isinstance`, which builds a union anew at each call."""
OF_STORES = (AgentArrived, AgentLeft, AvailabilitySet, CursorMoved, ProfileSet)


def subject(store: str, user: str) -> bytes:
    """The fields that say which chat a frame is about; ids need no escaping."""
    return f'"store":"{store}","user":"{user}"'.encode()


def tail(event: Event) -> bytes:
    """The half of the event's frame that follows its numbers; empty for what is not in the log."""
    match event:
        case MessageAdded():
            return b'"from":%b,"kind":"%b","body":%b,"id":"%b","at":%d}' % (
                _json(event.by),
                event.kind.encode(),
                event.body,
                event.id.encode(),
                event.at,
            )
        case NoteAdded():
            return b'"from":%b,"body":%b,"id":"%b","at":%d}' % (_json(event.by), event.body, event.id.encode(), event.at)
        case StatusChanged():
            return b'"status":"%b","owner":%b,"epoch":%d,"by":%b,"reason":"%b","at":%d}' % (
                event.status.encode(),
                _json(event.owner),
                event.epoch,
                _json(event.by),
                event.reason.encode(),
                event.at,
            )
        case _:
            return b""


def for_agents(event: Numbered, about: bytes, seq: int, offset: int, second_half: bytes) -> bytes:
    """The whole frame as agents get it and as it is kept."""
    match event:
        case MessageAdded():
            return b'{"type":"message",%b,"seq":%d,"offset":%d,%b' % (about, seq, offset, second_half)
        case NoteAdded():
            return b'{"type":"note",%b,"offset":%d,%b' % (about, offset, second_half)
        case StatusChanged():
            return b'{"type":"status",%b,"offset":%d,%b' % (about, offset, second_half)


ERASED = "~erased"
"""The user, the agent and the id of what stands in the place of something erased: an id that no token should name."""


def in_place_of_erased(store: str) -> tuple[bytes, bytes]:
    """What an erased event becomes, before its offset and between that and its time: an empty note in nobody's chat."""
    nothing = NoteAdded(by=Party("agent", ERASED), body=b'{"text":""}', id=ERASED, at=0)
    return b'{"type":"note",%b,"offset":' % subject(store, ERASED), b"," + tail(nothing).removesuffix(b"0}")


_OFFSET = b',"offset":'


def for_user(frame: bytes) -> bytes:
    """The same frame without the store's number, which is no shopper's business.

    Only ids and numbers stand before the offset, so its first occurrence is the field itself and never a shopper's text.
    """
    start = frame.index(_OFFSET)
    return frame[:start] + frame[frame.index(b",", start + len(_OFFSET)) :]


def offset_of(frame: bytes) -> int:
    """The store's number of a frame as agents get it."""
    start = frame.index(_OFFSET) + len(_OFFSET)
    return int(frame[start : frame.index(b",", start)])


def marks(about: bytes, side: Side, received: int, read: int) -> bytes:
    """The `marks` frame of one side of a chat."""
    got = b'"received":%d,' % received if side == "user" else b""
    return b'{"type":"marks",%b,"side":"%b",%b"read":%d}' % (about, side.encode(), got, read)
