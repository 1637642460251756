"""What the server says that is not an event: answers, greetings, summaries. Every frame is bytes of compact JSON."""

from math import ceil

import msgspec

from actors.append import ChatRecord
from actors.chat import Owner, Side
from actors.event import for_user
from actors.refusal import ABOUT_OWNERSHIP, DETAIL, Refused
from actors.search import Found

_json = msgspec.json.Encoder().encode

READY = b'{"type":"ready"}'
PING = b'{"type":"ping"}'
PONG = b'{"type":"pong"}'


def text(value: object) -> bytes:
    """Any JSON value, compact."""
    return _json(value)


def ack(id: str, fields: bytes, *, duplicate: bool) -> bytes:
    """A command was carried out, and is durable."""
    parts = [b'{"type":"ack","id":"%b"' % id.encode()]
    if fields:
        parts.append(fields)
    if duplicate:
        parts.append(b'"duplicate":true')
    return b",".join(parts) + b"}"


def ownership(status: str, owner: Owner | None, epoch: int) -> bytes:
    """The fields of the ack of an ownership command."""
    return b'"status":"%b","owner":%b,"epoch":%d' % (status.encode(), _json(owner), epoch)


def error(id: str | None, refused: Refused) -> bytes:
    """A frame was not carried out."""
    parts = [b'{"type":"error"']
    if id is not None:
        parts.append(b'"id":%b' % _json(id))
    parts.append(b'"code":"%b","detail":%b' % (refused.code.encode(), _json(DETAIL[refused.code])))
    parts.append(b'"temporary":%b' % (b"true" if refused.temporary else b"false"))
    if refused.retry_after_s is not None:
        parts.append(b'"retry_after":%b' % _json(ceil(refused.retry_after_s * 1000) / 1000))
    if refused.code in ABOUT_OWNERSHIP:
        parts.append(b'"owner":%b,"epoch":%b,"since":%b' % (_json(refused.owner), _json(refused.epoch), _json(refused.since)))
    if refused.version is not None:
        parts.append(b'"version":%d' % refused.version)
    return b",".join(parts) + b"}"


def summary(record: ChatRecord, side: Side) -> bytes:
    """A chat as this side's lists show it."""
    chat = record.chat
    last = record.last or b"null"
    if side == "user" and record.last:
        last = for_user(record.last)
    return (
        b'{"store":"%b","user":"%b","name":%b,"status":"%b","owner":%b,"epoch":%d,"seq":%d,"unread":%d,"last":%b,"since":%d,'
        b'"marks":{"user":{"received":%d,"read":%d},"store":{"read":%d}}%b}'
    ) % (
        chat.store.encode(),
        chat.user.encode(),
        _json(chat.name),
        chat.status.encode(),
        _json(chat.owner),
        chat.epoch,
        chat.seq,
        chat.unread(side),
        last,
        chat.since,
        chat.user_received,
        chat.user_read,
        chat.store_read,
        b',"rated":true' if chat.is_rated else b"",
    )


def chats(summaries: list[bytes], offsets: dict[str, int] | None) -> list[bytes]:
    """`chats` frames of the opening, each of at most 48 KiB or one summary; at least one."""
    tail = b'],"offsets":%b}' % _json(offsets) if offsets is not None else b"]}"
    frames: list[bytes] = []
    part: list[bytes] = []
    size = 0
    for item in summaries:
        if part and size + len(item) > 48 * 1024:
            frames.append(b'{"type":"chats","chats":[' + b",".join(part) + tail)
            part, size = [], 0
        part.append(item)
        size += len(item) + 1
    frames.append(b'{"type":"chats","chats":[' + b",".join(part) + tail)
    return frames


def found(id: str, store: str, what: Found) -> bytes:
    """The answer of a `search`."""
    more = b"false" if what.next is None else b'true,"next":"%d"' % what.next
    entries = b",".join(what.frames)
    return b'{"type":"found","id":"%b","store":"%b","entries":[%b],"more":%b}' % (id.encode(), store.encode(), entries, more)


def reset(store: str) -> bytes:
    """Drop what you hold of this store."""
    return b'{"type":"reset","store":"%b"}' % store.encode()


def typing(about: bytes, side: Side, *, on: bool) -> bytes:
    """Somebody of this side is writing, or stopped."""
    return b'{"type":"typing",%b,"side":"%b","on":%b}' % (about, side.encode(), b"true" if on else b"false")


def context(about: bytes, said: bytes, at: int) -> bytes:
    """Where a shopper is."""
    return b'{"type":"context",%b,"context":%b,"at":%d}' % (about, said, at)


def notice(store: str, body: bytes, at: int) -> bytes:
    """An announcement."""
    return b'{"type":"notice","store":"%b","body":%b,"at":%d}' % (store.encode(), body, at)


def presence_for_agents(store: str, agents: list[tuple[str, str, str]]) -> bytes:
    """Who is there: (id, name, status)."""
    shown = [{"id": id, "name": name, "status": status} for id, name, status in agents]
    return b'{"type":"presence","store":"%b","agents":%b}' % (store.encode(), _json(shown))


def presence_for_users(store: str, *, online: bool) -> bytes:
    """Whether somebody available is there."""
    return b'{"type":"presence","store":"%b","online":%b}' % (store.encode(), b"true" if online else b"false")


def queue(store: str, position: int) -> bytes:
    """The place of a waiting user; 1 is next."""
    return b'{"type":"queue","store":"%b","position":%d}' % (store.encode(), position)
