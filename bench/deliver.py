"""Users ask and agents answer, at open rates and in closed windows: how long until the other side has it, and how much a server can do.

Promise: every message comes to every receiver, once and in order.
"""

from pathlib import Path
from typing import Any

from bench.found import Found, Plot
from bench.house import Step, play_on, serving
from bench.talk import talk_on

STORES, AGENTS, USERS = 4, 5, 25
RATES, WINDOWS = (100, 500, 2000), (1, 16)
SECONDS = 10.0
WARM_RATE = 200.0


async def deliver(folder: Path, share: float, step: Step) -> Found:
    """`share` of ten seconds of each."""
    async with serving(folder) as server:
        return await play_on(server, "deliver", step, seconds=max(0.5, SECONDS * share))


async def play(order: dict[str, Any], step: Step) -> Found:
    """See `bench.load`."""
    talk = talk_on(order)
    await talk.gather(STORES, AGENTS, USERS)
    found, seconds = Found(), order["seconds"]
    await talk.at_rate(WARM_RATE, min(2.0, seconds), lambda _: None)
    waits, reached = {}, {}
    count = len(RATES) + len(WINDOWS)
    for place, (name, run) in enumerate(
        [(f"{rate} a second", lambda step, rate=rate: talk.at_rate(rate, seconds, step)) for rate in RATES]
        + [(f"window {window}", lambda step, window=window: talk.in_window(window, seconds, step)) for window in WINDOWS]
    ):
        stretch = await run(lambda part, place=place: step((place + part) / count))
        found.rows[name] = stretch.figures()
        waits[name] = stretch.curve()
        reached[name] = [(stretch.asked / stretch.lasted_s, stretch.deliveries / stretch.lasted_s)]
    await talk.close()
    found.broken = talk.faults
    found.plots = [
        Plot(title="How long until an agent has it", x="percentile", y="ms", lines=waits, across="nines", tall="log"),
        Plot(title="Throughput against rate", x="questions a second", y="deliveries a second", lines=reached, across="log", tall="log"),
    ]
    return found
