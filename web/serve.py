"""The composition root: one function builds the whole node, runs it and takes it down in order."""

import asyncio
import gc
import os
import signal
import time
from contextlib import AsyncExitStack
from pathlib import Path

import uvloop
from structlog.typing import FilteringBoundLogger

from actors.append import StorageUnavailable
from actors.file import Files, PlaceRefused
from actors.node import Node
from actors.option import Options
from actors.tally import Tally
from actors.task import Tasks
from actors.turnstile import Turnstile
from storage.actor import StorageActor
from storage.batch import Limits
from storage.deployment import journal as open_journal
from storage.deployment import parse
from storage.folder import PARTS, Folder
from storage.journal import JournalLost, JournalRefused, JournalUnreachable
from storage.room import Room
from storage.witness import Witness
from web.app import make_app
from web.arrival import Arrivals
from web.below import in_one_line, open_storage, promised
from web.connection import Front
from web.demo import open_store
from web.gate import SLICE, Gate
from web.log import make_log, routed
from web.open_file import FILES, raise_limit, wanted
from web.place import Alone, Place
from web.proxy import Proxies
from web.secret import load_secret
from web.setting import Settings, StartError
from web.stranger import Strangers
from web.tls import server_context
from web.token import TokenSigner


class WallClock:
    """The real time (`actors.port.Clock`)."""

    def wall_ms(self) -> int:
        """Milliseconds since the epoch."""
        return time.time_ns() // 1_000_000

    def monotonic_s(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()


def run(settings: Settings) -> int:
    """Serves in this process until a signal; the exit status. Raises `StartError` and `ConfigError` with one line for people."""
    log = make_log(settings.log_level, settings.log_format)
    with routed(log), in_one_line(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_alone(settings, log))
    return 0


async def _alone(settings: Settings, log: FilteringBoundLogger) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await serve(settings, log, Alone(stopping))


async def serve(settings: Settings, log: FilteringBoundLogger, place: Place) -> None:
    """Serves until its place says that it is over."""
    async with AsyncExitStack() as stack:
        tls = None if settings.cert is None or settings.key is None else server_context(settings.cert, settings.key)
        listener = stack.enter_context(place.listener(settings))
        port: int = listener.getsockname()[1]
        url, kept = place.redis or await _own_storage(settings, log, stack)
        link = parse(url)
        signer = TokenSigner(load_secret(settings.secret, settings.data, log), settings.secret_old)

        clock, tally = WallClock(), Tally()
        witness = Witness(settings.data / place.witness) if settings.data.is_dir() else None
        if witness is not None:
            stack.callback(witness.close)
        limits = Limits(settings.log_limit, settings.history_limit)
        journal = open_journal(link, clock.wall_ms, limits, witness, place.counter)
        stack.push_async_callback(journal.close)
        storage = StorageActor(journal, clock, tally, log)
        try:
            await storage.begin()
        except (JournalUnreachable, JournalRefused, JournalLost) as error:
            raise StartError(f"the Redis at {link.place} cannot be written to ({type(error).__name__})") from None
        tasks = Tasks(log)
        stack.push_async_callback(tasks.end)
        node = Node(storage=storage, clock=clock, log=log, tally=tally, options=_options(settings, place), tasks=tasks)
        node.files = await _files(settings, log)
        tasks.start(storage.run())
        tasks.start(link.watch(journal.move))
        tasks.start(node.run())
        # All workers look at the same memory and disk: one of them tells.
        told = log if place.leads else make_log("error", settings.log_format)
        room = Room(journal.memory, None if settings.redis is not None else settings.data, told)
        tasks.start(room.run())

        try:
            await node.revocation.read()
        except StorageUnavailable:
            raise StartError(f"the Redis at {link.place} went away while dibs started") from None
        if settings.demo and place.leads:
            open_store(node)
        places = _places(place.share(settings.unauthenticated_limit), log)
        strangers = Strangers(places, place.share(settings.unauthenticated_per_address))
        proxies = Proxies(settings.trusted_proxies)
        app = make_app(settings, node, storage, signer, kept, strangers, room, place)
        turnstile = Turnstile()
        arrivals = Arrivals(app, strangers, proxies, turnstile, tally)
        front = Front(arrivals, strangers, tls)
        gate = Gate(listener, strangers, proxies, front.enter, turnstile, tally, log, place.share(SLICE))
        await app.startup()
        gate.open()
        place.begin(settings, node, port, signer)
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 2, 10)

        await place.until_leaving()
        log.info("draining", sessions=len(node.sessions))
        await place.drain(node, gate, lambda: len(strangers))
        gate.close()
        await front.close()
        await app.shutdown()


async def _own_storage(settings: Settings, log: FilteringBoundLogger, stack: AsyncExitStack) -> tuple[str, str]:
    """Its URL, and what an acknowledged command survives there."""
    url = await open_storage(settings, log, stack)
    return url, (await promised(url, log, strict=settings.strict)).sentence


async def _files(settings: Settings, log: FilteringBoundLogger) -> Files | None:
    """Where files lie; None where this server takes none."""
    place = settings.files
    if place == "none" or (place is None and settings.redis is not None):
        return None
    if place is not None and place.startswith("s3:"):
        return await _bucket(settings, place, log)
    files = Folder(settings.data / "files" if place is None else Path(place))
    try:
        await files.begin()
    except StorageUnavailable as error:
        raise StartError(f"--files: nothing can be written there ({type(error.__cause__).__name__})") from None
    return files


async def _bucket(settings: Settings, place: str, log: FilteringBoundLogger) -> Files:
    """What is set wrongly stops the start; what is out of reach does not, for chats need no files."""
    try:
        from storage.s3 import S3
    except ImportError:
        raise StartError("--files: s3:// needs the extra s3: pip install 'dibs[s3]'") from None
    try:
        files = S3(place, settings.files_endpoint, settings.data / "files" / PARTS, os.environ)
        await files.begin()
    except PlaceRefused as refused:
        raise StartError(f"--files: {refused}") from None
    except StorageUnavailable as error:
        log.warning("files_out_of_reach", error=repr(error.__cause__))
    return files


def _options(settings: Settings, place: Place) -> Options:
    return Options(
        grace_s=settings.grace,
        heartbeat_s=settings.heartbeat,
        agent_limit=settings.agent_limit,
        rate=settings.rate,
        keep_s=settings.keep_days * 86_400 if place.leads else 0.0,
    )


def _places(unauthenticated_limit: int, log: FilteringBoundLogger) -> int:
    """How many strangers there is room for; said aloud where that is fewer than were wanted."""
    files = raise_limit()
    places = min(unauthenticated_limit, max(1, (files - FILES) // 2))
    if places < unauthenticated_limit:
        log.warning("too_few_open_files", limit=files, wanted=wanted(unauthenticated_limit), unauthenticated_limit=places, mend="ulimit -n")
    return places
