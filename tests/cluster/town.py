"""Several real nodes that share one Redis, each with its people, and a proxy on its way to Redis where a test strikes there."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from anyio import to_thread

from tests.cluster.gossip import Gossip
from tests.faults.load import GATHERED_S
from tests.faults.process import Redis
from tests.history.feed import keep_over_the_wire, recorded
from tests.history.linear import check
from tests.history.record import Recorder
from tests.storage.below import DURABLE
from tests.wire.conftest import Mall, fresh
from tests.wire.person import Person
from tests.wire.server import Server


class Town:
    """One store on several nodes: `malls[n]` is where one comes to the n-th of them, `gossip[n]` stands between it and Redis."""

    def __init__(self, redis: Redis, servers: list[Server], gossip: list[Gossip]) -> None:
        self.redis, self.servers, self.gossip = redis, servers, gossip
        self.malls = [Mall(server) for server in servers]
        self.store = fresh("s")
        self.recorder = Recorder()
        """Of what everybody is told."""
        for mall in self.malls:
            mall.store, mall.kind = self.store, recorded(Person, self.recorder)

    @property
    def people(self) -> list[Person]:
        return [person for mall in self.malls for person in mall.people]

    async def judged(self) -> list[str]:
        """Breaches of the rules of histories in all that everybody was told."""
        await asyncio.sleep(GATHERED_S)
        await keep_over_the_wire(
            self.recorder, self.servers[0], {self.store: self.servers[0].token("agent", "keeper", stores=[self.store])}
        )
        return [str(violation) for violation in await asyncio.to_thread(check, self.recorder.history)]

    async def close(self) -> None:
        for mall in self.malls:
            await mall.close()
            mall.people.clear()


@asynccontextmanager
async def town(folder: Path, nodes: int, *, struck: bool = False, **options: Any) -> AsyncIterator[Town]:
    """`struck`: each node has a proxy of its own before Redis. All nodes end well, with nothing in their logs that may not be there."""
    async with AsyncExitStack() as stack:
        redis = stack.enter_context(Redis(folder / "r", *DURABLE))
        proxies = [Gossip(folder / f"p{n}", redis.socket) for n in range(nodes if struck else 0)]
        gossip = [await stack.enter_async_context(proxy) for proxy in proxies]
        urls = [proxy.url for proxy in gossip] if struck else [redis.url] * nodes
        servers = [Server(folder / f"n{n}", redis=url, **options) for n, url in enumerate(urls)]
        for server in servers:
            stack.callback(server.kill)
        await asyncio.gather(*(server.start() for server in servers))
        found = Town(redis, servers, gossip)
        try:
            yield found
            await found.close()
            for server in servers:
                if server.process is not None:
                    await to_thread.run_sync(server.stop_blocking)
                server.check_log()
        finally:
            for person in found.people:
                await person.tidy()
