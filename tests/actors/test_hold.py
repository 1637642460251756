"""The hold: when a send fails temporarily, the sends behind it to the same chat fail too, so that sending again keeps their order."""

import asyncio

import pytest

from actors.chat import Party
from actors.command import ResolveChat
from actors.hold import HELD_S
from tests.actors.world import World, send


def full_for(world, count):
    """The storage batch has no room for the next `count` commands."""
    left = count
    whole = type(world.storage).has_room

    def has_room():
        nonlocal left
        left -= 1
        return left < 0 and whole(world.storage)

    world.storage.has_room = has_room


async def answers(peer, *ids):
    return [(await peer.answer(id)).get("code", "ack") for id in ids]


async def log_texts(world, store="s1"):
    return [frame["body"]["text"] for frame in await world.log_frames(store) if frame["type"] == "message"]


@pytest.fixture
async def user(world):
    await world.agent(stores=["s1", "s2"])
    user = await world.user()
    await user.send("0")
    await user.send("0", store="s2")
    return user


async def test_sends_behind_one_that_failed_fail_too_and_sending_again_keeps_their_order(world, user):
    full_for(world, 1)
    batch = [send(text, text) for text in ("a", "b", "c")]
    await user.say_all(*batch)
    assert await answers(user, "a", "b", "c") == ["overloaded"] * 3
    await user.say_all(*batch)
    assert await answers(user, "a", "b", "c") == ["ack"] * 3
    assert await log_texts(world) == ["0", "a", "b", "c"]


async def test_what_fails_before_ready_is_waited_for_from_when_its_client_hears_of_it(world, user):
    full_for(world, 1)
    world.journal.reads.clear()
    tab = await world.user(ready=False)
    await tab.say_all(send("a", "a"))
    await asyncio.sleep(HELD_S + 1)
    world.journal.reads.set()
    await tab.expect("ready")
    await tab.say_all(send("b", "b"))
    assert await answers(tab, "a", "b") == ["overloaded"] * 2
    await tab.say_all(send("a", "a"), send("b", "b"))
    assert await answers(tab, "a", "b") == ["ack"] * 2
    assert await log_texts(world) == ["0", "a", "b"]


async def test_what_was_sent_before_the_one_that_failed_is_not_held(world, user):
    world.journal.open.clear()
    await user.say_all(send("before", "x"))
    await world.journal.held.wait()
    full_for(world, 1)
    await user.say_all(send("a", "a"), send("b", "b"))
    world.journal.open.set()
    assert await answers(user, "x", "a", "b") == ["ack", "overloaded", "overloaded"]


async def test_other_chats_other_senders_and_other_commands_are_not_held(world, user):
    other, tab = await world.user("u2"), await world.user("u1")
    await other.send("0")
    full_for(world, 1)
    await user.say_all(send("a", "a"), send("else", "e", store="s2"), {"type": "read", "id": "r", "store": "s1", "seq": 1})
    assert await answers(user, "a", "e", "r") == ["overloaded", "ack", "ack"]
    await other.send("fine")
    await tab.send("another tab has an order of its own")
    await user.say_all(send("b", "b"))
    assert await answers(user, "b") == ["overloaded"]


async def test_an_agents_sends_are_held_for_each_chat(world):
    agent = await world.agent()
    for id in ("u1", "u2"):
        await (await world.user(id)).send("0")
        await agent.ack("claim", store="s1", user=id)
    full_for(world, 1)
    await agent.say_all(send("a", "a", user="u1"), send("b", "b", user="u2"), send("c", "c", user="u1"))
    assert await answers(agent, "a", "b", "c") == ["overloaded", "ack", "overloaded"]


async def test_until_the_first_is_sent_again_the_others_stay_held(world, user):
    full_for(world, 1)
    await user.say_all(send("a", "a"), send("b", "b"))
    await answers(user, "a", "b")
    await user.say_all(send("b", "b"), send("a", "a"), send("c", "c"))
    assert await answers(user, "b", "a", "c") == ["overloaded", "ack", "overloaded"]
    await user.say_all(send("b", "b"), send("c", "c"))
    assert await answers(user, "b", "c") == ["ack", "ack"]
    assert await log_texts(world) == ["0", "a", "b", "c"]


async def test_what_was_refused_because_of_another_is_waited_for_as_well(world, user):
    """One wrote on while what had failed was on its way again: the first of it ended the hold, and what was written last went ahead of
    what had just been refused. The simulation saw it once in fifteen hundred schedules."""
    full_for(world, 1)
    await user.say_all(send("a", "a"), send("b", "b"))
    assert await answers(user, "a", "b") == ["overloaded"] * 2
    await user.say_all(send("c", "c"), send("a", "a"), send("b", "b"), send("d", "d"))
    assert await answers(user, "c", "a", "b", "d") == ["overloaded", "ack", "ack", "overloaded"]
    await user.say_all(send("c", "c"), send("d", "d"))
    assert await answers(user, "c", "d") == ["ack"] * 2
    assert await log_texts(world) == ["0", "a", "b", "c", "d"]


async def test_who_never_sends_again_what_failed_is_not_held_for_longer_by_writing_on(world, user):
    full_for(world, 1)
    await user.say_all(send("a", "a"))
    assert await answers(user, "a") == ["overloaded"]
    for n in range(3):
        await asyncio.sleep(HELD_S / 4)
        await user.say_all(send(f"{n}", f"m{n}"))
        assert await answers(user, f"m{n}") == ["overloaded"]
    await asyncio.sleep(HELD_S / 4 + 0.01)
    await user.send("at last")


async def test_what_failed_at_one_try_and_was_kept_at_another_is_not_waited_for(world, user):
    world.journal.open.clear()
    await user.say_all(send("a", "a"))
    await world.journal.held.wait()
    full_for(world, 1)
    await user.say_all(send("a", "a"))
    assert await answers(user, "a") == ["overloaded"]
    world.journal.open.set()
    assert await answers(user, "a") == ["ack"]
    await user.send("written on")


async def test_after_a_moment_nothing_is_held_though_the_first_never_came_again(world, user):
    full_for(world, 1)
    await user.say_all(send("a", "a"), send("b", "b"))
    await answers(user, "a", "b")
    await asyncio.sleep(HELD_S + 0.01)
    await user.send("given up")
    assert await log_texts(world) == ["0", "given up"]


async def test_a_first_that_fails_again_holds_again(world, user):
    for _ in range(3):
        full_for(world, 1)
        await user.say_all(send("a", "a"), send("b", "b"))
        assert await answers(user, "a", "b") == ["overloaded"] * 2
    await user.say_all(send("a", "a"), send("b", "b"))
    assert await answers(user, "a", "b") == ["ack"] * 2
    assert await log_texts(world) == ["0", "a", "b"]


async def test_a_refusal_that_is_not_temporary_holds_nothing(world):
    agent, user = await world.agent(), await world.user()
    await user.send("0")
    await agent.say_all(send("a", "a", user="u1"), {"type": "claim", "id": "c", "store": "s1", "user": "u1"}, send("b", "b", user="u1"))
    assert await answers(agent, "a", "c", "b") == ["not_claimed", "ack", "ack"]


@pytest.mark.parametrize("fault", ["unreachable", "lost_before", "lost_after"])
async def test_through_an_outage_a_client_that_sends_again_in_order_has_its_history_in_order(world, user, fault):
    setattr(world.journal, fault, 1_000_000 if fault.startswith("lost") else True)
    batch = [send(str(n), f"i{n}") for n in range(1, 9)]
    await user.say_all(*batch[:3])
    await asyncio.sleep(0.5)
    await user.say_all(*batch[3:6])
    await asyncio.sleep(4.3)
    setattr(world.journal, fault, 0)
    await user.say_all(*batch[6:])
    first = await answers(user, *(frame["id"] for frame in batch))
    assert "unavailable" in first
    for frame, code in zip(batch, first, strict=True):
        if code != "ack":
            await user.say_all(frame)
            assert await answers(user, frame["id"]) == ["ack"]
    assert await log_texts(world) == [str(n) for n in range(9)]


async def test_sends_behind_one_whose_fate_is_unknown_fail_too_because_it_may_turn_out_not_to_have_happened(world, user):
    world.journal.open.clear()
    await user.say_all(send("a", "a"))
    await world.journal.held.wait()
    await asyncio.sleep(2)
    await user.say_all(send("b", "b"))
    assert await answers(user, "a") == ["unavailable"]
    await asyncio.sleep(HELD_S + 0.05)
    await world.behind("u1", ResolveChat(by=Party("supervisor", "rival"), id="r"))
    world.journal.open.set()
    assert await answers(user, "b") == ["unavailable"]
    await world.settle()
    assert await log_texts(world) == ["0"], "b is not carried out before a"
    for text in ("a", "b"):
        await user.send(text, id=text)
    assert await log_texts(world) == ["0", "a", "b"]


async def test_a_client_over_its_rate_that_waits_as_told_has_its_history_in_order():
    async with World(rate=2.0) as world:
        await world.agent()
        user = await world.user()
        waiting = [send(str(n), f"i{n}") for n in range(40)]
        while waiting:
            await user.say_all(*waiting)
            told = [(frame, await user.answer(frame["id"])) for frame in waiting]
            waiting = [frame for frame, answer in told if answer["type"] == "error"]
            codes = {answer["code"] for _, answer in told if answer["type"] == "error"}
            assert codes <= {"rate_limited"}
            if waiting:
                await asyncio.sleep(next(answer["retry_after"] for _, answer in told if answer["type"] == "error"))
        assert await log_texts(world) == [str(n) for n in range(40)]


async def test_of_two_that_failed_the_one_that_was_sent_first_is_the_one_to_wait_for():
    """Its fate was learnt last, and the other one went ahead of it; the simulation saw it."""
    async with World(rate=0.2) as world:
        await world.agent()
        user = await world.user()
        await user.send("0")
        world.journal.open.clear()
        await user.say_all(send("a", "a"), send("b", "b"))
        assert await answers(user, "b", "a") == ["rate_limited", "unavailable"]
        world.journal.open.set()
        await asyncio.sleep(1.0)
        await user.say_all(send("a", "a"), send("b", "b"))
        assert await answers(user, "a", "b") == ["ack", "rate_limited"]
        assert await log_texts(world) == ["0", "a"]


async def test_a_send_said_twice_has_the_place_of_the_first_time():
    """The second time was refused first, and put it behind what was said between the two; the simulation saw it."""
    async with World(rate=0.2) as world:
        await world.agent()
        user = await world.user()
        await user.send("0")
        await user.say_all(send("a", "a"), send("b", "b"), send("a", "a"))
        told = sorted([await user.answer("a"), await user.answer("a")], key=lambda frame: frame["type"])
        assert [frame.get("code", "ack") for frame in told] == ["ack", "rate_limited"]
        assert await answers(user, "b") == ["rate_limited"]
        assert await log_texts(world) == ["0", "a"]


async def test_what_is_held_costs_nothing_and_is_told_how_long_there_is_still_to_wait():
    async with World(rate=0.2) as world:
        await world.agent()
        user = await world.user()
        await user.send("0")
        await user.send("1")
        await user.say_all(send("a", "a"), send("b", "b"))
        assert await answers(user, "a", "b") == ["rate_limited"] * 2
        await asyncio.sleep(2.0)
        told = await user.command(**send("b", "b"))
        assert (told["code"], 2.9 < told["retry_after"] - HELD_S <= 3.0) == ("rate_limited", True)
        await asyncio.sleep(3.01)
        await user.say_all(send("b", "b"), send("a", "a"))
        assert await answers(user, "b", "a") == ["rate_limited", "ack"]


async def test_a_first_that_was_on_its_way_twice_and_was_carried_out_holds_nothing(world, user):
    world.journal.open.clear()
    await user.say_all(send("a", "a"))
    await world.journal.held.wait()
    full_for(world, 1)
    await user.say_all(send("a", "a"))
    assert (await user.answer("a"))["code"] == "overloaded"
    world.journal.open.set()
    assert (await user.answer("a"))["type"] == "ack"
    await user.send("b")
    assert await log_texts(world) == ["0", "a", "b"]


async def test_sends_behind_a_full_mailbox_keep_their_order_when_they_are_sent_again():
    async with World(mailbox_limit=4) as world:
        await world.agent()
        user = await world.user()
        await user.send("0")
        waiting = [send(str(n), f"i{n}") for n in range(1, 31)]
        rounds = 0
        while waiting:
            rounds += 1
            await user.say_all(*waiting)
            waiting = [frame for frame in waiting if (await user.answer(frame["id"]))["type"] == "error"]
        assert rounds > 1
        assert await log_texts(world) == [str(n) for n in range(31)]
