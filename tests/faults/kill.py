"""kill -9 of dibs, of its embedded server, and of both, at random moments under load."""

import asyncio
import random
import time
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


async def dibs(rounds: int, folder: Path, seed: int = 1, *, alone: bool = True) -> Figures:
    """Clients are back and caught up within 5 s; the same data, no ack lost. `alone` with its machine it is held to 5 s from the kill
    on, the start of the process included; else from its end."""

    async def strike(server: Dibs, load: Load, figures: Figures) -> None:
        struck_s = time.monotonic()
        server.kill()
        await server.start()
        listening_s = time.monotonic()
        await load.back()
        figures.recovered(time.monotonic() - (struck_s if alone else listening_s), BACK_S, "coming back after kill -9 of dibs")

    return await _legs(rounds, folder, seed, strike)


async def embedded(rounds: int, folder: Path, seed: int = 2) -> Figures:
    """The server is started anew by dibs; no session ends."""

    async def strike(server: Dibs, load: Load, figures: Figures) -> None:
        closed = [len(person.codes) for person in load.people]
        struck_s, pid = time.monotonic(), server.valkey_pid()
        server.kill_valkey()
        await load.back()
        figures.recovered(time.monotonic() - struck_s, BACK_S, "coming back after kill -9 of the embedded server")
        figures.expect(server.valkey_pid() != pid, "the embedded server was not started anew")
        figures.expect([len(person.codes) for person in load.people] == closed, f"sessions ended: {[p.codes for p in load.people]}")

    return await _legs(rounds, folder, seed, strike)


async def both(rounds: int, folder: Path, seed: int = 3, *, alone: bool = True) -> Figures:
    """Nobody sees the other die. See `dibs`."""

    async def strike(server: Dibs, load: Load, figures: Figures) -> None:
        struck_s = time.monotonic()
        await asyncio.to_thread(server.kill_both)
        await until(lambda: not any(person.ready.is_set() for person in load.people), 10, "everybody noticed")
        await server.start()
        listening_s = time.monotonic()
        await load.back()
        figures.recovered(time.monotonic() - (struck_s if alone else listening_s), BACK_S, "coming back after kill -9 of both")

    return await _legs(rounds, folder, seed, strike)
