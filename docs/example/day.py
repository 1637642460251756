"""An exporter of a store's day: every message and note written on that day (UTC), as JSON lines, chat by chat, oldest first.

DIBS_TOKEN=$(dibs token --role supervisor --id export --store demo) python docs/example/day.py ws://127.0.0.1:8000/ws demo 2026-11-24
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import msgspec

from actors import told
from web.client import Client

Line = told.Message | told.Note


async def lines_of(url: str, token: str, store: str, day: str) -> AsyncIterator[Line]:
    """Walks the list of chats, newest first, as far as the day reaches back, and the history of each."""
    start = datetime.fromisoformat(day).replace(tzinfo=UTC)
    first_ms, end_ms = (int(moment.timestamp() * 1000) for moment in (start, start + timedelta(days=1)))
    async with Client(url, token) as client:
        before: str | None = None
        while True:
            page = await client.chats(store, before=before, limit=200)
            for chat in page.chats:
                if chat.last is not None and chat.last.at >= first_ms:
                    for line in await _written(client, store, chat.user, first_ms, end_ms):
                        yield line
            oldest = page.chats[-1].last if page.chats else None
            if page.more is not True or (oldest is not None and oldest.at < first_ms):
                return
            before = page.next if isinstance(page.next, str) else None


async def _written(client: Client, store: str, user: str, first_ms: int, end_ms: int) -> list[Line]:
    found: list[Line] = []
    before: int | None = None
    while True:
        page = await client.history(store, user=user, before=before, limit=200)
        lines = [line for line in page.messages if not isinstance(line, told.StatusChange)]
        found[:0] = [line for line in lines if first_ms <= line.at < end_ms]
        messages = [line for line in lines if isinstance(line, told.Message)]
        if not page.more or not messages or messages[0].at < first_ms:
            return found
        before = messages[0].seq


async def main(url: str, token: str, store: str, day: str) -> None:
    """Prints them."""
    async for line in lines_of(url, token, store, day):
        print(msgspec.json.encode(line).decode())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], os.environ["DIBS_TOKEN"], *sys.argv[2:]))
