"""kill -9 of dibs, of its embedded server, and of both, at random moments under load."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

from tests.faults.load import Figures, Load, conclude, loaded, until
from tests.faults.process import Dibs

BACK_S = 5.0
LEG = 10
"""Rounds on one store before it is audited."""


async def _legs(rounds: int, folder: Path, seed: int, strike: Callable[[Dibs, Load, Figures], "asyncio.Future[None]"]) -> Figures:
    figures = Figures()
    chance = random.Random(seed)
    server = Dibs(folder / "data")
    await server.start()
    try:
        while figures.rounds < rounds:
            async with loaded(server, seed=seed + figures.rounds) as load:
                for _ in range(min(LEG, rounds - figures.rounds)):
                    await load.until_acked(40)
                    await asyncio.sleep(chance.uniform(0, 0.3))
                    await strike(server, load, figures)
                    figures.rounds += 1
                await conclude(load, figures)
        await server.stop()
        figures.expect("Traceback" not in server.said(), f"a traceback in the log: {server.said()[-1500:]}")
    finally:
        server.kill()
    return figures


async def dibs(rounds: int, folder: Path, seed: int = 1) -> Figures:
    """Clients are back and caught up within 5 s of the process's start; the same data, no ack lost."""

    async def strike(server: Dibs, load: Load, figures: Figures) -> None:
        server.kill()
        await server.start()
        figures.recovered(await load.back(), BACK_S, "coming back after kill -9 of dibs")

    return await _legs(rounds, folder, seed, strike)


async def embedded(rounds: int, folder: Path, seed: int = 2) -> Figures:
    """The server is started anew by dibs; no session ends."""

    async def strike(server: Dibs, load: Load, figures: Figures) -> None:
        closed = [len(person.codes) for person in load.people]
        server.kill_valkey()
        await asyncio.sleep(0)
        figures.recovered(await load.back(), BACK_S, "coming back after kill -9 of the embedded server")
        figures.expect([len(person.codes) for person in load.people] == closed, f"sessions ended: {[p.codes for p in load.people]}")

    return await _legs(rounds, folder, seed, strike)


async def both(rounds: int, folder: Path, seed: int = 3) -> Figures:
    """Nobody sees the other die."""

    async def strike(server: Dibs, load: Load, figures: Figures) -> None:
        await asyncio.to_thread(server.kill_both)
        await until(lambda: not any(person.ready.is_set() for person in load.people), 10, "everybody noticed")
        await server.start()
        figures.recovered(await load.back(), BACK_S, "coming back after kill -9 of both")

    return await _legs(rounds, folder, seed, strike)
