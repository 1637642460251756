"""A server of its own with others who chat on it, an attacker beside them, and what all of it is measured by.

Each is a process. Where the machine has two cores the server has one to itself and everything else, its Valkey too, shares the others.
A machine that others load only ever adds to a latency: the suite looks at a stretch up to three times, `make attack` once, and the sentence
says how loaded it was.
"""

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Self

from tests.attack.flood_bytes import STORE
from tests.attack.memory import Growth, waited_s, watched
from tests.wire.server import ROOT, Server

GROWTH_MIB = 8.0
P99_MS = 50.0
TRIES = 3
OTHERS, RATE = 20, 200
WARM_S = 1.5
MB = 1_000_000
Figures = dict[str, Any]
"""What a row has to show, by name. The table has columns for `sent MB`, `grown MB`, `Valkey MB`, `p99 ms` and `answered`."""


class Slow(AssertionError):
    """The others waited for longer than they may."""


async def patiently(attack: Callable[[], Awaitable[Figures]]) -> Figures:
    """The first of three tries in which the others did not wait; what else breaks breaks at once."""
    for _ in range(TRIES - 1):
        with contextlib.suppress(Slow):
            return await attack()
    return await attack()


def pin(pid: int, cores: set[int]) -> None:
    """All threads of a process, where the system knows of such a thing."""
    tasks = Path(f"/proc/{pid}/task")
    if hasattr(os, "sched_setaffinity") and tasks.exists():
        for task in tasks.iterdir():
            with contextlib.suppress(OSError):
                os.sched_setaffinity(int(task.name), cores)


def cores() -> tuple[set[int], set[int]]:
    """Those of the server and those of the others."""
    if not hasattr(os, "sched_getaffinity"):
        return {0}, {0}
    first, *others = sorted(os.sched_getaffinity(0))
    return {first}, set(others or [first])


class Companion:
    """A process of this folder that was given its order, and says lines of JSON."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, name: str, order: dict[str, Any]) -> Self:
        command = (sys.executable, "-m", f"tests.attack.{name}", json.dumps(order))
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
        pin(process.pid, cores()[1])
        return cls(process)

    async def told(self, within_s: float = 30.0) -> Figures:
        assert self._process.stdout is not None
        async with asyncio.timeout(within_s):
            line = await self._process.stdout.readline()
        assert line, "a companion ended without a word"
        return dict(json.loads(line))

    async def asked(self) -> Figures:
        assert self._process.stdin is not None
        self._process.stdin.write(b"window\n")
        return await self.told()

    async def end(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.communicate()


class Scene:
    """`others` is the process of those who chat. The growths are from before the first attack."""

    def __init__(self, server: Server, others: Companion, growth: Growth, valkey: Growth) -> None:
        self.server, self._others, self.growth, self.valkey = server, others, growth, valkey
        self._since_s = self._waited_s = 0.0
        self._floods = 0

    async def attack(self, flood: str, volume: int, seconds: float) -> Figures:
        """One flood, and how the others fared meanwhile."""
        self._floods += 1
        order = {"address": self.server.address, "flood": flood, "volume": volume, "seconds": seconds}
        attacker = await Companion.start("attacker", order | {"token": self.server.token("user", f"flooder{self._floods}")})
        try:
            await self.begin()
            told = await attacker.told(seconds + 30)
        finally:
            await attacker.end()
        ends = ", ".join(f"{end} ×{count}" if count > 1 else end for end, count in told["ends"].items())
        return (
            {"sent MB": round(told["sent"] / MB, 1), "answered": ends or "still open"} | await self.judged() | {"sockets": told["sockets"]}
        )

    async def judged(self, growth_mib: float = GROWTH_MIB) -> Figures:
        """The growths so far, and how the others fared since they were asked last; raises AssertionError where a bound broke."""
        others = await self._others.asked()
        p99_ms = max(others["ack"]["p99"], others["delivery"]["p99"])
        figures = {"grown MB": round(self.growth.mib, 1), "Valkey MB": round(self.valkey.mib, 1), "p99 ms": p99_ms}
        waited = (waited_s(self.server.pid) - self._waited_s) / (time.monotonic() - self._since_s)
        load = f"; {os.getloadavg()[0]:.1f} processes wanted {os.cpu_count()} cores, the server waited {waited:.0%} of the time for its own"
        assert self.growth.mib < growth_mib, f"the server grew by {self.growth.mib:.1f} MiB: {figures}"
        assert not others["faults"], f"the others were disturbed: {others['faults']}"
        assert others["acked"] > 0, "nobody else got an ack"
        if p99_ms >= P99_MS:
            raise Slow(f"the others' p99 was {p99_ms} ms: {figures} {others}{load}")
        return figures

    async def begin(self) -> None:
        """A new stretch for the figures of the others."""
        self._since_s, self._waited_s = time.monotonic(), waited_s(self.server.pid)
        await self._others.asked()


@contextlib.asynccontextmanager
async def scene(folder: Path, name: str = "data", **options: Any) -> AsyncIterator[Scene]:
    """A server with the rate and the heartbeat that it comes with, and others at work on it."""
    server = Server(folder / name, **{"rate": 20, "heartbeat": 25} | options)
    await server.start()
    try:
        own, rest = cores()
        pin(server.pid, own)
        pin(server.valkey_pid(), rest)
        order = {
            "address": server.address,
            "rate": RATE,
            "store": STORE,
            "agent": server.token("agent", "a1", stores=[STORE]),
            "tokens": [server.token("user", f"b{n}") for n in range(OTHERS)],
        }
        others = await Companion.start("latency", order)
        try:
            await others.told()
            await asyncio.sleep(WARM_S)
            with watched(server.pid) as growth, watched(server.valkey_pid()) as valkey:
                yield Scene(server, others, growth, valkey)
        finally:
            await others.end()
        if server.process is not None:
            await server.stop()
        server.check_log()
    finally:
        server.kill()
