"""A rolling upgrade, as a row: nodes of the first layout and of the next version side by side on one Redis, on data of the first.

One node after another is replaced under load, and then one goes back; people stay with the node they are on, whatever it runs.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from storage.key import StoreKeys

from tests.cluster.crew import judge
from tests.cluster.first.keep import HERE, STORE, restore, told
from tests.cluster.version import ADDED, first, following
from tests.faults.load import Figures, Load
from tests.faults.process import Redis
from tests.storage.below import DURABLE
from tests.wire.person import Person
from tests.wire.server import Server

FIELD = json.loads("{" + ADDED + "}")


async def upgraded(rounds: int, folder: Path) -> Figures:
    """A round is an upgrade of both nodes, and the way back of one."""
    figures = Figures()
    old, new = first(folder / "old"), following(folder / "new")
    expected = json.loads((HERE / "told.json").read_text())
    for n in range(rounds):
        async with two_nodes(folder / f"u{n}", old) as (redis, servers):
            load = Load(servers[0], shoppers=8, agents=4, pause_s=0.05, seed=n)
            for number, person in enumerate(load.people):
                person.server = servers[number % 2]
            try:
                assert await told(servers[1]) == expected, "the first layout is not read as it was written"
                await load.begin()
                load.work()
                await load.until_acked(80)
                assert written(load, True) == 0
                # Old beside new, new beside new, and new beside one that goes back.
                for server, tree in ((servers[1], new), (servers[0], new), (servers[1], old)):
                    await becomes(server, tree)
                    figures.recovered(await load.back(), 5.0, "coming back from a node that was replaced")
                    before = written(load, True), written(load, False)
                    await load.until_acked(100)
                    assert written(load, True) > before[0], "the new node has written nothing"
                    assert (written(load, False) > before[1]) is (old in (servers[0].root, servers[1].root)), "no old node has written"
                    assert await told(servers[1]) == expected, f"{tree.name} does not read the first layout as it was written"
                await judge(load)
                assert len({(user, seq) for user, seq, _ in held(load)}) == len(held(load)), "the field is not there for everybody"
                unanswered = {person.id: person.duplicates for person in load.people if person.duplicates}
                figures.expect(not unanswered, f"done and not answered: {unanswered}")
                with redis.client() as client:
                    marked = [client.hget(StoreKeys(load.store).chat(person.id), "vn") for person in load.shoppers]
                assert b"next" in marked, "the changed script has never run"
                await chats_go_on(servers[1], servers[0])
                figures.acked += load.acked
            finally:
                await load.end()
        figures.rounds += 1
    return figures


@asynccontextmanager
async def two_nodes(folder: Path, tree: Path) -> AsyncIterator[tuple[Redis, list[Server]]]:
    """Nodes of one version on data of the first layout."""
    with Redis(folder / "r", *DURABLE) as redis:
        with redis.client() as client:
            restore(client)
        servers = [Server(folder / f"n{n}", redis=redis.url, grace=600) for n in range(2)]
        try:
            for server in servers:
                server.root = tree
            await asyncio.gather(*(server.start() for server in servers))
            yield redis, servers
            await asyncio.gather(*(server.stop() for server in servers))
            for server in servers:
                server.check_log()
        finally:
            for server in servers:
                server.kill()


async def becomes(server: Server, tree: Path) -> None:
    """The node drains, and one of another version serves in its place."""
    await server.stop()
    server.root = tree
    await server.start()


def held(load: Load) -> list[tuple[str, int, bool]]:
    """Every message that anybody holds, and whether it has the field; once where all who hold it agree."""
    found = {
        (user, seq, FIELD.items() <= frame.items())
        for person in load.people
        for user, some in person.messages.items()
        for seq, frame in some.items()
    }
    return sorted(found)


def written(load: Load, has_field: bool) -> int:
    return sum(has is has_field for _, _, has in held(load))


async def chats_go_on(old: Server, new: Server) -> None:
    """Whose chat was owned still owns it; numbers go on; what waited is claimed on the other node."""
    people = []
    for server, role, id in (
        (old, "agent", "a1"),
        (new, "agent", "a9"),
        (new, "user", "u1"),
        (old, "user", "u2"),
    ):
        people.append(await Person.open(server, server.token(role, id, stores=[STORE] if role == "agent" else None)))
        people[-1].store = STORE
    owner, other, user, waiting = people
    last = json.loads((HERE / "told.json").read_text())["own"][0]["seq"]
    assert (await user.say("from the new node"))["seq"] == last + 1
    assert (await owner.say("from the old", to=user))["seq"] == last + 2
    await other.claim(user, refused="already_claimed")
    await other.claim(waiting)
    for person in people[:3]:
        await person.heard("from the new node")
        await person.heard("from the old")
    for person in (owner, other, waiting):
        await person.status("claim", user="u2")
    assert (await waiting.say("yes?"))["seq"] == 2
    for person in people:
        await person.close()
