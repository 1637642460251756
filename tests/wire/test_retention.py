"""`--keep-days`: what is older goes by itself, and whoever holds an older part is told so."""

import time

import anyio
import pytest

from tests.wire.conftest import Mall

pytestmark = pytest.mark.anyio

KEEP_S = 2.0


async def test_what_is_older_goes_by_itself_and_numbers_go_on(own_server):
    """A closed chat goes from every list, one that waits stays without its messages."""
    mall: Mall = await own_server(keep_days=KEEP_S / 86_400)
    agent, closed, waiting = await mall.agent(), await mall.user(), await mall.user()
    for user in (closed, waiting):
        await user.say("one")
        await user.say("two")
    await agent.claim(closed)
    await agent.resolve(closed)
    held = {"resume": {mall.store: 1}, "generation": closed.welcome["generation"]}
    deadline = time.monotonic() + 30
    while len((await agent.list())["chats"]) > 1 or await agent.seqs(waiting):
        assert time.monotonic() < deadline
        await anyio.sleep(0.2)
    summary = await agent.summary(waiting)
    assert (summary["seq"], summary["status"], summary["last"]) == (2, "waiting", None)
    for user in (waiting, closed):
        await user.say("three")
        for person in (user, agent):
            await person.heard("three", seq=3)
        below = await mall.user(user.id, **held)
        assert below.resets == [mall.store]
    await agent.status("reopen", user=closed.id)
    fresh = await mall.user(closed.id)
    assert {chat["seq"] for chat in fresh.chats.values()} == {3}
    desk = await mall.agent(agent.id, resume={mall.store: 1}, generation=agent.welcome["generation"])
    assert desk.resets == [mall.store]
    assert '"event": "swept"' in mall.server.said()


async def test_who_comes_again_to_a_chat_of_which_nothing_is_left_drops_it(own_server):
    mall: Mall = await own_server(keep_days=KEEP_S / 86_400)
    agent, user = await mall.claimed()
    await agent.resolve(user)
    deadline = time.monotonic() + 30
    while (await agent.list())["chats"]:
        assert time.monotonic() < deadline
        await anyio.sleep(0.2)
    back = await mall.user(user.id, resume={mall.store: 1}, generation=user.welcome["generation"])
    assert (back.chats, back.resets) == ({}, [mall.store])
