"""Machines behind a balancer, as docs/haproxy.cfg has them: the balancer, a Redis, three nodes and whoever comes, each on its own host.

The addresses are those of the file, which haproxy is given as it stands.
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

from tests.cluster.netns import Network, why_not
from tests.faults.load import until
from tests.faults.process import DURABLE, Redis
from tests.wire.server import ROOT, Server

CONFIG = ROOT / "docs" / "haproxy.cfg"
NODES = ("node1", "node2", "node3")
HOSTS = ("balancer", "redis", *NODES, "client")
REDIS_PORT, NODE_PORT, PORT = 6379, 8000, 80


def why_no_balancer() -> str:
    """Why there can be none here; empty where there can."""
    if shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/bin") is None:
        return "the balancer of the documents needs haproxy (on Debian: apt install haproxy)"
    return why_not()


class Balancer:
    """haproxy on its host; `states` is what it thinks of each node."""

    def __init__(self, network: Network, folder: Path) -> None:
        self._socket, self._log = folder / "stats", folder / "haproxy.log"
        more = folder / "more.cfg"
        more.write_text(f"global\n    stats socket {self._socket}\n")
        self._command = (*network["balancer"].words, "haproxy", "-db", "-f", str(CONFIG), "-f", str(more))
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


class Machines:
    """What runs: `door` is where clients come, through the balancer; it is no process of its own."""

    def __init__(self, network: Network, folder: Path) -> None:
        self.network, self.balancer = network, Balancer(network, folder)
        where = network["redis"].address
        self.redis = Redis(folder / "r", *DURABLE, "--port", str(REDIS_PORT), "--bind", where, "--protected-mode", "no")
        self.redis.words = network["redis"].words
        self.nodes = {name: self._node(folder / name, name) for name in NODES}
        self.door = Server(folder / "door", private=True)
        self.door.address = f"{network['balancer'].address}:{PORT}"

    def _node(self, data: Path, name: str) -> Server:
        host = self.network[name]
        url = f"redis://{self.network['redis'].address}:{REDIS_PORT}"
        proxy = self.network["balancer"].address
        node = Server(data, redis=url, host=host.address, port=NODE_PORT, trusted_proxies=proxy, grace=60)
        node.words = host.words
        return node


@asynccontextmanager
async def machines(network: Network, folder: Path) -> AsyncIterator[Machines]:
    """All of it runs, and the balancer knows of every node; to be entered on the client's host."""
    async with AsyncExitStack() as stack:
        found = Machines(network, folder)
        stack.enter_context(found.redis)
        for node in found.nodes.values():
            stack.callback(node.kill)
        stack.callback(found.balancer.kill)
        found.balancer.start()
        await asyncio.gather(*(node.start() for node in found.nodes.values()))
        await until((folder / "stats").exists, 10, "haproxy")
        for name in NODES:
            await found.balancer.thinks(name, "UP", 10)
        yield found
        for node in found.nodes.values():
            if node.process is not None:
                await node.stop()
            node.check_log()
