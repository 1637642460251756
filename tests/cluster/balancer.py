"""Machines behind a balancer, as docs/haproxy.cfg has them: the balancer, a Redis and three nodes, each on its own.

The addresses are those of the file, which haproxy is given as it stands. Whoever comes does so by the balancer's door.
"""

import asyncio
import csv
import io
import shutil
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from tests.cluster.net import Machine, address, machines, why_not
from tests.faults.load import until
from tests.faults.process import DURABLE, Redis
from tests.wire.server import ROOT, Server

CONFIG = ROOT / "docs" / "haproxy.cfg"
NODES = ("node1", "node2", "node3")
ADDRESSES = {name: address(number) for number, name in enumerate(("balancer", "redis", *NODES))}
REDIS_PORT, NODE_PORT, PORT = 6379, 8000, 80


def why_no_balancer() -> str | None:
    """Why there can be none here; None if there can."""
    if shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/bin") is None:
        return "the balancer of the documents needs haproxy (on Debian: apt install haproxy)"
    return why_not()


class Balancer:
    """haproxy on its host; `states` is what it thinks of each node."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        self._socket, self._log = folder / "stats", folder / "haproxy.log"
        folder.mkdir(parents=True, exist_ok=True)
        more = folder / "more.cfg"
        more.write_text(f"global\n    stats socket {self._socket}\n")
        self._command = (*machine.within, "haproxy", "-db", "-f", str(CONFIG), "-f", str(more))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    async def states(self) -> dict[str, str]:
        """Node to UP or DOWN, in haproxy's words."""
        reader, writer = await asyncio.open_unix_connection(self._socket)
        writer.write(b"show stat\n")
        told = (await reader.read()).decode().removeprefix("# ")
        writer.close()
        await writer.wait_closed()
        return {row["svname"]: row["status"] for row in csv.DictReader(io.StringIO(told)) if row["svname"] in NODES}

    async def thinks(self, node: str, state: str, within_s: float) -> float:
        """How long it takes until it thinks so of a node."""
        began_s = time.monotonic()
        async with asyncio.timeout(within_s):
            while not (await self.states())[node].startswith(state):  # noqa: ASYNC110 - it tells nobody by itself
                await asyncio.sleep(0.05)
        return time.monotonic() - began_s


class Behind:
    """What runs: `door` is where clients come, through the balancer; it is no process of its own."""

    def __init__(self, there: dict[str, Machine], folder: Path) -> None:
        self.there, self.balancer = there, Balancer(there["balancer"], folder)
        where = ("--port", str(REDIS_PORT), "--bind", ADDRESSES["redis"], "--protected-mode", "no")
        self.redis = Redis(folder / "r", *DURABLE, *where)
        self.redis.within = there["redis"].within
        self.nodes = {name: self._node(folder / name, there[name]) for name in NODES}
        self.door = Server(folder / "door", private=True)
        self.door.address = f"{there['balancer'].door}:{PORT}"

    def _node(self, data: Path, machine: Machine) -> Server:
        url, proxy = f"redis://{ADDRESSES['redis']}:{REDIS_PORT}", ADDRESSES["balancer"]
        node = Server(data, redis=url, host="0.0.0.0", port=NODE_PORT, trusted_proxies=proxy, grace=60)
        node.within = machine.within
        return node

    async def start(self) -> None:
        """All of them; who looks at a node does so by its door."""
        await asyncio.gather(*(node.start() for node in self.nodes.values()))
        for name, node in self.nodes.items():
            node.address = f"{self.there[name].door}:{NODE_PORT}"


@asynccontextmanager
async def behind(folder: Path) -> AsyncIterator[Behind]:
    """All of it runs, and the balancer knows of every node."""
    async with AsyncExitStack() as stack:
        there = stack.enter_context(machines(len(ADDRESSES)))
        found = Behind(dict(zip(ADDRESSES, there, strict=True)), folder)
        stack.enter_context(found.redis)
        for node in found.nodes.values():
            stack.callback(node.kill)
        stack.callback(found.balancer.kill)
        found.balancer.start()
        await found.start()
        await until((folder / "stats").exists, 10, "haproxy")
        for name in NODES:
            await found.balancer.thinks(name, "UP", 10)
        yield found
        for node in found.nodes.values():
            if node.process is not None:
                await node.stop()
            node.check_log()
