"""A look into the storage from outside of a dibs: at a Redis, at the private server that a dibs runs, or at one started for the visit."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

from actors.port import Log
from storage.batch import Limits
from storage.deployment import journal as open_journal
from storage.deployment import parse
from storage.directory import holds_data, running_server, server_socket
from storage.embedded import EmbeddedServer
from storage.fault import StorageStartError
from storage.redis import RedisJournal
from storage.survey import survey


@asynccontextmanager
async def visit(url: str | None, data: Path, server: Path | None, now_ms: Callable[[], int], log: Log) -> AsyncIterator[RedisJournal]:
    """The journal at `url`, or that of the data directory; raises StorageStartError and BadUrl. Whoever serves it is not disturbed."""
    own: EmbeddedServer | None = None
    if url is None and running_server(data) is None:
        if not holds_data(data):
            raise StorageStartError(f"{data} holds no data of a private server")
        own = await EmbeddedServer.start(data, server, log)
    try:
        link = parse(url or f"unix://{quote(str(server_socket(data)))}")
        await survey(link)
        journal = open_journal(link, now_ms, Limits())
        try:
            yield journal
        finally:
            await journal.close()
    finally:
        if own is not None:
            await own.stop()
