"""One server for the whole suite, and a mall of its own in it for every test."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import anyio
import pytest

from tests.wire.person import Person
from tests.wire.server import Server


def fresh(kind: str) -> str:
    return f"{kind}-{uuid.uuid4().hex[:12]}"


class Mall:
    """A fresh store on a server, and the people who come to it; whoever is still there at the end is seen off and checked."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.store = fresh("s")
        self.people: list[Person] = []
        self.kind: type[Person] = Person
        """Whoever comes."""

    async def come(self, role: str, id: str | None, **who: Any) -> Person:
        """Opens a session; `name` and `stores` go into the token, the rest to `Client.open`."""
        claims = {key: who.pop(key) for key in ("name", "stores", "ttl_s") if who.get(key) is not None}
        person = await self.kind.open(self.server, self.server.token(role, id or fresh(role[0]), **claims), **who)
        person.store = self.store
        self.people.append(person)
        return person

    async def dial(self, **options: Any) -> Person:
        """A WebSocket that has said nothing yet."""
        self.people.append(await Person.dial(self.server, **options))
        return self.people[-1]

    async def user(self, id: str | None = None, **who: Any) -> Person:
        return await self.come("user", id, **who)

    async def agent(self, id: str | None = None, **who: Any) -> Person:
        return await self.come("agent", id, **{"stores": [self.store]} | who)

    async def supervisor(self, id: str | None = None, **who: Any) -> Person:
        return await self.come("supervisor", id, **{"stores": [self.store]} | who)

    async def found(self, *stores: str) -> None:
        """Brings stores into being, as an agent's first visit does."""
        await (await self.agent(stores=list(stores) or [self.store])).close()

    async def claimed(self) -> tuple[Person, Person]:
        """An agent who owns the chat of a user who has said one thing."""
        agent = await self.agent(name="Li Na")
        user = await self.user(name="Wang")
        await user.say("first")
        await agent.claim(user)
        for person in (agent, user):
            await person.heard("first", user=user.id)
            await person.status("new", user=user.id)
            await person.status("claim", user=user.id)
        return agent, user

    async def tick(self) -> None:
        """Times are milliseconds: what is to be newer has to come in a later one."""
        await anyio.sleep(0.003)

    async def close(self) -> None:
        async with anyio.create_task_group() as group:
            for person in self.people:
                group.start_soon(person.tidy)
        for person in self.people:
            await person.close()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("wire") / "data").running() as server:
        yield server


@pytest.fixture
async def mall(server: Server) -> AsyncIterator[Mall]:
    mall = Mall(server)
    try:
        yield mall
    finally:
        await mall.close()


@pytest.fixture
async def own_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Callable[..., Awaitable[Mall]]]:
    """Starts a server of the test's own, with options, and gives a mall on it."""
    malls: list[Mall] = []

    async def start(**options: Any) -> Mall:
        server = Server(tmp_path_factory.mktemp("own") / "data", **options)
        malls.append(Mall(server))
        await server.start()
        return malls[-1]

    try:
        yield start
        for mall in malls:
            await mall.close()
            if mall.server.process is not None:
                await mall.server.stop()
            mall.server.check_log()
    finally:
        for mall in malls:
            for person in mall.people:
                await person.tidy()
            mall.server.kill()
