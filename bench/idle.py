"""Thousands of sessions that say nothing: what each costs in memory and on a core, and how long a claim takes meanwhile.

Promise: everybody stays connected, and claims go on.
"""

import asyncio
import time
from pathlib import Path
from typing import Any

from bench.found import Found, Plot, distribution, spread
from bench.house import Step, play_on, serving
from bench.line import Dibs, Place, Who
from bench.usage import Spent
from tests.attack.memory import resident

LEVELS = (5_000, 10_000)
CLAIMS, CLAIM_S = 200, 0.02
HEARTBEAT_S = 25.0
"""In this time everybody is told something once."""
AT_ONCE, ORIGINS = 50, 8


async def idle(folder: Path, share: float, step: Step) -> Found:
    """`share` of five and of ten thousand."""
    async with serving(folder) as server:
        levels = [max(100, round(level * share)) for level in LEVELS]
        claims, quiet_s = max(20, round(CLAIMS * share**0.5)), max(0.5, HEARTBEAT_S * share)
        return await play_on(server, "idle", step, levels=levels, claims=claims, quiet_s=quiet_s)


async def play(order: dict[str, Any], step: Step) -> Found:
    """See `bench.load`."""
    place, levels = Place(order["address"], order["secret"]), order["levels"]
    faults: list[str] = []
    agent = await Dibs.open(place, Who("agent", "a", "s"), faults)
    crowd: list[Dibs] = []
    found = Found(broken=faults)
    memory: dict[str, list[tuple[float, float]]] = {name: [] for name in order["pids"]}
    waits: dict[str, list[tuple[float, float]]] = {}
    await _claims(place, agent, "warm", order["claims"], faults)
    before = {name: resident(pid) for name, pid in order["pids"].items()}
    for level in levels:
        while len(crowd) < level:
            numbers = range(len(crowd), min(len(crowd) + AT_ONCE, level))
            crowd += await asyncio.gather(
                *(Dibs.open(place, Who("user", f"v{n}", "s"), faults, origin=f"127.0.0.{1 + n % ORIGINS}") for n in numbers)
            )
            step(0.95 * len(crowd) / levels[-1])
        name = f"{level:,} sessions"
        claims_s = await _claims(place, agent, str(level), order["claims"], faults)
        grown = {process: (resident(pid) - before[process]) / 1024 for process, pid in order["pids"].items()}
        spent = Spent(order["pids"])
        await asyncio.sleep(order["quiet_s"])
        found.rows[name] = {f"{process} KiB a session": round(kib / level, 1) for process, kib in grown.items()} | spread(claims_s, "claim")
        for process, s in spent.s().items():
            found.rows[name][f"{process} CPU ms a second for 1,000 sessions"] = round(1e6 * s / order["quiet_s"] / level, 3)
        waits[name] = distribution(claims_s)
        for process, kib in grown.items():
            memory[process].append((level, kib / 1024))
    await asyncio.gather(*(line.close() for line in crowd))
    await agent.close()
    step(1.0)
    found.plots = [
        Plot(title="Memory for idle sessions", x="sessions", y="MiB above none", lines={k: [(0, 0), *v] for k, v in memory.items()}),
        Plot(title="How long a claim takes meanwhile", x="percentile", y="ms", lines=waits, across="nines", tall="log"),
    ]
    return found


async def _claims(place: Place, agent: Dibs, name: str, count: int, faults: list[str]) -> list[float]:
    """How long each of so many claims takes, one after another at an even pace."""
    waits_s = []
    for number in range(count):
        user = await Dibs.open(place, Who("user", f"c{name}-{number}", "s"), faults)
        await user.carried_out("send", kind="text", body={"text": "hello"})
        start_s = time.perf_counter()
        await agent.carried_out("claim", user=user.who.id)
        waits_s.append(time.perf_counter() - start_s)
        await user.close()
        await asyncio.sleep(max(0.0, CLAIM_S - (time.perf_counter() - start_s)))
    return waits_s
