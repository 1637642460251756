"""A look at a server from outside, for whoever runs it: what it says about itself, and how fast and how right it is.

It writes one key, that of the pulse, as `/readyz` does.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

import attrs
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError, ResponseError

from storage.fault import StorageStartError
from storage.key import PULSE
from storage.link import Deployment, ServerInfo, check
from storage.promise import Promise, promise

PINGS, WRITES = 20, 5
PATIENCE_S = 10.0
"""All questions together may take this long."""


@attrs.frozen(kw_only=True)
class Checkup:
    """What was found.

    `waits`: whether replicas are waited for; `refused` is the code with which the server refuses to write, empty where it does write;
    `clock_s` how far its clock is ahead of ours; `used` and `machine` bytes of memory; `failing` what it says has failed of late.
    """

    info: ServerInfo
    waits: bool
    promise: Promise
    pings_s: tuple[float, ...]
    writes_s: tuple[float, ...]
    refused: str
    clock_s: float
    used: int
    machine: int
    failing: tuple[str, ...]


async def check_up(link: Deployment, *, pulse: str = PULSE, clustered: bool = False) -> Checkup:
    """Asks the server, which has the key `pulse` and may be one of a cluster; raises StorageStartError where it cannot be asked or dibs
    cannot work with it."""
    info = await check(link, clustered=clustered)
    connection = link.connection()
    try:
        async with asyncio.timeout(PATIENCE_S):
            await connection.connect()  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
            pings_s = [await _timed(lambda: _ask(connection, "PING")) for _ in range(PINGS)]
            clock_s = await _ahead_s(connection)
            writes_s, refused = await _write(connection, pulse)
            memory = await _section(connection, "memory")
            persistence = await _section(connection, "persistence")
    except (RedisError, OSError, TimeoutError) as error:
        raise StorageStartError(f"the Redis at {link.place} broke off while it was asked ({type(error).__name__})") from None
    finally:
        await connection.disconnect(nowait=True)
    failing = tuple(name for name in ("aof_last_write_status", "aof_last_bgrewrite_status") if persistence.get(name, "ok") != "ok")
    return Checkup(
        info=info,
        waits=link.waits or clustered,
        promise=promise(info, waits=link.waits or clustered),
        pings_s=tuple(pings_s),
        writes_s=writes_s,
        refused=refused,
        clock_s=clock_s,
        used=int(memory.get("used_memory", 0)),
        machine=int(memory.get("total_system_memory", 0)),
        failing=failing,
    )


async def _ask(connection: AbstractConnection, *words: str | int) -> object:
    await connection.send_command(*words)
    return await connection.read_response()


async def _timed(ask: Callable[[], Awaitable[object]]) -> float:
    start_s = time.perf_counter()
    await ask()
    return time.perf_counter() - start_s


async def _ahead_s(connection: AbstractConnection) -> float:
    """Its clock against the middle of the question and the answer."""
    before_s = time.time()
    reply = await _ask(connection, "TIME")
    after_s = time.time()
    assert isinstance(reply, list)
    return int(reply[0]) + int(reply[1]) / 1e6 - (before_s + after_s) / 2


async def _write(connection: AbstractConnection, pulse: str) -> tuple[tuple[float, ...], str]:
    """How long writes took, each answered when it is as durable as the server makes it; and why it refused one."""
    try:
        taken_s = [await _timed(lambda: _ask(connection, "SET", pulse, time.time_ns() // 1_000_000)) for _ in range(WRITES)]
    except ResponseError as error:
        # redis-py takes the code away from most of its errors and leaves it in their name.
        return (), type(error).__name__ if type(error) is not ResponseError else str(error).split(" ")[0]
    return tuple(taken_s), ""


async def _section(connection: AbstractConnection, name: str) -> dict[str, str]:
    text = await _ask(connection, "INFO", name)
    assert isinstance(text, bytes)
    return dict(line.split(":", 1) for line in text.decode("utf-8", "replace").splitlines() if ":" in line)
