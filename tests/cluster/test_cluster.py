"""A real cluster on this machine and two nodes on it: a busy slot moves and a primary dies under load, and what is promised there."""

from collections.abc import AsyncIterator

import attrs
import pytest
from actors.append import Duplicate
from storage.batch import Limits
from storage.cluster import Cluster
from storage.clustered import ClusterJournal
from storage.journal import JournalLost
from storage.key import StoreKeys
from web.doctor.finding import Verdict
from web.doctor.store import examine_store

from tests.cluster.ring import Ring, noded, ring
from tests.cluster.shard import LARGE, struck
from tests.storage.material import NOON, append_to, chat_of, do, open_chat, user_says
from tests.wire.conftest import Mall
from tests.wire.server import Server

pytestmark = pytest.mark.anyio
STRIKES = ("moved", "killed")


@attrs.frozen
class There:
    ring: Ring
    nodes: list[Server]


@pytest.fixture(scope="module")
async def there(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[There]:
    folder = tmp_path_factory.mktemp("c")
    async with ring(folder / "r") as found, noded(found, folder, **LARGE) as nodes:
        yield There(found, nodes)


async def test_people_on_two_nodes_chat_in_stores_of_every_shard(there):
    """A script that met two slots, or a channel that was followed at another server than it is published at, would be seen here."""
    shards, other = set(), Mall(there.nodes[1])
    try:
        while len(shards) < 3:
            mall = Mall(there.nodes[0])
            other.store = mall.store
            agent, user = await other.agent(), await mall.user()
            await user.say("hello")
            await agent.heard("hello", within_s=1.0)
            await agent.claim(user)
            await user.status("claim")
            await agent.say("yes", to=user)
            await user.heard("yes", within_s=1.0)
            page = await user.history(limit=10)
            assert [message["body"]["text"] for message in page["messages"]] == ["psst-hello", "psst-yes"]
            shards.add(there.ring.primary(StoreKeys(mall.store).head).address)
            await mall.close()
    finally:
        await other.close()


async def test_what_the_replica_of_a_shard_does_not_have_is_not_acknowledged_and_other_shards_go_on(there):
    journal = ClusterJournal(Cluster.parse(there.ring.url), lambda: NOON, Limits(1000, 1000))
    try:
        await journal.birth()
        stores = {there.ring.primary(StoreKeys(f"w{n}").head).address: f"w{n}" for n in range(30)}
        waits, *others = stores.values()
        # Where a user is known to have a chat lies elsewhere, and waits as well.
        for store in stores.values():
            await open_chat(journal, store, f"u-{store}")
        (replica,) = there.ring.replicas_of(next(iter(stores)))
        append = append_to(await chat_of(journal, waits, f"u-{waits}"), user_says(user=f"u-{waits}"), id="once")
        append.nonce = b"once"
        replica.stand_still()
        try:
            with pytest.raises(JournalLost):
                await journal.append([append])
            for store in others:
                await do(journal, await chat_of(journal, store, f"u-{store}"), user_says(user=f"u-{store}"))
        finally:
            replica.go_on()
        (outcome,) = await journal.append([append])
        assert isinstance(outcome, Duplicate)
        assert outcome.recovered
    finally:
        await journal.close()


async def test_the_doctor_looks_at_every_primary_of_a_cluster(there, tmp_path):
    found = [finding async for finding in examine_store(there.ring.url, None, tmp_path)]
    named = [finding.found for finding in found if finding.about == "redis"]
    assert len(named) == 3
    for member in there.ring.members[:3]:
        assert sum(member.address in sentence for sentence in named) == 1
    assert {finding.verdict for finding in found if finding.about in ("redis", "promise", "eviction", "cluster")} == {Verdict.OK}
    assert "3 primaries have all slots" in found[-1].found


async def test_settings_that_cannot_keep_the_promise_are_refused_with_strict(there, tmp_path):
    """One primary of three is enough; what only makes others suffer is said aloud."""
    member = there.ring.members[1]
    strict = Server(tmp_path / "strict", redis=there.ring.url)
    strict.environ["DIBS_STRICT"] = "true"
    member.ask("CONFIG", "SET", "min-replicas-to-write", 0)
    member.ask("CONFIG", "SET", "cluster-require-full-coverage", "yes")
    try:
        code, said = await strict.refused()
        assert (code, "min-replicas-to-write 0" in said) == (1, True), said
        member.ask("CONFIG", "SET", "min-replicas-to-write", 1)
        await strict.start()
        assert "cluster-require-full-coverage yes" in strict.said()
        assert (await strict.http("/readyz"))[0] == 200
        await strict.stop()
    finally:
        strict.kill()
        member.ask("CONFIG", "SET", "min-replicas-to-write", 1)
        member.ask("CONFIG", "SET", "cluster-require-full-coverage", "no")


async def test_where_a_slot_moves_and_a_primary_is_killed_under_load_nothing_acknowledged_is_lost(there):
    figures = await struck(there.ring, there.nodes, len(STRIKES), STRIKES)
    assert not figures.faults
    assert (figures.lost, figures.doubled, figures.double_owners) == (0, 0, 0)
    assert figures.acked
