"""What a message costs where Redis holds ten stores or fifty thousand, and no idle chat or a million.

Promise: the same, within a tenth.
"""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from bench.fill import ACTIVE
from bench.found import Figures, Found, Plot
from bench.house import Step, play_on, played, serving
from bench.talk import talk_on
from tests.wire.server import Server

LEVELS = ((10, 0), (1_000, 0), (50_000, 0), (50_000, 1_000_000))
"""Stores, and idle chats in the ten of them in which others chat."""
FEW = 0.05
"""A smaller share has the first and the last level only."""
AGENTS, USERS = 2, 5
MESSAGES, ROUNDS = 2000, 5
FLAT = 1.1
MANY = 500
"""Fewer messages say little about a core: then twice the cost is allowed."""


async def stores(folder: Path, share: float, step: Step) -> Found:
    """`share` of the stores beyond ten and of the chats; more than that of the looks and of the messages of each."""
    messages, rounds = max(50, round(MESSAGES * min(1.0, 2.5 * share))), max(1, round(ROUNDS * min(1.0, 4 * share)))
    chosen = LEVELS if share >= FEW else (LEVELS[0], LEVELS[-1])
    levels = [(ACTIVE + round((many - ACTIVE) * share), round(chats * share)) for many, chats in chosen]
    found = Found()
    cost: dict[str, list[tuple[float, float]]] = {"empty": [], "filled": []}
    waits: dict[str, list[tuple[float, float]]] = {}
    async with AsyncExitStack() as stack:
        # Two servers in turn: whatever else the machine does falls on both.
        for name in cost:
            (folder / name).mkdir()
        servers = {name: await stack.enter_async_context(serving(folder / name)) for name in cost}
        for server in servers.values():
            await _fill(server, (0, ACTIVE), (0, 0), lambda _: None)
        before = (ACTIVE, 0)
        for place, level in enumerate(levels):
            await _fill(
                servers["filled"],
                (before[0], level[0]),
                (before[1], level[1]),
                lambda part, place=place: step((place + part / 2) / len(levels)),
            )
            before = level
            looks: dict[str, list[Found]] = {name: [] for name in servers}
            for look in range(rounds):
                for name, server in servers.items():
                    looks[name].append(await play_on(server, "stores", lambda _: None, messages=messages, name=f"l{place}r{look}"))
                step((place + 0.5 + (look + 1) / rounds / 2) / len(levels))
            row = f"{level[0]:,} stores, {level[1]:,} idle chats"
            least = {name: min((look.rows["cost"] for look in some), key=_cost) for name, some in looks.items()}
            found.rows[row] = least["filled"] | {
                "cost against 10 stores and no chats": round(_cost(least["filled"]) / _cost(least["empty"]), 3)
            }
            for name, figures in least.items():
                cost[name].append((place + 1, 1000 * _cost(figures)))
            waits[row] = looks["filled"][0].plots[0].lines["waits"]
            found.broken += [sentence for some in looks.values() for look in some for sentence in look.broken]
            if (ratio := found.rows[row]["cost against 10 stores and no chats"]) > (FLAT if messages >= MANY else 2 * FLAT):
                found.broken.append(f"with {row} a message costs {ratio:.2f} times as much")
    found.plots = [
        Plot(title="What a delivery costs, level after level", x="level", y="µs of a core, server and Valkey", lines=cost),
        Plot(title="How long until an agent has it", x="percentile", y="ms", lines=waits, across="nines", tall="log"),
    ]
    return found


def _cost(figures: Figures) -> float:
    return sum(value for what, value in figures.items() if "CPU" in what)


async def _fill(server: Server, stores: tuple[int, int], chats: tuple[int, int], step: Step) -> None:
    """And waits until Valkey does nothing by itself."""
    if stores[0] < stores[1] or chats[0] < chats[1]:
        await played("fill", step, {"url": server.valkey_url(), "stores": stores, "chats": chats})
    with server.valkey() as valkey:
        while valkey.info("persistence")["aof_rewrite_in_progress"]:  # noqa: ASYNC110 - another process's
            await asyncio.sleep(0.1)


async def play(order: dict[str, Any], step: Step) -> Found:
    """See `bench.load`."""
    talk = talk_on(order)
    await talk.gather(ACTIVE, AGENTS, USERS)
    await talk.one_by_one(len(talk.users), lambda _: None)
    stretch = await talk.one_by_one(order["messages"], step)
    await talk.close()
    plot = Plot(title="", x="", y="", lines={"waits": stretch.curve()})
    return Found(rows={"cost": stretch.figures()}, plots=[plot], broken=talk.faults)
