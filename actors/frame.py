"""What clients may say: every frame of the protocol as a type, and the one door from text to these types.

The typed decoding is the validation. `parse` never raises: what cannot be understood comes back as `Malformed`, in its place.
What may be left out may as well be null, but in `configure`, where null clears; a
key that an object names twice, at whatever depth, is malformed.
"""

import json
import re
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from actors.body import is_address
from actors.profile import Clock, Face, Greeting, Name, Replies
from actors.text import drops_a_pair, has_huge_number, is_deep

ARRAY_LIMIT = 64
"""Frames in one text message."""

ID_PATTERN = r"^[A-Za-z0-9._~-]{1,64}\Z"
Id = Annotated[str, Meta(pattern=ID_PATTERN)]
Number = Annotated[int, Meta(ge=0)]
Limit = Annotated[int, Meta(ge=1)] | None

CommandId = Annotated[Id, Meta(description="The client's own. What got no answer is sent again with the same one, and takes effect once.")]
Fence = Annotated[Number | None, Meta(description="If the chat's `epoch` is another by now, the command is refused with `stale_claim`.")]
ChatUser = Annotated[Id | None, Meta(description="Whose chat; agents must say it, a user's own is meant without it.")]
PageLimit = Annotated[Limit, Meta(description="How many at most; 50 without it, never more than 200.")]

PAGE, PAGE_LIMIT = 50, 200
"""Entries of a page of `chats` or `history` where the client names no `limit`, and at most."""
NUMBER_LIMIT = 2**53
"""Numbers of messages and offsets above this count as this: Redis scripts reckon in doubles."""


class Hello(Struct, frozen=True, tag_field="type", tag="hello"):
    """The first frame of a session."""

    token: Annotated[str | None, Meta(description="Signed by the mall; says who this is.")] = None
    resume: Annotated[
        dict[Id, Number] | None, Meta(description="For each store the last number that is held: `seq` of users, `offset` of agents.")
    ] = None
    generation: Annotated[str | None, Meta(description="That of the `welcome` under which it was received.")] = None
    visitor: Annotated[
        str | None, Meta(description="The token of the visitor that this user was before it signed in; its chat becomes the user's.")
    ] = None


class Renew(Struct, frozen=True, tag_field="type", tag="token"):
    """A fresh token for the same identity."""

    token: Annotated[str, Meta(description="Its session goes on until it ends.")]


class Ping(Struct, frozen=True, tag_field="type", tag="ping"):
    """Answered by `pong`."""


class Pong(Struct, frozen=True, tag_field="type", tag="pong"):
    """A client's answer to the server's `ping`: welcome, and not needed."""


class Received(Struct, frozen=True, tag_field="type", tag="received"):
    """All up to `seq` (user) or `offset` (agent) is safely held."""

    store: Id
    seq: Annotated[Number | None, Meta(description="For users.")] = None
    offset: Annotated[Number | None, Meta(description="For agents.")] = None


class Typing(Struct, frozen=True, tag_field="type", tag="typing"):
    """Somebody is writing, or stopped."""

    store: Id
    on: bool
    user: ChatUser = None


class Send(Struct, frozen=True, tag_field="type", tag="send"):
    """Add a message."""

    id: CommandId
    store: Id
    kind: str
    body: Raw
    user: ChatUser = None
    epoch: Fence = None


class Note(Struct, frozen=True, tag_field="type", tag="note"):
    """Add a note that only agents see."""

    id: CommandId
    store: Id
    user: Id
    body: Raw


class Claim(Struct, frozen=True, tag_field="type", tag="claim"):
    """Call dibs."""

    id: CommandId
    store: Id
    user: Id


class Release(Struct, frozen=True, tag_field="type", tag="release"):
    """Give the chat back to the queue."""

    id: CommandId
    store: Id
    user: Id
    epoch: Fence = None


class Transfer(Struct, frozen=True, tag_field="type", tag="transfer"):
    """Give the chat to another agent."""

    id: CommandId
    store: Id
    user: Id
    to: Annotated[Id, Meta(description="An agent of the store's roster.")]
    note: Annotated[str | None, Meta(description="What the other agents are to know; becomes a note.")] = None
    epoch: Fence = None


class TakeOver(Struct, frozen=True, tag_field="type", tag="takeover"):
    """Own the chat, whoever owned it."""

    id: CommandId
    store: Id
    user: Id


class Resolve(Struct, frozen=True, tag_field="type", tag="resolve"):
    """Close the chat."""

    id: CommandId
    store: Id
    user: Id
    epoch: Fence = None


class Requeue(Struct, frozen=True, tag_field="type", tag="requeue"):
    """Put a chat back into the queue, whoever owned it; for supervisors."""

    id: CommandId
    store: Id
    user: Id
    epoch: Fence = None


class End(Struct, frozen=True, tag_field="type", tag="end"):
    """Close one's own chat; for users."""

    id: CommandId
    store: Id
    user: ChatUser = None


class Rate(Struct, frozen=True, tag_field="type", tag="rate"):
    """Say how the chat was, once after each of its ends; for users."""

    id: CommandId
    store: Id
    score: Annotated[int, Meta(ge=1, le=5, description="5 is best.")]
    comment: Annotated[Annotated[str, Meta(max_length=500)] | None, Meta(description="500 characters at most.")] = None
    user: ChatUser = None


class Read(Struct, frozen=True, tag_field="type", tag="read"):
    """Move the read mark."""

    id: CommandId
    store: Id
    seq: Annotated[Number, Meta(description="All up to here was read.")]
    user: ChatUser = None


class Chats(Struct, frozen=True, tag_field="type", tag="chats"):
    """A page of the list of chats."""

    id: CommandId
    store: Id
    status: Annotated[Literal["waiting", "claimed", "closed"] | None, Meta(description="Only these; all without it.")] = None
    before: Annotated[str | None, Meta(description="The `next` of the page before; the newest without it.")] = None
    limit: PageLimit = None


class History(Struct, frozen=True, tag_field="type", tag="history"):
    """A page of a chat."""

    id: CommandId
    store: Id
    user: ChatUser = None
    before: Annotated[Number | None, Meta(description="Messages below this `seq`; the newest without it.")] = None
    limit: PageLimit = None
    events: Annotated[bool | None, Meta(description="With notes and changes of status between the messages; for agents.")] = None


class Search(Struct, frozen=True, tag_field="type", tag="search"):
    """Find words in what was said, in one chat or in the whole store; for agents."""

    id: CommandId
    store: Id
    text: Annotated[
        str, Meta(min_length=1, max_length=100, description="Stands, in whatever case, in a text, title, name, alt, number or sku.")
    ]
    user: Annotated[Id | None, Meta(description="Only in this user's chat; in all that is kept of the store without it.")] = None
    before: Annotated[str | None, Meta(description="The `next` of the answer before; from the newest without it.")] = None
    limit: Annotated[Limit, Meta(description="How many at most; 50 without it, never more than 50.")] = None


class Profile(Struct, frozen=True, tag_field="type", tag="profile"):
    """What the store says of itself."""

    id: CommandId
    store: Id


class Configure(Struct, frozen=True, tag_field="type", tag="configure"):
    """Change what the store says of itself; for supervisors. What is left out stays, null clears."""

    id: CommandId
    store: Id
    version: Annotated[Number, Meta(description="The present one; if it is another by now, the command is refused with `stale_profile`.")]
    name: Name | UnsetType | None = UNSET
    face: Face | UnsetType | None = UNSET
    greeting: Greeting | UnsetType | None = UNSET
    clock: Clock | UnsetType | None = UNSET
    replies: Replies | UnsetType | None = UNSET

    @property
    def changes(self) -> dict[str, Any]:
        """What is to be replaced, by field."""
        given = {name: getattr(self, name) for name in ("name", "face", "greeting", "clock", "replies")}
        return {name: value for name, value in given.items() if value is not UNSET}


class Context(Struct, frozen=True, tag_field="type", tag="context"):
    """A user says where it is in the shop; an agent asks where a user is, and for what was before."""

    id: CommandId
    store: Id
    context: Annotated[Raw, Meta(description="For users, who must say it.")] = msgspec.field(default_factory=lambda: Raw(b"null"))
    user: ChatUser = None

    @property
    def tells(self) -> bool:
        """Whether there is a context in it."""
        return bytes(self.context) != b"null"


class Figures(Struct, frozen=True, tag_field="type", tag="figures", rename={"since": "from"}):
    """How a store stands and what its last day was; for supervisors."""

    id: CommandId
    store: Id
    since: Annotated[
        Number | None, Meta(description="From when on, in ms; 25 hours back at most, 24 without it. Taken down to the whole minute.")
    ] = None


class Availability(Struct, frozen=True, tag_field="type", tag="availability"):
    """Available or away, in all stores of the token."""

    id: CommandId
    status: Literal["available", "away"]


class Announce(Struct, frozen=True, tag_field="type", tag="announce"):
    """Tell everybody of a store something, once."""

    id: CommandId
    store: Id
    body: Raw


Frame = (
    Hello
    | Renew
    | Ping
    | Pong
    | Received
    | Typing
    | Send
    | Note
    | Claim
    | Release
    | Transfer
    | TakeOver
    | Resolve
    | Requeue
    | End
    | Rate
    | Read
    | Chats
    | History
    | Search
    | Profile
    | Configure
    | Context
    | Figures
    | Availability
    | Announce
)
"""Everything that may come from a client."""


class Malformed(Struct, frozen=True):
    """What was not a frame: the error to answer with, and the id it belongs to if it had a good one."""

    code: Literal["bad_frame", "unknown_type"]
    id: str | None = None


def fits(frame: Frame, side: str) -> bool:
    """Whether a frame has the fields that this side (user or store) must give, beyond what its type says."""
    match frame:
        case Send(user=user) | Read(user=user) | History(user=user) | Typing(user=user):
            return side == "user" or user is not None
        case Received(seq=seq, offset=offset):
            return (seq if side == "user" else offset) is not None
        case Context(user=user):
            return frame.tells if side == "user" else user is not None
        case Configure(face=face, clock=clock, replies=replies):
            has_address = not isinstance(face, str) or is_address(face)
            rises = not isinstance(clock, Clock) or clock.amber <= clock.red
            return has_address and rises and (not isinstance(replies, tuple) or len({one.key for one in replies}) == len(replies))
        case Chats(before=before):
            return before is None or _PLACE.match(before) is not None
        case Search(before=before):
            return before is None or _OFFSET.match(before) is not None
        case _:
            return True


def page_size(limit: Limit) -> int:
    """How many entries a page has when this many are asked for."""
    return min(limit or PAGE, PAGE_LIMIT)


def place_of(before: str | None) -> tuple[int, str] | None:
    """The place (`at`, user) a page of `chats` continues behind, from the `next` of the page before."""
    if before is None:
        return None
    at, _, user = before.partition(":")
    return int(at), user


TYPES: frozenset[str] = frozenset(str(kind.__struct_config__.tag) for kind in Frame.__args__)
"""The `type` of every frame a client may send."""


_FRAME: msgspec.json.Decoder[Frame] = msgspec.json.Decoder(Frame)
_ARRAY = msgspec.json.Decoder(list[Raw])
_ANY: msgspec.json.Decoder[object] = msgspec.json.Decoder()
_LAX = json.JSONDecoder(strict=False, parse_int=float)
"""Reads on where others stop, to find what can still be told: half a character, a NaN, a raw control character."""
_SPACE = re.compile(r"[ \t\r\n]*")
_ID = re.compile(ID_PATTERN)
_PLACE = re.compile(r"[0-9]{1,15}:[A-Za-z0-9._~-]{1,64}\Z")
_OFFSET = re.compile(r"[0-9]{1,15}\Z")
_UNREADABLE = (msgspec.MsgspecError, RecursionError, UnicodeEncodeError)


def parse(text: str) -> list[Frame | Malformed]:
    """The frames of one text message, in order, each as its type or as what is wrong with it.

    An array of more than 64 frames, or one that holds an array, is one `bad_frame` and nothing of it is a frame.
    """
    if text.lstrip(" \t\r\n")[:1] != "[":
        return [_one(text)]
    try:
        parts = [bytes(part).decode() for part in _ARRAY.decode(text)]
    except _UNREADABLE:
        parts = _parts(text)
    if len(parts) > ARRAY_LIMIT or any(part[:1] == "[" for part in parts):
        return [Malformed("bad_frame")]
    return [_one(part) for part in parts]


def _parts(text: str) -> list[str]:
    """The parts of an array in which one at least cannot be read: that is this frame's mistake, and not the array's.

    What is no array either way is one part.
    """
    parts: list[str] = []
    at = text.index("[")
    try:
        while text[at] != "]":
            start = _after_space(text, at + 1)
            _, end = _LAX.raw_decode(text, start)
            parts.append(text[start:end])
            at = _after_space(text, end)
            if text[at] not in ",]":
                return [text]
    except (ValueError, IndexError, RecursionError):
        return [text]
    return parts if _after_space(text, at + 1) == len(text) else [text]


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    assert found is not None
    return found.end()


def _one(text: str) -> Frame | Malformed:
    try:
        # The types skip unknown fields unread; a number beyond a double hides there, so everything is read once untyped (0.3 us).
        value = _ANY.decode(text)
        if is_deep(text) or has_huge_number(text, value):
            return Malformed("bad_frame", _id_in(value))
        # Whoever reads the first of two pairs with one key and whoever reads the last would not read the same frame.
        if drops_a_pair(text, value):
            return Malformed("bad_frame", _id_of(text))
    except _UNREADABLE:
        return Malformed("bad_frame", _id_of(text))
    try:
        return _FRAME.decode(text)
    except _UNREADABLE:
        kind = value.get("type") if isinstance(value, dict) else None
        unknown = isinstance(kind, str) and kind not in TYPES
        return Malformed("unknown_type" if unknown else "bad_frame", _id_in(value))


def _id_of(text: str) -> str | None:
    try:
        value, _ = _LAX.raw_decode(text, _after_space(text, 0))
    except (ValueError, RecursionError):
        return None
    return _id_in(value)


def _id_in(value: object) -> str | None:
    id = value.get("id") if isinstance(value, dict) else None
    return id if isinstance(id, str) and _ID.match(id) else None
