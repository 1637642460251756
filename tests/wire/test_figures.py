"""A supervisor's figures over a real server: what they say of a day, who may ask, and that a kill loses nothing of them."""

import anyio
import pytest
from actors.refused import WRITE_S

from tests.wire.conftest import Mall
from tests.wire.person import words

pytestmark = pytest.mark.anyio

QUARTER_MS = 15 * 60_000
DAY_MS = 24 * 3600 * 1000


async def test_a_day_of_a_store_is_told_and_is_the_same_after_a_kill(own_server) -> None:
    mall: Mall = await own_server()
    boss, agent = await mall.supervisor(name="Po"), await mall.agent(name="Li")
    user, other = await mall.user(), await mall.user()
    await user.say("hello")
    await agent.claim(user)
    await boss.claim(user, refused="already_claimed")
    await agent.say("yes?", to=user)
    await boss.takeover(user)
    await user.end()
    await user.rate(4)
    asked = await other.say("anybody?")
    await agent.claim(other)
    late = await mall.user()
    await late.say("me too")
    waits = await agent.summary(late)
    await anyio.sleep(WRITE_S + 1)
    found = await boss.figures()
    assert (found["waiting"], found["claimed"]) == (1, 1)
    assert found["longest"] == {"user": late.id, "since": waits["since"]}
    assert found["unanswered"] == {"user": other.id, "since": asked["at"]}
    assert found["agents"] == sorted(
        (
            {"id": boss.id, "name": "Po", "status": "available", "chats": 0, "limit": 0},
            {"id": agent.id, "name": "Li", "status": "available", "chats": 1, "limit": 0},
        ),
        key=lambda one: str(one["id"]),
    )
    day = found["day"]
    response = day.pop("first_response")
    assert day | {"from": 0} == {
        "from": 0,
        "opened": 3,
        "claimed": 2,
        "closed": 1,
        "messages": 4,
        "refused": 1,
        "takeovers": 1,
        "rating": {"count": 1, "mean": 4.0},
    }
    assert (response["count"], response["p50"] == response["p90"], 0 <= response["p50"] < 60_000) == (1, True, True)
    assert (day["from"] % 60_000, 0 <= found["at"] - DAY_MS - day["from"] < 60_000) == (0, True)
    series = found["series"]
    assert [point["at"] for point in series] == list(range(day["from"], found["at"], QUARTER_MS))
    assert (sum(point["opened"] for point in series), sum(point["answered"] for point in series), series[-1]["waiting"]) == (3, 1, 1)
    await mall.server.restart()
    again = await (await mall.supervisor(boss.id, name="Po")).figures(**{"from": day["from"]})
    same = ("waiting", "claimed", "longest", "unanswered", "day")
    assert [again[key] for key in same] == [found[key] | {"first_response": response} if key == "day" else found[key] for key in same]


async def test_only_supervisors_of_the_store_may_ask_and_from_is_a_number(mall: Mall) -> None:
    boss, agent, user = await mall.supervisor(), await mall.agent(), await mall.user()
    await user.say("hello")
    await agent.figures(refused="forbidden")
    await user.figures(refused="forbidden")
    await boss.figures(store=mall.store + "x", refused="forbidden")
    for wrong in ("x", -1, 1.5, True, []):
        await boss.figures(**{"from": wrong}, refused="bad_frame")
    for bound in (0, 2**53, None):
        found = await boss.figures(**{"from": bound})
        assert len(found["series"]) == {0: 101, 2**53: 1, None: 97}[bound]


async def test_nothing_of_another_store_is_counted(mall: Mall) -> None:
    next_door = Mall(mall.server)
    try:
        boss, other, user = await mall.supervisor(), await next_door.supervisor(), await mall.user()
        await user.say("here")
        for n in range(3):
            await user.do("send", store=next_door.store, kind="text", body=words(str(n)))
        assert [(await one.figures())["day"]["messages"] for one in (boss, other)] == [1, 3]
        assert {one["id"] for one in (await boss.figures())["agents"]} == {boss.id}
    finally:
        await next_door.close()
