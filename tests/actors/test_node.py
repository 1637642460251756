"""A node as a whole: it drains, forgets what nobody needs, and bounds what one identity may have."""

import asyncio

import pytest

from actors.close import Close
from actors.node import SWEEP_S
from tests.actors.world import Peer, World, send


def now_s():
    return asyncio.get_running_loop().time()


async def test_draining_finishes_every_accepted_command_before_it_says_good_bye(world):
    agent, user = await world.agent(), await world.user()
    await user.send("0")
    world.journal.open.clear()
    await user.say_all(*(send(str(n), f"i{n}") for n in range(1, 21)))
    await agent.say("claim", id="c", store="s1", user="u1")
    await world.journal.held.wait()
    draining = asyncio.ensure_future(world.node.drain(6.0, 1.0))
    await asyncio.sleep(1.0)
    assert not draining.done()
    await user.say("send", id="late", store="s1", kind="text", body={"text": "late"})
    world.journal.open.set()
    await draining
    assert [await user.close_code(), await agent.close_code()] == [Close.DRAINING] * 2
    assert [frame["id"] for frame in user.of("ack")][1:] == [f"i{n}" for n in range(1, 21)]
    assert (await agent.answer("c"))["type"] == "ack"
    texts = [frame["body"]["text"] for frame in await world.log_frames() if frame["type"] == "message"]
    assert texts == [str(n) for n in range(21)]


async def test_draining_gives_up_after_its_patience_and_still_says_good_bye(world):
    await world.agent()
    user = await world.user()
    await user.send()
    world.journal.open.clear()
    await user.say("send", id="m", store="s1", kind="text", body={"text": "x"})
    started_s = now_s()
    await world.node.drain(2.0, 1.0)
    assert now_s() - started_s <= 2.1
    assert await user.close_code() == Close.DRAINING


async def test_draining_is_over_at_once_when_nothing_is_under_way_and_ends_sessions_without_hello(world):
    user, silent = await world.user(), Peer(world)
    started_s = now_s()
    await world.node.drain(6.0, 1.0)
    assert now_s() - started_s < 0.1
    assert [await user.close_code(), await silent.close_code()] == [Close.DRAINING] * 2


async def test_an_identity_has_twenty_sessions_and_the_next_is_sent_away_until_one_ends(world):
    tabs = [await world.user() for _ in range(world.options.sessions_limit)]
    assert world.options.sessions_limit == 20
    refused = await world.user(ready=False)
    assert await refused.close_code() == Close.OVERLOADED
    await world.user("u2")
    assert all(tab.session.close_code is None for tab in tabs)
    tabs[7].cut()
    await world.user()


async def test_the_online_count_is_of_open_sessions_of_the_whole_node(world):
    first = await world.user("u1")
    assert first.of("welcome")[0]["online"] == 1
    Peer(world)
    second = await world.agent()
    assert second.of("welcome")[0]["online"] == 2
    first.cut()
    third = await world.user("u3")
    assert third.of("welcome")[0]["online"] == 2
    assert world.tally.sessions_opened == 4


async def test_whoever_nobody_needs_leaves_memory_and_comes_back_as_it_was(world):
    tasks = None
    for round in range(3):
        agent, user = await world.agent(), await world.user()
        await user.send(f"{round}")
        await agent.command("claim", store="s1", user="u1")
        await agent.command("resolve", store="s1", user="u1")
        await user.say("received", store="s1", seq=round + 1)
        await world.settle()
        user.cut()
        agent.cut()
        assert (world.node.users, world.node.users_of) == ({}, {})
        await asyncio.sleep(world.options.linger_s + 0.1)
        assert (world.node.agents, world.node.agents_of) == ({}, {})
        assert set(world.node.stores) == {"s1"}
        await asyncio.sleep(world.options.grace_s + world.options.idle_s + 5)
        assert (world.node.stores, world.node.sessions) == ({}, set())
        tasks = tasks or len(world.tasks)
        assert len(world.tasks) == tasks, "no task is left behind"
    back = await world.user(resume={"s1": 0})
    assert back.texts() == ["0", "1", "2"]


async def test_a_store_stays_while_somebody_is_there_or_something_is_on_its_way(world):
    agent, user = await world.agent(), await world.user()
    await user.send()
    actor = world.node.stores["s1"]
    await asyncio.sleep(3 * world.options.idle_s)
    assert world.node.stores["s1"] is actor
    await user.send("still")
    await agent.expect("message", seq=2)


async def test_names_of_stores_that_do_not_exist_do_not_fill_the_memory(world):
    user = await world.user()
    for number in range(200):
        assert (await user.command("send", store=f"x{number}", kind="text", body={"text": "x"}))["code"] == "no_such_store"
    await asyncio.sleep(3)
    assert not world.node.stores


async def test_chats_that_nobody_uses_leave_the_memory_of_their_store():
    async with World(chats_limit=10) as world:
        agent, users = await world.agent(), [await world.user(f"u{n}") for n in range(40)]
        for user in users:
            await user.send()
        assert len(world.node.stores["s1"].slots) <= 11
        await agent.ack("claim", store="s1", user="u0")
        await users[0].send("again")


async def test_one_session_that_cannot_be_swept_ends_and_the_sweep_goes_on(world):
    world.expect_errors()
    broken, other = await world.user("u1"), await world.user("u2", ttl_s=20)

    def fails():
        raise ValueError("a bug")

    broken.session.on_beat = fails
    assert await broken.close_code() == Close.LOST_PLACE
    assert await other.close_code() == Close.TOKEN


async def test_every_session_is_looked_at_several_times_in_a_heartbeat(world):
    user, beats = await world.user(), []
    user.session.on_beat = lambda: beats.append(now_s())
    await asyncio.sleep(10)
    assert len(beats) == pytest.approx(10 / SWEEP_S, abs=1)


async def test_stores_with_claims_are_watched_from_the_start_however_late_the_storage_answers(world):
    agent, user = await world.agent(), await world.user()
    await user.send()
    await agent.ack("claim", store="s1", user="u1")
    other = World(inner=world.inner)
    other.journal.withheld.append("stores_with_claims")
    async with other:
        await asyncio.sleep(30)
        assert not other.node.stores
        other.journal.withheld.clear()
        await asyncio.sleep(2)
        assert set(other.node.stores) == {"s1"}


async def test_a_task_that_fails_is_logged_and_takes_nothing_with_it(world):
    world.expect_errors()

    async def fails():
        raise ValueError("a bug")

    world.node.spawn(fails())
    await world.settle()
    assert world.log.errors[0][0] == "task_failed"
    await world.user()


async def test_what_was_counted_adds_up(world):
    agent, user = await world.agent(), await world.user()
    for number in range(5):
        await user.send(str(number))
    await agent.ack("claim", store="s1", user="u1")
    await agent.send("answer", user="u1")
    await agent.command("claim", store="s9", user="u1")
    await user.expect("message", seq=6)
    await world.settle()
    tally = world.tally
    assert tally.messages == {"user": 5, "store": 1}
    assert (tally.commands["send"], tally.commands["claim"], tally.refusals) == (6, 2, {"forbidden": 1})
    assert tally.deliveries == len(agent.heard) + len(user.heard)
    assert tally.payloads == len(agent.payloads) + len(user.payloads)
    assert sum(tally.batch.counts) == sum(tally.append_s.counts) == len(world.journal.batches)
    assert tally.batch.total == sum(map(len, world.journal.batches))
    assert tally.encodings == 8


@pytest.mark.parametrize("heartbeat_s", [0.1, 0.5, 2.0, 25.0])
async def test_a_client_hears_something_in_every_heartbeat_however_short(heartbeat_s):
    """Looked at twice a second, a session with a heartbeat of 0.1 s heard something every half second."""
    async with World(heartbeat_s=heartbeat_s) as world:
        user = await world.user()
        for _ in range(20):
            user.forget()
            start_s = now_s()
            await user.expect("ping")
            assert now_s() - start_s <= heartbeat_s
