"""The server that is measured: a real process on its private Valkey with the settings as shipped, but for the rate of commands.

Where the machine has two cores the server and its Valkey share one, the load has the others.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec

from bench.found import Found
from tests.attack.scene import cores, pin
from tests.wire.server import ROOT, SECRET, Server
from web.client import Client

Step = Callable[[float], None]
SEED = 17
LINE_BYTES = 1 << 26


@contextlib.asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Server]:
    """A server that stops well in the end."""
    server = Server(folder / "data", private=True, rate=0, heartbeat=25, grace=60)
    await server.start()
    try:
        own, _ = cores()
        pin(server.pid, own)
        pin(server.valkey_pid(), own)
        yield server
        await server.stop()
        server.check_log()
    finally:
        server.kill()


def client(server: Server, role: str, id: str, store: str) -> Client:
    """A person on the client that dibs ships."""
    return Client(f"ws://{server.address}/ws", server.token(role, id, stores=[store] if role == "agent" else None))


async def play_on(server: Server, bench: str, step: Step, **order: Any) -> Found:
    """What a load in a process of its own finds on the server; raises AssertionError where it could not go on."""
    pids = {"server": server.pid, "Valkey": server.valkey_pid()}
    return await played(bench, step, order | {"address": server.address, "secret": SECRET, "pids": pids, "seed": SEED})


async def played(name: str, step: Step, order: dict[str, Any]) -> Found:
    """The same for any server."""
    command = (sys.executable, "-m", "bench.load", name)
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=LINE_BYTES
    )
    try:
        pin(process.pid, cores()[1])
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(msgspec.json.encode(order) + b"\n")
        async for line in process.stdout:
            told = msgspec.json.decode(line)
            assert "failed" not in told, f"{name}: {told['failed']}"
            if "found" in told:
                return msgspec.convert(told["found"], Found)
            step(told["part"])
        raise AssertionError(f"the load of {name} ended without a word")
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
