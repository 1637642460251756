"""A worker: the process that the master starts, and the place of its node among the others.

Run as `python -m web.crew.worker NAME`: its standard input is the pair of sockets to the master, and everything else comes over that, the
secret and the listening socket too, so that neither the process list nor the environment shows them.
"""

import asyncio
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import msgspec
import uvloop
from prometheus_client.registry import Collector
from structlog.typing import FilteringBoundLogger

from actors.node import Node
from web.below import in_one_line
from web.crew.channel import Channel, line, take_over
from web.crew.message import (
    Ask,
    CloseDoor,
    Drain,
    Erased,
    Failed,
    Forget,
    Gathered,
    Order,
    Ping,
    Pong,
    Ready,
    Standing,
    Start,
    Tell,
    Told,
)
from web.figure import Family, Sample, add, read, render
from web.gate import Gate
from web.log import make_log, routed
from web.place import DRAIN_S, GOODBYE_S, Unanswered
from web.serve import serve
from web.setting import ConfigError, Settings, StartError, read_settings
from web.token import TokenSigner

ORPHAN = Drain(patience_s=1.0, farewell_s=1.0, relieved=True)
"""The master is gone, and where it was the private server's, so is that: there is hardly anything to wait for."""
ORPHAN_S = 6.0
"""Whatever a worker is doing, it ends this long after its master."""
DOORWAY_S = 1.0
"""Those who were let in have this long to say hello, so that they hear 1001 rather than nothing."""
GATHER_S = 3.0
"""How long the master may take to ask all."""
_orders: "msgspec.json.Decoder[Order]" = msgspec.json.Decoder(Order)


class Worker:
    """See `web.place.Place`. To be made in its event loop."""

    def __init__(self, start: Start, listener: socket.socket, channel: Channel[Order]) -> None:
        self.redis = (start.redis, start.promise)
        self.counter = start.counter
        self.leads = start.name == "1"
        self.witness = "witness" if self.leads else f"witness-{start.name}"
        """Of the first the one of a dibs without workers: so there is none of which a change of their number makes nobody think."""
        self._start = start
        self._listener = listener
        self._channel = channel
        self._ready = 0
        self._workers = start.workers
        self._leave: Drain | None = None
        self._leaving = asyncio.Event()
        self._hurry = asyncio.Event()
        self._node: Node | None = None
        self._collector: Collector | None = None
        self._gathered: asyncio.Future[Gathered] | None = None
        asyncio.get_running_loop().add_signal_handler(
            signal.SIGTERM, self._go, Drain(patience_s=DRAIN_S, farewell_s=GOODBYE_S, relieved=True)
        )

    async def follow(self) -> None:
        """Does what the master says, until it is gone."""
        while (order := await self._channel.hear()) is not None:
            match order:
                case Standing(ready=ready, workers=workers):
                    self._ready, self._workers = ready, workers
                case Tell(number=number):
                    self._channel.say_nowait(Told(number=number, figures=self.counted()))
                case Ping():
                    self._channel.say_nowait(Pong())
                case Gathered() as gathered:
                    if self._gathered is not None and not self._gathered.done():
                        self._gathered.set_result(gathered)
                case CloseDoor():
                    if self._node is not None:
                        self._node.draining = True
                case Drain() as drain:
                    self._go(drain)
                case Forget(store=store, user=user):
                    if self._node is not None:
                        self._node.chat_gone(store, user)
        self._go(ORPHAN)

    def _go(self, drain: Drain) -> None:
        if self._leave is not None:
            self._hurry.set()
        self._leave = drain
        self._leaving.set()

    # What its node asks of it.

    def share(self, number: int) -> int:
        """An equal part; never more in all than was promised, unless there are more workers than that."""
        return max(1, number // self._start.workers)

    def listener(self, settings: Settings) -> socket.socket:
        """The one that all have."""
        del settings
        return self._listener

    def begin(self, settings: Settings, node: Node, port: int, signer: TokenSigner) -> None:
        """Says so to the master."""
        del settings, port, signer
        self._node = node
        self._channel.say_nowait(Ready())

    async def until_leaving(self) -> None:
        """Until the master says so, or is gone."""
        await self._leaving.wait()

    async def drain(self, node: Node, gate: Gate, strangers: Callable[[], int]) -> None:
        """Where others accept, those who are in the doorway come in first."""
        assert self._leave is not None
        if self._leave.relieved:
            gate.retire()
            with suppress(TimeoutError):
                async with asyncio.timeout(DOORWAY_S):
                    while strangers():  # noqa: ASYNC110 - they go one by one
                        await asyncio.sleep(0.02)
        hurry = asyncio.ensure_future(self._hurry.wait())
        while True:
            self._hurry.clear()
            work = asyncio.ensure_future(node.drain(self._leave.patience_s, self._leave.farewell_s))
            await asyncio.wait((work, hurry), return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                break
            work.cancel()
            hurry = asyncio.ensure_future(self._hurry.wait())
        hurry.cancel()
        await work

    def erased(self, store: str, user: str) -> None:
        """The others are told."""
        self._channel.say_nowait(Erased(store=store, user=user))

    def count(self, collector: Collector) -> None:
        """Keeps it for when the master asks."""
        self._collector = collector

    async def figures(self) -> bytes:
        """Asks the master, who asks all; those who come meanwhile wait for the same answer."""
        if self._gathered is None or self._gathered.done():
            self._gathered = asyncio.get_running_loop().create_future()
            self._channel.say_nowait(Ask())
        try:
            async with asyncio.timeout(GATHER_S):
                gathered = await asyncio.shield(self._gathered)
        except TimeoutError:
            self._gathered = None
            raise Unanswered from None
        return render([*add([*gathered.workers.values(), gathered.gone]), *self._of_crew(gathered.restarts)], gathered.workers)

    def standing(self) -> list[str]:
        """One line, and a warning where some do not serve."""
        lines = [f"workers: {self._ready} of {self._workers}"]
        if (missing := self._workers - self._ready) > 0:
            lines.append(f"warning: {missing} of {self._workers} workers {'does' if missing == 1 else 'do'} not serve; see the log")
        return lines

    def counted(self) -> list[Family]:
        """What this worker has counted; nothing before it serves."""
        return read(self._collector) if self._collector is not None else []

    def _of_crew(self, restarts: int) -> list[Family]:
        states = [Sample("dibs_workers", (("state", name),), n) for name, n in (("ready", self._ready), ("wanted", self._workers))]
        again = Sample("dibs_worker_restarts_total", (), restarts)
        return [
            Family("dibs_workers", "Worker processes, those that serve and those that there are to be.", "gauge", states),
            Family("dibs_worker_restarts", "Workers started anew because one had ended.", "counter", [again]),
        ]


def main() -> int:
    """The exit status; why a start failed is told to the master."""
    control = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    # A terminal's Ctrl-C and hang-up are the master's to answer.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_outlive, args=(os.dup(control.fileno()),), daemon=True).start()
    start, listener = take_over(control)
    try:
        settings = read_settings(start.flags, start.variables)
        log = make_log(settings.log_level, settings.log_format).bind(worker=start.name)
        with routed(log), in_one_line(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_work(settings, log, start, listener, control.dup()))
    except (ConfigError, StartError) as error:
        status = 2 if isinstance(error, ConfigError) else 1
        with suppress(OSError):
            control.sendall(line(Failed(sentence=str(error), status=status)))
        return status
    return 0


async def _work(settings: Settings, log: FilteringBoundLogger, start: Start, listener: socket.socket, control: socket.socket) -> None:
    channel = await Channel.over(control, _orders)
    worker = Worker(start, listener, channel)
    following = asyncio.ensure_future(worker.follow())
    try:
        await serve(settings, log, worker)
        channel.say_nowait(Told(number=0, figures=worker.counted()))
    finally:
        following.cancel()
        await channel.close()


def _outlive(control: int) -> None:
    """Needs no event loop: one that is stuck must not live on without its master."""
    poll = select.poll()
    poll.register(control, 0)  # that the other end is closed is told in any case
    poll.poll()
    time.sleep(ORPHAN_S)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
