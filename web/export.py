"""`dibs export`: the chats of a store as lines of JSON, each with what happened in it, as agents see it.

    {"type":"chat","store","user","name","status","owner","epoch","seq",…}   the summary of a chat; what follows it is up to there
    {"type":"context","store","user","context","at"}                        where its user was, as far as that is kept
    {"type":"trimmed","store","user","first"}                               its messages are kept from this `seq` on
    {"type":"message"|"note"|"status",…}                                    the event frames of the chat, by offset

Page by page: of a store with many chats only their users' ids are remembered. Who has written meanwhile is told once, as it was when its
turn came.
"""

import asyncio
import os
import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path

from actors import wire
from actors.append import ChatRecord, Reads
from actors.event import subject
from storage.fault import BadUrl, StorageStartError
from storage.journal import JournalLost, JournalRefused, JournalUnreachable
from storage.visit import visit
from web.log import make_log
from web.progress import progress
from web.setting import ConfigError, StartError

PAGE = 100
SLACK_MS = 60_000
"""Clocks of nodes may differ: what was written a little before the first look may have moved during it."""


def export(store: str, user: str | None, *, redis: str | None, data: Path, server: Path | None) -> None:
    """Prints the lines; raises `StartError` and `ConfigError`."""
    try:
        with progress(f"exporting {store}") as show:
            asyncio.run(_print(store, user, redis=redis, data=data, server=server, show=show))
    except BadUrl as error:
        raise ConfigError(f"--redis: {error}") from None
    except StorageStartError as error:
        raise StartError(str(error)) from None
    except (JournalLost, JournalRefused, JournalUnreachable):
        raise StartError("the storage went away; what follows is missing") from None
    except BrokenPipeError:
        # Whoever read our output has seen enough; Python must not fail again when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


async def _print(
    store: str, user: str | None, *, redis: str | None, data: Path, server: Path | None, show: Callable[[int, int | None], None]
) -> None:
    log = make_log("error", "text", sys.stderr)
    count = 0
    async with visit(redis, data, server, _now_ms, log) as journal:
        if not (await journal.load_store(store)).exists:
            raise StartError(f"there is no store {store}")
        async with aclosing(_records(journal, store, user)) as records:
            async for record in records:
                async with aclosing(_lines(journal, record)) as pieces:
                    async for lines in pieces:
                        sys.stdout.buffer.write(lines)
                count += 1
                show(count, None)
    sys.stdout.flush()
    if user is not None and not count:
        raise StartError(f"user {user} has no chat in store {store}")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


async def _records(reads: Reads, store: str, user: str | None) -> AsyncGenerator[ChatRecord, None]:
    """Every chat of the store once, newest first. A list that changes meanwhile is read again from its top: what has moved is there."""
    if user is not None:
        (record,) = await reads.load_chats(store, (user,))
        if record.chat.exists:
            yield record
        return
    told: set[str] = set()
    until_ms = 0
    while True:
        began_ms, before = _now_ms() - SLACK_MS, len(told)
        async with aclosing(_walk(reads, store, until_ms)) as records:
            async for record in records:
                if record.chat.user not in told:
                    told.add(record.chat.user)
                    yield record
        if len(told) == before:
            return
        until_ms = began_ms


async def _walk(reads: Reads, store: str, until_ms: int) -> AsyncGenerator[ChatRecord, None]:
    """The chats whose last message is of `until_ms` or later."""
    place: tuple[int, str] | None = None
    while True:
        page = await reads.list_chats(store, None, place, PAGE)
        records = [record for record in await reads.load_chats(store, page.users) if record.chat.exists]
        for record in records:
            yield record
        # What has moved to the top since the page was read is not the place to go on from.
        last = max(((-record.chat.at, record.chat.user) for record in records), default=None)
        if not page.more or last is None or -last[0] < until_ms:
            return
        place = (-last[0], last[1])


async def _lines(reads: Reads, record: ChatRecord) -> AsyncGenerator[bytes, None]:
    chat = record.chat
    yield b'{"type":"chat",' + wire.summary(record, "store")[1:] + b"\n"
    if (told := await reads.load_context(chat.store, chat.user)) is not None:
        yield wire.context(subject(chat.store, chat.user), told[1], told[0]) + b"\n"
    at = 0
    while True:
        page = await reads.read_chat(chat.store, chat.user, after_offset=at, limit=PAGE)
        if not at and page.first > 1:
            yield b'{"type":"trimmed","store":"%b","user":"%b","first":%d}\n' % (chat.store.encode(), chat.user.encode(), page.first)
        frames = [entry.frame for entry in page.entries if entry.offset <= chat.offset]
        yield b"".join(frame + b"\n" for frame in frames)
        if not page.more or len(frames) < len(page.entries):
            return
        at = page.entries[-1].offset
