"""The master of several workers: opens what all of them share, the storage below and the listening socket, and does what signals say.

It says once that dibs listens, and takes no part in chats. `web.crew.staff` has the workers.

    SIGHUP           settings are read again; for each worker a successor is started, and when that serves the old one drains;
                     where the terminal is gone that it was started on it means the same as SIGTERM
    SIGTERM, SIGINT  no new sessions; each worker drains, the next as soon as it is gone or its time is over; a second signal hurries
"""

import asyncio
import os
import signal
import socket
import time
from contextlib import AsyncExitStack

import uvloop
from structlog.typing import FilteringBoundLogger

from web.below import in_one_line, open_storage, promised
from web.crew.staff import Staff, first
from web.env_file import Given
from web.listener import announce, listen
from web.log import make_log, routed
from web.secret import load_secret
from web.setting import Settings, StartError
from web.tls import server_context
from web.token import TokenSigner

PORT_S = 2.0
"""Workers whose master was killed may hold the port for so long."""


def run(given: Given, settings: Settings) -> int:
    """Serves until a signal; the exit status. Raises `StartError` and `ConfigError` with one line for people."""
    log = make_log(settings.log_level, settings.log_format).bind(worker="master")
    with routed(log), in_one_line(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(given, settings, log))
    return 0


async def _serve(given: Given, settings: Settings, log: FilteringBoundLogger) -> None:
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        if settings.cert is not None and settings.key is not None:
            server_context(settings.cert, settings.key)
        signals = _Signals()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, signals.stop)
        loop.add_signal_handler(signal.SIGHUP, signals.hang_up)
        listener = stack.enter_context(await _listen(settings))
        redis = await open_storage(settings, log, stack)
        promise = await promised(redis, log, strict=settings.strict)
        signer = TokenSigner(load_secret(settings.secret, settings.data, log), settings.secret_old)
        staff = Staff(given, settings, log, listener, redis, promise.sentence)
        stack.callback(staff.kill)
        if await staff.begin(signals.stopping):
            announce(settings, listener.getsockname()[1], signer)
            await _govern(staff, signals)
        await staff.end(signals.hurrying)


async def _govern(staff: Staff, signals: "_Signals") -> None:
    """Until it is to stop."""
    while not signals.stopping.is_set():
        await first(signals.stopping.wait(), signals.again.wait())
        if signals.again.is_set() and not signals.stopping.is_set():
            signals.again.clear()
            await first(signals.stopping.wait(), staff.reload())


async def _listen(settings: Settings) -> socket.socket:
    """Workers that a killed master left let go of the port in a moment, and no event of ours tells."""
    until_s = time.monotonic() + PORT_S
    while True:
        try:
            return listen(settings.host, settings.port)
        except StartError:
            if time.monotonic() >= until_s:
                raise
        await asyncio.sleep(0.1)


class _Signals:
    """What the master was told from outside."""

    def __init__(self) -> None:
        self.stopping, self.hurrying, self.again = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._had_terminal = _has_terminal()

    def hang_up(self) -> None:
        if self._had_terminal and not _has_terminal():
            self.stop()
        else:
            self.again.set()

    def stop(self) -> None:
        (self.hurrying if self.stopping.is_set() else self.stopping).set()


def _has_terminal() -> bool:
    """Whether there is a terminal from which this process is controlled."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True
