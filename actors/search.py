"""Finding words in what was said: whether a frame shows them, and the walk back through a store's log or a chat.

A walk is short: it looks at so many entries at most and says where the next goes on. It reads in small pieces and lets others have the
loop in between. What it finds in a log is shown only if it still stands in its chat: of a chat that is being erased, or trimmed, the log
may say more for a moment.
"""

import asyncio
from typing import Any

import msgspec

from actors.append import Entry, Reads
from actors.event import offset_of

LIMIT = 50
"""Entries of an answer, at most and where the client names no limit."""
LOOKED = 5_000
"""Entries that one walk looks at."""
LOOKED_BYTES = 8 * 1024 * 1024
"""And this much of them, roughly."""
FOUND_BYTES = 512 * 1024
"""An answer does not grow beyond this: many clients take no message above 1 MiB."""
SEARCH_RATE = 2.0
"""Searches a second of one identity, where commands have a rate; a walk costs the server a hundred times as much as a command."""
PIECE = 100
"""Entries of one read."""
PIECE_BYTES = 64 * 1024
"""After so much was looked at others have the loop."""


class _Body(msgspec.Struct):
    """What people can read of a body; the comment of a rating stands in its text."""

    text: Any = None
    title: Any = None
    name: Any = None
    alt: Any = None
    number: Any = None
    sku: Any = None


class _Frame(msgspec.Struct):
    user: str
    body: _Body | None = None


_decode = msgspec.json.Decoder(_Frame).decode


class Found(msgspec.Struct, frozen=True):
    """Frames as agents get them, newest first. `next`: where to go on below; None if there is nothing below."""

    frames: tuple[bytes, ...]
    next: int | None


def shows(frame: bytes, folded: str) -> bool:
    """Whether a message or note, as agents get it, shows these case-folded words to whoever reads it."""
    body = _decode(frame).body
    if body is None:
        return False
    read = (body.text, body.title, body.name, body.alt, body.number, body.sku)
    return any(type(text) is str and folded in text.casefold() for text in read)


async def search(storage: Reads, store: str, user: str | None, text: str, before: int | None, limit: int | None) -> Found:
    """Walks back from below offset `before`, or from the end: through the chat of `user`, or without one through the store's log."""
    folded, at, looked, size, unpaused = text.casefold(), before, 0, 0, 0
    limit = min(limit or LIMIT, LIMIT)
    found: list[bytes] = []
    more = True
    while more and looked < LOOKED and size < LOOKED_BYTES and len(found) < limit and sum(map(len, found)) < FOUND_BYTES:
        page = await storage.read_past(store, user, at, PIECE)
        more = page.more
        for place, frame in enumerate(page.frames, start=1):
            at = offset_of(frame)
            looked, size, unpaused = looked + 1, size + len(frame), unpaused + len(frame)
            if shows(frame, folded):
                found.append(frame)
                if len(found) == limit or sum(map(len, found)) >= FOUND_BYTES:
                    more = more or place < len(page.frames)
                    break
            if unpaused > PIECE_BYTES:
                unpaused = 0
                await asyncio.sleep(0)
    if user is None:
        found = [frame for frame in await asyncio.gather(*(_standing(storage, store, frame) for frame in found)) if frame]
    return Found(tuple(found), at if more else None)


async def _standing(storage: Reads, store: str, frame: bytes) -> bytes:
    """The same frame where its chat has it; nothing where it was taken out of it."""
    offset = offset_of(frame)
    page = await storage.read_chat(store, _decode(frame).user, after_offset=offset - 1, limit=1)
    entry: Entry | None = page.entries[0] if page.entries else None
    return entry.frame if entry is not None and entry.offset == offset else b""
