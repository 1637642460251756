"""Two thousand people connect within a second while others chat.

Promise: everybody gets in, and whatever the others say comes to whom it should.
"""

import asyncio
import time
from pathlib import Path
from typing import Any

from bench.found import Found, Plot, distribution, spread
from bench.house import Step, play_on, serving
from bench.line import Dibs, Who
from bench.talk import Talk, talk_on

COUNT, WITHIN_S = 2000, 1.0
ORIGINS = 4
"""Addresses that they come from, where the system has more than one."""
RATE, ALONE_S, SLICE_S = 100.0, 2.0, 0.5
PATIENCE_S = 120.0


async def connect_storm(folder: Path, share: float, step: Step) -> Found:
    """`share` of twenty thousand, but two thousand at most."""
    async with serving(folder) as server:
        return await play_on(server, "connect_storm", step, count=min(COUNT, max(50, round(10 * COUNT * share))))


async def play(order: dict[str, Any], step: Step) -> Found:
    """See `bench.load`."""
    talk, count = talk_on(order), order["count"]
    await talk.gather(1, 2, 20)
    alone = await talk.at_rate(RATE, ALONE_S, lambda part: step(part / 3))
    began_s = time.perf_counter()
    storm = asyncio.ensure_future(_storm(talk, count, lambda part: step((1 + 2 * part) / 3)))
    waits_s, lines = [], []
    during = None
    while not storm.done():
        stretch = await talk.at_rate(RATE, SLICE_S, lambda _: None)
        during = stretch if during is None else during.joined(stretch)
    for waited_s, line in await storm:
        waits_s.append(waited_s)
        lines.append(line)
    took_s = max(line.opened_s for line in lines) - began_s
    step(1.0)
    assert during is not None
    found = Found(broken=talk.faults)
    found.rows["storm"] = {"sockets": count, "all in after s": round(took_s, 2)} | spread(waits_s, "ready")
    for name, stretch in (("others before", alone), ("others meanwhile", during)):
        found.rows[name] = {what: value for what, value in stretch.figures().items() if "CPU" not in what}
    found.plots = [
        Plot(
            title="Waits in a storm of connections",
            x="percentile",
            y="ms",
            lines={
                "from the connect until ready": distribution(waits_s),
                "others' deliveries before": alone.curve(),
                "others' deliveries meanwhile": during.curve(),
            },
            across="nines",
            tall="log",
        )
    ]
    await asyncio.gather(*(line.close() for line in lines))
    await talk.close()
    return found


async def _storm(talk: Talk, count: int, step: Step) -> list[tuple[float, Dibs]]:
    """Everybody with how long it took, sockets opened at an even pace."""
    opened = 0

    async def come(number: int, due_s: float) -> tuple[float, Dibs]:
        nonlocal opened
        await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
        who, start_s = Who("user", f"v{number}", "s0"), time.perf_counter()
        line = await Dibs.open(talk.places[0], who, talk.faults, origin=f"127.0.0.{1 + number % ORIGINS}", within_s=PATIENCE_S)
        opened += 1
        if opened % 20 == 0:
            step(opened / count)
        return line.opened_s - start_s, line

    start_s = time.perf_counter()
    return await asyncio.gather(*(come(n, start_s + n * WITHIN_S / COUNT) for n in range(count)))
