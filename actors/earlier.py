"""The earlier stretches of a chat: from a first message to an end, each with who owned it then and what its user said of it.

They are found in what is kept of the chat, page by page from its end. Of a stretch whose first messages are no longer kept the rest counts.
"""

from collections.abc import Iterable
from itertools import chain
from typing import Annotated

import msgspec

from actors.append import Entry, Reads
from actors.chat import Owner

STRETCHES = 20
LOOK = 10_000
"""So many messages are looked through, no more."""
PAGE = 200


class Rating(msgspec.Struct, frozen=True):
    """What a user said of a chat at its end."""

    score: Annotated[int, msgspec.Meta(ge=1, le=5)]
    comment: str | msgspec.UnsetType = msgspec.UNSET


class Stretch(msgspec.Struct, frozen=True, kw_only=True, rename={"begin": "from"}):
    """One of them. `seq` are its first and its last message that are kept, `by` owned it at its end."""

    begin: int
    to: int
    seq: Annotated[tuple[int, ...], msgspec.Meta(min_length=2, max_length=2)]
    by: Owner | None
    rating: Rating | None = None


class _Body(msgspec.Struct):
    rating: Rating | None = None


class _Seen(msgspec.Struct):
    """What matters here of an event frame; a message's body is not read."""

    at: int
    seq: int = 0
    status: str = ""
    owner: Owner | None = None


class _Rated(msgspec.Struct):
    body: _Body


_seen = msgspec.json.Decoder(_Seen)
_rated = msgspec.json.Decoder(_Rated)

_Happened = _Seen | Rating


async def earlier(reads: Reads, store: str, user: str) -> tuple[Stretch, ...] | None:
    """The newest stretches that have ended, newest first; None if there is no such chat."""
    pages: list[list[_Happened]] = []
    before: int | None = None
    looked = ended = 0
    more = True
    while more and ended <= STRETCHES and looked < LOOK:
        page = await reads.read_history(store, user, before, PAGE, notes=True, statuses=True)
        if not page.offset:
            return None
        pages.append([happened for entry in page.entries if (happened := _look(entry)) is not None])
        ended += sum(isinstance(happened, _Seen) and happened.status == "closed" for happened in pages[-1])
        messages = [entry.seq for entry in page.entries if entry.kind == "m"]
        looked += len(messages)
        more = page.more and bool(messages)
        before = messages[0] if messages else before
    return tuple(_stretches(chain.from_iterable(reversed(pages)), cut=more)[: -STRETCHES - 1 : -1])


def _look(entry: Entry) -> _Happened | None:
    return _rated.decode(entry.frame).body.rating if entry.kind == "n" else _seen.decode(entry.frame)


def _stretches(happened: Iterable[_Happened], *, cut: bool) -> list[Stretch]:
    """Those that have ended, in order. `cut`: it does not begin where the chat does, so that the first is not seen from its beginning."""
    found: list[Stretch] = []
    first: _Seen | None = None
    last, owner = 0, None
    for one in happened:
        if isinstance(one, Rating):
            if found and first is None:
                found[-1] = msgspec.structs.replace(found[-1], rating=one)
        elif one.seq:
            first, last = first or one, one.seq
        elif one.status != "closed":
            owner = one.owner
        else:
            if first is not None and not cut:
                found.append(Stretch(begin=first.at, to=one.at, seq=(first.seq, last), by=owner))
            first, owner, cut = None, None, False
    return found
