"""What scripts and commands reply, read as what the actors know. Plain functions; the layout of the fields is in `storage.key`."""

from collections.abc import Sequence
from typing import Any, cast

import msgspec

from actors.append import (
    NO_NONCE,
    Append,
    Committed,
    Conflicted,
    Duplicate,
    Entry,
    Failed,
    Outcome,
    Reused,
    Unmet,
    Withdrawn,
)
from actors.chat import Chat, Owner
from actors.identity import IdentitySide
from actors.withdrawal import Withdrawal
from storage.batch import Plan
from storage.pipe import Command

_owner = msgspec.json.Decoder(Owner)


def outcomes(planned: Plan, batch: Sequence[Append], reply: Any) -> list[Outcome]:
    """What became of each append of a batch, in its order."""
    found: list[Outcome] = [Withdrawn()] * len(batch)
    for place, start in zip(planned.order, range(0, planned.answers, 4), strict=True):
        code, first, second, third = reply[start : start + 4]
        found[place] = _outcome(batch[place], code, first, second, third)
    return found


def held(planned: Plan, reply: Any) -> list[Command]:
    """What the script would have published, and gave back instead."""
    return [("SPUBLISH", channel, message) for channel, message in pairs(reply[planned.answers :])]


def _outcome(append: Append, code: int, first: Any, second: Any, third: Any) -> Outcome:
    match code:
        case 1:
            return Committed(first, second, third)
        case 2:
            seq, offset, previous, answer = first[10:].split(b" ", 3)
            recovered = first[6:10] == append.nonce != NO_NONCE
            return Duplicate(answer, int(seq), int(offset), int(previous), recovered)
        case 3:
            return Reused()
        case 4:
            return Conflicted(None if isinstance(first, int) else chat_of(append.store, append.user, first))
        case 5:
            return Unmet(first, second.decode() if isinstance(second, bytes) else second)
        case 6:
            return Withdrawn()
        case _:
            return Failed(bytes(first).decode(errors="replace"))


def pairs(flat: Sequence[Any]) -> list[tuple[Any, Any]]:
    """Two by two."""
    return list(zip(flat[::2], flat[1::2], strict=True))


def entry_of(raw: bytes) -> Entry:
    """One event of a history."""
    kind, seq, offset, _, frame = raw.split(b" ", 4)
    return Entry(kind.decode(), int(seq), int(offset), frame)


def withdrawal_of(member: str, at: int) -> Withdrawal:
    """A member of the set of withdrawals with its moment."""
    side, id, *store = member.split("/")
    return Withdrawal(cast("IdentitySide", side), id, store[0] if store else None, at)


def chat_of(store: str, user: str, flat: Sequence[bytes]) -> Chat:
    """The fields of a chat; none are those of one that does not exist."""
    if not flat:
        return Chat(store=store, user=user)
    f = dict(pairs(flat))
    name = f.get(b"un")
    owner = f.get(b"on")
    return Chat(
        store=store,
        user=user,
        name=name.decode() if name else None,
        status=f[b"st"].decode(),
        owner=_owner.decode(owner) if owner else None,
        epoch=int(f[b"ep"]),
        since=int(f[b"si"]),
        seq=int(f.get(b"sq", 0)),
        from_user=int(f.get(b"fu", 0)),
        offset=int(f.get(b"of", 0)),
        at=int(f.get(b"at", 0)),
        user_received=int(f.get(b"ur", 0)),
        user_read=int(f.get(b"ud", 0)),
        user_read_from_user=int(f.get(b"uf", 0)),
        store_read=int(f.get(b"sd", 0)),
        store_read_from_user=int(f.get(b"sf", 0)),
        rated=int(f.get(b"ra", 0)),
    )
