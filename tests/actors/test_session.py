"""One session: its opening, its order of frames, its bounds, its end."""

import asyncio

import pytest

from actors.close import Close
from actors.delivery import Notice
from actors.session import BAD_FRAMES_IN_A_ROW
from tests.actors.world import Peer, World, send


def now_s():
    return asyncio.get_running_loop().time()


# The opening.


async def test_the_opening_has_its_order_and_a_greeting_with_the_online_count(world):
    agent = await world.agent("a1", name="Ann")
    user = await world.user("u1")
    await user.send("one")
    again = await world.user("u1", name="Uwe")
    await world.settle()
    assert [frame["type"] for frame in again.heard[:4]] == ["welcome", "chats", "message", "ready"]
    welcome = again.heard[0]
    assert (welcome["protocol"], welcome["role"], welcome["id"], welcome["name"], welcome["online"]) == (1, "user", "u1", "Uwe", 3)
    assert welcome["generation"] == world.storage.generation
    assert {frame["type"] for frame in again.heard[4:]} <= {"presence", "queue", "status"}
    assert again.of("presence")
    assert [frame["type"] for frame in agent.heard[:3]] == ["welcome", "chats", "ready"]
    assert agent.heard[1]["offsets"] == {"s1": 0}


@pytest.mark.parametrize(
    "first",
    [
        {"type": "send", "id": "x", "store": "s1", "kind": "text", "body": {}},
        {"type": "ping"},
        {"type": "nonsense"},
        {"type": "token", "token": "t"},
    ],
)
async def test_any_other_frame_before_hello_ends_the_session(world, first):
    peer = Peer(world)
    await peer.say_all(first)
    assert await peer.close_code() == Close.PROTOCOL


async def test_a_bad_token_ends_the_session_with_4001(world):
    peer = Peer(world)
    await peer.say("hello", token="forged")
    assert await peer.close_code() == Close.TOKEN
    assert not peer.heard


@pytest.mark.parametrize("resume", [{"s1": -1}, {"s1": "x"}, [1], 5, {"s1": 1.5}])
async def test_a_resume_of_the_wrong_type_ends_the_session_with_4000(world, resume):
    peer = await world.user(resume=resume, ready=False)
    assert await peer.close_code() == Close.PROTOCOL


async def test_without_hello_in_time_the_session_ends(world):
    peer = Peer(world)
    started_s = now_s()
    assert await peer.close_code() == Close.PROTOCOL
    assert world.options.hello_s <= now_s() - started_s <= world.options.hello_s + 1.0


async def test_storage_out_of_reach_at_hello_ends_the_session_with_4100(world):
    world.journal.unreachable = True
    peer = await world.user(ready=False)
    assert await peer.close_code() == Close.OVERLOADED
    world.journal.unreachable = False
    await world.user()


async def test_storage_out_of_reach_at_an_agents_hello_ends_its_session_with_4100(world):
    world.journal.refusing = True
    peer = await world.agent(ready=False)
    assert await peer.close_code() == Close.OVERLOADED
    world.journal.refusing = False
    await world.agent()


async def test_commands_right_after_hello_are_answered_after_ready(world):
    await world.agent()
    world.journal.reads.clear()
    user = await world.user(ready=False)
    await user.say_all(send("early", "e"), {"type": "send", "id": "bad", "store": "s1", "kind": "text", "body": 5})
    await world.settle()
    assert not user.heard
    world.journal.reads.set()
    assert (await user.answer("e"))["type"] == "ack"
    assert (await user.answer("bad"))["code"] == "bad_frame"
    types = [frame["type"] for frame in user.heard]
    assert types.index("ready") < types.index("error")
    assert types.index("ready") < types.index("ack")
    await user.expect("message", id="e")


async def test_a_second_hello_is_a_bad_frame_and_the_session_stays(world):
    user = await world.user()
    await user.say("hello", token="whatever")
    assert (await user.expect("error"))["code"] == "bad_frame"
    assert user.session.close_code is None


# Frames.


async def test_ten_malformed_frames_in_a_row_end_the_session_and_a_good_one_starts_the_count_anew(world):
    user = await world.user()
    for _ in range(3):
        for _ in range(BAD_FRAMES_IN_A_ROW - 1):
            await user.say("send")
        await user.say("ping")
        await user.expect("pong")
    assert user.session.close_code is None
    for _ in range(BAD_FRAMES_IN_A_ROW):
        await user.say("send")
    assert await user.close_code() == Close.PROTOCOL
    assert len(user.of("error")) == 4 * BAD_FRAMES_IN_A_ROW - 3


async def test_unknown_types_are_told_and_never_end_the_session(world):
    user = await world.user()
    for number in range(3 * BAD_FRAMES_IN_A_ROW):
        await user.say("dance", id=f"d{number}")
        assert (await user.answer(f"d{number}"))["code"] == "unknown_type"
    assert user.session.close_code is None


async def test_binary_ends_the_session_with_1003(world):
    user = await world.user()
    user.session.feed_binary(b"", finished=True)
    assert await user.close_code() == Close.NOT_TEXT


async def test_a_client_with_too_many_unanswered_commands_is_not_read_until_there_are_fewer():
    async with World(outstanding_limit=10) as world:
        await world.agent()
        user = await world.user()
        world.journal.open.clear()
        await user.say_all(*(send(str(n), f"i{n}") for n in range(10)))
        assert user.session.is_full()
        more = asyncio.ensure_future(user.say_all(send("10", "i10")))
        await asyncio.sleep(1.0)
        assert (more.done(), user.session.outstanding) == (False, 10)
        world.journal.open.set()
        await more
        await user.answer("i10")
        await user.expect("message", id="i10")
        assert user.texts() == [str(n) for n in range(11)]


async def test_a_client_that_does_not_take_its_answers_is_not_read(world):
    await world.agent()
    user = await world.user()
    await user.send("x" * 8000)
    user.takes.clear()
    asked = 0
    while not user.session.is_full():
        asked += 1
        assert asked < 200
        await user.say("history", id=f"h{asked}", store="s1", limit=200)
        await world.settle()
    assert user.session.outbox.bytes < 300 * 1024
    user.takes.set()
    await user.answer(f"h{asked}")
    assert not user.session.is_full()


# Staying.


async def test_something_is_heard_in_every_heartbeat_and_nothing_more():
    async with World(heartbeat_s=5.0) as world:
        user = await world.user()
        heard = len(user.heard)
        await asyncio.sleep(60)
        assert 12 <= len(user.heard) - heard <= 17
        assert {frame["type"] for frame in user.heard[heard:]} == {"ping"}


async def test_a_session_ends_when_its_token_expires(world):
    user = await world.user(ttl_s=30)
    started_s = now_s()
    assert await user.close_code() == Close.TOKEN
    assert 30 <= now_s() - started_s <= 30 + world.options.leeway_s + 1


async def test_a_fresh_token_in_time_keeps_the_session(world):
    user = await world.user(ttl_s=30)
    await asyncio.sleep(25)
    heard = len(user.of("error", "ack"))
    await user.say("token", token=world.token("user", "u1", None, ttl_s=100))
    await asyncio.sleep(80)
    assert user.session.close_code is None
    assert len(user.of("error", "ack")) == heard, "no answer"
    assert await user.close_code() == Close.TOKEN


@pytest.mark.parametrize(("role", "id"), [("user", "u2"), ("agent", "u1"), (None, None)])
async def test_a_fresh_token_that_does_not_fit_is_forbidden_and_ends_the_session(world, role, id):
    user = await world.user("u1")
    await user.say("token", token=world.token(role, id, ["s1"]) if role else "forged")
    assert (await user.expect("error"))["code"] == "forbidden"
    assert await user.close_code() == Close.TOKEN


async def test_a_fresh_token_with_one_more_store_shows_its_chats_and_one_less_takes_it_away(world):
    agent, other, user = await world.agent(stores=["s1"]), await world.agent("a2", stores=["s2"]), await world.user()
    await user.send("there", store="s2")
    assert (await agent.command("claim", store="s2", user="u1"))["code"] == "forbidden"
    await agent.expect("chats")
    await agent.say("token", token=world.token("agent", "a1", ["s1", "s2"]))
    shown = await agent.expect("chats")
    assert ([chat["user"] for chat in shown["chats"]], shown["offsets"]) == (["u1"], {"s2": 2})
    await user.send("live", store="s2")
    await agent.expect("message", store="s2", seq=2)
    await agent.ack("claim", store="s2", user="u1")
    await agent.say("token", token=world.token("agent", "a1", ["s1"]))
    await world.settle()
    await user.send("away", store="s2")
    await other.expect("message", store="s2", seq=3)
    await world.settle()
    assert agent.texts() == ["live"]
    assert (await agent.command("claim", store="s2", user="u1"))["code"] == "forbidden"
    assert (await other.command("claim", store="s2", user="u1"))["code"] == "already_claimed"
    state = await world.inner.load_store("s2")
    assert set(state.roster) == {"a2"}, "who presents a token without the store leaves its roster"


async def test_a_users_token_that_names_stores_reaches_no_other(world):
    await world.agent(stores=["s1", "s2"])
    wide = await world.user("u1")
    await wide.send("1", store="s1")
    await wide.send("2", store="s2")
    narrow = await world.user("u1", stores=["s1"])
    assert [chat["store"] for chat in narrow.of("chats")[0]["chats"]] == ["s1"]
    for frame in (send("x", "i1", store="s2"), {"type": "history", "id": "i2", "store": "s2"}):
        await narrow.say_all(frame)
        assert (await narrow.answer(frame["id"]))["code"] == "forbidden"
    await wide.send("3", store="s2")
    await wide.send("4", store="s1")
    await narrow.expect("message", store="s1", seq=2)
    await world.settle()
    assert narrow.texts() == ["1", "4"]


async def test_every_tab_of_an_identity_sees_the_same_and_one_closing_disturbs_no_other(world):
    await world.agent()
    tabs = [await world.user() for _ in range(3)]
    await tabs[0].send("one")
    for tab in tabs:
        await tab.expect("message", seq=1)
    tabs[1].cut()
    await tabs[2].send("two")
    await tabs[0].expect("message", seq=2)
    assert tabs[0].texts() == tabs[2].texts() == ["one", "two"]
    assert len(world.node.users["u1"].sessions) == 2


# The end.


async def test_a_socket_that_takes_nothing_is_closed_as_a_slow_reader():
    async with World(stall_s=10.0) as world:
        agent, user = await world.agent(), await world.user()
        await world.settle()
        agent.takes.clear()
        started_s = now_s()
        await user.send()
        assert await agent.close_code() == Close.SLOW_READER
        assert now_s() - started_s <= 17.0
        assert user.session.close_code is None


async def test_what_waits_is_written_before_the_session_ends_and_nothing_is_taken_afterwards(world):
    agent, user = await world.agent(), await world.user()
    await user.send("one")
    await world.settle()
    for number in range(5):
        agent.session.notify(Notice("s1", b'{"type":"notice","n":%d}' % number))
    agent.session.end(Close.DRAINING)
    agent.session.end(Close.PROTOCOL)
    await agent.say("claim", id="late", store="s1", user="u1")
    assert await agent.close_code() == Close.DRAINING, "the first code counts"
    assert [frame["n"] for frame in agent.of("notice")] == list(range(5))
    await user.send("two")
    await world.settle()
    assert (await world.inner.load_chats("s1", ("u1",)))[0].chat.owner is None


async def test_an_accepted_command_of_a_client_that_went_away_is_carried_out(world):
    agent, user = await world.agent(), await world.user()
    await user.send("one")
    world.journal.open.clear()
    await user.say("send", id="m", store="s1", kind="text", body={"text": "two"})
    await world.journal.held.wait()
    user.cut()
    world.journal.open.set()
    await agent.expect("message", seq=2)
    back = await world.user()
    assert (await back.send("two", id="m"))["duplicate"] is True
