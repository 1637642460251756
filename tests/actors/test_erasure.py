"""A chat that is erased under a living node: what was on its way, who was there, and who was in the middle of reading."""

import asyncio

from actors.chat import Party
from actors.command import SendMessage
from tests.actors.test_catchup import say, seqs

FAR_MS = 10**15


async def a_chat(world):
    """A user with one message, and an agent who owns the chat."""
    agent, user = await world.agent(), await world.user()
    await user.send("1")
    await agent.ack("claim", store="s1", user="u1")
    return agent, user


async def closed(peer):
    async with asyncio.timeout(30):
        await peer.closed.wait()
    return peer.session.close_code


async def test_what_is_on_its_way_is_settled_before_and_erased_with_the_rest(world):
    agent, user = await a_chat(world)
    world.journal.open.clear()
    await user.say("send", id="late", store="s1", kind="text", body={"text": "on its way"})
    await world.journal.held.wait()
    erasing = asyncio.create_task(world.node.erasure.erase("s1", "u1"))
    await world.settle()
    assert not erasing.done()
    world.journal.open.set()
    done = await erasing
    assert (done.existed, done.entries) == (True, 4)
    assert (await user.expect("ack", id="late"))["seq"] == 2
    assert await closed(user) == await closed(agent) == 4200
    assert not (await world.inner.load_chats("s1", ("u1",)))[0].chat.exists
    assert b"on its way" not in b"".join((await world.inner.read_log("s1", 0, 100)).frames)


async def test_what_was_decided_on_it_and_comes_after_is_decided_again(world):
    """The user's message begins a chat, the agent's finds none."""
    agent, user = await a_chat(world)

    async def erased():
        world.journal.meddle = None
        await world.inner.erase_chat("s1", "u1")

    world.journal.meddle = erased
    assert (await user.send("anew"))["seq"] == 1
    await world.settle()
    assert [frame["reason"] for frame in user.of("status")][-1] == "new"
    world.journal.meddle = erased
    answer = await agent.command("note", store="s1", user="u1", body={"text": "too late"})
    assert answer["code"] == "not_found"


async def test_a_session_that_reads_on_where_the_chat_has_gone_comes_again_and_the_generation_stays(world):
    """Another node has erased it."""
    _, user = await a_chat(world)
    generation = world.storage.generation
    await world.inner.erase_chat("s1", "u1")
    user.session.fall_behind("s1")
    assert await closed(user) == 4200
    assert world.storage.generation == generation
    back = await world.user(resume={"s1": 1}, generation=generation)
    assert [frame["store"] for frame in back.of("reset")] == ["s1"]


async def test_a_session_below_all_that_is_kept_comes_again_and_hears_reset(world):
    _, user = await a_chat(world)
    await say(world, "2")
    await world.inner.sweep(FAR_MS, 100)
    user.session.fall_behind("s1")
    assert await closed(user) == 4200
    back = await world.user(resume={"s1": 1})
    assert [frame["store"] for frame in back.of("reset")] == ["s1"]
    await world.behind("u1", SendMessage(by=Party("user", "u1"), id=world.new_id(), kind="text", body=b'{"text":"3"}'))
    assert seqs(await world.user(resume={"s1": 2})) == [3]


async def test_who_is_still_opening_when_it_goes_comes_again(world):
    await a_chat(world)
    early = [await world.agent("a2", ready=False), await world.user("u1", ready=False)]
    for peer in early:
        assert not peer.session.ready
    world.node.forget_chat("s1", "u1")
    assert [await closed(peer) for peer in early] == [4200, 4200]


async def test_one_chat_after_another_is_erased_and_others_stay(world):
    agent, _ = await a_chat(world)
    other = await world.user("u2")
    await other.send("stays")
    await asyncio.gather(*(world.node.erasure.erase("s1", user) for user in ("u1", "u1", "u3")))
    assert await closed(agent) == 4200
    assert not other.closed.is_set()
    assert list(world.node.stores["s1"].slots) == ["u2"], "a chat in memory has its user's name"
    again = await world.agent()
    assert [chat["user"] for frame in again.of("chats") for chat in frame["chats"]] == ["u2"]
