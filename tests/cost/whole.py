"""The whole of dibs in this process, as it is shipped but for the rate, and people on real sockets: what a message costs can be counted.

Nothing that is counted here depends on how fast the machine is. What goes on by itself (a ping, a mark told once a second) can only add
to a count, so a message is looked at several times and the least of each count is what it costs.
"""

import asyncio
import contextlib
import gc
import io
import json
import signal
import sys
import time
import tracemalloc
from collections import Counter
from itertools import pairwise

import attrs
import jwt

from tests.attack.flood_bytes import said
from tests.storage.below import DURABLE, Below
from tests.wire.server import ROOT, SECRET
from web.log import make_log
from web.serve import _alone
from web.setting import Settings

HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: dibs\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
)
PATIENCE_S = 20.0
AGENTS = 5
OURS = tuple(f"{ROOT / package}/" for package in ("actors", "storage", "web"))


class Person(asyncio.Protocol):
    """A client that reads WebSocket messages and keeps them as they came."""

    def __init__(self):
        self.messages: list[bytes] = []
        self._buffer = b""
        self._open = False
        self._news = asyncio.Event()

    def connection_made(self, transport):
        self._transport = transport
        transport.write(HANDSHAKE)

    def data_received(self, data):
        self._buffer += data
        if not self._open:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return
            assert head.startswith(b"HTTP/1.1 101 "), head
            self._open, self._buffer = True, rest
        while len(self._buffer) > 1:
            size, start = self._buffer[1], 2
            if size >= 126:
                start = 4 if size == 126 else 10
                size = int.from_bytes(self._buffer[2:start], "big")
            if len(self._buffer) < start + size:
                break
            if self._buffer[0] == 0x81:
                self.messages.append(self._buffer[start : start + size])
            self._buffer = self._buffer[start + size :]
        self._news.set()

    def say(self, value):
        self._transport.write(said(value))

    def frames(self):
        found = [json.loads(message) for message in self.messages]
        return [frame for some in found for frame in (some if isinstance(some, list) else [some])]

    async def until(self, kind, count=1):
        """So many frames of a kind have come since the last look at all of them."""
        async with asyncio.timeout(PATIENCE_S):
            while sum(message.count(b'"type":"%b"' % kind.encode()) for message in self.messages) < count:
                self._news.clear()
                await self._news.wait()

    def close(self):
        self._transport.abort()


@attrs.define
class Cost:
    """What happened from one moment to the next."""

    commands: Counter[str]
    """Calls of each command of Redis, those of scripts too."""
    reads: int
    """How often Redis read from a socket."""
    to_bytes: int
    from_bytes: int
    """On the wire to Redis and from it."""
    messages: int
    """WebSocket messages that were written to everybody."""
    tasks: int
    calls: int
    """Python functions of dibs that were called."""
    peak_bytes: int
    """The most memory at one time above what there was before."""


class Whole:
    """`agents` of a store and one `user`, whose chat the first of them owns."""

    def __init__(self, below, port):
        self.valkey = below.client()
        self.url = below.url
        self._port = port
        self._ids = 0
        self.agents: list[Person] = []

    async def gather(self):
        self.agents = [await self._come("agent", f"a{n}", {"stores": ["s"]}) for n in range(AGENTS)]
        self.user = await self._come("user", "u", {})
        self.user.say(self.send())
        await self.user.until("ack")
        self.agents[0].say({"type": "claim", "id": "claim", "store": "s", "user": "u"})
        await self.agents[0].until("ack")

    async def _come(self, role, id, claims):
        person = Person()
        await asyncio.get_running_loop().create_connection(lambda: person, "127.0.0.1", self._port)
        token = jwt.encode({"sub": id, "role": role, "exp": int(time.time()) + 3600} | claims, SECRET, algorithm="HS256")
        async with asyncio.timeout(PATIENCE_S):
            while not person._open:
                person._news.clear()
                await person._news.wait()
        person.say({"type": "hello", "token": token})
        await person.until("ready")
        return person

    def send(self):
        self._ids += 1
        return {"type": "send", "id": f"m{self._ids}", "store": "s", "kind": "text", "body": {"text": "x" * 100}}

    @property
    def everybody(self):
        return (self.user, *self.agents)

    async def say(self, count):
        """The user says so many messages in one array, and everybody has them."""
        for person in self.everybody:
            person.messages.clear()
        self.user.say([self.send() for _ in range(count)] if count > 1 else self.send())
        await self.user.until("ack", count)
        for person in self.everybody:
            await person.until("message", count)

    async def cost(self, count):
        """What `count` messages in one array cost."""
        loop = asyncio.get_running_loop()
        tasks = calls = 0

        def factory(loop, work, **named):
            nonlocal tasks
            tasks += 1
            return asyncio.Task(work, loop=loop, **named)

        def profile(frame, event, _):
            nonlocal calls
            calls += event == "call" and frame.f_code.co_filename.startswith(OURS)

        before = self._stats()
        loop.set_task_factory(factory)
        sys.setprofile(profile)
        try:
            await self.say(count)
        finally:
            sys.setprofile(None)
            loop.set_task_factory(None)
        messages = sum(len(person.messages) for person in self.everybody)
        after = self._stats()
        numbers = [now - then - own for now, then, own in zip(after[1:], before[1:], self._own(), strict=True)]
        return Cost(after[0] - before[0], *numbers, messages, tasks, calls, await self._peak(count))

    async def _peak(self, count):
        tracemalloc.start()
        try:
            await self.say(count)
            before, _ = tracemalloc.get_traced_memory()
            tracemalloc.reset_peak()
            await self.say(count)
            return tracemalloc.get_traced_memory()[1] - before
        finally:
            tracemalloc.stop()

    async def kept(self, count):
        """Allocated blocks that are still there after `count` messages."""
        await self.say(16)
        gc.collect()
        before = sys.getallocatedblocks()
        for _ in range(count // 16):
            await self.say(16)
        gc.collect()
        return sys.getallocatedblocks() - before

    async def least(self, count, times=7):
        """The least of each count."""
        costs = [await self.cost(count) for _ in range(times)]
        fewest = min((cost.commands for cost in costs), key=lambda commands: commands.total())
        numbers = {field.name: min(getattr(cost, field.name) for cost in costs) for field in attrs.fields(Cost)[1:]}
        return Cost(fewest, **numbers)

    def _own(self):
        """What a look costs, but for the calls."""
        looks = [self._stats()[1:] for _ in range(4)]
        return [min(later - earlier for earlier, later in pairwise(numbers)) for numbers in zip(*looks, strict=True)]

    def _stats(self):
        """Calls of each command, reads, and bytes to Redis and from it; the look itself is in them."""
        told = self.valkey.info("everything")
        calls = Counter({name.removeprefix("cmdstat_").split("|")[0]: one["calls"] for name, one in told.items() if "cmdstat_" in name})
        calls.pop("info", None)
        return calls, told["total_reads_processed"], told["total_net_input_bytes"], told["total_net_output_bytes"]


class _Told(io.StringIO):
    """Standard output, and an event when something was said."""

    def __init__(self):
        super().__init__()
        self.news = asyncio.Event()

    def write(self, text):
        self.news.set()
        return super().write(text)


@contextlib.asynccontextmanager
async def whole(folder):
    """Dibs on a server below, everybody there; ended by its signal."""
    below = Below(folder / "below", *DURABLE)
    below.start()
    told, thresholds = _Told(), gc.get_threshold()
    log = io.StringIO()
    (folder / "data").mkdir()
    settings = Settings(port=0, redis=below.url, data=folder / "data", rate=0.0, heartbeat=3600.0, secret=SECRET.encode())
    with contextlib.redirect_stdout(told):
        serving = asyncio.create_task(_alone(settings, make_log("warning", "text", log)))
        try:
            async with asyncio.timeout(PATIENCE_S):
                while "listening on" not in told.getvalue():
                    told.news.clear()
                    await asyncio.wait([serving, asyncio.ensure_future(told.news.wait())], return_when=asyncio.FIRST_COMPLETED)
                    assert not serving.done(), (log.getvalue(), serving.exception())
            port = int(told.getvalue().split("listening on ")[1].split()[0].rsplit(":", 1)[1])
            there = Whole(below, port)
            await there.gather()
            yield there
            for person in there.everybody:
                person.close()
            signal.raise_signal(signal.SIGTERM)
            async with asyncio.timeout(PATIENCE_S):
                await serving
        finally:
            serving.cancel()
            gc.unfreeze()
            gc.set_threshold(*thresholds)
            below.stop()
    assert not log.getvalue(), log.getvalue()
