"""A real cluster on this machine: three primaries with a replica each, small timeouts, and dibs nodes on it. Slots are moved by hand."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import redis
from anyio import to_thread
from storage.slot import SLOTS, slot

from tests.cluster.below import Below
from tests.cluster.guarded import until_told
from tests.storage.below import DURABLE, free_port, program
from tests.wire.server import Server, signal_and_wait

SHARDS = 3
NODE_TIMEOUT_MS = 1500
FAILOVER_S, FORMED_S = 20.0, 30.0
MOVED_AT_ONCE = 20
SETTINGS = (
    *DURABLE,
    *("--cluster-enabled", "yes", "--cluster-node-timeout", str(NODE_TIMEOUT_MS), "--cluster-require-full-coverage", "no"),
    *("--min-replicas-to-write", "1", "--min-replicas-max-lag", "5", "--repl-diskless-sync-delay", "0", "--save", ""),
    *("--cluster-replica-validity-factor", "0", "--bind", "127.0.0.1", "--protected-mode", "no", "--logfile", ""),
)


class Member(Below):
    """One server of the cluster; it has its place and its name from one start to the next."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.port, self.bus = free_port(), free_port()
        self.id = ""

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def client(self) -> redis.Redis:
        return redis.Redis(host="127.0.0.1", port=self.port, protocol=2, socket_timeout=1, socket_connect_timeout=1)

    def ask(self, *words: Any) -> Any:
        with self.client() as client:
            return client.execute_command(*words)

    def command(self) -> list[str]:
        places = ("--dir", str(self.folder), "--port", str(self.port), "--cluster-port", str(self.bus))
        return [str(program()), *places, *SETTINGS]

    def start(self) -> None:
        """See `Below`."""
        super().start()
        self.id = self.ask("CLUSTER", "MYID").decode()

    def stand_still(self) -> None:
        """Takes connections, and answers nothing."""
        assert self.process is not None
        signal_and_wait(self.process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Knows nothing of what was meanwhile."""
        assert self.process is not None
        signal_and_wait(self.process.pid, signal.SIGCONT)


class Ring:
    """The `members`, the first three of them primaries at first."""

    def __init__(self, members: list[Member]) -> None:
        self.members = members

    @property
    def url(self) -> str:
        return f"cluster://{','.join(member.address for member in self.members)}"

    def form(self) -> None:
        """All know each other, and who has what."""
        first, primaries = self.members[0], self.members[:SHARDS]
        for n, member in enumerate(self.members):
            member.ask("CLUSTER", "SET-CONFIG-EPOCH", n + 1)
        for member in self.members[1:]:
            first.ask("CLUSTER", "MEET", "127.0.0.1", member.port, member.bus)
        bounds = [SLOTS * n // SHARDS for n in range(SHARDS + 1)]
        for member, start, end in zip(primaries, bounds, bounds[1:], strict=False):
            member.ask("CLUSTER", "ADDSLOTSRANGE", start, end - 1)
        deadline = time.monotonic() + FORMED_S
        for n, member in enumerate(self.members[SHARDS:]):
            while True:
                with suppress(redis.ResponseError):  # it may not know its primary yet
                    member.ask("CLUSTER", "REPLICATE", primaries[n % SHARDS].id)
                    break
                assert time.monotonic() < deadline, "the servers do not come to know each other"
                time.sleep(0.05)

    def is_well(self) -> bool:
        """All are there, agree on who has which slot, and each primary has its replica."""
        try:
            maps = {str(sorted(self._map(member).items())) for member in self.members}
            owners = set(self._map(self.members[0]).values())
        except redis.RedisError:
            return False
        primaries = [member for member in self.members if member.address in owners]
        return len(maps) == 1 and len(primaries) == SHARDS and all(member.is_primary() and member.replicas() == 1 for member in primaries)

    def _map(self, member: Member) -> dict[tuple[int, int], str]:
        assert b"cluster_state:ok" in member.ask("CLUSTER", "INFO")
        return {(start, end): f"{first[0].decode()}:{first[1]}" for start, end, first, *_ in member.ask("CLUSTER", "SLOTS")}

    def told(self) -> str:
        """For whoever waits in vain."""
        return "; ".join(
            f"{member.address} primary {member.is_primary()} replicas {member.replicas()}" for member in self.members if member.answers()
        )

    async def well(self) -> None:
        """Waits until it is."""
        await until_told(self._well, FORMED_S, "a cluster that is well", self.told)

    def _well(self) -> bool:
        try:
            return self.is_well()
        except AssertionError:
            return False

    def primary(self, key: str) -> Member:
        """Whoever has a key's slot, as those say who are there."""
        asked = next(member for member in self.members if member.answers())
        number = slot(key)
        for start, end, first, *_ in asked.ask("CLUSTER", "SLOTS"):
            if start <= number <= end:
                return next(member for member in self.members if member.port == first[1])
        raise AssertionError(f"nobody has slot {number}")

    def replicas_of(self, address: str) -> list[Member]:
        """Those that follow the primary at this address."""
        followed = {member: member.ask("ROLE") for member in self.members if member.address != address}
        return [member for member, role in followed.items() if role[0] == b"slave" and f"{role[1].decode()}:{role[2]}" == address]

    async def promoted(self, old: Member) -> float:
        """Waits until a replica has taken its place; when that was."""
        others = [member for member in self.members if member is not old]

        def is_promoted() -> bool:
            return sum(member.is_primary() for member in others) == SHARDS

        await until_told(is_promoted, FAILOVER_S, "a replica promoted", self.told)
        return time.monotonic()

    def move(self, number: int, to: Member) -> int:
        """A slot with all that is in it goes to another primary while it is in use; how many keys that were."""
        old = next(member for member in self.members if member.is_primary() and self._has(member, number))
        to.ask("CLUSTER", "SETSLOT", number, "IMPORTING", old.id)
        old.ask("CLUSTER", "SETSLOT", number, "MIGRATING", to.id)
        moved = 0
        while keys := old.ask("CLUSTER", "GETKEYSINSLOT", number, MOVED_AT_ONCE):
            old.ask("MIGRATE", "127.0.0.1", to.port, "", 0, 5000, "KEYS", *keys)
            moved += len(keys)
        for member in (to, old, *(member for member in self.members if member not in (to, old) and member.is_primary())):
            member.ask("CLUSTER", "SETSLOT", number, "NODE", to.id)
        return moved

    def _has(self, member: Member, number: int) -> bool:
        return any(start <= number <= end and first[1] == member.port for start, end, first, *_ in member.ask("CLUSTER", "SLOTS"))


@asynccontextmanager
async def ring(folder: Path) -> AsyncIterator[Ring]:
    """All of it, well; gone in the end."""
    async with AsyncExitStack() as stack:
        found = Ring([Member(folder / f"m{n}") for n in range(2 * SHARDS)])
        for member in found.members:
            stack.callback(member.kill)
        await asyncio.gather(*(to_thread.run_sync(member.start) for member in found.members))
        await to_thread.run_sync(found.form)
        await found.well()
        yield found


@asynccontextmanager
async def noded(there: Ring, folder: Path, nodes: int = 2, **options: Any) -> AsyncIterator[list[Server]]:
    """Nodes of dibs on it. They end well, with nothing in their logs that may not be there."""
    async with AsyncExitStack() as stack:
        servers = [Server(folder / f"n{n}", redis=there.url, **options) for n in range(nodes)]
        for server in servers:
            stack.callback(server.kill)
        await asyncio.gather(*(server.start() for server in servers))
        yield servers
        for server in servers:
            await server.stop()
            server.check_log()
