"""A cluster to measure on: primaries on this machine, each with its replica, and nobody who would look after them."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import attrs
import redis

from tests.faults.process import DURABLE, Redis

SLOTS = 16384
PATIENCE_S = 30.0
SETTINGS = (
    *DURABLE,
    *("--stream-node-max-bytes", "4096", "--bind", "127.0.0.1", "--cluster-enabled", "yes"),
    *("--min-replicas-to-write", "1", "--min-replicas-max-lag", "10", "--repl-diskless-sync-delay", "0"),
)


@attrs.define
class Member:
    """A server and its two ports."""

    server: Redis
    port: int
    bus: int

    @classmethod
    def at(cls, folder: Path) -> "Member":
        """On ports that are free."""
        port, bus = _free_port(), _free_port()
        return cls(Redis(folder, *SETTINGS, "--port", str(port), "--cluster-port", str(bus)), port, bus)

    @property
    def url(self) -> str:
        """For a client of it alone."""
        return f"redis://127.0.0.1:{self.port}"

    def ask(self, *words: str | int) -> bytes:
        """A command of the cluster's."""
        with self.server.client() as client:
            return bytes(client.execute_command("CLUSTER", *words))


@contextlib.asynccontextmanager
async def sharded(folder: Path, count: int) -> AsyncIterator[tuple[list[Member], list[Member]]]:
    """So many primaries, which have as many slots each, and a replica of each of them."""
    with contextlib.ExitStack() as stack:
        members = [Member.at(folder / f"m{n}") for n in range(2 * count)]
        for member in members:
            stack.enter_context(member.server)
        primaries, replicas = members[:count], members[count:]
        for n, member in enumerate(members):
            member.ask("SET-CONFIG-EPOCH", n + 1)
        for member in members[1:]:
            members[0].ask("MEET", "127.0.0.1", member.port, member.bus)
        for n, primary in enumerate(primaries):
            primary.ask("ADDSLOTSRANGE", SLOTS * n // count, SLOTS * (n + 1) // count - 1)
        for primary, replica in zip(primaries, replicas, strict=True):
            await _until(lambda primary=primary, replica=replica: replica.ask("REPLICATE", primary.ask("MYID").decode()))
        for member in members:
            await _until(lambda member=member: b"cluster_state:ok" in member.ask("INFO"))
        for primary in primaries:
            await _until(lambda primary=primary: _has_replica(primary))
        yield primaries, replicas


def _has_replica(primary: Member) -> bool:
    with primary.server.client() as client:
        return bool(client.info("replication").get("slave0", {}).get("state") == "online")


async def _until(holds: Callable[[], object]) -> None:
    """Asks again; servers take their time to come to know each other, and refuse meanwhile."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with contextlib.suppress(redis.ResponseError):
                if holds():
                    return
            await asyncio.sleep(0.05)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
