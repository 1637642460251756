"""The server that is measured: a real process on its private Valkey with the settings as shipped, but for the rate of commands."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from statistics import quantiles

from tests.attack.scene import cores, pin
from tests.wire.server import Server
from web.client import Client, Place

Figures = dict[str, float]
"""What a bench has to show, by name with its unit."""


@contextlib.asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Server]:
    """A server with a core of its own, where there are two."""
    server = Server(folder / "data", private=True, rate=0, heartbeat=25, grace=60)
    await server.start()
    try:
        own, _ = cores()
        pin(server.pid, own)
        yield server
        await server.stop()
        server.check_log()
    finally:
        server.kill()


def client(server: Server, role: str, id: str, store: str, place: Place | None = None) -> Client:
    """A person on the client that dibs ships, who goes on from `place`."""
    return Client(f"ws://{server.address}/ws", server.token(role, id, stores=[store] if role == "agent" else None), place=place)


def spread(waits_s: list[float], what: str) -> Figures:
    """Median, 99th percentile and worst of some waits, in ms."""
    ordered = sorted(waits_s)
    p99 = quantiles(ordered, n=100)[98] if len(ordered) > 1 else ordered[0]
    values = {"p50": ordered[len(ordered) // 2], "p99": p99, "worst": ordered[-1]}
    return {f"{what} {name} ms": round(1000 * value, 2) for name, value in values.items()}
