"""What clients are told: every frame of the protocol that the server sends, as a type.

The server writes these frames as bytes (`actors.wire`, `actors.event`), since most of each is made once for many receivers; these types
are how clients read them and what the served documents are made of. `tests/wire` holds every frame that a test sees to them.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from actors.body import Text
from actors.chat import Owner, Party, Side, Status
from actors.earlier import Rating, Stretch
from actors.event import Reason
from actors.frame import Id, Number
from actors.identity import Role
from actors.profile import Clock, Reply

Ms = Annotated[int, Meta(ge=0, description="Milliseconds since the epoch.")]


class UserMarks(Struct, frozen=True):
    """Up to which `seq` the shopper's devices hold the chat, and up to which it was read."""

    received: Number
    read: Number


class StoreMarks(Struct, frozen=True):
    """Up to which `seq` the store has read the chat."""

    read: Number


class BothMarks(Struct, frozen=True):
    """The marks of both sides."""

    user: UserMarks
    store: StoreMarks


class Welcome(Struct, frozen=True, tag_field="type", tag="welcome"):
    """The token is good. `generation` changes whenever storage may have lost its tail; it goes back with `resume`."""

    protocol: int
    session: str
    generation: str
    role: Role
    id: Id
    name: str | None
    online: Annotated[int, Meta(ge=0, description="Open sessions of the whole service.")]
    heartbeat: Annotated[float, Meta(gt=0, description="Seconds; who hears nothing for two of them reconnects.")]
    at: Ms


class Message(Struct, frozen=True, tag_field="type", tag="message", rename={"by": "from"}):
    """A message, to the user's sessions and to every agent of the store; `id` is the sender's own, `offset` is for agents only."""

    store: Id
    user: Id
    seq: Annotated[int, Meta(ge=1, description="Numbers the messages of one chat, without a gap.")]
    by: Party
    kind: str
    body: dict[str, Any]
    id: Id
    at: Ms
    offset: Annotated[int, Meta(ge=1, description="Numbers all that the agents of a store see, without a gap.")] | UnsetType = UNSET


class NoteBody(Struct, frozen=True):
    """The text of a note. With `rating` it is the user's word at the end of the chat, and the text says the same in stars."""

    text: str
    rating: Rating | UnsetType = UNSET


class Note(Struct, frozen=True, tag_field="type", tag="note", rename={"by": "from"}):
    """A note of an agent to the other agents, or the rating of the chat by its user. An
    empty one of the user `~erased` stands where something was erased."""

    store: Id
    user: Id
    offset: Annotated[int, Meta(ge=1)]
    by: Party
    body: NoteBody
    id: Id
    at: Ms


class StatusChange(Struct, frozen=True, tag_field="type", tag="status"):
    """A chat has another status or owner; `by` is null where nobody did it."""

    store: Id
    user: Id
    status: Status
    owner: Owner | None
    epoch: Annotated[int, Meta(ge=1, description="Raised by every change of status or owner, and by nothing else.")]
    by: Party | None
    reason: Reason
    at: Ms
    offset: Annotated[int, Meta(ge=1)] | UnsetType = UNSET


class Summary(Struct, frozen=True):
    """A chat as lists show it; `since` is when it took its present status."""

    store: Id
    user: Id
    name: str | None
    status: Status
    owner: Owner | None
    epoch: Number
    seq: Number
    unread: Number
    last: Message | None
    since: Ms
    marks: BothMarks
    rated: Annotated[bool, Meta(description="Its user has rated how it ended.")] | UnsetType = UNSET


class Chats(Struct, frozen=True, tag_field="type", tag="chats"):
    """Without `id` a part of the opening, for agents with the `offsets` it stands at; with `id` the answer to the command `chats`."""

    chats: list[Summary]
    offsets: dict[str, Number] | UnsetType = UNSET
    id: Id | UnsetType = UNSET
    store: Id | UnsetType = UNSET
    more: bool | UnsetType = UNSET
    next: Annotated[str, Meta(description="Given as `before` it continues the list.")] | UnsetType = UNSET


class History(Struct, frozen=True, tag_field="type", tag="history"):
    """The answer to `history`: event frames of one chat, ascending."""

    id: Id
    store: Id
    user: Id
    messages: list[Message | Note | StatusChange]
    more: bool


class Found(Struct, frozen=True, tag_field="type", tag="found"):
    """The answer to `search`, newest first. One answer looks at a part of what there is only: it may be empty with `more` to come."""

    id: Id
    store: Id
    entries: list[Message | Note]
    more: bool
    next: Annotated[str, Meta(description="Given as `before` it continues the search.")] | UnsetType = UNSET


class Waits(Struct, frozen=True):
    """Who waits, and since when."""

    user: Id
    since: Ms


class Desk(Struct, frozen=True):
    """An agent of the store's roster; `limit` 0 for none."""

    id: Id
    name: str
    status: Literal["available", "away", "gone"]
    chats: Number
    limit: Number


class Responses(Struct, frozen=True):
    """How long it took from a chat's opening to its first answer, in ms: by how much half and nine tenths of them were answered."""

    count: Number
    p50: Number | None
    p90: Number | None


class Ratings(Struct, frozen=True):
    """How chats were rated, from 1 to 5."""

    count: Number
    mean: Annotated[float, Meta(ge=1, le=5)] | None


class Day(Struct, frozen=True, rename={"since": "from"}):
    """What happened since a moment. `refused`: claims that were refused because another agent owned the chat."""

    since: Ms
    opened: Number
    claimed: Number
    closed: Number
    messages: Number
    refused: Number
    takeovers: Number
    first_response: Responses
    rating: Ratings


class Quarter(Struct, frozen=True):
    """What happened in 15 minutes from `at` on, first answers among it, and how many chats were waiting at their end."""

    at: Ms
    opened: Number
    answered: Number
    waiting: Number


class Figures(Struct, frozen=True, tag_field="type", tag="figures"):
    """The answer to `figures`: `longest` has waited longest for an agent, `unanswered` for an answer in a claimed chat."""

    id: Id
    store: Id
    at: Ms
    waiting: Number
    claimed: Number
    longest: Waits | None
    unanswered: Waits | None
    agents: list[Desk]
    day: Day
    series: list[Quarter]


class Reset(Struct, frozen=True, tag_field="type", tag="reset"):
    """What you hold of this store is not what is kept: drop it, use the snapshot and `history`."""

    store: Id


class Ready(Struct, frozen=True, tag_field="type", tag="ready"):
    """Everything missed was told; from here on frames are live."""


class Ping(Struct, frozen=True, tag_field="type", tag="ping"):
    """The server is there."""


class Pong(Struct, frozen=True, tag_field="type", tag="pong"):
    """The answer to a client's `ping`."""


class Marks(Struct, frozen=True, tag_field="type", tag="marks"):
    """How far a side has received and read; `received` is told of the user's side."""

    store: Id
    user: Id
    side: Side
    read: Number
    received: Number | UnsetType = UNSET


class Typing(Struct, frozen=True, tag_field="type", tag="typing"):
    """The other side is writing, or stopped; hidden after 6 s without another one."""

    store: Id
    user: Id
    side: Side
    on: bool


class Present(Struct, frozen=True):
    """An agent who is there."""

    id: Id
    name: str
    status: Literal["available", "away"]


class Presence(Struct, frozen=True, tag_field="type", tag="presence"):
    """To agents `agents`, who is there; to users `online`, whether somebody available is."""

    store: Id
    agents: list[Present] | UnsetType = UNSET
    online: bool | UnsetType = UNSET


class Queue(Struct, frozen=True, tag_field="type", tag="queue"):
    """The place of a waiting user; 1 is next."""

    store: Id
    position: Annotated[int, Meta(ge=1)]


class Notice(Struct, frozen=True, tag_field="type", tag="notice"):
    """An announcement, told once to whoever is there."""

    body: Text
    at: Ms
    store: Id | UnsetType = UNSET


class Profile(Struct, frozen=True, tag_field="type", tag="profile"):
    """What a store says of itself, with `id` to whoever asks, else to agents when it has changed. Users get neither `clock` nor
    `replies` nor `by`. Version 0 is that of a store which nobody configured."""

    store: Id
    version: Number
    name: str | None
    face: str | None
    greeting: str | None
    at: Ms | None
    clock: Clock | UnsetType = UNSET
    replies: list[Reply] | UnsetType = UNSET
    by: Party | UnsetType | None = UNSET
    id: Id | UnsetType = UNSET


class Context(Struct, frozen=True, tag_field="type", tag="context"):
    """To agents: where a shopper is, as its page says. With `id` the answer to `context`, where `earlier` are the newest stretches of the
    chat that have ended, newest first."""

    store: Id
    user: Id
    context: dict[str, Any] | None
    at: Ms | None
    earlier: list[Stretch] | UnsetType = UNSET
    id: Id | UnsetType = UNSET


class Ack(Struct, frozen=True, tag_field="type", tag="ack"):
    """A command was carried out and is durable. A `send` has `seq` and `at`, an ownership command `status`, `owner` and `epoch`,
    a `configure` the `version`."""

    id: Id
    seq: Annotated[int, Meta(ge=1)] | UnsetType = UNSET
    at: Ms | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    owner: Owner | UnsetType | None = UNSET
    epoch: Number | UnsetType = UNSET
    version: Annotated[int, Meta(ge=1)] | UnsetType = UNSET
    duplicate: Annotated[bool, Meta(description="It was carried out before; this is the same answer again.")] = False


class Error(Struct, frozen=True, tag_field="type", tag="error"):
    """A frame was not carried out. `temporary`: the same frame may be sent again. Errors about ownership tell the present one."""

    code: str
    detail: Annotated[str, Meta(description="A sentence for a developer.")]
    temporary: bool
    id: Id | UnsetType = UNSET
    retry_after: Annotated[float, Meta(ge=0, description="Seconds.")] | UnsetType = UNSET
    owner: Owner | UnsetType | None = UNSET
    epoch: Number | UnsetType = UNSET
    since: Ms | UnsetType = UNSET
    version: Annotated[Number, Meta(description="Of the profile, at present.")] | UnsetType = UNSET


Told = (
    Welcome
    | Chats
    | Reset
    | Message
    | Note
    | StatusChange
    | Ready
    | Marks
    | Typing
    | Presence
    | Queue
    | Notice
    | Profile
    | Context
    | History
    | Found
    | Figures
    | Ack
    | Error
    | Ping
    | Pong
)
"""Everything that may come from the server."""

TYPES: frozenset[str] = frozenset(str(kind.__struct_config__.tag) for kind in Told.__args__)
"""The `type` of every frame the server sends."""

_TOLD: msgspec.json.Decoder[Told] = msgspec.json.Decoder(Told)
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])


class _Outline(Struct):
    type: str


_OUTLINE = msgspec.json.Decoder(_Outline)


def read(text: str | bytes) -> list[Told]:
    """The frames of one WebSocket message of the server, in order. Frames of a type that is not known here are left out: the protocol
    may be extended. Raises `msgspec.MsgspecError` for what is not the protocol's."""
    raw = text.encode() if isinstance(text, str) else text
    parts = _ARRAY.decode(raw) if raw.lstrip(b" \t\r\n")[:1] == b"[" else [msgspec.Raw(raw)]
    return [_TOLD.decode(part) for part in parts if _OUTLINE.decode(part).type in TYPES]
