"""SIGTERM while floods, stopped readers, dead links and sockets without a hello are all going on: exit 0 within ten seconds."""

import asyncio
import contextlib
import time
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect

from tests.attack.latency import QUIET
from tests.attack.link import Relay
from tests.attack.reader import stuck_agent
from tests.attack.scene import Companion, Figures, scene
from tests.wire.server import STOP_S

FLOODS = ("small commands", "queries, answers never read", "WebSocket pings", "endless fragments", "after our 1009", "a body of HTTP")
SILENT, STUCK, DEAD = 200, 5, 10


async def sigterm(folder: Path, share: float) -> Figures:
    """`share` makes it five rounds, each on a server of its own; one at least."""
    took_s = [await _round(folder, number) for number in range(max(1, round(5 * share)))]
    return {"answered": "exit 0", "slowest exit s": max(took_s)}


async def _round(folder: Path, number: int) -> float:
    async with contextlib.AsyncExitStack() as stack, scene(folder, f"data{number}") as stage:
        server = stage.server
        for flood in FLOODS:
            order = {"address": server.address, "flood": flood, "volume": 1 << 40, "seconds": 60.0}
            attacker = await Companion.start("attacker", order | {"token": server.token("user", f"f-{flood[:5].strip()}")})
            stack.push_async_callback(attacker.end)
        relay = await stack.enter_async_context(Relay(server.address))
        sockets: list[ClientConnection] = [await stuck_agent(server, server.token("agent", f"s{n}", stores=["mall"])) for n in range(STUCK)]
        sockets += [await connect(f"ws://{relay.address}/ws", **QUIET) for _ in range(DEAD)]
        sockets += await asyncio.gather(*(connect(f"ws://{server.address}/ws", **QUIET) for _ in range(SILENT)))
        for socket in sockets:
            stack.callback(socket.transport.abort)
        relay.up = relay.down = False
        await stage.begin()
        await asyncio.sleep(1.0)
        start_s = time.monotonic()
        await server.stop()  # raises where it takes longer than STOP_S or ends in another status
        took_s = round(time.monotonic() - start_s, 1)
        assert took_s < STOP_S, f"{took_s} s"
        return took_s
