"""Presence over nodes: who is there is shown everywhere, and whoever is there anywhere keeps the chats."""

import asyncio
import os
import signal
import time
from functools import partial
from pathlib import Path

import pytest

from tests.cluster.town import town
from tests.wire.person import Person
from tests.wire.test_presence import there

pytestmark = pytest.mark.anyio

FOUND_S = 10.0
"""A node that is dead is found in this time."""
GRACE_S = 2


async def gone(person: Person, user: Person, within_s: float) -> float:
    """How long it takes until the chat is given back."""
    start = time.monotonic()
    await person.status("agent_gone", user=user.id, within_s=within_s)
    return time.monotonic() - start


async def who_is_there_is_shown_over_all_nodes_and_keeps_the_chats_with_one_tab_of_two(folder: Path) -> None:
    async with town(folder, 3, grace=GRACE_S) as town_:
        first, second, third = town_.malls
        one, two = await first.agent(), await second.agent()
        for agent in (one, two):
            await agent.expect("presence", store=town_.store, agents=there((one, "available"), (two, "available")))
        user, behind = await third.user(), await first.user()
        await user.say()
        await user.expect("presence", online=True)
        await user.expect("queue", position=1)
        await behind.say()
        await behind.expect("queue", position=2)
        await two.claim(user)
        await user.status("claim")
        await behind.expect("queue", position=1)
        await two.command("availability", status="away")
        await one.expect("presence", agents=there((one, "available"), (two, "away")))
        await one.command("availability", status="away")
        await user.expect("presence", online=False)
        last = await third.user()
        assert last.welcome["online"] == 5
        tab = await first.agent(two.id)
        two.cut()
        await user.never("status", within_s=GRACE_S + 6, reason="agent_gone")
        tab.cut()
        assert GRACE_S - 0.5 <= await gone(user, user, GRACE_S + 10) <= GRACE_S + 5


async def what_the_agents_of_a_dead_node_owned_goes_back(folder: Path, number: signal.Signals) -> None:
    """Also in a store of which no agent is on a living node. The node that stood still wakes, and what it decides is refused."""
    async with town(folder, 2, grace=GRACE_S) as town_:
        first, second = town_.malls
        agent, user = await second.agent(), await first.user()
        await user.say()
        taken = await agent.claim(user)
        await user.status("claim")
        os.kill(second.server.pid, number)
        assert GRACE_S <= await gone(user, user, 30) <= FOUND_S + GRACE_S + 5
        if number == signal.SIGKILL:
            second.server.kill()
            return
        other = await first.agent()
        await other.claim(user)
        late = await agent.post("send", store=town_.store, user=user.id, kind="text", body={"text": "psst-late"}, epoch=taken["epoch"])
        os.kill(second.server.pid, signal.SIGCONT)
        refused = await agent.answer(late, within_s=10)
        assert refused["code"] == "stale_claim", refused
        assert refused["owner"]["id"] == other.id


async def a_node_that_starts_and_a_deploy_that_moves_everybody_give_back_nothing(folder: Path) -> None:
    async with town(folder, 2, grace=GRACE_S * 3) as town_:
        first, second = town_.malls
        agent, user = await first.agent(), await second.user()
        await user.say()
        await agent.claim(user)
        await user.status("claim")
        for mall, other in ((second, first), (first, second)):
            moved = [person.id for person in mall.people if person.role == "agent" and person.alive()]
            await mall.server.stop()
            for id in moved:
                agent = await other.agent(id)
            await mall.server.start()
        watching = await second.user(user.id)
        await watching.never("status", within_s=GRACE_S * 3 + 2, reason="agent_gone")
        await agent.say("still mine", to=user)


async def test_presence_and_grace_look_at_all_nodes(tmp_path_factory):
    """Each of these waits, mostly: side by side, on nodes of their own."""
    folder = tmp_path_factory.mktemp("p")  # short: there are sockets in it
    scenes = (
        who_is_there_is_shown_over_all_nodes_and_keeps_the_chats_with_one_tab_of_two,
        partial(what_the_agents_of_a_dead_node_owned_goes_back, number=signal.SIGKILL),
        partial(what_the_agents_of_a_dead_node_owned_goes_back, number=signal.SIGSTOP),
        a_node_that_starts_and_a_deploy_that_moves_everybody_give_back_nothing,
    )
    await asyncio.gather(*(scene(folder / str(n)) for n, scene in enumerate(scenes)))
