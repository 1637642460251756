"""Half of what the server can do, for long.

Promise: neither its memory nor the waits grow, and nothing is lost.
"""

import asyncio
import time
from pathlib import Path
from statistics import mean, median
from typing import Any

from bench.found import Found, Plot, spread
from bench.house import Step, play_on, serving
from bench.line import Dibs
from bench.talk import Talk, seconds, talk_on
from tests.attack.memory import MIB, resident

SECONDS, SLICES = 1800.0, 20
SEARCH_WINDOW, SEARCH_S = 4, 3.0
RECEIVED_S = 1.0
"""As often everybody says how far they have come."""
GROWN_MIB = 8.0
SLOWER, SLOWER_MS = 1.5, 5.0
"""The p99 of the later half may be so much more than that of the earlier one."""


async def soak(folder: Path, share: float, step: Step) -> Found:
    """Thirty minutes; a tenth is one minute, for what begins takes its time whatever the share."""
    async with serving(folder) as server:
        return await play_on(
            server, "soak", step, seconds=max(4.0, SECONDS * share**1.5), search_s=max(0.5, SEARCH_S * min(1.0, 10 * share))
        )


async def play(order: dict[str, Any], step: Step) -> Found:
    """See `bench.load`."""
    talk, pids = talk_on(order), order["pids"]
    await talk.gather(4, 5, 25)
    most = await talk.in_window(SEARCH_WINDOW, order["search_s"], lambda _: None)
    rate = most.asked / most.lasted_s / 2
    receiving = asyncio.ensure_future(_receive(talk))
    memory: dict[str, list[tuple[float, float]]] = {name: [] for name in pids}
    waits: dict[str, list[tuple[float, float]]] = {"p50": [], "p99": []}
    whole = None
    began_s = time.perf_counter()
    for place in range(SLICES):
        stretch = await talk.at_rate(rate, order["seconds"] / SLICES, lambda part, place=place: step((place + part) / SLICES))
        minute = (time.perf_counter() - began_s) / 60
        told = spread(seconds(stretch.agent_ns), "x")
        for name, points in waits.items():
            points.append((minute, told[f"x {name} ms"]))
        for name, pid in pids.items():
            memory[name].append((minute, resident(pid) / MIB))
        whole = stretch if whole is None else whole.joined(stretch)
    receiving.cancel()
    await talk.close()
    assert whole is not None
    grown = mean(mib for _, mib in memory["server"][-5:]) - mean(mib for _, mib in memory["server"][5:10])
    early, late = (median(ms for _, ms in half) for half in (waits["p99"][: SLICES // 2], waits["p99"][SLICES // 2 :]))
    found = Found(broken=talk.faults)
    found.rows["soak"] = {"seconds": round(order["seconds"], 1), "questions a second": round(rate)} | whole.figures()
    found.rows["soak"] |= {"p99 of the earlier half ms": early, "p99 of the later half ms": late, "server grown MiB": round(grown, 2)}
    if grown > GROWN_MIB:
        found.broken.append(f"the server grew by {grown:.1f} MiB")
    if late > SLOWER * early + SLOWER_MS:
        found.broken.append(f"the p99 went from {early:.1f} to {late:.1f} ms")
    found.plots = [
        Plot(title="Memory over time", x="minutes", y="MiB", lines=memory),
        Plot(title="How long until an agent has it, over time", x="minutes", y="ms", lines=waits, tall="log"),
    ]
    return found


async def _receive(talk: Talk) -> None:
    while True:
        await asyncio.sleep(RECEIVED_S)
        for line in (*talk.users, *talk.agents):
            assert isinstance(line, Dibs)
            line.received()
