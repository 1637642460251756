"""What may be asked of one chat, as a closed union: the input of the rule.

A command carries every fact its decision rests on besides the chat itself. Facts that live in Redis (`load`, `target`) are
guesses the append verifies; a wrong one comes back and the command is decided again with the right one.
"""

import msgspec

from actors.chat import Owner, Party, Side


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Common to all: who asks, the sender's own id for it, and the epoch the sender believes in, if it says."""

    by: Party
    id: str
    expected_epoch: int | None = None


class SendMessage(Asked, frozen=True, kw_only=True):
    """Add a message; `body` is encoded already (`actors.body`)."""

    kind: str
    body: bytes


class CopyMessage(Asked, frozen=True, kw_only=True):
    """Add what was said in the chat of the visitor that the user `by` was before; `author` said it, `at` that time."""

    author: Party
    kind: str
    body: bytes
    at: int


class AssignChat(Asked, frozen=True, kw_only=True):
    """Give a waiting chat to the agent `to`, if it is on the roster and has room."""

    to: Owner
    limit: int = 0
    load: int | None = None


class AddNote(Asked, frozen=True, kw_only=True):
    """Add a note that only agents see."""

    body: bytes


class ClaimChat(Asked, frozen=True, kw_only=True):
    """Own a waiting chat. `load` is how many chats the agent owns, None while nobody has looked; `limit` 0 means no limit."""

    limit: int = 0
    load: int | None = None


class ReleaseChat(Asked, frozen=True, kw_only=True):
    """Back to the queue."""


class TransferChat(Asked, frozen=True, kw_only=True):
    """Another agent owns it. `target` is the roster's entry of `to`, None if it has none."""

    to: str
    target: Owner | None = None
    note: str | None = None
    limit: int = 0
    load: int | None = None


class TakeOverChat(Asked, frozen=True, kw_only=True):
    """A supervisor owns it, whoever did."""

    limit: int = 0
    load: int | None = None


class RequeueChat(Asked, frozen=True, kw_only=True):
    """A supervisor puts it back into the queue, whoever owned it."""


class ResolveChat(Asked, frozen=True, kw_only=True):
    """Close it. Its user may as well as its owner."""


class RateChat(Asked, frozen=True, kw_only=True):
    """The user's word at the end. `rated` is the epoch of the last end it has rated, None while nobody has looked."""

    score: int
    comment: str | None = None
    rated: int | None = None


class TellContext(Asked, frozen=True, kw_only=True):
    """The user's page says where the user is; `context` is encoded already (`actors.context`)."""

    context: bytes


class MarkRead(Asked, frozen=True, kw_only=True):
    """This side has read up to `seq`."""

    seq: int


class MarkReceived(Asked, frozen=True, kw_only=True):
    """The user's devices safely hold all up to `seq`."""

    seq: int


class GiveBackChat(Asked, frozen=True, kw_only=True):
    """The owner `agent` vanished for the whole grace period; `arrivals` is how often it had come until then."""

    agent: str
    arrivals: int


Command = (
    SendMessage
    | CopyMessage
    | AssignChat
    | AddNote
    | ClaimChat
    | ReleaseChat
    | TransferChat
    | TakeOverChat
    | RequeueChat
    | ResolveChat
    | RateChat
    | TellContext
    | MarkRead
    | MarkReceived
    | GiveBackChat
)


def side_of(by: Party) -> Side:
    """Which side of a chat this party stands on."""
    return "user" if by.role == "user" else "store"
