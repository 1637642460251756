"""Erasing, in steps of a few ms that others do not notice: the log of a store anew, and the server's own files anew."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from storage.journal import Journal

PAUSE_S = 0.005
"""Between two pieces of a log."""
LOOK_S = 0.1
AGAIN_S = 0.5
"""Another node copies the same log: after up to so long one of both is first."""

Read = Callable[..., Awaitable[Any]]
"""Asks the journal something that may be asked twice; raises `StorageUnavailable`."""


async def rewrite_log(journal: Journal, read: Read, store: str, user: str) -> int:
    """See `Storage.rewrite_log`."""
    while True:
        who, after, replaced, done = secrets.token_hex(8), 0, 0, False
        while not done and after >= 0:
            after, replaced, done = await read(journal.rewrite_log, store, user, who, after, replaced)
            await asyncio.sleep(PAUSE_S)
        if done:
            return replaced
        await asyncio.sleep(AGAIN_S * secrets.randbelow(100) / 100)


async def rewrite_files(journal: Journal, read: Read) -> bool:
    """See `Storage.rewrite_files`."""
    await read(journal.forget_commands)
    while (begun := await read(journal.begin_files)) is False:  # noqa: ASYNC110 -- another process writes: no event tells
        await asyncio.sleep(LOOK_S)
    while begun and not await read(journal.end_files):  # noqa: ASYNC110 -- as above
        await asyncio.sleep(LOOK_S)
    return bool(begun)
