"""The wall clock jumps by an hour while everybody rests, and back while they work, as the monotonic one goes on: dibs's alone, and
that of Redis alone."""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.faults.load import Figures, Load, conclude, loaded
from tests.faults.process import DURABLE, Dibs, Redis
from tests.faults.shim import Shim
from tests.wire.checker import Frame

HOUR_MS = 3_600_000
BACK_S = 5.0
QUIET_S = 3.0
"""Longer than the grace of an owner who is gone, and a few sweeps."""


def _owners(load: Load) -> dict[str, tuple[str, int]]:
    chats: dict[str, Frame] = load.agents[0].chats
    return {user: ((chat["owner"] or {}).get("id", ""), chat["epoch"]) for user, chat in chats.items()}


def _time_of_redis(redis: Redis) -> float:
    with redis.client() as client:
        return client.time()[0] * 1000


def _time_of_dibs(load: Load) -> float:
    return [ack for ack in load.shoppers[0].acks.values() if "at" in ack][-1]["at"]


async def _round(shim: Shim, ms: int, load: Load, figures: Figures, told_ms: Callable[[], float]) -> None:
    """While everybody rests a jump changes nothing; then work goes on under the new time, and through a jump back."""
    await load.pause()
    before, closed = _owners(load), [len(person.codes) for person in load.people]
    shim.shift(ms)
    await asyncio.sleep(QUIET_S)
    figures.expect(_owners(load) == before, f"a jump by {ms} ms changed owners: {before} {_owners(load)}")
    figures.expect([len(p.codes) for p in load.people] == closed, f"a jump by {ms} ms ended sessions: {[p.codes for p in load.people]}")
    load.work()
    for shift_ms in (ms, 0):
        shim.shift(shift_ms)
        await load.until_acked(60)
        figures.recovered(await load.back(), BACK_S, "going on after a jump")
        figures.expect(abs(told_ms() - time.time() * 1000 - shift_ms) < 60_000, "the clock did not jump: this round showed nothing")
    figures.rounds += 1


async def _jumps(rounds: int, folder: Path, seed: int, *, of_redis: bool) -> Figures:
    figures = Figures()
    shim = Shim(folder / "shim")
    with Redis(folder / "redis", *DURABLE, env=shim.env if of_redis else None) as redis:
        server = Dibs(folder / "data", redis=redis.url, env=None if of_redis else shim.env)
        await server.start()
        try:
            async with loaded(server, seed=seed, token_s=5 * 3600) as load:
                await load.until_acked(40)
                told_ms = partial(_time_of_redis, redis) if of_redis else partial(_time_of_dibs, load)
                for number in range(rounds):
                    await _round(shim, -HOUR_MS if number % 2 else HOUR_MS, load, figures, told_ms)
                await conclude(load, figures)
            await server.stop()
        finally:
            server.kill()
    return figures


async def dibs(rounds: int, folder: Path, seed: int = 61) -> Figures:
    """An hour on and back in one round, an hour back and on in the next."""
    return await _jumps(rounds, folder, seed, of_redis=False)


async def redis(rounds: int, folder: Path, seed: int = 62) -> Figures:
    """The same for the server below."""
    return await _jumps(rounds, folder, seed, of_redis=True)
