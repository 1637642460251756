"""The way to a cluster: which server has which slots, as its servers say themselves.

All that are known are asked at once, for some may be cut off or dead: of those who answer in time the one is believed whose epoch is the
newest. Who is wrong about a slot is put right by the server it asks (`storage.slot`).
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

import attrs
from redis.asyncio.connection import AbstractConnection

from storage.fault import BadUrl
from storage.journal import JournalUnreachable
from storage.key import count_of_shard
from storage.link import Link, NoPrimary
from storage.several import NoUse, answers, split
from storage.slot import SLOTS, slot

PORT = 6379
KEYS = 1 << 15
"""So many are tried for one that lies with a server of few slots."""
LOOK_S = 1.0
"""The servers are asked this often who has which slots."""


class Slots:
    """A map of a cluster: to each slot the address of its primary, empty where it has none."""

    def __init__(self, owners: list[str], servers: Iterable[str], epoch: int = 0) -> None:
        self.owners = owners
        self.servers = tuple(servers)
        """Addresses of all, replicas too."""
        self.epoch = epoch
        self.primaries = tuple(address for address in dict.fromkeys(owners) if address)
        """Those that have slots, by the first of them."""
        self._division = ""
        self._own: dict[tuple[Callable[[int], str], str], str] = {}

    def corrected(self, number: int, address: str) -> "Slots":
        """The same, but for one slot."""
        return Slots([*self.owners[:number], address, *self.owners[number + 1 :]], self.servers, self.epoch)

    def owner(self, key: str | bytes) -> str:
        """The address of the server that has this key."""
        return self.owners[slot(key)]

    @property
    def division(self) -> str:
        """Names how the slots are divided, whichever servers have the parts."""
        if not self._division:
            parts: dict[str, list[int]] = {}
            for number, address in enumerate(self.owners):
                parts.setdefault(address, []).append(number)
            self._division = hashlib.sha256(repr(sorted(parts.values())).encode()).hexdigest()[:8]
        return self._division

    def own(self, key: Callable[[int], str], address: str) -> str:
        """The first of numbered keys that lies with a primary, the same for all who have this map; empty if it has no slot."""
        if (key, address) not in self._own:
            self._own[key, address] = next((found for found in map(key, range(KEYS)) if self.owner(found) == address), "")
        return self._own[key, address]

    def home(self, address: str) -> str:
        """Where a primary counts the batches of nodes."""
        return self.own(count_of_shard, address)


@attrs.frozen(kw_only=True)
class Cluster:
    """See `storage.link.Deployment`. `seeds` are servers of the cluster that are asked first; who we are is the same at all."""

    seeds: tuple[Link, ...]

    @classmethod
    def parse(cls, url: str) -> "Cluster":
        """cluster://[USER[:PASSWORD]@]HOST[:PORT],...: some of its servers. Raises BadUrl."""
        parts, places, user, password = split(url, PORT, "some servers, as cluster://HOST:PORT,HOST:PORT")
        if parts.query or parts.fragment:
            raise BadUrl("the URL has a part that is not supported after its hosts")
        if parts.path.strip("/"):
            raise BadUrl("the URL of a cluster names no database: it has one only")
        return cls(seeds=tuple(Link(host=host, port=port, username=user, password=password) for host, port in places))

    @property
    def waits(self) -> bool:
        """Where another may take a primary's place, nothing is acknowledged that it would not have."""
        return True

    @property
    def place(self) -> str:
        """For people; without any name or password."""
        return f"cluster://{','.join(link.place for link in self.seeds)}"

    @property
    def password(self) -> str | None:
        """Ours, at all servers."""
        return self.seeds[0].password

    @property
    def db(self) -> int:
        """There is one only."""
        return 0

    def link(self, address: str) -> Link:
        """The way to one of its servers."""
        host, _, port = address.rpartition(":")
        return attrs.evolve(self.seeds[0], host=host, port=int(port))

    def connection(self) -> AbstractConnection:
        """A fresh connection to one of its servers, not yet connected."""
        return self.seeds[0].connection()

    async def watch(self, moved: Callable[[], Awaitable[None]]) -> None:
        """Has the map looked at again and again: who waits for a server that stands still would not find out (`storage.shards`)."""
        while True:
            await asyncio.sleep(LOOK_S)
            with suppress(JournalUnreachable):
                await moved()

    async def discover(self, known: Iterable[str] = ()) -> Slots:
        """The map as it is; raises `NoPrimary` with a sentence."""
        links = {_address(link): link for link in (*(self.link(address) for address in known), *self.seeds)}
        found, faults = await answers(links.values(), _ask, "Redis", "Redis at {} is no part of a cluster")
        if not found:
            raise NoPrimary(f"no server of {self.place} says who has which slots: {faults}")
        return max(found, key=lambda one: (one[0], one[1].epoch))[1]


async def _ask(link: Link, connection: AbstractConnection) -> tuple[bool, Slots]:
    """Whether it finds the cluster well, and its map."""
    await connection.send_command("CLUSTER", "INFO")
    info = bytes(await connection.read_response()).decode("utf-8", "replace")
    await connection.send_command("CLUSTER", "SLOTS")
    ranges = await connection.read_response()
    if not ranges:
        raise NoUse(f"the cluster of the Redis at {link.place} has no slots yet")
    told = dict(line.split(":", 1) for line in info.splitlines() if ":" in line)
    owners, servers = [""] * SLOTS, dict[str, None]()
    for first, last, *nodes in ranges:
        addresses = [f"{(node[0] or b'').decode() or link.host}:{node[1]}" for node in nodes]
        owners[first : last + 1] = [addresses[0]] * (last + 1 - first)
        servers |= dict.fromkeys(addresses)
    return told.get("cluster_state") == "ok", Slots(owners, servers, int(told.get("cluster_current_epoch", 0)))


def _address(link: Link) -> str:
    return f"{link.host}:{link.port}"
