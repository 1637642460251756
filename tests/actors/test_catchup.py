"""Catching up: whatever a client missed and however it came to miss it, it hears everything once and in order, or `reset`."""

import asyncio
import copy
import random

import msgspec
import pytest

from actors.append import Append, Committed
from actors.chat import Party
from actors.close import Close
from actors.command import SendMessage
from actors.event import AgentArrived, MessageAdded, NoteAdded, StatusChanged, tail
from actors.fanout import FanOut
from actors.session import ROOM_BYTES
from storage.batch import Limits
from tests.actors.world import World, send


def seqs(peer, store="s1"):
    return [frame["seq"] for frame in peer.of("message") if frame["store"] == store]


def offsets(peer, store="s1"):
    return [frame["offset"] for frame in peer.of("message", "note", "status") if frame["store"] == store]


def types(peer):
    return [frame["type"] for frame in peer.heard]


async def filled(world, count, *, users=("u1",), size=100):
    """So many messages in the log of s1, put there behind the node's back, in turn by these users."""
    arrived = AgentArrived(agent="somebody", name="S", at=1)
    await world.inner.append([Append(store="s1", events=(arrived,), tails=(b"",))])
    batch, seen = [], set()
    for number in range(count):
        user = users[number % len(users)]
        by = Party("user", user)
        events = (MessageAdded(by=by, kind="text", body=b'{"text":"%b"}' % (b"%07d" % number).ljust(size, b"."), id=f"i{number}", at=1),)
        if user not in seen:
            events += (StatusChanged(status="waiting", owner=None, epoch=1, by=by, reason="new", at=1, before=""),)
        append = Append(store="s1", user=user, events=events, tails=tuple(map(tail, events)), epoch=1 if user in seen else 0)
        seen.add(user)
        batch.append(append)
        if len(batch) == 1000 or number == count - 1:
            await world.inner.append(batch)
            batch = []


async def say(world, text, *, user="u1"):
    """A shopper's message by another node."""
    body = msgspec.json.encode({"text": text})
    await world.behind(user, SendMessage(by=Party("user", user), id=world.new_id(), kind="text", body=body))


# What was missed.


async def test_an_offline_user_hears_everything_in_order_and_again_until_it_acknowledges(world):
    agent, user = await world.agent(), await world.user()
    await user.send("1")
    await agent.ack("claim", store="s1", user="u1")
    user.cut()
    for text in ("2", "3", "4"):
        await agent.send(text, user="u1")
    for _ in range(2):
        user = await world.user()
        assert user.texts() == ["1", "2", "3", "4"]
        assert types(user)[:2] == ["welcome", "chats"]
        assert types(user).index("ready") > 4
        user.cut()
    user = await world.user()
    await user.say("received", store="s1", seq=3)
    await world.settle()
    user.cut()
    assert (await world.user()).texts() == ["4"]


async def test_an_offline_agent_hears_what_came_after_what_it_acknowledged(world):
    agent, user = await world.agent(), await world.user()
    await user.send("1")
    await agent.expect("status")
    await agent.say("received", store="s1", offset=2)
    await world.settle()
    agent.cut()
    for text in ("2", "3"):
        await user.send(text)
    for _ in range(2):
        agent = await world.agent()
        assert (agent.texts(), offsets(agent)) == (["2", "3"], [3, 4])
        agent.cut()


async def test_an_agent_that_never_acknowledged_starts_at_the_snapshot(world):
    first, user = await world.agent("a1"), await world.user()
    await user.send("1")
    second = await world.agent("a2")
    (shown,) = second.of("chats")
    assert (shown["offsets"], shown["chats"][0]["last"]["body"]["text"], offsets(second)) == ({"s1": 2}, "1", [])
    await user.send("2")
    await second.expect("message")
    await first.expect("message", seq=2)
    assert offsets(second) == [3]


async def test_resume_takes_over_where_the_client_says_and_acknowledges_nothing(world):
    agent, user = await world.agent(), await world.user()
    for number in range(1, 6):
        await user.send(str(number))
    await agent.expect("message", seq=5)
    resumed = await world.user(resume={"s1": 3})
    assert resumed.texts() == ["4", "5"]
    assert (await world.user(resume={"s1": 5})).texts() == []
    assert (await world.user(resume={"s1": 0})).texts() == ["1", "2", "3", "4", "5"]
    assert (await world.user()).texts() == ["1", "2", "3", "4", "5"]
    back = await world.agent(resume={"s1": 4})
    assert (back.texts(), offsets(back)) == (["4", "5"], [5, 6])


@pytest.mark.parametrize("role", ["user", "agent"])
async def test_a_resume_beyond_the_end_or_of_another_generation_gets_a_reset(world, role):
    await world.agent()
    user = await world.user()
    await user.send("1")
    for hello in ({"resume": {"s1": 99}}, {"resume": {"s1": 1}, "generation": "another"}):
        client = await (world.user(**hello) if role == "user" else world.agent(**hello))
        assert client.of("reset") == [{"type": "reset", "store": "s1"}]
        assert types(client).index("reset") < types(client).index("ready")
        await user.send("live")
        await client.expect("message")
        client.cut()


async def test_a_resume_without_generation_is_ignored_and_one_of_a_chat_that_is_not_there_is_reset(world):
    """Seven messages of a chat without any lie beyond its end: a roll-back has taken them away."""
    await world.agent()
    user = await world.user()
    await user.send("1")
    again = await world.user(resume={"s1": 1}, generation=None)
    assert (again.texts(), again.of("reset")) == (["1"], [])
    assert (await world.user(resume={"s1": 1, "s9": 7})).of("reset") == [{"type": "reset", "store": "s9"}]
    assert (await world.user(resume={"s1": 1, "s9": 0})).of("reset") == []


async def test_where_the_log_no_longer_reaches_an_agent_gets_reset_and_never_a_part():
    async with World(limits=Limits(log=20)) as world:
        agent, user = await world.agent(), await world.user()
        for number in range(100):
            await user.send(str(number))
        back = await world.agent(resume={"s1": 10})
        assert len(back.of("reset")) == 1
        assert offsets(back) == []
        await user.send("live")
        await back.expect("message", seq=101)
        assert offsets(back) == [102]
        assert (await world.agent(resume={"s1": 95})).of("reset") == []
        assert agent.session.close_code is None


async def test_a_user_whose_history_is_no_longer_kept_gets_reset_and_then_the_newest():
    async with World(limits=Limits(history=20), list_limit=10) as world:
        await world.agent()
        user = await world.user()
        for number in range(1, 51):
            await user.send(str(number))
        fresh = await world.user()
        assert len(fresh.of("reset")) == 1
        assert seqs(fresh) == list(range(41, 51))
        assert (await world.user(resume={"s1": 45})).of("reset") == []


async def test_a_user_of_a_long_chat_who_acknowledged_nothing_gets_reset_and_the_newest():
    async with World(list_limit=30, page_limit=7) as world:
        await filled(world, 100)
        user = await world.user()
        assert len(user.of("reset")) == 1
        assert seqs(user) == list(range(71, 101))


async def test_notes_are_no_shoppers_business_and_leave_no_gap(world):
    agent, user = await world.agent(), await world.user()
    await user.send("1")
    for number in range(3):
        await agent.ack("note", store="s1", user="u1", body={"text": f"note {number}"})
        await user.send(f"{number + 2}")
    await user.expect("message", seq=4)
    again = await world.user()
    for peer in (user, again):
        assert seqs(peer) == [1, 2, 3, 4]
        assert not peer.of("note")
        assert not any(frame.get("offset") for frame in peer.heard)
    assert world.tally.fallen_behind == 0, "nothing had to be read"


# While it goes on.


@pytest.mark.parametrize("role", ["user", "agent"])
async def test_messages_that_keep_arriving_during_the_opening_are_heard_once_and_in_order(role):
    async with World(page_limit=5) as world:
        await filled(world, 30)
        world.journal.latency_s = 0.01
        writer = await world.user("u1")
        start = {"resume": {"s1": 0}}
        late = await (world.user("u1", ready=False, **start) if role == "user" else world.agent(ready=False, **start))
        for number in range(40):
            await writer.send(f"live {number}")
        await late.expect("message", seq=70)
        assert seqs(late) == list(range(1, 71))
        if role == "agent":
            assert offsets(late) == list(range(1, 72))
        assert late.of("ready")


async def test_a_chat_that_begins_during_the_opening_of_another_tab_is_heard_there_whole(world):
    await world.agent()
    world.journal.latency_s = 0.02
    first = await world.user()
    tab = await world.user(ready=False)
    sending = [asyncio.ensure_future(first.send(str(number))) for number in range(5)]
    await asyncio.gather(*sending)
    await tab.expect("message", seq=5)
    assert tab.texts() == ["0", "1", "2", "3", "4"]


async def test_what_arrives_in_one_store_while_the_last_page_of_another_is_read_is_not_forgotten(world):
    """Nothing comes behind it whose number would show that it is missing."""
    first = await world.agent("a0", stores=["s1", "s2"])
    user = await world.user()
    await user.send("1")
    await first.expect("message")
    pages = []
    whole = world.storage.read_log

    async def read_log(store, after, limit):
        page = await whole(store, after, limit)
        if store == "s2" and not pages:
            pages.append(page)
            await user.send("2")
            await first.expect("message", seq=2)
        return page

    world.storage.read_log = read_log
    late = await world.agent("a1", stores=["s1", "s2"], resume={"s1": 0, "s2": 0})
    await late.expect("message", seq=2)
    assert offsets(late) == [1, 2, 3]


async def test_a_delivery_has_no_hole_in_it(world):
    agent, user = await world.agent(), await world.user()
    await user.send("1")
    await agent.expect("status")
    actor = world.node.stores["s1"]
    handed = []
    world.node.agents["a1"].hand = handed.append
    fan_out = FanOut("s1", world.node, actor.attendance, actor.aside)
    for offset in (5, 6, 9):
        event = NoteAdded(by=Party("agent", "a1"), body=b"{}", id="n", at=1)
        append = Append(store="s1", user="u1", events=(event,), tails=(tail(event),))
        fan_out.add(append, Committed(1, offset, offset - 1), None)
    fan_out.send()
    assert [(delivery.previous, delivery.numbers) for delivery in handed] == [(4, (5, 6)), (8, (9,))]


async def test_when_the_storage_is_behind_what_was_delivered_everybody_of_the_store_comes_again_to_another_generation(world):
    """A power cut took acknowledged messages: that cannot be undone, but nobody goes on as if nothing were."""
    world.expect_errors()
    agent, user, elsewhere = await world.agent(), await world.user(), await world.agent("a2", stores=["s2"])
    await user.send("kept")
    before = world.storage.generation
    kept = copy.deepcopy(world.inner.__dict__)
    for text in ("lost 1", "lost 2"):
        await user.send(text)
    await agent.expect("message", seq=3)
    world.inner.__dict__.update(kept)
    await user.say("send", id="n", store="s1", kind="text", body={"text": "new"})
    assert [await agent.close_code(), await user.close_code()] == [Close.LOST_PLACE] * 2
    assert elsewhere.session.close_code is None
    assert world.storage.generation != before
    back = await world.agent(resume={"s1": 4}, generation=before)
    assert len(back.of("reset")) == 1
    again = await world.user(resume={"s1": 3}, generation=before)
    assert (len(again.of("reset")), again.texts()) == (1, ["kept", "new"])


async def test_when_the_storage_is_found_rolled_back_everybody_comes_again_though_nothing_is_committed(world):
    world.expect_errors()
    agent, user = await world.agent(), await world.user()
    await user.send("lost")
    await world.settle()
    before = world.storage.generation
    world.inner.rolled_back = True
    assert [await agent.close_code(), await user.close_code()] == [Close.LOST_PLACE] * 2
    assert world.storage.generation != before
    back = await world.agent(resume={"s1": 2}, generation=before)
    assert len(back.of("reset")) == 1
    await asyncio.sleep(20)
    assert back.session.close_code is None


async def test_who_writes_first_on_this_node_into_a_chat_that_was_trimmed_elsewhere_is_not_told_its_middle():
    """The beginning was gone, and nobody said `reset`; the simulation saw it."""
    async with World(limits=Limits(history=3)) as world, World(inner=world.inner) as other:
        await world.agent()
        here, there = await world.user(), await other.user()
        for number in range(6):
            await there.send(str(number), id=f"there-{number}")
        await here.say_all(send("6", "here"))
        assert await here.close_code() == Close.LOST_PLACE
        assert not here.texts()
        back = await world.user()
        assert types(back).index("reset") < types(back).index("message")
        assert seqs(back) == [5, 6, 7]


async def test_a_withheld_delivery_is_noticed_by_number_and_read_from_the_log(world):
    agent, user = await world.agent(), await world.user()
    await user.send("1")
    await world.settle()
    for actor in (world.node.agents["a1"], world.node.users["u1"]):
        actor.hand = lambda delivery: None
    await user.send("lost 1")
    await user.send("lost 2")
    for actor in (world.node.agents["a1"], world.node.users["u1"]):
        del actor.hand
    await user.send("4")
    await agent.expect("message", seq=4)
    await user.expect("message", seq=4)
    assert agent.texts() == user.texts() == ["1", "lost 1", "lost 2", "4"]
    assert offsets(agent) == [1, 2, 3, 4, 5]
    assert world.tally.fallen_behind == 2


async def test_what_another_node_wrote_in_between_is_read_from_the_log(world):
    agent, user = await world.agent(), await world.user()
    await user.send("1")
    for text in ("2", "3"):
        await say(world, text)
    await user.send("4")
    await agent.expect("message", seq=4)
    await user.expect("message", seq=4)
    assert agent.texts() == user.texts() == ["1", "2", "3", "4"]


async def test_a_delivery_that_comes_twice_is_heard_once(world):
    agent, user = await world.agent(), await world.user()
    actor = world.node.agents["a1"]
    whole = actor.hand

    def twice(delivery):
        whole(delivery)
        whole(delivery)

    actor.hand = twice
    for number in range(5):
        await user.send(str(number))
    await agent.expect("message", seq=5)
    await world.settle()
    assert agent.texts() == [str(number) for number in range(5)]


async def test_a_participant_without_room_for_deliveries_loses_nothing():
    async with World(mailbox_limit=2) as world:
        agent = await world.agent()
        users = [await world.user(f"u{number}") for number in range(12)]
        for round in range(5):
            world.journal.open.clear()
            for user in users:
                await user.say("send", id=f"r{round}", store="s1", kind="text", body={"text": str(round)})
            await world.settle()
            world.journal.open.set()
            await asyncio.gather(*(user.answer(f"r{round}") for user in users))
        count = len(await world.log_frames())
        while offsets(agent)[-1:] != [count]:
            await agent.expect("message", "status")
        assert offsets(agent) == list(range(1, count + 1))


# Slow readers.


@pytest.mark.parametrize("limits", [{"outbox_frames": 8}, {"outbox_bytes": 2000}])
async def test_a_slow_reader_falls_behind_and_reads_the_log_with_nothing_lost(limits):
    async with World(page_limit=10, stall_s=1000, **limits) as world:
        agent, user = await world.agent(), await world.user()
        await world.settle()
        agent.takes.clear()
        for number in range(100):
            await user.send(str(number))
        assert world.tally.fallen_behind
        agent.takes.set()
        await agent.expect("message", seq=100)
        assert offsets(agent) == list(range(1, 102))
        await user.send("live again")
        before = world.tally.fallen_behind
        await agent.expect("message", seq=101)
        assert world.tally.fallen_behind == before


async def test_answers_survive_an_overflow(world):
    """They are in no log."""
    async with World(outbox_frames=4, stall_s=1000) as world:
        agent, user = await world.agent(), await world.user()
        await user.send("0")
        await world.settle()
        agent.takes.clear()
        await agent.say("claim", id="c", store="s1", user="u1")
        for number in range(1, 30):
            await user.send(str(number))
        agent.takes.set()
        assert (await agent.answer("c"))["type"] == "ack"
        await agent.expect("message", seq=30)
        assert offsets(agent) == list(range(1, 33))


async def test_a_slow_reader_that_the_log_outran_has_to_come_again_and_gets_reset():
    async with World(limits=Limits(log=20), outbox_frames=4, stall_s=1000) as world:
        agent, user = await world.agent(), await world.user()
        await user.send("the chat is loaded")
        await world.settle()
        agent.takes.clear()
        world.journal.reads.clear()
        for number in range(99):
            await user.send(str(number))
        world.journal.reads.set()
        agent.takes.set()
        assert await agent.close_code() == Close.LOST_PLACE
        at = offsets(agent)
        assert at == list(range(1, len(at) + 1)), "never a part of what was missed"
        again = await world.agent(resume={"s1": at[-1]})
        assert len(again.of("reset")) == 1
        await user.send("live")
        await again.expect("message", seq=101)
        assert offsets(again) == [102]


async def test_storage_out_of_reach_while_behind_is_waited_for(world):
    agent, user = await world.agent(), await world.user()
    await user.send("1")
    await say(world, "2")
    world.journal.withheld.append("read_log")
    await user.send("3")
    await asyncio.sleep(10)
    assert (agent.texts(), agent.session.close_code) == (["1"], None)
    world.journal.withheld.clear()
    await agent.expect("message", seq=3)
    assert agent.texts() == ["1", "2", "3"]


@pytest.mark.parametrize("pace_s", [0.0, 0.003])
async def test_a_hundred_thousand_missed_messages_pass_through_little_memory(pace_s):
    users = tuple(f"u{number}" for number in range(10))
    async with World() as world:
        await filled(world, 100_000, users=users)
        agent = await world.agent(resume={"s1": 0}, ready=False)
        agent.pace_s = pace_s
        writer = await world.user("w")
        for number in range(20):
            await writer.send(str(number))
        await agent.expect("ready")
        await agent.expect("message", user="w", seq=20)
        assert offsets(agent) == list(range(1, 100_000 + 10 + 20 + 2))
        assert agent.most_waiting < ROOM_BYTES + 256 * 1024
        assert max(map(len, agent.payloads)) <= 64 * 1024
        assert len(agent.payloads) < 1000, "packed"


async def test_missed_messages_of_the_largest_size_pass_through_little_memory_too():
    async with World() as world:
        await filled(world, 2000, size=8000)
        agent = await world.agent(resume={"s1": 0}, ready=False)
        agent.pace_s = 0.01
        await agent.expect("ready")
        assert len(offsets(agent)) == 2001
        assert agent.most_waiting <= world.options.outbox_bytes + ROOM_BYTES, "what a live session may keep, and a little"


class Fate:
    """A seeded hand over two clients of one store: blocks, cuts, resumes; and keeps what each role has heard so far."""

    def __init__(self, world, chance):
        self.world, self.chance = world, chance
        self.watchers = {"agent": (world.agent, "a2", offsets), "user": (world.user, "u0", seqs)}
        self.heard = {role: [] for role in self.watchers}
        self.clients = {}

    async def connect(self, role, **how):
        join, id, _ = self.watchers[role]
        self.clients[role] = await join(id, resume={"s1": self.heard[role][-1] if self.heard[role] else 0}, **how)

    def take_down(self, role):
        self.heard[role] += self.watchers[role][2](self.clients[role])

    def block_or_free(self):
        takes = self.chance.choice(list(self.clients.values())).takes
        takes.clear() if takes.is_set() else takes.set()

    async def reconnect(self):
        role = self.chance.choice(list(self.clients))
        self.take_down(role)
        self.clients[role].cut()
        await self.connect(role, ready=False)


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_happens_to_its_socket_a_client_hears_all_once_and_in_order(seed):
    """Blocked, cut and resumed, while three shoppers and an agent write and another node does too."""
    chance = random.Random(seed)
    async with World(page_limit=chance.choice([2, 7, 500]), outbox_frames=chance.choice([3, 10, 1024]), stall_s=1000) as world:
        world.journal.latency_s = chance.choice([0.0, 0.001, 0.02])
        owner, users = await world.agent("a1"), [await world.user(f"u{n}") for n in range(3)]
        for number, user in enumerate(users):
            await user.send("first")
            await owner.ack("claim", store="s1", user=f"u{number}")
        fate = Fate(world, chance)
        for role in fate.watchers:
            await fate.connect(role)
        for step in range(60):
            match chance.randrange(8):
                case 0 | 1 | 2:
                    await chance.choice(users).say_all(*(send(str(step), f"s{step}-{n}") for n in range(chance.randint(1, 6))))
                case 3:
                    to = f"u{chance.randrange(3)}"
                    await owner.say_all(send("answer", f"s{step}", user=to))
                    await owner.say("note", id=f"n{step}", store="s1", user=to, body={"text": "n"})
                case 4:
                    await say(world, "elsewhere", user=f"u{chance.randrange(3)}")
                case 5:
                    fate.block_or_free()
                case 6:
                    await fate.reconnect()
                case _:
                    await asyncio.sleep(chance.choice([0.0, 0.001, 0.05]))
        for client in fate.clients.values():
            client.takes.set()
        await world.settle()
        await users[0].send("last", id="last")
        for role, client in fate.clients.items():
            await client.expect("message", id="last")
            fate.take_down(role)
        last = next(frame for frame in await world.log_frames() if frame.get("id") == "last")
        for role, end in (("agent", last["offset"]), ("user", last["seq"])):
            heard = fate.heard[role]
            assert heard == list(range(1, max(end, len(heard)) + 1))
