"""The storage below, as whoever is in charge of it opens it: the named Redis, or a private server that runs as long as they do."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager

from actors.port import Log
from storage.deployment import parse
from storage.embedded import EmbeddedServer, next_pause_s
from storage.fault import BadUrl, StorageStartError
from storage.promise import Promise, promise
from storage.survey import remarks, survey
from web.setting import ConfigError, Settings, StartError

__all__ = ["in_one_line", "next_pause_s", "open_storage", "promised"]


async def open_storage(settings: Settings, log: Log, stack: AsyncExitStack) -> str:
    """The URL of the storage, which is there as long as the stack is."""
    if settings.redis is not None:
        return settings.redis
    embedded = await EmbeddedServer.start(settings.data, settings.redis_server, log)
    stack.push_async_callback(embedded.stop)
    watch = asyncio.get_running_loop().create_task(embedded.watch())
    stack.callback(watch.cancel)
    return embedded.url


async def promised(url: str, log: Log, *, strict: bool) -> Promise:
    """What an acknowledged command survives there, told to the log; raises `StartError` where that is too little for `strict`."""
    deployment = parse(url)
    infos = await survey(deployment)
    kept, info = promise(*infos, waits=deployment.waits), infos[0]
    if strict and not kept.keeps:
        raise StartError(f"--strict: {kept.sentence}")
    (log.info if kept.keeps else log.warning)("promise", promise=kept.level, sentence=kept.sentence, server=f"{info.kind} {info.version}")
    for sentence, mend in remarks(infos):
        log.warning("cluster", sentence=sentence, mend=mend)
    return kept


@contextmanager
def in_one_line() -> Iterator[None]:
    """What the storage says of a start that fails becomes one line for people."""
    try:
        yield
    except BadUrl as error:
        raise ConfigError(f"--redis: {error}") from None
    except StorageStartError as error:
        raise StartError(str(error)) from None
