"""Presence, availability, the place in the queue, typing, announcements, the online count."""

import time
from typing import Any

import pytest

from tests.wire.conftest import Mall, fresh
from tests.wire.person import words

pytestmark = pytest.mark.anyio


def there(*agents: Any) -> Any:
    """A predicate: exactly these agents, each a (person, status)."""
    wanted = sorted((agent.id, status) for agent, status in agents)
    return lambda told: sorted((agent["id"], agent["status"]) for agent in told) == wanted


async def test_agents_see_who_is_there_themselves_included(mall: Mall) -> None:
    first = await mall.agent(name="Li Na")
    await first.expect("presence", store=mall.store, agents=there((first, "available")))
    second = await mall.agent()
    for agent in (first, second):
        told = await agent.expect("presence", store=mall.store, agents=there((first, "available"), (second, "available")))
        assert "Li Na" in [agent["name"] for agent in told["agents"]]


async def test_away_counts_at_once_and_belongs_to_the_person_not_the_tab(mall: Mall) -> None:
    agent, shopper = await mall.claimed()
    tab, user = await mall.agent(agent.id), await mall.user(shopper.id)
    await user.expect("presence", store=mall.store, online=True)
    await tab.command("availability", status="away")
    for session in (agent, tab):
        await session.expect("presence", agents=there((agent, "away")))
    await user.expect("presence", store=mall.store, online=False, within_s=3)
    await agent.command("availability", status="available")
    await user.expect("presence", store=mall.store, online=True)
    assert (await agent.command("availability", status="asleep"))["code"] == "bad_frame"


async def test_away_holds_in_all_stores_of_the_token(mall: Mall) -> None:
    second_store = fresh("s")
    agent = await mall.agent(stores=[mall.store, second_store])
    assert (await agent.command("availability", status="away"))["type"] == "ack"
    for store in (mall.store, second_store):
        await agent.expect("presence", store=store, agents=there((agent, "away")))


async def test_an_agent_lingers_for_five_seconds_so_that_a_refresh_is_silent(mall: Mall) -> None:
    """One leaves for good, one refreshes, one closes the second of two tabs: only the first is told, and not before 5 s."""
    stays, leaves, refreshes, tabbed = [await mall.agent() for _ in range(4)]
    second_tab = await mall.agent(tabbed.id)
    all_four = there(*((agent, "available") for agent in (stays, leaves, refreshes, tabbed)))
    await stays.expect("presence", agents=all_four)
    start = time.monotonic()
    for session in (leaves, refreshes, second_tab):
        session.cut()
    await mall.agent(refreshes.id)
    await stays.expect("presence", agents=there((stays, "available"), (refreshes, "available"), (tabbed, "available")), within_s=10)
    assert 4.5 < time.monotonic() - start < 8


async def test_users_with_a_chat_learn_whether_somebody_is_there(mall: Mall) -> None:
    agent, shopper = await mall.claimed()
    stranger, user = await mall.user(), await mall.user(shopper.id)
    await user.expect("presence", store=mall.store, online=True)
    await agent.close()
    await user.expect("presence", store=mall.store, online=False, within_s=10)
    late = await mall.user(user.id)
    await late.expect("presence", store=mall.store, online=False)
    await mall.agent()
    for session in (user, late):
        told = await session.expect("presence", store=mall.store, online=True)
        assert "agents" not in told
    assert not stranger.had("presence")


async def test_the_place_in_the_queue_counts_down(mall: Mall) -> None:
    agent = await mall.agent()
    users = [await mall.user() for _ in range(3)]
    for place, user in enumerate(users, 1):
        await mall.tick()
        await user.say()
        assert (await user.expect("queue", store=mall.store))["position"] == place
    await mall.tick()
    await agent.claim(users[0])
    await users[1].expect("queue", position=1)
    await users[2].expect("queue", position=2)
    await agent.release(users[0])
    await users[0].expect("queue", position=3)  # places are by `since`
    again = await mall.user(users[2].id)
    await again.expect("queue", store=mall.store, position=2)
    for user in (users[1], users[0]):
        await agent.claim(user)
    await users[2].expect("queue", position=1)


async def test_typing_is_shown_to_the_other_side_only(mall: Mall) -> None:
    agent, user = await mall.claimed()
    neighbour, tab = await mall.user(), await mall.user(user.id)
    await user.typing()
    await agent.expect("typing", user=user.id, side="user", on=True)
    await user.typing(on=False)
    await agent.expect("typing", user=user.id, side="user", on=False)
    await agent.typing(user=user)
    for session in (user, tab):
        await session.expect("typing", side="store", on=True)
    assert not neighbour.had("typing")
    assert not user.had("typing", side="user")


async def test_typing_of_who_does_not_own_the_chat_is_shown_to_nobody_and_not_answered(mall: Mall) -> None:
    _, user = await mall.claimed()
    other = await mall.agent()
    await other.typing(user=user)
    await other.pong()
    await user.never("typing")
    assert not other.had("error", "ack")


async def test_an_announcement_goes_to_that_stores_agents_and_users_and_is_never_repeated(mall: Mall) -> None:
    agent, user = await mall.claimed()
    outsider, stranger = await mall.agent(stores=[fresh("s")]), await mall.user()
    tab, boss = await mall.user(user.id), await mall.supervisor()
    await boss.do("announce", body=words("closing"))
    for session in (agent, user, tab, boss):
        notice = await session.expect("notice", body=words("closing"))
        assert notice["store"] == mall.store
    await outsider.never("notice")
    await stranger.never("notice", 0.05)
    late = await mall.user(user.id)
    await late.never("notice")
    await boss.do("announce", body={"words": "x"}, refused="bad_frame")
    await boss.do("announce", store=fresh("s"), body=words("x"), refused="forbidden")


async def test_online_is_the_number_of_open_sessions(own_server: Any) -> None:
    mall: Mall = await own_server()
    first = await mall.agent()
    user = await mall.user()
    tab = await mall.user(user.id)
    assert [session.welcome["online"] for session in (first, user, tab)] == [1, 2, 3]
    await tab.close()
    for _ in range(50):
        probe = await mall.user()
        await probe.close()
        if probe.welcome["online"] == 3:
            break
    else:
        raise AssertionError("closed sessions are still counted")


async def test_a_shoppers_first_message_ever_tells_it_whether_somebody_is_there(mall: Mall) -> None:
    await mall.agent()
    user = await mall.user()
    await user.say("is anybody there?")
    await user.expect("presence", store=mall.store, online=True, within_s=2)
