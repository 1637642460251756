"""A Redis that Sentinel looks after, on machines of their own: what a node says on the side of the few, and a failover under load."""

from collections.abc import AsyncIterator

import pytest
from anyio import to_thread
from storage.key import StoreKeys

from tests.cluster.failover import BACK_S, LARGE, STRIKES, struck
from tests.cluster.guarded import Guarded, guarded
from tests.cluster.net import need_machines
from tests.wire.conftest import Mall

pytestmark = pytest.mark.anyio
ANSWER_S = 6.0


@pytest.fixture(scope="module")
async def there(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Guarded]:
    need_machines()
    async with guarded(tmp_path_factory.mktemp("g"), **LARGE) as found:
        yield found


async def test_what_is_promised_is_read_from_the_servers_and_told(there):
    for node in there.nodes:
        status, said = await node.http("/readyz")
        assert (status, "survives the loss of any one server" in said) == (200, True), said


async def test_a_node_on_the_side_of_the_few_acknowledges_nothing_and_what_it_wrote_there_is_taken_back(there):
    """The old primary takes the write, for some time: it is on its disk, and nobody hears of it."""
    few, many = Mall(there.nodes[0]), Mall(there.nodes[1])
    many.store = few.store
    old = there.primary
    try:
        agent, user = await many.agent(), await few.user()
        await user.say("before")
        await agent.heard("before")
        generation = user.welcome["generation"]
        with old.client() as client:
            log = StoreKeys(few.store).log
            before = client.xlen(log)
            old.machine.set_apart()
            there.first_machine.set_apart()
            frame = {"type": "send", "id": "once", "store": few.store, "kind": "text", "body": {"text": "psst-apart"}}
            await user.send(frame)
            answer = await user.expect("error", id="once", within_s=ANSWER_S)
            assert (answer["code"], answer["temporary"]) == ("unavailable", True)
            assert client.xlen(log) == before + 1, "the old primary has taken it"
        await there.promoted()
        assert not agent.had("message", id="once")
        old.machine.join()
        there.first_machine.join()
        assert await user.closed(2 * BACK_S) == 4200
        again = await few.user(user.id)
        assert again.welcome["generation"] != generation
        await again.send(frame)
        # The node may have sent it again itself by now: then it is a duplicate.
        assert (await again.expect("ack", id="once", within_s=BACK_S))["seq"] == 2
        page = await again.history(limit=10)
        assert [message["body"]["text"] for message in page["messages"]] == ["psst-before", "psst-apart"]
    finally:
        await to_thread.run_sync(old.machine.join)
        await to_thread.run_sync(there.first_machine.join)
        for mall in (few, many):
            await mall.close()


async def test_where_the_primary_is_killed_under_load_nothing_acknowledged_is_lost(there):
    figures = await struck(there, 1, STRIKES)
    assert not figures.faults
    assert (figures.lost, figures.doubled, figures.double_owners) == (0, 0, 0)
    assert figures.acked
