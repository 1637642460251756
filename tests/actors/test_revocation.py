"""Withdrawn access: sessions end on every node, rosters and chats follow, later tokens work, and an outage costs nothing but time."""

import asyncio

import msgspec
import pytest

from actors.append import StorageUnavailable
from actors.close import Close
from actors.revocation import AGAIN_S, OVERLAP_MS, READ_S, WHOLE_S
from actors.withdrawal import Withdrawal
from tests.actors.world import World


async def passed(seconds):
    await asyncio.sleep(seconds)


async def agent(world, id="a7", *, stores=("s1",), role="agent", issued_s=None, ready=True):
    """A session of a token issued now, or at another time."""
    issued_s = now_s(world) if issued_s is None else issued_s
    return await world.agent(id, stores=stores, role=role, issued_s=issued_s, ready=ready)


def now_s(world):
    return world.clock.wall_ms() / 1000


async def owned_by(world, store="s1"):
    return {owner: set(users) for owner, users in (await world.inner.owned(store)).items()}


async def on_roster(world, store="s1"):
    return set((await world.inner.load_store(store)).roster)


async def reasons(world, store="s1"):
    return [(f["reason"], f["by"] and f["by"]["id"]) for f in await world.log_frames(store) if f["type"] == "status"]


async def test_an_agents_sessions_end_its_chats_go_back_and_the_roster_is_shorter(world):
    first, second, other = await agent(world), await agent(world), await agent(world, "a8")
    user = await world.user("u1")
    await user.send()
    await first.ack("claim", store="s1", user="u1")
    revoked = await world.node.revocation.revoke("agent", "a7", None)
    assert await first.close_code() == await second.close_code() == Close.WITHDRAWN
    assert (revoked.sessions, revoked.stores, revoked.chats) == (2, ("s1",), 1)
    assert await owned_by(world) == {}
    assert await on_roster(world) == {"a8"}
    status = await other.expect("status", reason="agent_gone")
    assert (status["status"], status["owner"], status["by"]) == ("waiting", None, None)
    assert (await other.command("transfer", store="s1", user="u1", to="a7"))["code"] in ("not_owner", "no_such_agent")
    await other.ack("claim", store="s1", user="u1")
    assert (await other.command("transfer", store="s1", user="u1", to="a7"))["code"] == "no_such_agent"


async def test_a_token_of_before_is_refused_at_hello_and_a_later_one_works(world):
    moment_s = now_s(world)
    revoked = await world.node.revocation.revoke("agent", "a7", None)
    assert revoked.at == moment_s * 1000
    for issued_s in (moment_s, 0.0):
        assert await (await agent(world, issued_s=issued_s, ready=False)).close_code() == Close.WITHDRAWN
    again = await agent(world)
    assert await on_roster(world) == {"a7"}
    await passed(AGAIN_S + 1)
    assert await on_roster(world) == {"a7"}, "who has come back with a new token stays"
    assert not again.closed.is_set()


async def test_a_session_that_refreshes_with_a_withdrawn_token_hears_it_and_ends(world):
    # The session's own token is a later one; the token it shows was issued before the moment.
    await world.node.revocation.revoke("agent", "a7", None)
    await passed(0.01)
    peer = await agent(world)
    await peer.say("token", token=world.token("agent", "a7", ("s1",)))
    assert (await peer.expect("error"))["code"] == "forbidden"
    assert await peer.close_code() == Close.WITHDRAWN


async def test_a_withdrawal_from_one_store_leaves_the_others_alone(world):
    only_s2, both = await agent(world, stores=("s2",)), await agent(world, stores=("s1", "s2"))
    for store in ("s1", "s2"):
        user = await world.user(f"u-{store}")
        await user.send(store=store)
        await both.ack("claim", store=store, user=f"u-{store}")
    revoked = await world.node.revocation.revoke("agent", "a7", "s1")
    assert await both.close_code() == Close.WITHDRAWN
    assert (revoked.sessions, revoked.stores, revoked.chats) == (1, ("s1",), 1)
    await passed(AGAIN_S + 1)
    assert not only_s2.closed.is_set()
    assert (await on_roster(world, "s1"), await on_roster(world, "s2")) == (set(), {"a7"})
    assert (await owned_by(world, "s1"), await owned_by(world, "s2")) == ({}, {"a7": {"u-s2"}})


async def test_agent_and_supervisor_are_one_side(world):
    boss = await agent(world, role="supervisor")
    await world.node.revocation.revoke("agent", "a7", None)
    assert await boss.close_code() == Close.WITHDRAWN


async def test_a_users_sessions_end_and_nothing_else_changes(world):
    other = await agent(world)
    user = await world.user("a7")
    await user.send()
    revoked = await world.node.revocation.revoke("user", "a7", None)
    assert await user.close_code() == Close.WITHDRAWN
    assert (revoked.sessions, revoked.stores, revoked.chats) == (1, (), 0)
    assert await reasons(world) == [("new", "a7")]
    assert not other.closed.is_set()


async def test_commands_that_waited_behind_the_withdrawal_are_not_carried_out(world):
    peer, user = await agent(world), await world.user("u1")
    await user.send()
    await user.send("again")
    world.journal.open.clear()
    withdrawing = asyncio.ensure_future(world.node.revocation.revoke("agent", "a7", None))
    while not peer.session.close_code:
        await peer.say("ping")
        await world.settle()
    for frame in ("claim", "note"):
        body = {"body": {"text": "too late"}} if frame == "note" else {}
        told = msgspec.json.encode({"type": frame, "id": frame, "store": "s1", "user": "u1", **body}).decode()
        peer.session.feed(told)
    world.journal.open.set()
    await withdrawing
    await passed(AGAIN_S + 1)
    assert await owned_by(world) == {}
    assert [frame["type"] for frame in await world.log_frames() if frame["type"] == "note"] == []


async def test_a_claim_in_the_mailbox_when_access_is_withdrawn_is_refused(world):
    peer, user = await agent(world), await world.user("u1")
    await user.send()
    world.node.withdrawals.add(Withdrawal("agent", "a7", None, world.clock.wall_ms()))
    # In one step of the loop: the claim stands in the agent's mailbox when the session ends.
    peer.session.feed('{"type":"claim","id":"c","store":"s1","user":"u1"}')
    peer.session.end(Close.WITHDRAWN)
    await passed(1)
    assert await owned_by(world) == {}


async def test_every_other_node_ends_its_sessions_within_two_seconds():
    async with World() as here, World(inner=here.inner) as there:
        peer = await agent(there)
        await here.node.revocation.revoke("agent", "a7", None)
        assert not peer.closed.is_set()
        started_s = asyncio.get_running_loop().time()
        assert await peer.close_code() == Close.WITHDRAWN
        assert asyncio.get_running_loop().time() - started_s < 2.0


async def test_what_another_node_let_happen_meanwhile_is_undone_a_moment_later():
    async with World() as here, World(inner=here.inner) as there:
        user, peer = await here.user("u1"), await agent(there)
        await user.send()
        revoked = await here.node.revocation.revoke("agent", "a7", None)
        assert revoked.chats == 0
        await peer.ack("claim", store="s1", user="u1")
        late = await agent(there, issued_s=0.0)
        assert await owned_by(here) == {"a7": {"u1"}}
        assert await on_roster(here) == {"a7"}
        await passed(AGAIN_S + 0.5)
        assert await peer.close_code() == await late.close_code() == Close.WITHDRAWN
        assert await owned_by(here) == {}
        assert await on_roster(here) == set()
        assert (await reasons(here))[-1] == ("agent_gone", None)


async def test_a_node_that_starts_later_knows_every_withdrawal():
    async with World() as here:
        await here.node.revocation.revoke("agent", "a7", None)
        async with World(inner=here.inner) as later:
            await later.node.revocation.read()
            assert await (await agent(later, issued_s=1.0, ready=False)).close_code() == Close.WITHDRAWN


@pytest.mark.parametrize("behind_ms", [OVERLAP_MS - 1000, 3_600_000])
async def test_a_node_whose_clock_is_behind_withdraws_for_all(behind_ms):
    """Within the overlap it is seen at once, beyond it when everything is read again."""
    async with World() as here, World(inner=here.inner) as slow:
        slow.clock.wall_offset_ms -= behind_ms
        peer = await agent(here, "a8", issued_s=1.0)
        await here.node.revocation.revoke("agent", "a7", None)
        await passed(2 * READ_S)
        await slow.node.revocation.revoke("agent", "a8", None)
        started_s = asyncio.get_running_loop().time()
        assert await peer.close_code() == Close.WITHDRAWN
        assert asyncio.get_running_loop().time() - started_s < (2.0 if behind_ms < OVERLAP_MS else WHOLE_S + 2)


async def test_a_moment_far_ahead_hides_no_later_withdrawal():
    async with World() as here, World(inner=here.inner) as fast:
        fast.clock.wall_offset_ms += 3_600_000
        await fast.node.revocation.revoke("agent", "a7", None)
        peer = await agent(here, "a8")
        await passed(2 * READ_S)
        async with World(inner=here.inner) as third:
            third.clock.wall_offset_ms = here.clock.wall_offset_ms
            await third.node.revocation.revoke("agent", "a8", None)
            started_s = asyncio.get_running_loop().time()
            assert await peer.close_code() == Close.WITHDRAWN
            assert asyncio.get_running_loop().time() - started_s < 2.0


async def test_without_storage_nothing_is_told_as_done_and_asking_again_does_it(world):
    peer = await agent(world)
    world.journal.unreachable = True
    with pytest.raises(StorageUnavailable):
        await world.node.revocation.revoke("agent", "a7", None)
    await passed(1)
    assert not peer.closed.is_set()
    world.journal.unreachable = False
    assert (await world.node.revocation.revoke("agent", "a7", None)).sessions == 1
    assert await peer.close_code() == Close.WITHDRAWN
    again = await world.node.revocation.revoke("agent", "a7", None)
    assert (again.sessions, again.stores, again.chats) == (0, (), 0)


async def test_a_withdrawal_whose_second_half_met_an_outage_is_finished_later(world):
    peer, user = await agent(world), await world.user("u1")
    await user.send()
    await peer.ack("claim", store="s1", user="u1")
    world.journal.refusing = True
    with pytest.raises(StorageUnavailable):
        await world.node.revocation.revoke("agent", "a7", None)
    assert await peer.close_code() == Close.WITHDRAWN
    await passed(5 * AGAIN_S)
    assert await owned_by(world) == {"a7": {"u1"}}
    world.journal.refusing = False
    await passed(5 * AGAIN_S)
    assert await owned_by(world) == {}
    assert await on_roster(world) == set()


async def test_a_node_follows_again_after_an_outage(world):
    async with World(inner=world.inner) as other:
        peer = await agent(world)
        world.journal.unreachable = True
        await other.node.revocation.revoke("agent", "a7", None)
        await passed(10)
        assert not peer.closed.is_set()
        world.journal.unreachable = False
        assert await peer.close_code() == Close.WITHDRAWN


async def test_hundreds_of_chats_go_back(world):
    peer = await agent(world)
    users = [f"u{n}" for n in range(600)]
    for start in range(0, 600, 20):  # an identity has its bounds, many identities have not
        for name in users[start : start + 20]:
            user = await world.user(name)
            await user.send()
            user.cut()
    for name in users:
        await peer.ack("claim", store="s1", user=name)
    revoked = await world.node.revocation.revoke("agent", "a7", "s1")
    assert revoked.chats == 600
    assert await owned_by(world) == {}


async def test_a_store_that_does_not_exist_is_withdrawn_all_the_same(world):
    revoked = await world.node.revocation.revoke("agent", "a7", "nowhere")
    assert (revoked.stores, revoked.chats) == ((), 0)
    assert not (await world.inner.load_store("nowhere")).exists
    assert await (await agent(world, stores=("nowhere",), issued_s=1.0, ready=False)).close_code() == Close.WITHDRAWN
