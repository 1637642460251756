"""Redis stands still: stopped by a signal, told to pause its clients, or asleep in a command."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.faults.load import Figures, Load, conclude, loaded
from tests.faults.process import DURABLE, Dibs, Redis
from tests.wire.server import signal_and_wait

ANSWER_S = 5.0
BACK_S = 5.0
SLACK_S = 0.5
"""The load and the server share their cores."""

Still = Callable[[Redis, float], Awaitable[None]]


async def _still(rounds: int, folder: Path, seed: int, length_s: float, still: Still) -> Figures:
    figures = Figures()
    with Redis(folder / "redis", *DURABLE, "--enable-debug-command", "yes") as redis:
        server = Dibs(folder / "data", redis=redis.url)
        await server.start()
        try:
            while figures.rounds < rounds:
                async with loaded(server, seed=seed + figures.rounds) as load:
                    await load.until_acked(40)
                    await _round(redis, load, figures, length_s, still)
                    figures.rounds += 1
                    await conclude(load, figures)
            await server.stop()
        finally:
            server.kill()
    return figures


async def _round(redis: Redis, load: Load, figures: Figures, length_s: float, still: Still) -> None:
    closed = [len(person.codes) for person in load.people]
    await still(redis, length_s)
    figures.recovered(await load.back(), BACK_S, "going on after Redis stood still")
    slowest_s, command = max((person.slowest_s, person.slowest) for person in load.people)
    figures.slowest_s = max(figures.slowest_s, slowest_s)
    figures.also = f"answered within {figures.slowest_s:.1f} s"
    figures.expect(slowest_s <= ANSWER_S + SLACK_S, f"without an answer for {slowest_s:.1f} s: {command}")
    told = sum(person.unavailable for person in load.people)
    figures.expect(told or length_s < ANSWER_S, "nobody was told `unavailable`")
    figures.expect([len(person.codes) for person in load.people] == closed, f"sessions ended: {[p.codes for p in load.people]}")


async def stopped(rounds: int, folder: Path, seed: int = 11, length_s: float = 10.0) -> Figures:
    """SIGSTOP."""

    async def still(redis: Redis, seconds: float) -> None:
        await asyncio.to_thread(signal_and_wait, redis.pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            await asyncio.to_thread(signal_and_wait, redis.pid, signal.SIGCONT)

    return await _still(rounds, folder, seed, length_s, still)


async def client_pause(rounds: int, folder: Path, seed: int = 12, length_s: float = 10.0) -> Figures:
    """CLIENT PAUSE: the server takes commands and answers later."""

    async def still(redis: Redis, seconds: float) -> None:
        with redis.client() as client:
            client.execute_command("CLIENT", "PAUSE", int(seconds * 1000), "ALL")
        await asyncio.sleep(seconds)

    return await _still(rounds, folder, seed, length_s, still)


async def debug_sleep(rounds: int, folder: Path, seed: int = 13, length_s: float = 10.0) -> Figures:
    """DEBUG SLEEP: not even accepted connections are answered."""

    async def still(redis: Redis, seconds: float) -> None:
        with redis.client() as client:
            await asyncio.to_thread(client.execute_command, "DEBUG", "SLEEP", seconds)

    return await _still(rounds, folder, seed, length_s, still)
