"""Users ask and agents answer, at open rates and in closed windows: how long until the other side has it, and how much a server can do.

Promise: every message comes to every receiver, once and in order.
"""

from functools import partial
from pathlib import Path
from typing import Any

from bench.found import Found, Plot
from bench.house import Step, play_on, serving
from bench.line import Dibs, Line
from bench.talk import talk_on

STORES, AGENTS, USERS = 4, 5, 25
RATES, WINDOWS = (100, 500, 2000), (1, 16)
SECONDS = 10.0
WARM_RATE = 200.0


async def deliver(folder: Path, share: float, step: Step) -> Found:
    """`share` of ten seconds of each."""
    async with serving(folder) as server:
        return await play_on(server, "deliver", step, seconds=max(0.5, SECONDS * share))


async def play(order: dict[str, Any], step: Step, speak: type[Line] = Dibs) -> Found:
    """See `bench.load`."""
    talk = talk_on(order, speak)
    await talk.gather(STORES, AGENTS, USERS)
    found, seconds = Found(), order["seconds"]
    await talk.at_rate(WARM_RATE, min(2.0, seconds), lambda _: None)
    runs = {f"{rate} a second": partial(talk.at_rate, rate, seconds) for rate in RATES}
    runs |= {f"window {window}": partial(talk.in_window, window, seconds) for window in WINDOWS}
    waits, reached = {}, []
    for place, (name, run) in enumerate(runs.items()):
        stretch = await run(lambda part, place=place: step((place + part) / len(runs)))
        found.rows[name] = stretch.figures()
        waits[name] = stretch.curve()
        reached.append(stretch.deliveries / stretch.lasted_s)
    await talk.close()
    found.broken = talk.faults
    found.plots = [
        Plot(title="How long until an agent has it", x="percentile", y="ms", lines=waits, across="nines", tall="log"),
        Plot(
            title="Throughput against rate",
            x="questions a second",
            y="deliveries a second",
            lines={
                "what was asked for": [(rate, rate * (AGENTS + 1)) for rate in RATES],
                "reached": list(zip(RATES, reached, strict=False)),
            },
            across="log",
        ),
        Plot(
            title="Throughput at saturation",
            x="questions under way for each user",
            y="deliveries a second",
            lines={"reached": list(zip(WINDOWS, reached[len(RATES) :], strict=True))},
            across="log",
        ),
    ]
    return found
