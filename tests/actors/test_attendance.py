"""Who is there, who waits, what is read, and what becomes of the chats of an owner who vanished. On virtual time."""

import asyncio
from itertools import pairwise

import pytest

from actors.attendance import GATHER_S, PAUSE_S
from actors.chat import Party
from actors.command import MarkRead
from actors.news import LogGrew, MarkShown
from tests.actors.world import World


def now_s():
    return asyncio.get_running_loop().time()


async def claimed(world, agent="a1", user="u1"):
    """A chat of u1 that a1 owns; both are there."""
    owner, shopper = await world.agent(agent), await world.user(user)
    await shopper.send()
    await owner.ack("claim", store="s1", user=user)
    await shopper.expect("status", reason="claim")
    return owner, shopper


async def reasons(world):
    return [frame["reason"] for frame in await world.log_frames() if frame["type"] == "status"]


def there(frame):
    return {agent["id"]: agent["status"] for agent in frame["agents"]}


# Presence.


async def test_agents_see_who_is_there_oneself_included_and_users_whether_somebody_is(world):
    first = await world.agent("a1", name="Ann")
    assert (await first.expect("presence"))["agents"] == [{"id": "a1", "name": "Ann", "status": "available"}]
    await world.agent("a2")
    while there(await first.expect("presence")) != {"a1": "available", "a2": "available"}:
        pass
    user = await world.user()
    await user.send()
    await user.expect("message")
    again = await world.user()
    assert (await again.expect("presence"))["online"] is True


async def test_a_refresh_of_the_page_is_silent(world):
    watcher, agent = await world.agent("a1"), await world.agent("a2")
    await asyncio.sleep(2 * GATHER_S)
    heard = len(watcher.of("presence"))
    for _ in range(3):
        agent.cut()
        await asyncio.sleep(world.options.linger_s - 0.1)
        agent = await world.agent("a2")
        await asyncio.sleep(2)
    assert {tuple(sorted(there(frame))) for frame in watcher.of("presence")[heard:]} <= {("a1", "a2")}


async def test_others_see_that_an_agent_is_gone_a_moment_after_its_last_tab_closed(world):
    watcher, user = await world.agent("a1"), await world.user()
    await user.send()
    tabs = [await world.agent("a2"), await world.agent("a2")]
    await asyncio.sleep(2)
    tabs[0].cut()
    await asyncio.sleep(world.options.linger_s + 2)
    assert there(watcher.of("presence")[-1]) == {"a1": "available", "a2": "available"}
    watcher.forget()
    tabs[1].cut()
    gone_s = now_s()
    while there(await watcher.expect("presence")) != {"a1": "available"}:
        pass
    assert world.options.linger_s <= now_s() - gone_s <= world.options.linger_s + GATHER_S + 0.1
    watcher.cut()
    await user.expect("presence", online=False)


async def test_away_counts_at_once_belongs_to_the_person_and_outlives_the_tab(world):
    agent, user = await world.agent(stores=["s1", "s2"]), await world.user()
    await user.send()
    await user.send(store="s2")
    tab = await world.agent(stores=["s1", "s2"])
    await asyncio.sleep(2)
    away_s = now_s()
    await agent.ack("availability", status="away")
    for store in ("s1", "s2"):
        await user.expect("presence", store=store, online=False)
    assert now_s() - away_s <= GATHER_S + 0.1
    while there(await tab.expect("presence", store="s2")) != {"a1": "away"}:
        pass
    agent.cut()
    tab.cut()
    await asyncio.sleep(60)
    back = await world.agent(stores=["s1", "s2"])
    assert there(await back.expect("presence")) == {"a1": "away"}
    await back.ack("availability", status="available")
    await user.expect("presence", store="s1", online=True)


async def test_presence_is_gathered_to_one_frame_a_second(world):
    watcher = await world.agent("watcher")
    await asyncio.sleep(2)
    heard = len(watcher.of("presence"))
    for number in range(30):
        await world.agent(f"a{number}")
    await asyncio.sleep(2)
    assert 1 <= len(watcher.of("presence")) - heard <= 3
    assert len(there(watcher.of("presence")[-1])) == 31


@pytest.mark.parametrize("who", ["agent", "user", "writer"])
async def test_who_is_shown_that_an_agent_left_hears_that_it_is_back_though_nobody_else_was_told(who):
    """All was as it had been told last, so nothing was told, and whoever had come meanwhile did not know it; the simulation saw it."""
    async with World(grace_s=1.0) as world:  # nothing is looked at every second when the agent leaves
        watcher, user = await world.agent("a1"), await world.user()
        await user.send()
        await watcher.ack("availability", status="away")
        agent, late = await world.agent("a2"), await world.user("u2")
        await asyncio.sleep(2)
        agent.cut()
        await asyncio.sleep(world.options.linger_s - GATHER_S / 2)
        await user.ack("read", store="s1", seq=1)  # is told at once, so that the departure has to wait
        await asyncio.sleep(GATHER_S * 0.6)
        if who == "writer":
            await late.send()
        else:
            late = await world.agent("a1") if who == "agent" else await world.user("u1")
        shown = await late.expect("presence")
        assert there(shown) == {"a1": "away"} if who == "agent" else shown["online"] is False
        await world.agent("a2")
        await asyncio.sleep(2 * GATHER_S)
        heard = late.of("presence")[-1]
        assert there(heard) == {"a1": "away", "a2": "available"} if who == "agent" else heard["online"] is True


# The grace of an owner who vanished.


async def test_the_chat_of_a_vanished_owner_goes_back_to_the_queue_after_the_grace_period_and_not_before(world):
    owner, user = await claimed(world)
    owner.cut()
    gone_s = now_s()
    status = await user.expect("status", reason="agent_gone")
    assert world.options.grace_s <= now_s() - gone_s <= world.options.grace_s + 1.1
    assert (status["status"], status["owner"], status["by"]) == ("waiting", None, None)


async def test_an_owner_with_another_tab_has_not_vanished(world):
    owner, _ = await claimed(world)
    await world.agent("a1")
    owner.cut()
    await asyncio.sleep(3 * world.options.grace_s)
    assert await reasons(world) == ["new", "claim"]


async def test_an_owner_who_is_back_in_time_keeps_the_chat_and_the_period_starts_anew(world):
    owner, _ = await claimed(world)
    for _ in range(4):
        owner.cut()
        await asyncio.sleep(world.options.grace_s - 1)
        owner = await world.agent("a1")
    await asyncio.sleep(2 * world.options.grace_s)
    assert await reasons(world) == ["new", "claim"]
    assert (await owner.ack("claim", store="s1", user="u1"))["owner"]["id"] == "a1"


async def test_an_owner_who_came_back_by_another_node_keeps_the_chat(world):
    owner, _ = await claimed(world)
    owner.cut()
    await asyncio.sleep(world.options.grace_s / 2)
    async with World(inner=world.inner) as other:
        await other.agent("a1")
        await asyncio.sleep(world.options.grace_s * 0.75)
        assert await reasons(world) == ["new", "claim"]


async def test_an_agent_who_comes_back_without_the_store_is_gone_from_it(world):
    """Being there is a matter of a store, not of a person."""
    owner, user = await claimed(world)
    owner.cut()
    gone_s = now_s()
    await world.agent("a1", stores=["s2"])
    await user.expect("presence", online=False)
    await user.expect("status", reason="agent_gone")
    assert world.options.grace_s <= now_s() - gone_s <= world.options.grace_s + 1.1


async def test_an_agent_long_gone_to_whom_a_chat_is_given_has_the_grace_period_to_come(world):
    owner, user = await claimed(world)
    absent = await world.agent("a2")
    absent.cut()
    await asyncio.sleep(2 * world.options.grace_s)
    await owner.ack("transfer", store="s1", user="u1", to="a2")
    given_s = now_s()
    await user.expect("status", reason="agent_gone")
    assert world.options.grace_s <= now_s() - given_s <= world.options.grace_s + 1.1


async def test_after_an_outage_of_the_storage_the_grace_period_starts_anew(world):
    owner, user = await claimed(world)
    owner.cut()
    await asyncio.sleep(world.options.grace_s - 5)
    world.journal.unreachable = True
    await user.command("send", store="s1", kind="text", body={"text": "x"})
    world.journal.unreachable = False
    back_s = now_s()
    await user.expect("status", reason="agent_gone")
    assert now_s() - back_s >= world.options.grace_s - 1.0


async def test_an_outage_at_the_very_end_of_the_grace_period_only_delays_the_release(world):
    owner, user = await claimed(world)
    owner.cut()
    await asyncio.sleep(world.options.grace_s - 1)
    world.journal.unreachable = True
    await asyncio.sleep(100)
    assert await reasons(world) == ["new", "claim"]
    world.journal.unreachable = False
    back_s = now_s()
    await user.expect("status", reason="agent_gone")
    assert now_s() - back_s <= 2 * world.options.grace_s


async def test_an_owner_who_could_not_come_back_because_the_storage_was_away_has_the_whole_period_again(world):
    owner, user = await claimed(world)
    owner.cut()
    await asyncio.sleep(world.options.grace_s - 10)
    world.journal.unreachable = True
    refused = await world.agent("a1", ready=False)
    assert await refused.close_code() == 4100
    world.journal.unreachable = False
    back_s = now_s()
    await user.expect("status", reason="agent_gone")
    assert now_s() - back_s >= world.options.grace_s - 2.0


async def test_after_a_pause_of_the_process_the_grace_period_starts_anew(world):
    owner, user = await claimed(world)
    owner.cut()
    await asyncio.sleep(10)
    asyncio.get_running_loop().leap(world.options.grace_s + PAUSE_S)
    awake_s = now_s()
    await user.expect("status", reason="agent_gone")
    assert now_s() - awake_s >= world.options.grace_s - 1.0


async def test_the_grace_of_an_owner_whose_node_died_starts_when_the_service_starts(world):
    await claimed(world)
    async with World(inner=world.inner) as again:
        started_s = now_s()
        while await reasons(again) == ["new", "claim"]:
            await asyncio.sleep(0.5)
            assert now_s() - started_s <= again.options.grace_s + 5
        assert now_s() - started_s >= again.options.grace_s
    assert await reasons(world) == ["new", "claim", "agent_gone"]


async def test_when_two_nodes_try_the_release_one_wins_and_it_happens_once(world):
    owner, _ = await claimed(world)
    async with World(inner=world.inner) as other:
        await asyncio.sleep(0.5)
        assert set(other.node.stores) == {"s1"}
        owner.cut()
        await asyncio.sleep(2 * other.options.grace_s)
    assert await reasons(world) == ["new", "claim", "agent_gone"]


async def test_all_chats_of_a_vanished_owner_go_back_and_nobody_elses(world):
    owner, _ = await claimed(world)
    second, _ = await claimed(world, "a2", "u2")
    third = await world.user("u3")
    await third.send()
    await owner.ack("claim", store="s1", user="u3")
    owner.cut()
    await second.expect("status", reason="agent_gone", user="u1")
    await second.expect("status", reason="agent_gone", user="u3")
    await asyncio.sleep(100)
    assert (await reasons(world)).count("agent_gone") == 2


async def test_a_grace_of_nothing_releases_as_soon_as_the_owner_is_gone():
    async with World(grace_s=0.0) as world:
        owner, user = await claimed(world)
        owner.cut()
        gone_s = now_s()
        await user.expect("status", reason="agent_gone")
        assert now_s() - gone_s <= 1.5


# The queue.


async def test_waiting_users_hear_their_place_and_move_up(world):
    agent = await world.agent()
    users = []
    for number in range(3):
        users.append(await world.user(f"u{number}"))
        await users[-1].send()
        await asyncio.sleep(0.01)
    for place, user in enumerate(users, 1):
        await user.expect("queue", position=place)
    await agent.ack("claim", store="s1", user="u0")
    await users[1].expect("queue", position=1)
    await users[2].expect("queue", position=2)
    late = await world.user("u2")
    assert (await late.expect("queue"))["position"] == 2
    await agent.ack("release", store="s1", user="u0")
    await users[0].expect("queue", position=3)


async def test_the_queue_is_read_at_most_once_a_second_and_only_changes_are_told(world):
    agent, users = await world.agent(), [await world.user(f"u{number:02}") for number in range(20)]
    for user in users:
        await user.send()
    await asyncio.sleep(3)
    reads = []
    whole = world.storage.waiting

    async def waiting(store):
        reads.append(now_s())
        return await whole(store)

    world.storage.waiting = waiting
    heard = len(users[19].of("queue"))
    for number in range(1, 19):
        await agent.ack("claim", store="s1", user=f"u{number:02}")
    await asyncio.sleep(2.5)
    assert 1 <= len(reads) <= 3
    assert all(later - earlier >= GATHER_S * 0.99 for earlier, later in pairwise(reads))
    assert [frame["position"] for frame in users[19].of("queue")[heard:]][-1] == 2
    first = len(users[0].of("queue"))
    assert first == 1, "its place has not changed"


@pytest.mark.parametrize("how", ["release", "reopen", "agent_gone"])
async def test_a_user_whose_chat_waits_again_hears_its_place_again(world, how):
    """`queue` goes to a waiting user whenever its place changes: from no place to the first is a change."""
    owner, user = await claimed(world)
    await asyncio.sleep(3)
    user.forget()
    if how == "release":
        await owner.ack("release", store="s1", user="u1")
    elif how == "reopen":
        await owner.ack("resolve", store="s1", user="u1")
        await asyncio.sleep(3)
        await user.send("again")
    else:
        owner.cut()
    await user.expect("status", reason=how)
    assert (await user.expect("queue"))["position"] == 1


async def test_an_unreadable_queue_is_read_again_later(world):
    await world.agent()
    user = await world.user()
    world.journal.withheld.append("waiting")
    await user.send()
    await asyncio.sleep(5)
    assert not user.of("queue")
    world.journal.withheld.clear()
    await user.expect("queue", position=1)


async def test_every_tab_hears_who_is_there_though_the_chat_began_while_another_tab_was_opening(world):
    """The tab that opened had read of it first, and so it was no news any more for the tab that had begun it."""
    await world.agent()
    first = await world.user()
    whole, is_done, may_tell = world.inner.append, asyncio.Event(), asyncio.Event()

    async def append(batch):
        outcomes = await whole(batch)
        is_done.set()
        await may_tell.wait()
        return outcomes

    world.inner.append = append
    await first.say("send", id="m", store="s1", kind="text", body={"text": "hi"})
    await is_done.wait()
    second = await world.user()
    may_tell.set()
    for tab in (first, second):
        assert (await tab.expect("presence"))["online"] is True


async def test_who_joins_the_queue_while_it_is_being_read_hears_its_place_all_the_same(world):
    """It was taken for somebody who does not wait, and never heard; the simulation saw it."""
    owner, _ = await claimed(world)
    second = await world.user("u2")
    await asyncio.sleep(2)
    whole, is_read, may_go = world.inner.waiting, asyncio.Event(), asyncio.Event()

    async def waiting(store):
        found = await whole(store)
        is_read.set()
        await may_go.wait()
        return found

    world.inner.waiting = waiting
    await owner.ack("resolve", store="s1", user="u1")
    await is_read.wait()
    await second.send()
    may_go.set()
    assert (await second.expect("queue"))["position"] == 1


# Marks and typing.


async def test_marks_are_gathered_to_the_newest_once_a_second_and_reach_both_sides(world):
    owner, user = await claimed(world)
    for number in range(30):
        await owner.send(str(number), user="u1")
    await asyncio.sleep(2)
    for seq in range(1, 31):
        await user.ack("read", store="s1", seq=seq)
        await user.say("received", store="s1", seq=seq)
    await owner.ack("read", store="s1", user="u1", seq=1)
    await asyncio.sleep(2)
    for peer in (owner, user):
        marks = peer.of("marks")
        assert len([mark for mark in marks if mark["side"] == "user"]) <= 3
        newest = {mark["side"]: mark for mark in marks}
        assert (newest["user"]["read"], newest["user"]["received"], newest["store"]["read"]) == (30, 30, 1)


@pytest.mark.parametrize("side", ["user", "agent"])
async def test_marks_that_were_gathered_before_a_snapshot_was_read_do_not_follow_it(world, side):
    """They did, so that a message went from read to unread for a moment; the simulation saw it."""
    owner, user = await claimed(world)
    for number in range(3):
        await owner.send(str(number), user="u1")
    await user.ack("read", store="s1", seq=1)
    await owner.expect("marks", read=1)
    await user.ack("read", store="s1", seq=2)
    await world.behind("u1", MarkRead(by=Party("user", "u1"), id="behind", seq=3))
    late = await world.user() if side == "user" else await world.agent("a2")
    await asyncio.sleep(2)
    assert [mark["read"] for mark in owner.of("marks")] == [1, 2]
    assert not late.of("marks")
    await user.ack("read", store="s1", seq=4)
    assert (await late.expect("marks"))["read"] == 4
    assert not world.node.sessions & {session for session in world.node.sessions if session._marks_shown}


async def test_marks_that_another_node_tells_late_do_not_take_back_what_a_snapshot_has_shown_a_user(world):
    """A node that waits for a replica told them long after they could be read; after a failover a shopper saw the store's mark go back."""
    owner, user = await claimed(world)
    for number in range(3):
        await user.send(str(number))
    await owner.ack("read", store="s1", user="u1", seq=3)
    await asyncio.sleep(3)
    late = await world.user()
    for read in (2, 4):
        marks = (MarkShown("u1", "store", 0, read),)
        world.node.stores["s1"].mailbox.put_control(LogGrew(store="s1", user="u1", previous=0, numbers=(), frames=(), marks=marks))
        await asyncio.sleep(1)
    assert [mark["read"] for mark in late.of("marks")] == [4]
    assert [mark["read"] for mark in user.of("marks") if mark["side"] == "store"] == [3, 4]


async def test_marks_that_another_node_tells_late_do_not_take_back_what_a_snapshot_has_shown_an_agent(world):
    """The same after a failover, when a node knows no more what it has told."""
    owner, user = await claimed(world)
    for number in range(3):
        await user.send(str(number))
    await owner.ack("read", store="s1", user="u1", seq=3)
    await asyncio.sleep(3)
    late = await world.agent("a2")
    world.node.stores["s1"].attendance.forget_marks()
    for read in (2, 4):
        marks = (MarkShown("u1", "store", 0, read),)
        world.node.stores["s1"].mailbox.put_control(LogGrew(store="s1", user="", previous=0, numbers=(), frames=(), marks=marks))
        await asyncio.sleep(1)
    assert [mark["read"] for mark in late.of("marks")] == [4]


@pytest.mark.parametrize("beyond", [10, 2**60])
async def test_a_mark_beyond_the_end_counts_as_the_end_and_never_goes_back(world, beyond):
    owner, user = await claimed(world)
    await owner.send("2", user="u1")
    await user.ack("read", store="s1", seq=beyond)
    await user.ack("read", store="s1", seq=1)
    await user.say("received", store="s1", seq=beyond)
    await user.say("received", store="s1", seq=1)
    await asyncio.sleep(2)
    (summary,) = (await world.user()).of("chats")[0]["chats"]
    assert (summary["marks"]["user"], summary["unread"]) == ({"received": 2, "read": 2}, 0)


async def test_typing_is_shown_to_the_other_side_only_the_newest_and_only_from_the_owner(world):
    owner, user = await claimed(world)
    other = await world.agent("a2")
    await user.say("typing", store="s1", on=True)
    assert (await owner.expect("typing"))["side"] == "user"
    await other.expect("typing", on=True)
    await owner.say("typing", store="s1", user="u1", on=True)
    assert (await user.expect("typing"))["side"] == "store"
    await other.say("typing", store="s1", user="u1", on=True)
    await world.settle()
    assert len(user.of("typing")) == 1
    user.takes.clear()
    await owner.say_all(*({"type": "typing", "store": "s1", "user": "u1", "on": bool(n % 2)} for n in range(20)))
    await world.settle()
    user.takes.set()
    await user.expect("typing", on=True)
    assert len(user.of("typing")) <= 3
    assert not owner.of("typing")[1:]


async def test_an_announcement_reaches_everybody_of_the_store_once_and_nobody_else(world):
    owner, user = await claimed(world)
    boss, stranger = await world.agent("boss", role="supervisor"), await world.user("u2")
    elsewhere = await world.agent("a9", stores=["s9"])
    await boss.ack("announce", id="n", store="s1", body={"text": "sale"})
    assert "duplicate" in await boss.ack("announce", id="n", store="s1", body={"text": "sale"})
    assert (await owner.command("announce", store="s1", body={"text": "sale"}))["code"] == "forbidden"
    for peer in (owner, user, boss):
        assert (await peer.expect("notice"))["body"] == {"text": "sale"}
    await world.settle()
    assert [len(peer.of("notice")) for peer in (owner, user, boss, stranger, elsewhere)] == [1, 1, 1, 0, 0]
