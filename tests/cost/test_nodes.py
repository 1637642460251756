"""What a message costs where other nodes share the Redis: nodes that have no one of its store are told nothing of it, however many."""

from contextlib import AsyncExitStack

import pytest

from tests.cost.whole import whole
from tests.wire.person import Person
from tests.wire.server import Server

pytestmark = pytest.mark.anyio

NODES = (0, 1, 3)
DIGITS = 64
"""Numbers and what Redis tells of itself may have a digit more; the least that a node could be told of a message is five times as long."""


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio", {"use_uvloop": True}


async def stranger(server, role, store):
    person = await Person.open(server, server.token(role, f"{role}-{store}", stores=[store] if role == "agent" else None))
    person.store = store
    return person


@pytest.fixture(scope="module")
async def costs(tmp_path_factory):
    """Number of nodes with people of other stores to cost, and under None where the last of them has an agent of the store."""
    folder = tmp_path_factory.mktemp("n")  # short: there are sockets in it
    found = {}
    async with whole(folder / "w") as there, AsyncExitStack() as stack:
        servers = []
        for count in NODES:
            while len(servers) < count:
                server = Server(folder / f"n{len(servers)}", redis=there.url, grace=60, heartbeat=3600)
                servers.append(stack.enter_context(server.running()))
                store = f"other{len(servers)}"
                agent, user = await stranger(server, "agent", store), await stranger(server, "user", store)
                await user.say("good morning")
                await agent.claim(user)
                for person in (agent, user):
                    stack.push_async_callback(person.close)
            found[count] = await there.least(1)
        colleague = await stranger(servers[-1], "agent", "s")
        stack.push_async_callback(colleague.close)
        found[None] = await there.least(1)
    return found


async def test_nodes_that_have_no_one_of_the_store_cost_a_message_nothing_on_the_wire(costs):
    assert costs[3].commands == costs[1].commands
    assert costs[3].reads == costs[1].reads == 1
    assert abs(costs[3].to_bytes - costs[1].to_bytes) <= DIGITS
    assert abs(costs[3].from_bytes - costs[1].from_bytes) <= DIGITS


async def test_where_there_is_another_node_a_message_is_published_twice_in_the_same_round_trip(costs):
    """For the agents of the store, and for its user; the node itself hears it too, since it follows both."""
    assert costs[1].commands - costs[0].commands == {"spublish": 2}
    assert abs(costs[1].to_bytes - costs[0].to_bytes) <= DIGITS


async def test_a_node_that_has_an_agent_of_the_store_gets_one_copy(costs):
    """And so what the other tests count would be seen."""
    assert costs[None].commands == costs[3].commands
    assert 5 * DIGITS <= costs[None].from_bytes - costs[3].from_bytes <= 1024
