"""The slots of a cluster: in which one a key lies, by which key a command goes, and what a server means that refuses it for its slot.

A key's slot is that of its tag, the part in the first braces, or of all of it (Redis Cluster specification, "Hash tags").
"""

from binascii import crc_hqx

import attrs
from redis.exceptions import AskError, ClusterDownError, MovedError, NoScriptError, ReadOnlyError, ResponseError, TryAgainError

from storage.pipe import Command

SLOTS = 16384
_WITHOUT_KEY = frozenset({"WAIT", "INFO", "PUBSUB", "SLOWLOG", "COMMANDLOG", "BGREWRITEAOF", "ASKING", "CLUSTER", "PING"})


def slot(key: str | bytes) -> int:
    """CRC16 as XMODEM has it, which is what `crc_hqx` reckons."""
    name = key.encode() if isinstance(key, str) else key
    start = name.find(b"{")
    if start >= 0:
        end = name.find(b"}", start + 1)
        if end > start + 1:
            name = name[start + 1 : end]
    return crc_hqx(name, 0) % SLOTS


def keys(command: Command) -> tuple[str | bytes, ...]:
    """The keys that a command touches, of those that dibs sends; a channel counts as one."""
    name = command[0]
    if name in _WITHOUT_KEY:
        return ()
    found = command[3 : 3 + int(command[2])] if name == "EVALSHA" else command[1:2]
    return tuple(key for key in found if isinstance(key, str | bytes))


@attrs.frozen
class Moved:
    """The slot is another server's for good. An empty host is that of the server that says so."""

    slot: int
    host: str
    port: int


@attrs.frozen
class Asked:
    """The slot is about to be another server's: this one call goes there, after ASKING."""

    host: str
    port: int


@attrs.frozen
class NotYet:
    """The slot is between two servers, or has none at present: the same call may soon be taken."""

    reason: str


def refusal(reply: object) -> Moved | Asked | NotYet | None:
    """Why the server did not carry a command out that it or another may soon; None if it did, or will not."""
    match reply:
        case MovedError():
            return Moved(int(reply.slot_id), reply.host, int(reply.port))
        case AskError():
            return Asked(reply.host, int(reply.port))
        case TryAgainError() | ClusterDownError() | NoScriptError() | ReadOnlyError():
            return NotYet(f"{type(reply).__name__} {reply}")
        case ResponseError() if str(reply).startswith(("BUSY ", "NOREPLICAS")):
            return NotYet(str(reply))
        case _:
            return None
