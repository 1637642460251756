"""A store actor over a journal with faults and a second writer: what each sender hears, and what stands in the log."""

import asyncio

import pytest

from actors.append import Append
from actors.chat import Party
from actors.command import ClaimChat, ReleaseChat, ResolveChat, SendMessage
from actors.event import AgentArrived, AgentLeft
from actors.store import ROUNDS
from tests.actors.world import World, send

RIVAL = Party("supervisor", "rival")


def now_s():
    return asyncio.get_running_loop().time()


def facts(frames):
    """A log in short: texts of messages and notes, reasons of statuses."""
    return [frame.get("reason") or frame["body"]["text"] for frame in frames]


async def hold(world, peer, *frames):
    """The first frame's batch waits at the journal's door, the others gather behind it."""
    world.journal.open.clear()
    await peer.say_all(frames[0])
    await world.journal.held.wait()
    if frames[1:]:
        await peer.say_all(*frames[1:])
    await world.settle()


# Nothing leaves before it is durable.


async def test_neither_ack_nor_refusal_nor_message_leaves_before_the_commit(world):
    agent, other, user = await world.agent("a1"), await world.agent("a2"), await world.user()
    await user.send("before")
    await agent.expect("status")
    heard = len(agent.heard), len(other.heard), len(user.heard)
    await hold(world, agent, {"type": "claim", "id": "c", "store": "s1", "user": "u1"})
    await other.say("claim", id="late", store="s1", user="u1")
    await agent.say("claim", id="own", store="s1", user="u1")
    await user.say("send", id="m", store="s1", kind="text", body={"text": "x"})
    await asyncio.sleep(0.3)
    assert not [f for p in (agent, other, user) for f in p.unread if f["type"] in ("ack", "error") or f.get("reason") == "claim"], heard
    world.journal.open.set()
    assert (await agent.answer("c"))["owner"]["id"] == "a1"
    assert (await agent.answer("own"))["type"] == "ack"
    assert (await other.answer("late"))["code"] == "already_claimed"
    assert (await user.answer("m"))["seq"] == 2


async def test_many_commands_at_once_share_batches_of_which_one_is_on_its_way(world):
    await world.agent()
    users = [await world.user(f"u{i}") for i in range(20)]
    calls = len(world.journal.batches)
    await asyncio.gather(*(user.send(str(number)) for user in users for number in range(5)))
    assert world.journal.most_at_once == 1
    assert len(world.journal.batches) - calls <= 25
    for user in users:
        await user.expect("message", seq=5)
        assert sorted(user.texts()) == ["0", "1", "2", "3", "4"]


async def test_answers_come_in_the_order_of_the_commands(world):
    await world.agent()
    user = await world.user()
    await user.say_all(*(send(str(n), f"i{n}") for n in range(50)))
    await user.answer("i49")
    assert [frame["id"] for frame in user.of("ack")] == [f"i{n}" for n in range(50)]
    assert [frame["seq"] for frame in user.of("ack")] == list(range(1, 51))


async def test_of_racing_claims_one_wins_and_everybody_else_learns_who(world):
    agents = [await world.agent(f"a{i}") for i in range(6)]
    user = await world.user()
    await user.send()
    answers = await asyncio.gather(*(agent.command("claim", store="s1", user="u1") for agent in agents))
    (won,) = [answer for answer in answers if answer["type"] == "ack"]
    lost = [answer for answer in answers if answer["type"] == "error"]
    assert {(answer["code"], answer["owner"]["id"], answer["epoch"]) for answer in lost} == {
        ("already_claimed", won["owner"]["id"], won["epoch"])
    }
    assert world.tally.claims_lost == 5
    await user.expect("status", reason="claim")
    assert facts(await world.log_frames()) == ["hi", "new", "claim"]


# A second writer.


async def test_when_another_writer_was_first_the_claim_is_refused_in_its_name(world):
    agent, user = await world.agent(), await world.user()
    await user.send()
    await hold(world, agent, {"type": "claim", "id": "c", "store": "s1", "user": "u1"})
    chat = await world.behind("u1", ClaimChat(by=RIVAL, id="r"))
    world.journal.open.set()
    refused = await agent.answer("c")
    assert (refused["code"], refused["owner"]["id"], refused["epoch"]) == ("already_claimed", "rival", chat.epoch)
    assert refused["since"] == chat.since
    assert world.tally.claim_conflicts


async def test_everything_in_flight_and_gathered_is_decided_again_in_the_order_of_arrival(world):
    agent, user = await world.agent(), await world.user()
    await user.send("zero")
    await hold(world, user, send("one", "m1"), send("two", "m2"))
    await agent.say("claim", id="c", store="s1", user="u1")
    await agent.say("send", id="a1", store="s1", user="u1", kind="text", body={"text": "answer"})
    await user.say("send", id="m3", store="s1", kind="text", body={"text": "three"})
    await world.settle()
    await world.behind("u1", ResolveChat(by=RIVAL, id="r"))
    world.journal.open.set()
    for peer, id in ((user, "m1"), (user, "m2"), (agent, "c"), (agent, "a1"), (user, "m3")):
        assert (await peer.answer(id))["type"] == "ack"
    assert facts(await world.log_frames()) == ["zero", "new", "resolve", "one", "reopen", "two", "claim", "answer", "three"]
    await agent.expect("message", id="m3")
    assert [frame["offset"] for frame in agent.of("message", "status")] == list(range(1, 10))


async def test_nobody_is_refused_in_the_name_of_a_claim_that_did_not_happen(world):
    first, second, user = await world.agent("a1"), await world.agent("a2"), await world.user()
    await user.send()
    await hold(world, first, {"type": "claim", "id": "c1", "store": "s1", "user": "u1"})
    await second.say("claim", id="c2", store="s1", user="u1")
    await world.settle()
    await world.behind("u1", ResolveChat(by=RIVAL, id="r"))
    world.journal.open.set()
    assert (await first.answer("c1"))["code"] == "closed"
    assert (await second.answer("c2"))["code"] == "closed", "not already_claimed by the first, who never had it"


async def test_the_next_in_line_wins_when_the_claim_before_it_fails_on_the_limit():
    async with World(agent_limit=1) as world:
        first, second = await world.agent("a1"), await world.agent("a2")
        for id in ("u1", "u2"):
            await (await world.user(id)).send()
        await hold(world, first, {"type": "claim", "id": "c1", "store": "s1", "user": "u1"})
        await second.say("claim", id="c2", store="s1", user="u1")
        await world.settle()
        await world.behind("u2", ClaimChat(by=Party("agent", "a1"), id="elsewhere"))
        world.journal.open.set()
        assert (await first.answer("c1"))["code"] == "at_capacity"
        assert (await second.answer("c2"))["owner"]["id"] == "a2"


async def test_a_message_cannot_slip_into_a_chat_that_was_resolved_a_moment_ago_it_reopens_it(world):
    await world.agent()
    user = await world.user()
    await user.send("before")
    await world.behind("u1", ResolveChat(by=RIVAL, id="r"))
    await user.send("after")
    assert facts(await world.log_frames()) == ["before", "new", "resolve", "after", "reopen"]


async def test_another_chats_conflict_disturbs_nobody_else(world):
    agent, user, other = await world.agent(), await world.user("u1"), await world.user("u2")
    await user.send()
    await other.send()
    await hold(world, agent, {"type": "claim", "id": "c1", "store": "s1", "user": "u1"})
    await agent.say("claim", id="c2", store="s1", user="u2")
    await world.settle()
    await world.behind("u1", ClaimChat(by=RIVAL, id="r"))
    world.journal.open.set()
    assert (await agent.answer("c1"))["code"] == "already_claimed"
    assert (await agent.answer("c2"))["type"] == "ack"


async def test_a_command_that_is_overtaken_again_and_again_is_given_back_to_its_sender(world):
    agent, user = await world.agent(), await world.user()
    await user.send()
    claimed = False

    async def meddle():
        nonlocal claimed
        claimed = not claimed
        await world.behind("u1", ClaimChat(by=RIVAL, id="r") if claimed else ReleaseChat(by=RIVAL, id="r"))

    world.journal.meddle = meddle
    calls = len(world.journal.batches)
    answer = await user.command("send", id="m", store="s1", kind="text", body={"text": "x"})
    assert (answer["code"], answer["temporary"]) == ("overloaded", True)
    assert len(world.journal.batches) - calls == ROUNDS + 1
    world.journal.meddle = None
    await user.send("x", id="m")
    await agent.expect("message", id="m")


# Conditions.


async def test_the_limit_holds_however_many_claims_race():
    async with World(agent_limit=2) as world:
        agent = await world.agent()
        for number in range(6):
            await (await world.user(f"u{number}")).send()
        answers = await asyncio.gather(*(agent.command("claim", store="s1", user=f"u{number}") for number in range(6)))
        assert sorted(answer.get("code", "ack") for answer in answers) == ["ack"] * 2 + ["at_capacity"] * 4
        owned = await world.inner.owned("s1")
        assert len(owned["a1"]) == 2
        await agent.ack("resolve", store="s1", user=owned["a1"][0])
        free = next(f"u{n}" for n in range(6) if f"u{n}" not in owned["a1"])
        await agent.ack("claim", store="s1", user=free)


async def test_a_transfer_finds_an_agent_who_came_by_another_node(world):
    agent, user = await world.agent(), await world.user()
    await user.send()
    await agent.ack("claim", store="s1", user="u1")
    assert (await agent.command("transfer", store="s1", user="u1", to="far"))["code"] == "no_such_agent"
    await world.inner.append([Append(store="s1", events=(AgentArrived(agent="far", name="Far", at=1),), tails=(b"",))])
    answer = await agent.ack("transfer", store="s1", user="u1", to="far", note="yours")
    assert answer["owner"] == {"id": "far", "name": "Far"}
    assert facts(await world.log_frames())[-2:] == ["yours", "transfer"]


async def test_a_transfer_to_somebody_who_left_by_another_node_is_refused(world):
    agent, user = await world.agent(), await world.user()
    await world.agent("a2")
    await user.send()
    await agent.ack("claim", store="s1", user="u1")
    await world.inner.append([Append(store="s1", events=(AgentLeft(agent="a2"),), tails=(b"",))])
    assert (await agent.command("transfer", store="s1", user="u1", to="a2"))["code"] == "no_such_agent"


# Replies that are lost, storage that is away.


async def test_a_lost_reply_takes_effect_once_and_is_told_once(world):
    agent, user = await world.agent(), await world.user()
    await user.send("before")
    world.journal.lost_after = 2
    answer = await user.send("once", id="m")
    assert "duplicate" not in answer
    world.journal.lost_after = 1
    assert (await agent.ack("claim", store="s1", user="u1"))["owner"]["id"] == "a1"
    await user.send("next")
    await agent.expect("message", seq=3)
    assert agent.texts() == user.texts() == ["before", "once", "next"]
    assert [frame["reason"] for frame in agent.of("status")] == ["new", "claim"]
    assert facts(await world.log_frames()) == ["before", "new", "once", "claim", "next"]


async def test_an_unknown_fate_is_unavailable_to_the_sender_and_later_committed_in_silence(world):
    agent, user = await world.agent(), await world.user()
    await user.send("before")
    world.journal.lost_after = 1_000_000
    started_s = now_s()
    refused = await user.command("send", id="m", store="s1", kind="text", body={"text": "maybe"})
    assert (refused["code"], refused["temporary"]) == ("unavailable", True)
    assert now_s() - started_s <= 5.0
    world.journal.lost_after = 0
    assert (await agent.expect("message", id="m"))["seq"] == 2
    await user.expect("message", id="m")
    await asyncio.sleep(30)
    assert not [frame for frame in user.unread if frame.get("id") == "m"], "no second answer"
    again = await user.send("maybe", id="m")
    assert (again["duplicate"], again["seq"]) == (True, 2)
    assert agent.texts() == ["before", "maybe"]


@pytest.mark.parametrize("after", ["unreachable", "refusing"])
async def test_storage_out_of_reach_is_unavailable_within_5_s_and_work_goes_on_by_itself(world, after):
    agent, user = await world.agent(), await world.user()
    await user.send("before")
    setattr(world.journal, after, True)
    started_s = now_s()
    answers = await asyncio.gather(
        user.command("send", id="m", store="s1", kind="text", body={"text": "x"}),
        agent.command("claim", id="c", store="s1", user="u1"),
        agent.command("claim", id="n", store="s1", user="u1"),
        agent.command("availability", id="av", status="away"),
    )
    assert {answer["code"] for answer in answers} == {"unavailable"}
    assert now_s() - started_s <= 5.0
    assert user.session.close_code is agent.session.close_code is None
    setattr(world.journal, after, False)
    await user.send("x", id="m")
    await agent.ack("claim", id="c", store="s1", user="u1")
    assert facts(await world.log_frames()) == ["before", "new", "x", "claim"]


async def test_queries_and_unloaded_chats_are_unavailable_too(world):
    agent = await world.agent()
    user, fresh = await world.user("u1"), await world.user("u2")
    await user.send()
    world.journal.unreachable = True
    assert (await user.command("history", store="s1"))["code"] == "unavailable"
    assert (await agent.command("chats", store="s1"))["code"] == "unavailable"
    assert (await fresh.command("send", id="m", store="s1", kind="text", body={"text": "x"}))["code"] == "unavailable"
    world.journal.unreachable = False
    await fresh.send("x", id="m")


async def test_without_room_in_the_batch_commands_are_overloaded_and_change_nothing(world):
    agent, user = await world.agent(), await world.user()
    await user.send()
    world.storage.has_room = lambda: False
    refused = await agent.command("claim", id="c", store="s1", user="u1")
    assert (refused["code"], refused["temporary"]) == ("overloaded", True)
    assert (await agent.command("availability", status="away"))["code"] == "overloaded"
    del world.storage.has_room
    await agent.ack("claim", id="c", store="s1", user="u1")


async def test_a_full_mailbox_answers_overloaded_at_once_and_what_it_took_is_carried_out():
    async with World(mailbox_limit=8) as world:
        await world.agent()
        user = await world.user()
        await user.send("0")
        await user.say_all(*({"type": "read", "id": f"r{n}", "store": "s1", "seq": n} for n in range(64)))
        answers = [await user.answer(f"r{n}") for n in range(64)]
        refused = [answer["code"] for answer in answers if answer["type"] == "error"]
        assert set(refused) == {"overloaded"}
        assert len(refused) == 56
        await user.send("1")


async def test_what_waits_for_a_chat_to_be_loaded_is_bounded():
    async with World(parked_limit=3) as world:
        await world.agent()
        user, other = await world.user("u1"), await world.user("u2")
        await other.send("the store is loaded")
        world.journal.reads.clear()
        await user.say_all(*({"type": "read", "id": f"r{n}", "store": "s1", "seq": n} for n in range(5)))
        assert [(await user.answer(f"r{n}"))["code"] for n in (3, 4)] == ["overloaded"] * 2
        world.journal.reads.set()
        assert [(await user.answer(f"r{n}"))["code"] for n in range(3)] == ["not_found"] * 3


# Retries.


async def test_a_retry_gets_the_first_answer_again_also_from_another_node(world):
    agent, user = await world.agent(), await world.user()
    sent = await user.send("once", id="m")
    claimed = await agent.ack("claim", id="c", store="s1", user="u1")
    await agent.ack("release", store="s1", user="u1")
    assert await user.send("once", id="m") == {**sent, "duplicate": True}
    assert await agent.ack("claim", id="c", store="s1", user="u1") == {**claimed, "duplicate": True}
    async with World(inner=world.inner) as other:
        there = await other.user()
        assert await there.send("once", id="m") == {**sent, "duplicate": True}
        await there.send("two")
    assert facts(await world.log_frames()) == ["once", "new", "claim", "release", "two"]


async def test_the_same_id_with_another_content_is_refused_and_an_id_belongs_to_its_sender(world):
    agent, user = await world.agent(), await world.user()
    await user.send("one", id="m")
    assert (await user.command("send", id="m", store="s1", kind="text", body={"text": "two"}))["code"] == "id_reused"
    assert (await user.command("read", id="m", store="s1", seq=1))["code"] == "id_reused"
    await agent.ack("claim", id="m", store="s1", user="u1")
    await (await world.user("u2")).send("one", id="m")


async def test_a_retry_that_travels_in_a_batch_whose_reply_is_lost_is_shown_to_nobody_twice(world):
    """The storage cannot tell it from its own second try, and fans it out again: the numbers say that it is old."""
    agent, user = await world.agent(), await world.user()
    sent = await user.send("once", id="m")
    await agent.ack("claim", store="s1", user="u1")
    await user.send("two")
    world.journal.lost_after = 1
    again = await user.send("once", id="m")
    assert (again["seq"], again["at"]) == (sent["seq"], sent["at"])
    late = await world.user(resume={"s1": 2})
    await user.send("three")
    for peer in (agent, user):
        await peer.expect("message", seq=3)
        assert peer.texts() == ["once", "two", "three"]
    await late.expect("message", seq=3)
    assert late.texts() == ["three"]


async def test_a_refused_command_may_be_sent_again_with_its_id(world):
    first, second, user = await world.agent("a1"), await world.agent("a2"), await world.user()
    await user.send()
    await first.ack("claim", store="s1", user="u1")
    assert (await second.command("claim", id="c", store="s1", user="u1"))["code"] == "already_claimed"
    await first.ack("release", store="s1", user="u1")
    await second.ack("claim", id="c", store="s1", user="u1")


async def test_two_tries_of_one_id_under_way_at_once_take_effect_once(world):
    agent, user = await world.agent(), await world.user()
    tab = await world.user()
    await user.send("before")
    await hold(world, user, send("once", "m"))
    await tab.say("send", id="m", store="s1", kind="text", body={"text": "once"})
    await user.say("send", id="n", store="s1", kind="text", body={"text": "next"})
    world.journal.open.set()
    answers = [await user.answer("m"), await tab.answer("m")]
    assert [answer["seq"] for answer in answers] == [2, 2]
    assert sum("duplicate" in answer for answer in answers) == 1
    assert (await user.answer("n"))["seq"] == 3
    await agent.expect("message", seq=3)
    assert agent.texts() == user.texts() == ["before", "once", "next"]


async def test_a_store_that_does_not_exist_is_refused_and_found_when_it_comes_into_being_elsewhere(world):
    user = await world.user()
    assert (await user.command("send", store="s9", kind="text", body={"text": "x"}))["code"] == "no_such_store"
    async with World(inner=world.inner) as other:
        await other.agent(stores=["s9"])
    await asyncio.sleep(3)
    await user.send("x", store="s9")


async def test_a_new_name_of_the_shopper_and_messages_of_another_node_leave_no_gap_for_agents(world):
    agent, user = await world.agent(), await world.user("u1", name="Ann")
    await user.send("here")
    await world.behind("u2", SendMessage(by=Party("user", "u2"), id="x", kind="text", body=b'{"text":"there"}'))
    await user.send("here again")
    await agent.expect("message", user="u1", seq=2)
    await world.settle()
    assert [frame["offset"] for frame in agent.of("message", "status")] == [1, 2, 3, 4, 5]
