"""A peer with a Valkey of its own, both on the core that dibs would have."""

import asyncio
import contextlib
import os
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import attrs

from bench.house import serving
from tests.attack.scene import cores, pin
from tests.storage.below import Below
from tests.wire.server import SECRET

HERE = Path(__file__).parent
START_S = 20.0
PYTHON = HERE / ".venv" / "bin" / "python"


@attrs.frozen
class Running:
    """Where a peer is, and its processes by what they are."""

    address: str
    secret: str
    pids: dict[str, int]


class Missing(Exception):
    """What a peer needs is not installed."""


@contextlib.asynccontextmanager
async def running(peer: str, folder: Path, fsync: str) -> AsyncIterator[Running]:
    """A peer by its name. dibs syncs always; the others as `fsync` says."""
    if peer == "dibs":
        async with serving(folder) as server:
            yield Running(server.address, SECRET, {"server": server.pid, "Valkey": server.valkey_pid()})
        return
    below = Below(folder / "below", "--appendonly", "yes", "--appendfsync", fsync)
    port = _free_port()
    command = _command(peer, port)
    below.start()
    environment = os.environ | {"PORT": str(port), "REDIS_URL": below.url, "NODE_ENV": "production"}
    try:
        with (folder / "log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(*command, cwd=HERE / peer, env=environment, stdout=log, stderr=log)
        try:
            await _until_open(port, process, folder / "log")
            own, _ = cores()
            pin(process.pid, own)
            pin(below.pid, own)
            yield Running(f"127.0.0.1:{port}", "", {"server": process.pid, "Valkey": below.pid})
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
    finally:
        below.stop()


def _command(peer: str, port: int) -> list[str]:
    if peer == "socketio":
        node = shutil.which("node")
        if node is None or not (HERE / peer / "node_modules").exists():
            raise Missing("Socket.IO needs node, and `npm ci` in bench/peers/socketio")
        return [node, "server.js"]
    if not PYTHON.exists():
        raise Missing("FastAPI needs bench/peers/.venv, which `make bench-peers` makes")
    return [str(PYTHON), "-m", "uvicorn", "app:app", "--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _said(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]


async def _until_open(port: int, process: asyncio.subprocess.Process, log: Path) -> None:
    async with asyncio.timeout(START_S):
        while True:
            assert process.returncode is None, f"the peer did not start: {_said(log)}"
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
