"""The composition root: one function builds the whole node, runs it and takes it down in order."""

import asyncio
import gc
import signal
import socket
import sys
import time
from contextlib import AsyncExitStack

import uvloop
from structlog.typing import FilteringBoundLogger

from actors.append import StorageUnavailable
from actors.node import Node
from actors.option import Options
from actors.tally import Tally
from actors.task import Tasks
from actors.turnstile import Turnstile
from storage.actor import StorageActor
from storage.batch import Limits
from storage.embedded import EmbeddedServer
from storage.fault import BadUrl, StorageStartError
from storage.journal import JournalLost, JournalRefused, JournalUnreachable
from storage.link import Link, check
from storage.promise import promise
from storage.redis import RedisJournal
from storage.room import Room
from storage.witness import Witness
from web.app import make_app
from web.arrival import Arrivals
from web.connection import Front
from web.demo import introduction, open_store
from web.gate import Gate
from web.log import make_log, routed
from web.open_file import FILES, raise_limit, wanted
from web.proxy import Proxies
from web.secret import load_secret
from web.setting import ConfigError, Settings, StartError
from web.stranger import Strangers
from web.tls import server_context
from web.token import TokenSigner

HEARD_BYTES, SAID_BYTES = 32 * 1024, 128 * 1024
"""What the kernel keeps of one socket's bytes in each direction (Linux takes it twice): what it keeps may come in one read, and stays with
a connection that is broken until its peer has seen why."""
DRAIN_S = 4.0
"""Accepted commands may take this long to finish when the server stops."""
GOODBYE_S = 3.5
"""And the sessions this long to take their close: all is over within ten seconds."""


class WallClock:
    """The real time (`actors.port.Clock`)."""

    def wall_ms(self) -> int:
        """Milliseconds since the epoch."""
        return time.time_ns() // 1_000_000

    def monotonic_s(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()


def run(settings: Settings) -> int:
    """Serves until a signal; the exit status. Raises `StartError` and `ConfigError` with one line for people."""
    log = make_log(settings.log_level, settings.log_format)
    with routed(log), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(_serve(settings, log))
        except BadUrl as error:
            raise ConfigError(f"--redis: {error}") from None
        except StorageStartError as error:
            raise StartError(str(error)) from None
    return 0


async def _serve(settings: Settings, log: FilteringBoundLogger) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with AsyncExitStack() as stack:
        tls = None if settings.cert is None or settings.key is None else server_context(settings.cert, settings.key)
        listener = stack.enter_context(_listen(settings.host, settings.port))
        link = await _link(settings, log, stack)
        info = await check(link)
        kept = promise(info)
        if settings.strict and not kept.keeps:
            raise StartError(f"--strict: {kept.sentence}")
        (log.info if kept.keeps else log.warning)(
            "promise", promise=kept.level, sentence=kept.sentence, server=f"{info.kind} {info.version}"
        )
        signer = TokenSigner(load_secret(settings.secret, settings.data, log), settings.secret_old)

        clock, tally = WallClock(), Tally()
        witness = Witness(settings.data / "witness") if settings.data.is_dir() else None
        if witness is not None:
            stack.callback(witness.close)
        journal = RedisJournal(link.connection, clock.wall_ms, Limits(settings.log_limit, settings.history_limit), witness)
        stack.push_async_callback(journal.close)
        storage = StorageActor(journal, clock, tally, log)
        try:
            await storage.begin()
        except (JournalUnreachable, JournalRefused, JournalLost) as error:
            raise StartError(f"the Redis at {link.place} cannot be written to ({type(error).__name__})") from None
        tasks = Tasks(log)
        stack.push_async_callback(tasks.end)
        node = Node(storage=storage, clock=clock, log=log, tally=tally, options=_options(settings), tasks=tasks)
        tasks.start(storage.run())
        tasks.start(node.run())
        room = Room(journal.memory, None if settings.redis is not None else settings.data, log)
        tasks.start(room.run())

        try:
            await node.revocation.read()
        except StorageUnavailable:
            raise StartError(f"the Redis at {link.place} went away while dibs started") from None
        if settings.demo:
            open_store(node)
        strangers = Strangers(_places(settings.unauthenticated_limit, log), settings.unauthenticated_per_address)
        proxies = Proxies(settings.trusted_proxies)
        app = make_app(settings, node, storage, signer, kept.sentence, strangers, room)
        turnstile = Turnstile()
        arrivals = Arrivals(app, strangers, proxies, turnstile, tally)
        front = Front(arrivals, strangers, tls)
        gate = Gate(listener, strangers, proxies, front.enter, turnstile, tally, log)
        await app.startup()
        gate.open()
        _say_ready(settings, listener.getsockname()[1], signer)
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 2, 10)

        await stopping.wait()
        log.info("draining", sessions=len(node.sessions))
        await node.drain(DRAIN_S, GOODBYE_S)
        gate.close()
        await front.close()
        await app.shutdown()


async def _link(settings: Settings, log: FilteringBoundLogger, stack: AsyncExitStack) -> Link:
    """Where the storage is: the named Redis, or a private one that runs as long as the stack."""
    if settings.redis is not None:
        return Link.parse(settings.redis)
    embedded = await EmbeddedServer.start(settings.data, settings.redis_server, log)
    stack.push_async_callback(embedded.stop)
    watch = asyncio.get_running_loop().create_task(embedded.watch())
    stack.callback(watch.cancel)
    return Link.parse(embedded.url)


def _options(settings: Settings) -> Options:
    return Options(
        grace_s=settings.grace,
        heartbeat_s=settings.heartbeat,
        agent_limit=settings.agent_limit,
        rate=settings.rate,
        keep_s=settings.keep_days * 86_400,
    )


def _places(unauthenticated_limit: int, log: FilteringBoundLogger) -> int:
    """How many strangers there is room for; said aloud where that is fewer than were wanted."""
    files = raise_limit()
    places = min(unauthenticated_limit, max(1, (files - FILES) // 2))
    if places < unauthenticated_limit:
        log.warning("too_few_open_files", limit=files, wanted=wanted(unauthenticated_limit), unauthenticated_limit=places, mend="ulimit -n")
    return places


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)[0]
        listener = socket.socket(found[0], socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # What is not read yet waits at whoever wrote it: by itself Linux would keep megabytes for each socket.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, HEARD_BYTES)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SAID_BYTES)
            listener.bind(found[4])
            listener.listen(4096)
            listener.setblocking(False)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise StartError(f"cannot listen on {host}:{port}: {error.strerror}") from None
    return listener


def _say_ready(settings: Settings, port: int, signer: TokenSigner) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    base = f"{'http' if settings.cert is None else 'https'}://{host}:{port}"
    sys.stdout.write(f"dibs: listening on {base}\n")
    if settings.demo:
        sys.stdout.write(introduction(base, signer, time.time()) + "\n")
    sys.stdout.flush()
