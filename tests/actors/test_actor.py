"""An actor that raises costs one message, and nobody else anything: the base class first, then each kind of actor in a node."""

import asyncio
from itertools import pairwise

import pytest

from actors.actor import PAUSES_S, SLICE, Actor
from actors.chat import Party
from actors.close import Close
from actors.command import ClaimChat
from actors.tally import Tally
from tests.actors.world import Lines, send

BAD = "bad"


class Counter(Actor):
    """Adds numbers up; raises on BAD."""

    kind = "counter"

    def __init__(self, *, rebuilt=True, limit=1000):
        self.tally, self.log = Tally(), Lines()
        super().__init__(limit, self.tally, self.log)
        self.rebuilt = rebuilt
        self.seen, self.refused, self.starts, self.ends = [], [], [], 0

    def receive(self, message):
        if message == BAD:
            raise ValueError("a bug")
        self.seen.append(message)

    def refuse(self, message, code):
        self.refused.append((message, code))

    def restart(self):
        self.starts.append(asyncio.get_running_loop().time())
        return self.rebuilt

    def ended(self):
        self.ends += 1


async def ran(actor):
    """Runs the actor until its mailbox is empty or it has ended."""
    task = asyncio.ensure_future(actor.run())
    await asyncio.wait([task], timeout=sum(PAUSES_S) + 1)
    return task


async def ended(task):
    task.cancel()
    await asyncio.wait([task])


async def test_a_message_on_which_it_raises_is_refused_and_the_rest_of_the_mailbox_is_taken():
    actor = Counter()
    for message in (1, BAD, 2, BAD, 3):
        actor.tell(message)
    task = await ran(actor)
    assert (actor.seen, actor.refused) == ([1, 2, 3], [(BAD, "internal")] * 2)
    assert (len(actor.starts), actor.tally.crashes["counter"], len(actor.log.errors), actor.ends) == (2, 2, 2, 0)
    await ended(task)


async def test_it_pauses_longer_while_it_keeps_failing_and_is_given_up_at_the_limit():
    actor = Counter()
    for _ in range(len(PAUSES_S) + 1):
        actor.tell(BAD)
    actor.tell("left")
    async with asyncio.timeout(60):
        await actor.run()
    pauses = [later - earlier for earlier, later in pairwise(actor.starts)]
    assert pauses == pytest.approx(PAUSES_S[:-1])
    assert list(PAUSES_S) == sorted(PAUSES_S)
    assert actor.refused[-1] == ("left", "unavailable")
    assert (actor.seen, actor.ends, actor.tell("late")) == ([], 1, False)


async def test_a_failure_after_a_calm_time_counts_as_the_first_again():
    """A store that one person made to fail seven times in two minutes stood still for five seconds for everybody else: calm was half
    a minute without a failure, however much had been done in it."""
    actor = Counter()
    task = asyncio.ensure_future(actor.run())
    for _ in range(3 * len(PAUSES_S)):
        actor.tell(BAD)
        await asyncio.sleep(3)
    assert (len(actor.starts), task.done()) == (3 * len(PAUSES_S), False)
    await ended(task)


async def test_one_that_cannot_be_rebuilt_ends_and_refuses_what_is_left():
    actor = Counter(rebuilt=False)
    for message in (1, BAD, 2):
        actor.tell(message)
    await actor.run()
    assert (actor.seen, actor.refused, actor.ends) == ([1], [(BAD, "internal"), (2, "unavailable")], 1)


async def test_a_stopped_actor_takes_nothing_more_and_says_so():
    actor = Counter()
    task = await ran(actor)
    actor.tell(1)
    actor.stop()
    async with asyncio.timeout(1):
        await task
    assert (actor.tell(2), actor.refused, actor.ends) == (False, [(1, "unavailable")], 1)


async def test_a_cancelled_actor_refuses_what_it_had_and_ends_once():
    actor = Counter()
    task = asyncio.ensure_future(actor.run())
    await asyncio.sleep(0)
    actor.tell(1)
    await ended(task)
    assert (actor.refused, actor.ends) == ([(1, "unavailable")], 1)


async def test_a_long_mailbox_leaves_others_a_turn():
    actor, turns = Counter(limit=10_000), []
    for number in range(5 * SLICE):
        actor.tell(number)

    async def other():
        while len(actor.seen) < 5 * SLICE:
            turns.append(len(actor.seen))
            await asyncio.sleep(0)

    task = asyncio.ensure_future(actor.run())
    await other()
    await ended(task)
    assert len(turns) >= 4
    assert actor.tally.mailbox_peak["counter"] == 5 * SLICE


async def test_a_full_mailbox_answers_overloaded_at_once():
    actor = Counter(limit=2)
    assert [actor.tell(n) for n in range(3)] == [True, True, False]


# In a node: each kind fails while others talk.


def raises_for(actor, method, bad):
    """Makes `actor.method` raise where `bad` says so of its arguments. Other instances are as they were."""
    whole = getattr(actor, method)

    def failing(*args, **kwargs):
        if bad(*args, **kwargs):
            raise ValueError("a bug")
        return whole(*args, **kwargs)

    setattr(actor, method, failing)


def bad(slot, request):
    return b"poison" in getattr(request.command, "body", b"")


async def answers_of(peer, *ids):
    """The answers, by id; a session that ended with 4200 instead has been told too."""
    found = {}
    for id in ids:
        found[id] = await peer.answer(id)
    return found


async def test_a_user_actor_that_raises_ends_only_its_own_sessions_and_the_client_resumes(world):
    world.expect_errors()
    agent, other = await world.agent(), await world.user("u2")
    first, tab = await world.user("u1"), await world.user("u1")
    await first.send("before")
    raises_for(world.node.users["u1"], "_send", lambda session, frame, user: b"poison" in bytes(frame.body))
    refused = await first.command("send", store="s1", kind="text", body={"text": "poison"})
    assert refused["code"] == "internal"
    assert [await first.close_code(), await tab.close_code()] == [Close.LOST_PLACE] * 2
    assert world.tally.crashes == {"user": 1}
    assert "u1" not in world.node.users
    await other.send("still here")
    await agent.expect("message", user="u2")
    again = await world.user("u1", resume={"s1": 1})
    await again.send("after")
    await agent.expect("message", user="u1", seq=2)


async def test_an_agent_actor_that_raises_ends_only_its_own_sessions_and_its_chats_stay_its_own(world):
    world.expect_errors()
    agent, colleague, user = await world.agent("a1"), await world.agent("a2"), await world.user()
    await user.send()
    await agent.ack("claim", store="s1", user="u1")
    raises_for(world.node.agents["a1"], "_note", lambda *_: True)
    refused = await agent.command("note", store="s1", user="u1", body={"text": "n"})
    assert refused["code"] == "internal"
    assert await agent.close_code() == Close.LOST_PLACE
    await colleague.ack("note", store="s1", user="u1", body={"text": "n"})
    again = await world.agent("a1")
    assert (await again.ack("claim", store="s1", user="u1"))["owner"]["id"] == "a1"
    await again.send("here", user="u1")
    await user.expect("message", seq=2)


async def test_a_store_actor_that_raises_is_rebuilt_and_goes_on_with_its_mailbox(world):
    world.expect_errors()
    agent, user, elsewhere = await world.agent(stores=["s1", "s2"]), await world.user("u1"), await world.user("u2")
    await user.send("before")
    actor = world.node.stores["s1"]
    raises_for(actor, "_judge", bad)
    await user.say_all(send("good 1", "g1"), send("poison", "p"), send("good 2", "g2"))
    await elsewhere.send("other store", store="s2")
    assert (await user.answer("p"))["code"] == "internal"
    for id in ("g1", "g2"):
        answer = await user.answer(id)
        if answer["type"] == "error":
            assert answer["code"] == "unavailable", "its fate was forgotten: asked again with the same id it takes effect once"
            await user.send(f"good {id[1]}", id=id)
    assert world.node.stores["s1"] is actor
    assert world.tally.crashes == {"store": 1}
    assert user.session.close_code is agent.session.close_code is None
    await agent.expect("message", user="u1", seq=3)
    assert sorted(agent.texts(store="s1")) == ["before", "good 1", "good 2"]
    assert [frame["offset"] for frame in agent.of("message", "status") if frame["store"] == "s1"] == [1, 2, 3, 4]


async def test_what_a_store_actor_had_on_its_way_when_it_raised_is_told_to_everybody_all_the_same(world):
    world.expect_errors()
    agent, user = await world.agent(), await world.user("u1")
    await user.send("before")
    raises_for(world.node.stores["s1"], "_judge", bad)
    world.journal.open.clear()
    await user.say("send", id="g", store="s1", kind="text", body={"text": "good"})
    await world.journal.held.wait()
    await user.say("send", id="p", store="s1", kind="text", body={"text": "poison"})
    assert (await user.answer("g"))["code"] == "unavailable"
    world.journal.open.set()
    await agent.expect("message", seq=2)
    await user.expect("message", seq=2)
    assert (await user.send("good", id="g"))["duplicate"] is True
    await user.send("next")
    await agent.expect("message", seq=3)
    assert agent.texts() == user.texts() == ["before", "good", "next"]


async def test_a_store_actor_that_fails_without_end_is_given_up_and_the_next_command_starts_another(world):
    world.expect_errors()
    await world.agent("a2", stores=["s2"])
    await world.agent()
    user = await world.user("u1")
    await user.send("before")
    actor = world.node.stores["s1"]
    raises_for(actor, "_show_typing", lambda *_: True)
    for _ in range(len(PAUSES_S) + 1):
        await user.say("typing", store="s1", on=True)
    await asyncio.sleep(sum(PAUSES_S) + 1)
    assert world.node.stores.get("s1") is not actor
    await user.send("after")
    assert user.session.close_code is None


async def test_what_a_store_actor_had_on_its_way_when_it_was_given_up_is_answered_and_told_all_the_same(world):
    """Nobody had ever answered it, and a mark that had moved was told to nobody until somebody moved it again."""
    world.expect_errors()
    agent, user = await world.agent(), await world.user("u1")
    await user.send("before")
    actor = world.node.stores["s1"]
    raises_for(actor, "_show_typing", lambda *_: True)
    for _ in PAUSES_S:
        await user.say("typing", store="s1", on=True)
    await asyncio.sleep(sum(PAUSES_S) + 0.1)
    world.journal.open.clear()
    await user.say("send", id="g", store="s1", kind="text", body={"text": "good"})
    await user.say("read", id="r", store="s1", seq=1)
    await world.journal.held.wait()
    await user.say("typing", store="s1", on=True)
    assert [(await user.answer(id))["code"] for id in ("g", "r")] == ["unavailable"] * 2
    assert world.node.stores.get("s1") is not actor
    world.journal.open.set()
    await agent.expect("message", seq=2)
    await user.expect("message", seq=2)
    await agent.expect("marks", user="u1", side="user", read=1)
    assert (await user.send("good", id="g"))["duplicate"] is True
    assert user.session.close_code is agent.session.close_code is None


async def test_marks_that_were_being_gathered_when_a_store_actor_was_given_up_are_told(world):
    world.expect_errors()
    agent, user = await world.agent(), await world.user("u1")
    await user.send("before")
    raises_for(world.node.stores["s1"], "_show_typing", lambda *_: True)
    for _ in PAUSES_S:
        await user.say("typing", store="s1", on=True)
    await asyncio.sleep(sum(PAUSES_S) + 0.1)
    await user.ack("read", store="s1", seq=1)
    await user.say("typing", store="s1", on=True)
    await agent.expect("marks", user="u1", side="user", read=1)


@pytest.mark.parametrize("more", [1, len(PAUSES_S)], ids=["restarted", "given up"])
async def test_marks_whose_chat_was_being_read_again_when_a_store_actor_raised_once_more_are_told(world, more):
    """They waited for the chat to be used again."""
    world.expect_errors()
    agent, user = await world.agent(), await world.user("u1")
    await user.send("before")
    actor = world.node.stores["s1"]
    raises_for(actor, "_show_typing", lambda *_: True)
    await user.say("typing", store="s1", on=True)
    await world.settle()
    world.journal.open.clear()
    await user.say("read", id="r", store="s1", seq=1)
    await world.journal.held.wait()
    await user.say("typing", store="s1", on=True)
    assert (await user.answer("r"))["code"] == "unavailable"
    await world.settle()
    world.journal.reads.clear()
    world.journal.open.set()
    await world.settle()
    assert actor._marks_untold == {"u1"}
    for _ in range(more):
        raises_for(actor, "_request", lambda *_: True)
        await user.say("read", id="again", store="s1", seq=1)
    world.journal.reads.set()
    await agent.expect("marks", user="u1", side="user", read=1)


async def test_a_command_that_raises_after_it_waited_for_the_store_costs_no_other_its_answer(world):
    """It was once judged inside the message that said that the store is loaded, which has no sender: nobody was ever answered."""
    world.expect_errors()
    await world.agent("a2", stores=["s2"])
    user = await world.user("u1")
    await world.settle()
    agent = await world.agent()
    await world.settle()
    actor = world.node.stores.pop("s1")
    actor.stop()
    await world.settle()
    raises_for(world.node.store("s1"), "_judge", bad)
    await user.say_all(send("poison", "p"), send("good", "g"))
    answers = await answers_of(user, "p", "g")
    assert answers["p"]["type"] == "error"
    assert answers["g"]["type"] == "ack" or answers["g"]["temporary"]
    assert agent.session.close_code is None


async def test_a_command_that_raises_after_it_waited_for_its_chat_costs_no_other_its_answer(world):
    world.expect_errors()
    await world.agent()
    user, other = await world.user("u1"), await world.user("u2")
    await other.send("the store is loaded")
    raises_for(world.node.stores["s1"], "_judge", bad)
    await user.say_all(send("poison", "p"), send("good", "g"))
    answers = await answers_of(user, "p", "g")
    assert answers["p"]["type"] == "error"
    assert answers["g"]["type"] == "ack" or answers["g"]["temporary"]


async def test_a_command_that_raises_when_it_is_decided_again_costs_no_other_its_answer(world):
    world.expect_errors()
    agent, user = await world.agent(), await world.user("u1")
    await user.send("before")
    raises_for(world.node.stores["s1"], "_judge", lambda slot, request: bad(slot, request) and request.append is not None)
    world.journal.open.clear()
    await agent.say("claim", id="c", store="s1", user="u1")
    await world.journal.held.wait()
    await user.say_all(send("poison", "p"), send("good", "g"))
    await world.settle()
    await world.behind("u1", ClaimChat(by=Party("agent", "rival"), id="r"))
    world.journal.open.set()
    assert (await agent.answer("c"))["type"] == "error"
    answers = await answers_of(user, "p", "g")
    assert answers["p"]["type"] == "error"
    assert answers["g"]["type"] == "ack" or answers["g"]["temporary"]


async def test_a_bug_in_the_storage_actor_costs_one_append_and_the_others_of_its_batch_are_kept(world):
    world.expect_errors()
    agent = await world.agent()
    users = [await world.user(f"u{i}") for i in range(4)]

    def poison(batch):
        if any(b"poison" in tail for append in batch for tail in append.tails):
            raise ValueError("a bug")

    world.journal.poison = poison
    world.journal.open.clear()
    await users[0].say("send", id="i0", store="s1", kind="text", body={"text": "first"})
    await world.journal.held.wait()
    for i, text in ((1, "good 1"), (2, "poison"), (3, "good 3")):
        await users[i].say("send", id=f"i{i}", store="s1", kind="text", body={"text": text})
    await world.settle()
    world.journal.open.set()
    answers = [await user.answer(f"i{i}") for i, user in enumerate(users)]
    assert [answer["type"] for answer in answers] == ["ack", "ack", "error", "ack"]
    assert world.tally.crashes["storage"]
    await users[2].send("clean", id="i2")
    await agent.expect("message", user="u2")
    assert len(agent.texts()) == 4


async def test_a_session_that_fails_while_it_opens_ends_with_4200_and_nobody_else_notices(world):
    world.expect_errors()
    agent, user = await world.agent(), await world.user("u1")
    broken = await world.user("u1", ready=False)
    raises_for(broken.session.catchup, "_welcome", lambda: True)
    assert await broken.close_code() == Close.LOST_PLACE
    await user.send("fine")
    await agent.expect("message")
    assert len(world.node.users["u1"].sessions) == 1
    await world.user("u1")


async def test_a_query_that_fails_gets_an_error_and_the_session_stays(world):
    world.expect_errors()
    await world.agent()
    user = await world.user()
    await user.send()

    async def broken(*_, **__):
        raise ValueError("a bug")

    world.storage.read_history = broken
    assert (await user.command("history", store="s1"))["code"] == "internal"
    await user.send("fine")
