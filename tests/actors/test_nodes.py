"""Two nodes and more over one journal, on virtual time: what one of them hears of another, and whom it takes for being there."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from actors.live import LOOK_S, SETTLE_S
from actors.roll import BEAT_S, DEAD_S
from tests.actors.world import World

HOLE_S = 1.0
LOST_S = 30.0
FOUND_S = 10.0
"""A dead node is found in this time."""


@asynccontextmanager
async def nodes(count, **options):
    """So many nodes, which have heard of each other."""
    async with World(**options) as first:
        others = [World(inner=first.inner.of_node(f"n{n}"), **options) for n in range(2, count + 1)]
        try:
            for other in others:
                await other.__aenter__()
            await asyncio.sleep(2 * BEAT_S)
            yield first, *others
        finally:
            for other in others:
                await other.tasks.end()
        for other in others:
            assert not other.log.errors


async def reasons(world, store="s1"):
    return [frame["reason"] for frame in await world.log_frames(store) if frame["type"] == "status"]


def now_s():
    return asyncio.get_running_loop().time()


async def claimed(of_user, of_agent, agent="a1", user="u1"):
    """An agent on one node owns the chat of a user on another."""
    owner = await of_agent.agent(agent)
    shopper = await of_user.user(user)
    await shopper.send("hello")
    await owner.ack("claim", store="s1", user=user)
    await shopper.expect("status", reason="claim")
    return owner, shopper


# What is heard.


async def test_what_is_written_on_one_node_is_heard_on_the_others_at_once_and_once():
    async with nodes(3) as (first, second, third):
        owner, user = await claimed(first, second)
        looker, tab = await third.agent("a2"), await third.user("u1")
        for n in range(20):
            await user.send(f"u{n}")
            await owner.send(f"a{n}", user="u1")
        await asyncio.sleep(HOLE_S)
        words = ["hello", *(f"{who}{n}" for n in range(20) for who in "ua")]
        for peer in (owner, user, tab):
            assert peer.texts() == words
        assert looker.texts() == words[1:]


async def test_a_hole_that_a_later_number_shows_is_closed_at_once():
    async with nodes(2) as (first, second):
        owner, user = await claimed(first, second)
        await asyncio.sleep(1.0)
        for n in range(10):
            first.inner.hall.drops = 1
            await user.send(f"lost {n}")
            first.inner.hall.drops = 1
            await user.send(f"lost too {n}")
            await user.send(f"seen {n}")
            await asyncio.sleep(HOLE_S)
            assert owner.texts()[-3:] == [f"lost {n}", f"lost too {n}", f"seen {n}"]


@pytest.mark.parametrize("count", [1, 5])
async def test_what_no_number_shows_is_found_by_looking(count):
    async with nodes(2) as (first, second):
        owner, user = await claimed(first, second)
        await asyncio.sleep(1.0)
        first.inner.hall.drops = 10**6
        for n in range(count):
            await user.send(f"u{n}")
            await owner.send(f"a{n}", user="u1")
        await user.ack("read", store="s1", seq=count + 1)
        await asyncio.sleep(LOOK_S + SETTLE_S + 0.1)
        assert LOOK_S + SETTLE_S < LOST_S
        assert owner.texts()[-2 * count :] == user.texts()[-2 * count :] == [f"{who}{n}" for n in range(count) for who in "ua"]


async def test_marks_that_no_number_shows_are_shown_to_the_user_by_a_look():
    async with nodes(2) as (first, second):
        owner, user = await claimed(first, second)
        await asyncio.sleep(1.0)
        first.inner.hall.drops = 10**6
        await owner.ack("read", store="s1", user="u1", seq=1)
        await asyncio.sleep(LOOK_S + SETTLE_S + 0.1)
        assert [frame["read"] for frame in user.of("marks") if frame["side"] == "store"] == [1]


async def test_marks_that_a_look_finds_before_they_are_told_are_shown_once():
    """The store gathers marks for a second; a look in that second shows them before."""
    async with nodes(1) as (only,):
        owner, user = await claimed(only, only)
        await asyncio.sleep(1.5)
        await owner.ack("read", store="s1", user="u1", seq=1)
        await only.node.live._compare(tuple(only.node.live._topics))
        await asyncio.sleep(3.0)
        assert [frame["read"] for frame in user.of("marks") if frame["side"] == "store"] == [1]
        await user.send("more")
        await owner.ack("read", store="s1", user="u1", seq=2)
        await asyncio.sleep(3.0)
        assert [frame["read"] for frame in user.of("marks") if frame["side"] == "store"] == [1, 2]


async def test_marks_that_no_number_shows_are_shown_to_agents_by_a_look():
    async with nodes(2) as (first, second):
        owner, user = await claimed(first, second)
        await asyncio.sleep(1.0)
        first.inner.hall.drops = 10**6
        await user.ack("read", store="s1", seq=1)
        await asyncio.sleep(LOOK_S + SETTLE_S + 0.1)
        assert [frame["read"] for frame in owner.of("marks") if frame["side"] == "user"] == [1]


async def test_a_node_that_hears_nothing_finds_out_and_misses_nothing():
    async with nodes(2) as (first, second):
        owner, user = await claimed(first, second)
        first.inner.hall.deaf.add(second.journal.ear)
        await user.send("unheard")
        await user.ack("read", store="s1", seq=1)
        await owner.expect("message", body={"text": "unheard"})
        await owner.expect("marks", side="user", read=1)
        assert second.storage.follower.cuts == 1


async def test_marks_are_never_shown_to_go_back_by_whom_of_two_nodes_they_were_moved():
    async with nodes(2) as (first, second):
        owner, user = await claimed(first, second)
        phone = await second.user("u1")
        for n in range(5):
            await owner.send(f"a{n}", user="u1")
            await user.say("received", store="s1", seq=n + 2)
            await asyncio.sleep(1.5)
            await phone.ack("read", store="s1", seq=n + 1)
            await asyncio.sleep(1.5)
        for peer in (owner, user, phone):
            told = [(frame["received"], frame["read"]) for frame in peer.of("marks") if frame["side"] == "user"]
            assert told == sorted(told), peer.session.identity.id
            assert told[-1] == (6, 5)


async def test_a_first_message_reaches_the_users_tab_on_another_node():
    async with nodes(2) as (first, second):
        await first.agent()
        user, tab = await first.user(), await second.user()
        await user.send("first")
        await tab.expect("message", body={"text": "first"})
        await tab.expect("presence", online=True)
        await asyncio.sleep(0.5)
        assert tab.texts() == ["first"]


async def test_a_first_message_whose_announcement_was_lost_is_found_by_looking():
    async with nodes(2) as (first, second):
        await first.agent()
        user, tab = await first.user(), await second.user()
        first.inner.hall.deaf.add(second.journal.ear)
        await user.send("first")
        first.inner.hall.deaf.clear()
        await asyncio.sleep(LOOK_S + 2 * SETTLE_S + 0.1)
        assert tab.texts() == ["first"]


async def test_a_decision_on_another_nodes_news_needs_no_second_try():
    """What was heard of a chat in memory brings it up to date: the losers of a claim are refused at the first try."""
    async with nodes(2) as (first, second):
        owner, _ = await claimed(first, second)
        late = await first.agent("a2")
        await asyncio.sleep(0.5)
        refused = await late.command("claim", store="s1", user="u1")
        assert (refused["code"], refused["owner"]["id"]) == ("already_claimed", "a1")
        assert first.tally.claim_conflicts == 0
        await owner.ack("release", store="s1", user="u1")
        await late.expect("status", reason="release")
        await late.ack("claim", store="s1", user="u1")
        assert first.tally.claim_conflicts == 0


async def test_a_node_follows_what_somebody_there_needs_and_nothing_else():
    async with nodes(2) as (first, second):
        owner, user = await claimed(first, second)
        await asyncio.sleep(0.1)
        followed = {world: sorted(topic.kind for topic in world.node.live._topics) for world in (first, second)}
        assert followed == {first: ["about", "chat", "user"], second: ["about", "live"]}
        owner.cut()
        user.cut()
        await asyncio.sleep(second.options.linger_s + 1)
        assert not first.node.live._topics
        assert not second.node.live._topics
        channels = [channel for ear in first.inner.hall.ears for channel in ear.channels]
        assert len(channels) == 4, channels


# What no append tells.


async def test_typing_is_shown_to_the_other_side_on_other_nodes():
    async with nodes(3) as (first, second, third):
        owner, user = await claimed(first, second)
        looker = await third.agent("a2")
        await user.say("typing", store="s1", on=True)
        for peer in (owner, looker):
            await peer.expect("typing", user="u1", side="user", on=True)
        await owner.say("typing", store="s1", user="u1", on=True)
        await user.expect("typing", side="store", on=True)
        await looker.say("typing", store="s1", user="u1", on=True)
        await asyncio.sleep(1.0)
        assert len(user.of("typing")) == 1
        assert not [frame for frame in looker.of("typing") if frame["side"] == "store"]


async def test_an_announcement_reaches_everybody_of_the_store_on_all_nodes_once():
    async with nodes(3) as (first, second, third):
        owner, user = await claimed(first, second)
        chief = await third.agent("z1", role="supervisor")
        stranger = await first.user("u9")
        await chief.ack("announce", store="s1", body={"text": "we close: psst, \n, early"})
        for peer in (owner, user, chief):
            await peer.expect("notice", body={"text": "we close: psst, \n, early"})
        await asyncio.sleep(1.0)
        assert [len(peer.of("notice")) for peer in (owner, user, chief, stranger)] == [1, 1, 1, 0]


async def test_a_withdrawal_ends_sessions_on_other_nodes_at_once():
    async with nodes(2) as (first, second):
        owner, _ = await claimed(first, second)
        await asyncio.sleep(0.3)
        asked_s = now_s()
        await first.node.revocation.revoke("agent", "a1", None)
        assert await owner.close_code() == 4003
        assert now_s() - asked_s < 0.1


async def test_an_erasure_ends_sessions_on_other_nodes_that_hold_something_of_the_chat():
    async with nodes(2) as (first, second):
        owner, user = await claimed(first, second)
        other = await second.agent("a2", stores=["s2"])
        await first.node.erasure.erase("s1", "u1")
        assert [await owner.close_code(), await user.close_code()] == [4200, 4200]
        assert other.session.close_code is None
        assert second.node.store("s1").slots.get("u1") is None


async def test_a_node_alone_tells_nobody():
    async with World() as world:
        owner, user = await claimed(world, world)
        said = []
        world.inner.hall.publish = lambda channel, message: said.append(message)
        await user.say("typing", store="s1", on=True)
        await owner.expect("typing", user="u1")
        await asyncio.sleep(0.5)
        assert not [message for message in said if b" typing " in message]


# Who is there.


async def test_agents_see_those_of_other_nodes_and_users_hear_of_them():
    async with nodes(3) as (first, second, third):
        user = await third.user()
        one = await first.agent("a1")
        await user.send("hello")
        await user.expect("presence", online=True)
        two = await second.agent("a2")
        for peer in (one, two):
            told = await peer.expect("presence", agents=[{"id": id, "name": id, "status": "available"} for id in ("a1", "a2")])
            assert told["store"] == "s1"
        await two.ack("availability", status="away")
        await one.expect(
            "presence", agents=[{"id": "a1", "name": "a1", "status": "available"}, {"id": "a2", "name": "a2", "status": "away"}]
        )
        await one.ack("availability", status="away")
        await user.expect("presence", online=False)


async def test_places_in_the_queue_count_those_of_other_nodes():
    async with nodes(2) as (first, second):
        agent = await first.agent()
        ahead, behind = await first.user("u1"), await second.user("u2")
        await ahead.send("1")
        await asyncio.sleep(0.1)
        await behind.send("2")
        await behind.expect("queue", position=2)
        await agent.ack("claim", store="s1", user="u1")
        await behind.expect("queue", position=1)


async def test_a_place_in_the_queue_of_which_nothing_was_heard_is_found_by_looking():
    async with nodes(2) as (first, second):
        agent = await first.agent()
        ahead, behind = await first.user("u1"), await second.user("u2")
        await ahead.send("1")
        await asyncio.sleep(0.1)
        await behind.send("2")
        await behind.expect("queue", position=2)
        await asyncio.sleep(LOOK_S)
        first.inner.hall.drops = 10**6
        await agent.ack("claim", store="s1", user="u1")
        await asyncio.sleep(1.0)
        assert [frame["position"] for frame in behind.of("queue")] == [2]
        await asyncio.sleep(LOOK_S + 2 * SETTLE_S)
        assert [frame["position"] for frame in behind.of("queue")] == [2, 1]


async def test_who_is_away_is_found_by_looking_where_nothing_was_heard():
    async with nodes(2) as (first, second):
        agent, looker = await first.agent("a1"), await second.agent("a2")
        await asyncio.sleep(LOOK_S)
        first.inner.hall.drops = 10**6
        await agent.ack("availability", status="away")
        await asyncio.sleep(LOOK_S + 2 * SETTLE_S)
        assert [one["status"] for one in looker.of("presence")[-1]["agents"] if one["id"] == "a1"] == ["away"]


async def test_sessions_are_counted_over_all_nodes():
    async with nodes(3) as (first, second, third):
        for world in (first, second):
            await world.agent()
            await world.user()
        await asyncio.sleep(BEAT_S + 0.5)
        peer = await third.user("u9")
        assert [frame["online"] for frame in peer.of("welcome")] == [5]


# Grace.


async def test_an_agent_with_tabs_on_two_nodes_who_loses_one_keeps_its_chats():
    async with nodes(2, grace_s=3.0) as (first, second):
        owner, user = await claimed(first, first)
        tab = await second.agent("a1")
        owner.cut()
        await asyncio.sleep(30)
        assert await reasons(first) == ["new", "claim"]
        tab.cut()
        gone_s = now_s()
        await user.expect("status", reason="agent_gone")
        assert 3.0 <= now_s() - gone_s <= 3.0 + 5


async def test_what_a_dead_nodes_agents_owned_goes_back_and_not_before_the_grace_is_over():
    async with nodes(3, grace_s=10.0) as (first, second, third):
        owner, user = await claimed(first, second)
        await second.tasks.end()
        dead_s = now_s()
        await user.expect("status", reason="agent_gone")
        assert 10.0 <= now_s() - dead_s <= FOUND_S + 10.0 + 5
        del owner, third


async def test_chats_of_a_store_that_nobody_else_looks_after_go_back_too():
    async with nodes(2, grace_s=10.0) as (first, second):
        owner = await second.agent()
        user = await second.user()
        await user.send()
        await owner.ack("claim", store="s1", user="u1")
        assert not first.node.stores
        await second.tasks.end()
        await asyncio.sleep(FOUND_S + 10.0 + 5)
        assert await reasons(first) == ["new", "claim", "agent_gone"]


async def test_a_node_that_starts_gives_back_nothing_of_who_is_there_elsewhere():
    async with World(grace_s=0.0) as world:
        await claimed(world, world)
        async with World(inner=world.inner.of_node("n2"), grace_s=0.0) as fresh:
            await asyncio.sleep(60)
            assert "s1" in fresh.node.stores or not fresh.node.stores
        assert await reasons(world) == ["new", "claim"]


async def test_a_deploy_that_moves_everybody_gives_back_nothing():
    """One node after another drains and comes again under another name; its people come to those that are up."""
    async with nodes(2, grace_s=6.0) as (first, second):
        worlds, people = [first, second], {}
        for n in range(6):
            owner, user = await claimed(worlds[n % 2], worlds[n // 2 % 2], f"a{n}", f"u{n}")
            people[f"a{n}"] = owner
            del user
        for n in range(2):
            draining = worlds.pop(0)
            moved = [agent for agent, peer in people.items() if peer.world is draining]
            await draining.node.drain(4.0, 3.0)
            fresh = World(inner=first.inner.of_node(f"m{n}"), grace_s=6.0)
            await fresh.__aenter__()
            await asyncio.sleep(1.5)
            worlds.append(fresh)
            for agent in moved:
                people[agent] = await worlds[0].agent(agent)
            await draining.tasks.end()
            await asyncio.sleep(20)
        assert set(await reasons(worlds[0])) == {"new", "claim"}
        for world in worlds:
            await world.tasks.end()


async def test_a_node_that_stood_still_takes_nobody_for_dead_for_that():
    async with nodes(2, grace_s=3.0) as (first, second):
        owner, _ = await claimed(first, second)
        asyncio.get_running_loop().leap(DEAD_S * 3)
        await asyncio.sleep(30)
        assert await reasons(first) == ["new", "claim"]
        await owner.send("still mine", user="u1")


# What stands beside the chats.


async def test_a_profile_that_is_changed_on_one_node_is_shown_to_agents_on_all_and_asked_for_there():
    async with nodes(3) as (first, second, third):
        boss, agent, user = await first.agent("z1", role="supervisor"), await second.agent("a1"), await third.user("u1")
        await asyncio.sleep(2 * HOLE_S)
        await boss.ack("configure", store="s1", version=0, name="one")
        await asyncio.sleep(2 * HOLE_S)
        assert [frame["name"] for frame in agent.of("profile")] == ["one"], "at once, and not by a look"
        await user.send()
        assert (await user.command("profile", store="s1"))["version"] == 1
        assert (await agent.command("configure", store="s1", version=1, name="x"))["code"] == "forbidden"
        other = await second.agent("z2", role="supervisor")
        assert (await other.command("configure", store="s1", version=0, name="x"))["version"] == 1
        await other.ack("configure", store="s1", version=1, name="two")
        for peer in (boss, agent):
            assert (await peer.expect("profile", version=2))["name"] == "two"
        await asyncio.sleep(LOOK_S + 2 * SETTLE_S)
        assert [frame["version"] for frame in agent.of("profile")] == [1, 2]
        assert not user.of("profile")[1:]


async def test_a_profile_of_which_nothing_was_heard_is_found_by_looking():
    async with nodes(2) as (first, second):
        boss, agent = await first.agent("z1", role="supervisor"), await second.agent("a1")
        await asyncio.sleep(LOOK_S)
        first.inner.hall.drops = 10**6
        await boss.ack("configure", store="s1", version=0, name="one")
        await asyncio.sleep(LOOK_S + 2 * SETTLE_S)
        assert [frame["name"] for frame in agent.of("profile")] == ["one"]


async def test_of_two_supervisors_on_two_nodes_one_changes_the_profile():
    async with nodes(2) as (first, second):
        bosses = [await first.agent("z1", role="supervisor"), await second.agent("z2", role="supervisor")]
        for version in range(10):
            answers = await asyncio.gather(
                *(boss.command("configure", store="s1", version=version, name=f"{version} {n}") for n, boss in enumerate(bosses))
            )
            assert sorted(answer["type"] for answer in answers) == ["ack", "error"]
            assert [answer["version"] for answer in answers] == [version + 1] * 2
            won = next(n for n, answer in enumerate(answers) if answer["type"] == "ack")
            assert (await bosses[0].command("profile", store="s1"))["name"] == f"{version} {won}"


async def test_where_a_shopper_is_is_shown_to_agents_on_other_nodes_and_of_several_the_newest():
    async with nodes(2) as (first, second):
        owner, user = await claimed(first, second)
        await asyncio.sleep(HOLE_S)
        for n in range(5):
            await user.ack("context", store="s1", context={"page": {"url": f"/{n}"}})
        await asyncio.sleep(2 * HOLE_S)
        shown = [frame["context"]["page"]["url"] for frame in owner.of("context")]
        assert shown[-1] == "/4"
        assert len(shown) <= 2
        assert not user.of("context")


async def test_a_refused_change_of_the_profile_takes_nobody_else_along():
    """In one batch with it another agent comes: what concerns the store as a whole does not wait for what is put right elsewhere."""
    async with nodes(1) as (world,):
        boss = await world.agent("z1", role="supervisor")
        await boss.ack("configure", store="s1", version=0, name="one")
        frames = [{"type": "configure", "id": f"stale{n}", "store": "s1", "version": 0, "name": "x"} for n in range(3)]
        await boss.say_all(*frames)
        comers = await asyncio.gather(*(world.agent(f"a{n}") for n in range(5)))
        for n in range(3):
            assert (await boss.answer(f"stale{n}"))["code"] == "stale_profile"
        assert all(comer.session.close_code is None for comer in comers)
