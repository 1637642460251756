"""One store with more and more agents, all of whom hear every message.

Promise: each of them hears every message once and in order.
"""

from pathlib import Path
from typing import Any

from bench.found import Found, Plot
from bench.house import Step, play_on, serving
from bench.talk import talk_on

LEVELS = (10, 30, 100, 300, 1000)
USERS, WINDOW, SECONDS = 10, 1, 10.0


async def fanout(folder: Path, share: float, step: Step) -> Found:
    """`share` of ten seconds each, with up to a thousand agents, or ten times `share` of them."""
    agents = min(LEVELS[-1], max(20, 10 * LEVELS[-1] * share))
    async with serving(folder) as server:
        return await play_on(server, "fanout", step, levels=[n for n in LEVELS if n <= agents], seconds=max(0.5, SECONDS * share))


async def play(order: dict[str, Any], step: Step) -> Found:
    """See `bench.load`. The next question leaves with the ack of the last one, so that nothing but the fan-out is measured."""
    found, levels = Found(), order["levels"]
    reached, cost, waits = [], [], {}
    for place, agents in enumerate(levels):
        talk = talk_on(order | {"name": f"l{agents}-"})
        await talk.gather(1, agents, USERS)
        stretch = await talk.in_window(
            WINDOW, order["seconds"], lambda part, place=place: step((place + part) / len(levels)), answered=False
        )
        await talk.close()
        name = f"{agents:,} agents"
        found.rows[name] = stretch.figures()
        found.broken += talk.faults
        reached.append((agents, stretch.deliveries / stretch.lasted_s))
        cost.append((agents, 1e6 * stretch.spent_s["server"] / stretch.deliveries))
        waits[name] = stretch.curve()
    found.plots = [
        Plot(title="How long until an agent has it", x="percentile", y="ms", lines=waits, across="nines", tall="log"),
        Plot(title="Deliveries against agents", x="agents", y="deliveries a second", lines={"reached": reached}, across="log"),
        Plot(title="What a delivery costs", x="agents", y="µs of a core", lines={"server": cost}, across="log"),
    ]
    return found
